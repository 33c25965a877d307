/** `dt logs`: the last lines of one launch's output, or, with `-f`, what comes as well. Colours are kept for a terminal only. */
import { resolve } from "node:path";
import { defineCommand } from "citty";
import { followFile } from "../logs/follow.ts";
import { makeStripper } from "../logs/strip.ts";
import { readTail } from "../logs/tail.ts";
import { parseSelection } from "../state/key.ts";
import { DtError, EXIT } from "../sys/error.ts";
import { isReaderGone, isTerminal, print } from "../sys/stdio.ts";
import { usage } from "./args.ts";
import type { DtContext } from "./context.ts";

const DEFAULT_LINES = 100;

export default defineCommand({
  meta: { name: "logs", description: "Show what a managed command or a captured one-shot wrote" },
  args: {
    follow: { type: "boolean", alias: "f", description: "Go on with what comes, across restarts" },
    lines: {
      type: "string",
      alias: "n",
      description: `How many lines from the end (default ${DEFAULT_LINES}), or "all"`,
      valueHint: "100",
    },
    path: { type: "boolean", description: "Print the log's path instead" },
    _: { type: "positional", required: false, description: "A key, or its words", valueHint: "key" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const key = oneKey(context, args._);
    const path = await logPathOf(context, key);
    if (args.path) {
      print(context.globals.json ? `${JSON.stringify({ key, path })}\n` : `${path}\n`);
      return EXIT.done;
    }
    const lines = parseLines(args.lines);
    const emit = makeEmitter(context, key);
    let open = true;
    const end = readTail(path, lines, (bytes) => {
      open = emit(bytes);
      return open;
    });
    if (end === null && !args.follow) {
      throw new DtError("no-log", `${key} has no log here (${path} does not exist).`, {
        hint: "`dt ps --all` lists what has run.",
      });
    }
    if (!args.follow || !open) {
      emit.end();
      return EXIT.done;
    }
    const stop = new AbortController();
    let status: number = EXIT.done;
    for (const [signal, code] of [
      ["SIGINT", EXIT.interrupted],
      ["SIGTERM", 143],
    ] as const) {
      process.on(signal, () => {
        status = code;
        stop.abort();
      });
    }
    await followFile({ path, from: end ?? 0, onBytes: emit, isGone: () => isReaderGone(1), signal: stop.signal });
    emit.end();
    return status;
  },
});

function oneKey(context: DtContext, words: readonly string[]): string {
  const selection = parseSelection(words);
  if (selection.is === "keys" && selection.keys.length === 1) return selection.keys[0] as string;
  const { store } = context.ground();
  const candidates =
    selection.is === "keys"
      ? selection.keys
      : store.keys().filter((key) => selection.is === "all" || key.startsWith(`${selection.plugin}:`));
  if (candidates.length === 1) return candidates[0] as string;
  throw usage(
    candidates.length === 0
      ? "Nothing of that name has run here."
      : `dt logs shows one launch at a time; ${candidates.length} would match.`,
    candidates.length === 0 ? "`dt ps --all` lists what has run." : `Name one: ${candidates.slice(0, 8).join(" ")}`,
  );
}

/** Where the last launch wrote; before any, and while a one-shot is captured, where its manifest says, or the default place. */
async function logPathOf(context: DtContext, key: string): Promise<string> {
  const { store } = context.ground();
  const record = store.record(key);
  if (record.is === "there") return record.value.log;
  const exit = store.exit(key);
  if (exit.is === "there") return exit.value.log;
  const [plugin = "", command = "", variant = ""] = key.split(":");
  const declared = (await context.peek())?.plugins[plugin]?.commands[command]?.variants[variant]?.log ?? null;
  return declared === null ? store.path(key, "log") : resolve(context.root(), declared);
}

function parseLines(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LINES;
  if (text === "all") return Number.POSITIVE_INFINITY;
  const lines = Number(text);
  if (!Number.isSafeInteger(lines) || lines < 0) throw usage(`-n takes a number of lines or "all", not "${text}".`);
  return lines;
}

interface Emitter {
  /** False when the reader has gone. */
  (bytes: Uint8Array): boolean;
  end(): void;
}

function makeEmitter(context: DtContext, key: string): Emitter {
  if (context.globals.json) return jsonEmitter(key);
  const keepColors = context.globals.color ?? isTerminal(1);
  const strip = keepColors ? null : makeStripper();
  const emit = (bytes: Uint8Array) => print(strip === null ? bytes : strip.push(bytes));
  return Object.assign(emit, {
    end() {
      if (strip !== null) print(strip.end());
    },
  });
}

/** One JSON object a line; a line that is not finished waits for its end. */
function jsonEmitter(key: string): Emitter {
  const decoder = new TextDecoder();
  const strip = makeStripper();
  let pending = "";
  const write = (lines: string[]) =>
    print(lines.map((line) => `${JSON.stringify({ key, line: line.replace(/\r$/, "") })}\n`).join(""));
  const emit = (bytes: Uint8Array) => {
    pending += decoder.decode(strip.push(bytes), { stream: true });
    const lines = pending.split("\n");
    pending = lines.pop() ?? "";
    return lines.length === 0 || write(lines);
  };
  return Object.assign(emit, {
    end() {
      pending += decoder.decode(strip.end());
      if (pending !== "") write([pending]);
    },
  });
}
