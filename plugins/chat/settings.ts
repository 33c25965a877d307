/** What a person sets, in `~/.chat/settings.yaml`; without that file the defaults hold. */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { within } from "@dialtone/dt";

export interface Settings {
  /** Absolute. Default: where coding agents keep their transcripts. */
  folders: string[];
  /** Patterns of files, relative to each folder. */
  include: string[];
  /** Run after a conversation changed: a line of shell, or a program with its arguments. */
  onUpdate: string | string[] | null;
  /** In milliseconds; who takes longer is ended, which counts as failed. Default: a minute. */
  onUpdateTimeoutMs: number;
}

export const FOLDERS = ["~/.claude/projects", "~/.codex/sessions"];
export const INCLUDE = ["**/*.jsonl", "**/*.md", "**/*.markdown", "**/*.txt"];

export const SETTINGS = "settings.yaml";
/** In bytes. */
const LONGEST = 1024 * 1024;

export const EXAMPLE = `# Folders of transcripts: JSON Lines as coding agents write them, Markdown, plain text.
folders:
${FOLDERS.map((one) => `  - ${one}`).join("\n")}
# Which files in them.
include: [${INCLUDE.map((one) => JSON.stringify(one)).join(", ")}]
# Run after a conversation changed; CHAT_ID, CHAT_FILE and CHAT_SOURCE tell which.
# onUpdate: notify-send "$CHAT_ID"
# onUpdateTimeout: 60        # seconds
`;

export function chatRoot(home: string): string {
  return join(home, ".chat");
}

export function settingsPath(home: string): string {
  return join(chatRoot(home), SETTINGS);
}

/** Throws with a sentence that names the file and the field. */
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
    throw new Error(`expected fields, as \`folders: [~/transcripts]\`, found ${JSON.stringify(value)}`);
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields))
    if (!["folders", "include", "onUpdate", "onUpdateTimeout"].includes(name))
      throw new Error(`${name}: there is no such setting; there is folders, include, onUpdate, onUpdateTimeout`);
  const folders = texts("folders", fields.folders ?? FOLDERS).map((one) => {
    const path = one === "~" || one.startsWith("~/") ? join(home, one.slice(1)) : one;
    if (!isAbsolute(path))
      throw new Error(`folders: expected an absolute path, or one from ~/, found ${JSON.stringify(one)}`);
    return join(path, ".");
  });
  const timeout = fields.onUpdateTimeout ?? 60;
  if (typeof timeout !== "number" || !(timeout > 0))
    throw new Error(`onUpdateTimeout: expected seconds, found ${JSON.stringify(timeout)}`);
  return {
    folders,
    include: texts("include", fields.include ?? INCLUDE),
    onUpdate: commandOf(fields.onUpdate ?? null),
    onUpdateTimeoutMs: timeout * 1000,
  };
}

function texts(name: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.some((one) => typeof one !== "string" || one === ""))
    throw new Error(`${name}: expected a list of texts, found ${JSON.stringify(value)}`);
  return value as string[];
}

function commandOf(value: unknown): string | string[] | null {
  if (value === null || (typeof value === "string" && value.trim() !== "")) return value;
  return texts("onUpdate", value);
}

/** The patterns that are watched, each absolute. */
export function patternsOf({ folders, include }: Settings): string[] {
  return folders.flatMap((folder) => include.map((pattern) => join(folder, pattern)));
}
