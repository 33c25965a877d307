/**
 * Commands whose `run` calls dt again. Each call is a second layer that hides what is run, so it is reported with what
 * to write instead. Of a shell text only words, quotes and separators are read: a computed call is not seen.
 *
 * A one-shot whose `run` is a single call of dt about launches (`["dt", "stop", "db"]`) is another name for that call:
 * dt becomes its command, so there is no second layer, and nothing could be written instead.
 */
import { basename } from "node:path";
import { commandOf } from "../../manifest/model/find.ts";
import { mayDeclareMore } from "../../manifest/model/graph.ts";
import { isReservedVerb } from "../../manifest/model/reserved.ts";
import type { ManifestIndex, ResolvedPlugin, Settings } from "../../manifest/model/resolved.ts";
import { buildArgv } from "../../supervisor/prepare/command.ts";
import { FLAG } from "../../sys/text/flags.ts";
import { showCommand, showWord } from "../../values/commandline.ts";
import { DEFAULT_VARIANT, formatKey, shortKey } from "../../values/key.ts";
import { makeFinding } from "./finding.ts";
import type { Finding } from "./types.ts";

export interface NestedCall {
  /** As written: `dt x y --flag`. */
  text: string;
  /** The words after dt's own global flags. */
  words: string[];
  /** Whether `-C` or `--root` sends it to another project. */
  elsewhere: boolean;
}

const DT_NAMES = ["dt", "dialtone.sh"];
const SHELLS = ["sh", "bash", "dash", "zsh", "ash", "ksh"];
/** Programs that run what follows them. Below, the flags of theirs that take a word. */
const WRAPPERS = ["exec", "env", "command", "nohup", "time", "nice", "setsid", "stdbuf", "sudo", "doas", ...SHELLS];
const TAKES_A_WORD = ["-u", "-n", "-C", "-S", "-i", "-o", "-e"];
const GLOBALS_WITH_VALUE: readonly string[] = [FLAG.directory, FLAG.root];

/** All calls of dt in a `run`. */
export function findNestedCalls(run: string[] | string): NestedCall[] {
  if (typeof run === "string") return splitCommands(run).flatMap((words) => callIn(words) ?? []);
  const script = scriptOf(run);
  if (script !== null) return findNestedCalls(script);
  return [callIn(run) ?? []].flat();
}

/** The text of `sh -c TEXT`, also as `bash -lc TEXT`. */
function scriptOf(argv: readonly string[]): string | null {
  if (!SHELLS.includes(basename(argv[0] ?? ""))) return null;
  const flag = argv.findIndex((word, at) => at > 0 && /^-[a-z]*c$/.test(word));
  return flag < 0 ? null : (argv[flag + 1] ?? null);
}

function callIn(words: readonly string[]): NestedCall | null {
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] as string;
    if (/^[A-Za-z_]\w*=/.test(word)) continue;
    if (DT_NAMES.includes(basename(word))) break;
    if (WRAPPERS.includes(basename(word))) continue;
    if (at === 0 || !word.startsWith("-")) return null;
    if (TAKES_A_WORD.includes(word)) at++;
  }
  if (at >= words.length) return null;
  const text = words.slice(at).map(showWord).join(" ");
  let elsewhere = false;
  for (at++; at < words.length && (words[at] as string).startsWith("-"); at++) {
    const name = (words[at] as string).replace(/=.*/, "");
    if (!GLOBALS_WITH_VALUE.includes(name)) continue;
    elsewhere = true;
    if (name === words[at]) at++;
  }
  return { text, words: words.slice(at), elsewhere };
}

const WORD = /(?:'[^']*'?|"(?:\\[\s\S]|[^"\\])*"?|\\[\s\S]?|(?<=\$)\{|[^\s;&|(){}`'"\\])+/;
/** A comment, a line continuation, what ends a command, or a word. Only the last two are of interest. */
const TOKEN = new RegExp(`#[^\\n]*|\\\\\\n|(?<end>(?<!\\$)\\{|[;&|\\n()}\`])|(?<word>${WORD.source})`, "g");
/** The parts of a word that are not plain. An open quote runs to the end of the text. */
const QUOTED = /'([^']*)'?|"((?:\\[\s\S]|[^"\\])*)"?|\\([\s\S]?)/g;

/** A shell text as simple commands, each a list of words without their quotes. */
function splitCommands(text: string): string[][] {
  const commands: string[][] = [[]];
  for (const { groups } of text.matchAll(TOKEN)) {
    if (groups?.end !== undefined) commands.push([]);
    else if (groups?.word !== undefined) commands.at(-1)?.push(unquote(groups.word));
  }
  return commands.filter((words) => words.length > 0).map(dropKeywords);
}

