/** The user's settings, in `~/.chat/settings.yaml`; without that file the defaults apply. */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { within } from "@dialtone/dt";

export interface Settings {
  /** Absolute paths. Default: where coding agents keep their transcripts. */
  folders: string[];
  /** File patterns, relative to each folder. */
  include: string[];
  /** Runs after a conversation has changed: a shell command line, or a program with its arguments. */
  onUpdate: string | string[] | null;
  /** In milliseconds; a command that takes longer is killed, which counts as failed. Default: a minute. */
  onUpdateTimeoutMs: number;
}

export const FOLDERS = ["~/.claude/projects", "~/.codex/sessions"];
export const INCLUDE = ["**/*.jsonl", "**/*.md", "**/*.markdown", "**/*.txt"];

export const SETTINGS = "settings.yaml";
/** Largest settings file, in bytes. */
const LONGEST = 1024 * 1024;

export const EXAMPLE = `# Folders of transcripts: JSON Lines as coding agents write them, Markdown, plain text.
folders:
${FOLDERS.map((one) => `  - ${one}`).join("\n")}
# Which files in them.
include: [${INCLUDE.map((one) => JSON.stringify(one)).join(", ")}]
# Runs after a conversation has changed; CHAT_ID, CHAT_FILE and CHAT_SOURCE name it.
# onUpdate: notify-send "$CHAT_ID"
# onUpdateTimeout: 60        # seconds
`;

export function chatRoot(home: string): string {
  return join(home, ".chat");
}

export function settingsPath(home: string): string {
  return join(chatRoot(home), SETTINGS);
}

/** Throws an Error whose message names the file and the field. */
export function loadSettings(home: string): Settings {
  const file = settingsPath(home);
  try {
    const text = existsSync(chatRoot(home)) ? within(chatRoot(home)).read(SETTINGS, LONGEST) : null;
    return settingsOf(text === null ? {} : (Bun.YAML.parse(text) ?? {}), home);
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}

function settingsOf(value: unknown, home: string): Settings {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`expected fields, such as \`folders: [~/transcripts]\`, found ${JSON.stringify(value)}`);
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields))
    if (!["folders", "include", "onUpdate", "onUpdateTimeout"].includes(name))
      throw new Error(`${name}: unknown setting; known: folders, include, onUpdate, onUpdateTimeout`);
  const folders = texts("folders", fields.folders ?? FOLDERS).map((one) => {
    const path = one === "~" || one.startsWith("~/") ? join(home, one.slice(1)) : one;
    if (!isAbsolute(path))
      throw new Error(`folders: expected an absolute path, or one that begins with ~/, found ${JSON.stringify(one)}`);
    return join(path, ".");
  });
  const timeout = fields.onUpdateTimeout ?? 60;
  if (typeof timeout !== "number" || !(timeout > 0))
    throw new Error(`onUpdateTimeout: expected seconds above 0, found ${JSON.stringify(timeout)}`);
  return {
    folders,
    include: texts("include", fields.include ?? INCLUDE),
    onUpdate: commandOf(fields.onUpdate ?? null),
    onUpdateTimeoutMs: timeout * 1000,
  };
}

function texts(name: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.some((one) => typeof one !== "string" || one === ""))
    throw new Error(`${name}: expected a list of strings, found ${JSON.stringify(value)}`);
  return value as string[];
}

function commandOf(value: unknown): string | string[] | null {
  if (value === null || (typeof value === "string" && value.trim() !== "")) return value;
  return texts("onUpdate", value);
}

/** The absolute patterns to watch. */
export function patternsOf({ folders, include }: Settings): string[] {
  return folders.flatMap((folder) => include.map((pattern) => join(folder, pattern)));
}
