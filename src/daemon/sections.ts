/**
 * What plugins add to the daemon's status. A status is answered at once, from what each plugin said last. Plugins are
 * asked when their manifest is loaded and after each of their jobs.
 */
import type { Log } from "../jobs/types.ts";
import type { ManifestIndex } from "../manifest/model/resolved.ts";
import { messageOf } from "../sys/base/error.ts";
import { keyWords } from "../values/key.ts";
import { type Dt, dataOf } from "./dt.ts";

const LIMIT_MS = 60_000;

export interface Sections {
  /** Null: the root is no longer registered. */
  set(root: string, index: ManifestIndex | null): void;
  refresh(root: string, plugin: string): void;
  all(): Record<string, unknown>;
}

interface Section {
  root: string;
  words: string[];
  said: Record<string, unknown>;
  asking: boolean;
  again: boolean;
}

export function makeSections(dt: Dt, log: Log): Sections {
  const sections = new Map<string, Section>();

  async function ask(who: string, section: Section): Promise<void> {
    if (section.asking) {
      section.again = true;
      return;
    }
    section.asking = true;
    do {
      section.again = false;
      try {
        const said = dataOf(await dt.run(section.words, { root: section.root, limitMs: LIMIT_MS }));
        if (typeof said !== "object" || said === null || Array.isArray(said))
          throw new Error("expected an object as JSON");
        section.said = said as Record<string, unknown>;
      } catch (error) {
        log("warn", `${section.words.join(" ")} adds nothing to the status: ${messageOf(error)}`, {
          root: section.root,
        });
      }
    } while (section.again && sections.get(who) === section);
    section.asking = false;
  }

  return {
    set(root, index) {
      const wanted = new Map<string, string[]>();
      for (const { name, daemon } of Object.values(index?.plugins ?? {})) {
        if (daemon.status == null) continue;
        wanted.set(`${root}\0${name}`, ["--", ...keyWords(daemon.status)]);
      }
      for (const [who, section] of sections) if (section.root === root && !wanted.has(who)) sections.delete(who);
      for (const [who, words] of wanted) {
        const before = sections.get(who);
        const section = { root, words, said: before?.said ?? {}, asking: false, again: false };
        sections.set(who, section);
        void ask(who, section);
      }
    },
    refresh(root, plugin) {
      const who = `${root}\0${plugin}`;
      const section = sections.get(who);
      if (section !== undefined) void ask(who, section);
    },
    all: () => Object.assign({}, ...[...sections.values()].map(({ said }) => said)),
  };
}