function unquote(word: string): string {
  return word.replace(QUOTED, (_part, single?: string, double?: string, escaped?: string) => {
    if (double !== undefined) return double.replace(/\\([\s\S])/g, "$1");
    return single ?? (escaped === "\n" ? "" : (escaped ?? ""));
  });
}

const KEYWORDS = ["if", "then", "else", "elif", "while", "until", "do", "!"];

function dropKeywords(words: string[]): string[] {
  const first = words.findIndex((word) => !KEYWORDS.includes(word));
  return first < 0 ? [] : words.slice(first);
}

export function checkNested(index: ManifestIndex): Finding[] {
  return Object.values(index.plugins).flatMap((plugin) =>
    plugin.origin === "binary" ? [] : checkPlugin(index, plugin),
  );
}

function checkPlugin(index: ManifestIndex, plugin: ResolvedPlugin): Finding[] {
  return Object.values(plugin.commands).flatMap((command) => {
    const told = new Set<string>();
    return Object.entries(command.variants).flatMap(([variant, settings]) =>
      (settings.run === null ? [] : findNestedCalls(settings.run)).flatMap((call) => {
        if (told.has(call.text)) return []; // a variant with the same `run` as its command
        told.add(call.text);
        return (
          describeCall(index, { caller: { plugin: plugin.name, command: command.name, variant, settings }, call }) ?? []
        );
      }),
    );
  });
}

interface Caller {
  plugin: string;
  command: string;
  variant: string;
  settings: Settings;
}

/** Whether the caller is this call and nothing else. */
function isOtherName({ settings: { kind, run } }: Caller): boolean {
  return kind === "oneshot" && Array.isArray(run) && DT_NAMES.includes(basename(run[0] ?? ""));
}

/** Null for a call that only looks, and for a one-shot that is another name for a call about launches. */
function describeCall(index: ManifestIndex, { caller, call }: { caller: Caller; call: NestedCall }): Finding | null {
  const key = formatKey(caller);
  const [first, second, third] = call.words;
  const says = `The \`run\` of ${key} calls \`${call.text}\``;
  const tell = (level: "note" | "attention", text: string, hint: string | null, direct: string | null = null) =>
    makeFinding("nested", { level, text: `${says}${text}`, key, hint, details: { call: call.text, direct } });
  if (first === undefined || second === undefined || isReservedVerb(first)) {
    const changes = first !== undefined && ["stop", "restart", "up", "down"].includes(first);
    return changes && !isOtherName(caller)
      ? tell("note", ", which changes other launches from inside this one.", null)
      : null;
  }
  if (call.elsewhere) return tell("note", ", in another project.", null);
  const command = commandOf(index.plugins, { plugin: first, command: second });
  if (command === undefined && mayDeclareMore(index)) return null;
  if (command === undefined) return tell("attention", ", which no manifest declares.", null);
  const named = third !== undefined && third !== DEFAULT_VARIANT && Object.hasOwn(command.variants, third);
  const variant = named ? third : DEFAULT_VARIANT;
  const target = command.variants[variant] as Settings;
  const targetKey = formatKey({ plugin: first, command: second, variant });
  if (targetKey === key) return tell("attention", ": itself, endlessly.", "Write in `run` the program to execute.");
  if (target.kind === "managed") {
    if (isOtherName(caller)) return null;
    const hint =
      caller.settings.kind === "managed"
        ? `Write \`needs: ["${shortKey(targetKey)}"]\` instead: dt starts it first.`
        : "A one-shot that starts a managed command leaves it running: tell its users so, or start it separately.";
    return tell(
      "note",
      ", a managed command: it becomes a launch of its own, which stopping this one does not end.",
      hint,
    );
  }
  if (target.run === null) return tell("note", ", which is a `handler`: a function inside dt.", null);
  const rest = call.words.slice(named ? 3 : 2);
  const args = rest[0] === "--" ? rest.slice(1) : rest;
  const direct = directCommand(caller.settings, { target, args });
  return tell("note", ": an unnecessary second layer.", `Write instead what it executes: ${direct}`, direct);
}

/** The command that the one-shot executes, from the caller's directory and environment. */
function directCommand(caller: Settings, { target, args }: { target: Settings; args: readonly string[] }): string {
  const run = target.run as string[] | string;
  const line = typeof run === "string" && args.length === 0 ? run : showCommand(buildArgv(run, args));
  const variables = Object.entries(target.env).map(([name, value]) =>
    value === null ? `-u ${name}` : showWord(`${name}=${value}`),
  );
  const wrapped = typeof run === "string" && args.length === 0 ? showCommand(["sh", "-c", run]) : line;
  const withEnv = variables.length === 0 ? line : `env ${variables.join(" ")} ${wrapped}`;
  return caller.cwd === target.cwd ? withEnv : `cd ${showWord(target.cwd)} && ${withEnv}`;
}
