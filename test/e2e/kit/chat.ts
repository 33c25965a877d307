/** A root with the chat monitor, its store and a folder of transcripts in the test's own home. */
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY, TestRoot } from "../../kit.ts";

export const KEY = "chat:monitor:default";

interface Shown {
  id: string;
  title: string;
  messages: { n: number; role: string; text: string }[];
  notes: { what: string }[];
  source: { state: string };
}

export function makeChat(settings = "") {
  const root = TestRoot.create({ "manifests/chat.ts": readFileSync(join(REPOSITORY, "manifests/chat.ts"), "utf8") });
  cpSync(join(REPOSITORY, "plugins/chat"), join(root.dir, "plugins/chat"), { recursive: true });
  const talks = join(root.home, "talks");
  const store = join(root.home, ".chat");
  mkdirSync(talks);
  root.write(join(store, "settings.yaml"), `folders: [~/talks]\n${settings}`);
  const chat = (...words: string[]) => root.dt(["chat", ...words]);
  /** The file of a transcript's conversation, as it is now; null when there is none. */
  const read = (name: string): Shown | null => {
    const directory = join(store, "conversations");
    const file = existsSync(directory)
      ? readdirSync(directory).find((one) => new RegExp(`^${name}-\\w{8}\\.json$`).test(one))
      : undefined;
    return file === undefined ? null : JSON.parse(readFileSync(join(directory, file), "utf8"));
  };
  return {
    root,
    store,
    chat,
    read,
    path: (name: string) => join(talks, name),
    append: (name: string, text: string) => appendFileSync(join(talks, name), text),
    texts: (name: string) => read(name)?.messages.map(({ text }) => text) ?? [],
  };
}

/** A line of a transcript. */
export const said = (text: string, role = "user") => `${JSON.stringify({ role, content: text })}\n`;
