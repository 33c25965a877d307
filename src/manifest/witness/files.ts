/**
 * Watches `node:fs` in all its forms: each function that looks at something records the question that it answers. The
 * module's own object is changed, which `require` returns and jiti itself uses, so the places where imports were looked
 * for are recorded too, absent ones included.
 *
 * Known limit: a write records nothing, not even why it fails.
 */
import type { Stats } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Record as Witness } from "./record.ts";
import { noting, put } from "./wrap.ts";

type Any = Record<string, unknown>;
type Function = (...args: unknown[]) => unknown;

/** The questions by the function's name without `Sync`. */
const QUESTIONS: Record<string, (path: string, options: unknown) => string> = {
  access: (path, mode) => `access ${typeof mode === "number" ? mode : 0} ${path}`,
  copyFile: (path) => `content ${path}`,
  cp: (path) => `tree ${path}`,
  createReadStream: (path) => `content ${path}`,
  exists: (path) => `kind ${path}`,
  FileReadStream: (path) => `content ${path}`,
  open: (path) => `content ${path}`,
  openAsBlob: (path) => `content ${path}`,
  opendir: listOf,
  readdir: listOf,
  readFile: (path) => `content ${path}`,
  ReadStream: (path) => `content ${path}`,
  readlink: (path) => `link ${path}`,
  realpath: (path) => `real ${path}`,
};

function listOf(path: string, options: unknown): string {
  return `${(options as { recursive?: boolean } | undefined)?.recursive === true ? "tree" : "list"} ${path}`;
}

const STATS = ["stat", "lstat"];

export function watchFiles(witness: Witness): void {
  const fs = require("node:fs") as unknown as Any;
  const opened = new Map<number, string>();
  for (const holder of [fs, fs.promises as Any]) {
    for (const name of Object.keys(holder)) {
      const real = holder[name];
      if (typeof real !== "function") continue;
      const plain = name.replace(/Sync$/, "");
      const question = QUESTIONS[plain];
      if (question !== undefined) {
        const note = ([at, options]: readonly unknown[]) => {
          const path = pathOf(at);
          if (path === null || (plain === "open" && isForWriting(options))) return;
          witness.ask(question(path, options));
        };
        const { native } = real as { native?: object };
        if (native !== undefined) put(real, "native", noting(native, note));
        put(holder, name, plain === "open" ? remembering(noting(real, note), opened) : noting(real, note));
      } else if (STATS.includes(plain))
        put(holder, name, watchedStat(real as Function, { kind: plain, witness, find: (at) => pathOf(at) }));
      else if (plain === "fstat")
        put(
          holder,
          name,
          watchedStat(real as Function, { kind: "stat", witness, find: (fd) => opened.get(fd as number) ?? null }),
        );
      else if (plain === "glob")
        put(
          holder,
          name,
          noting(real, (args) => noteGlob(witness, args)),
        );
      else if (plain === "mkdtemp" || plain === "mkdtempDisposable")
        put(
          holder,
          name,
          noting(real, () => witness.cannotKnow("makes a folder with a random name")),
        );
      else if (plain === "statfs")
        put(
          holder,
          name,
          noting(real, () => witness.cannotKnow("asks for free space")),
        );
    }
  }
}

function noteGlob(witness: Witness, [pattern, options]: readonly unknown[]): void {
  const { cwd, exclude } = (options ?? {}) as { cwd?: unknown; exclude?: unknown };
  // Excluded names are among the matches, so the matches decide.
  void exclude;
  const from = cwd === undefined ? process.cwd() : pathOf(cwd);
  witness.ask(`nodeglob ${JSON.stringify({ pattern: [pattern].flat(), cwd: from })}`);
}

/** Absolute; null for a value that is not a path: a descriptor, or one that the function itself refuses. */
export function pathOf(value: unknown): string | null {
  try {
    const text =
      typeof value === "string"
        ? value
        : value instanceof URL
          ? fileURLToPath(value)
          : value instanceof Uint8Array
            ? Buffer.from(value).toString()
            : null;
    if (text === null) return null;
    if (text.startsWith("/$bunfs/")) return null;
    return isAbsolute(text) ? text : resolve(text);
  } catch {
    return null;
  }
}

function isForWriting(flags: unknown): boolean {
  if (typeof flags === "string") return /^[wa]/.test(flags) && !flags.includes("+");
  return typeof flags === "number" && (flags & 3) === 1;
}

/** Remembers the path of an open descriptor, for `fstat`. */
function remembering(open: object, opened: Map<number, string>): object {
  const remember = (path: unknown, fd: unknown) => {
    const of = pathOf(path);
    if (typeof fd === "number" && of !== null) opened.set(fd, of);
  };
  return new Proxy(open, {
    apply(target, self, args: unknown[]) {
      const callback = args.at(-1);
      const passed =
        typeof callback === "function"
          ? [
              ...args.slice(0, -1),
              (error: unknown, fd: unknown) => {
                remember(args[0], fd);
                return (callback as Function)(error, fd);
              },
            ]
          : args;
      const result: unknown = Reflect.apply(target as Function, self, passed);
      remember(args[0], result);
      return result instanceof Promise
        ? result.then((handle: { fd: number }) => {
            remember(args[0], handle.fd);
            return handle;
          })
        : result;
    },
  });
}

/**
 * Records the kind of the file at once, and its other details only when they are read: a directory's times change with
 * everything made in it.
 */
function watchedStat(
  real: Function,
  { kind, witness, find }: { kind: string; witness: Witness; find: (at: unknown) => string | null },
): Function {
  const watch = (stats: unknown, path: string): unknown => {
    if (typeof stats !== "object" || stats === null) return stats;
    return new Proxy(stats as Stats, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value === "function") return value.bind(target);
        witness.ask(`${kind} ${path}`);
        return value;
      },
      ownKeys(target) {
        witness.ask(`${kind} ${path}`);
        return Reflect.ownKeys(target);
      },
    });
  };
  return new Proxy(real, {
    apply(target, self, args: unknown[]) {
      const path = find(args[0]);
      if (path === null) return Reflect.apply(target, self, args);
      witness.ask(`${kind === "lstat" ? "lkind" : "kind"} ${path}`);
      const callback = args.at(-1);
      if (typeof callback === "function") {
        const wrapped = (error: unknown, stats: unknown) => (callback as Function)(error, watch(stats, path));
        return Reflect.apply(target, self, [...args.slice(0, -1), wrapped]);
      }
      const result: unknown = Reflect.apply(target, self, args);
      return result instanceof Promise ? result.then((stats) => watch(stats, path)) : watch(result, path);
    },
  });
}
