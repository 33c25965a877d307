/**
 * The run directory: one set of files per key. Reading never changes anything; a file that does not parse is
 * reported as such, never taken for absent. Every file carries a seal (sys/seal/seal.ts): a file that this user's dt
 * did not write is foreign, which is a kind of unreadable. What holds the user's environment is not here but in
 * the user's home (sys/seal/vault.ts).
 */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf } from "../sys/base/error.ts";
import { statOf } from "../sys/base/stat.ts";
import { descendInto } from "../sys/door/descend.ts";
import { isProjectState } from "../sys/door/stateway.ts";
import { renameBeside } from "../sys/files/beside.ts";
import type { FileRead } from "../sys/files/fileread.ts";
import { type WriteOptions, writeOwn } from "../sys/files/filewrite.ts";
import { clearTemporaries, removeFile, removeOwn } from "../sys/files/removal.ts";
import { checkRoom } from "../sys/files/space.ts";
import { writeError } from "../sys/files/writeerror.ts";
import { checkPrivateDirectory, ignoreInGit, makePrivateDirectory } from "../sys/places/privatedirectory.ts";
import { type ProcessTable, sameIdentity } from "../sys/process/identity.ts";
import { makeSeal, type Seal } from "../sys/seal/seal.ts";
import { readSealed, writeSealed } from "../sys/seal/sealed.ts";
import { isWholeKey } from "../values/key.ts";
import { checkRecord, checkShape, EXIT_RECORD, HISTORY, WANT } from "./check.ts";
import { rebase } from "./moved.ts";
import { readSpec, removeSpec, writeSpec } from "./specs.ts";
import type { ExitRecord, LaunchHistory, LaunchRecord, Want } from "./types.ts";

function isFromElsewhere(table: ProcessTable, { host }: LaunchRecord): boolean {
  return host.pidNamespace !== table.pidNamespace() && host.bootId === table.bootId();
}

/** Loaded only when a file without a seal is found. */
const unsealed = () => require("./unsealed.ts") as typeof import("./unsealed.ts");

/**
 * A launch does not outlive the machine's boot, so its record and its history mean little after a power cut: nothing
 * waits until they are on the disk. A stop by a person does.
 */
export interface Store {
  readonly directory: string;
  /** Recognises what this user's dt wrote here. */
  readonly seal: Seal;
  /**
   * Makes the directory when it is missing, refuses one that cannot be trusted, and clears what killed writers left.
   * Call it before the first write.
   */
  prepare(): void;
  path(key: string, kind: FileKind): string;
  /** Keys that have a record, an exit or a pid file. */
  keys(): string[];
  /** Keys that have a want. */
  wanted(): string[];
  record(key: string): FileRead<LaunchRecord>;
  writeRecord(record: LaunchRecord): void;
  /** Differs when another file is at the record's place, or its content was changed. At the cost of one system call. */
  recordStamp(key: string): string;
  /** Removes pid and record, and everything filed by the launch's token. */
  removeRecord(record: LaunchRecord): void;
  /** Removes what is filed by the token of a launch whose record was replaced by another's. */
  removeFiled(token: string): void;
  want(key: string): FileRead<Want>;
  /** Keeps the last stop that the previous want recorded, unless this want is a stop itself. */
  writeWant(want: Want): void;
  exit(key: string): FileRead<ExitRecord>;
  writeExit(exit: ExitRecord): void;
  removeExit(key: string): void;
  history(token: string): FileRead<LaunchHistory>;
  writeHistory(history: LaunchHistory): void;
  /** Differs when the history was written again. At the cost of one system call. */
  historyStamp(token: string): string;
  /** What a launch was started with, as its host received it: for another host, when that one is gone. Not durable. */
  readSpec(token: string): FileRead<unknown>;
  writeSpec(token: string, spec: unknown): void;
  /** Throws when the disk lacks the space that a start needs. Call it before an old launch is stopped. */
  checkSpace(): void;
  /** A file of this directory, by its name. */
  read<T>(name: string, check: (value: unknown) => T): FileRead<T>;
  write(name: string, value: object, options?: WriteOptions): void;
  /**
   * Moves a file aside that does not parse or is foreign. Call it under the key's lock, after reading the
   * file again. Returns its new path.
   */
  setAside(key: string, kind: FileKind): string;
}

const KINDS = {
  pid: ".pid",
  record: ".meta.json",
  log: ".log",
  times: ".times",
  exit: ".exit.json",
  lock: ".lock",
  want: ".want.json",
  fence: ".fence",
} as const;

export type FileKind = keyof typeof KINDS;

/** For record, want, exit with its last lines, history and lock, with room to spare. */
const SPACE_FOR_A_START = 64 * 1024;

const LISTED = [KINDS.record, KINDS.exit, KINDS.pid];

function stampOf(path: string): string {
  const stat = statOf(path);
  return `${stat?.ino} ${stat?.ctimeMs}`;
}

function keysWith(directory: string, suffixes: readonly string[]): string[] {
  let names: string[];
  try {
    names = descendInto(directory, (at) => readdirSync(at));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw writeError(directory, { cause: error, variable: "DIALTONE_RUN_DIR", doing: "read" });
  }
  const found = new Set<string>();
  for (const name of names) {
    const suffix = suffixes.find((end) => name.endsWith(end));
    if (suffix !== undefined) found.add(name.slice(0, -suffix.length));
  }
  return [...found].filter(isWholeKey).sort();
}

export interface StorePlace {
  /** A function for a directory that may be moved. */
  directory: string | (() => string);
  /** DIALTONE_HOME, where the user's secret is; null when there is none. */
  home: string | null;
  /** For records that an earlier dt wrote without a seal, or that were written in another pid namespace. */
  table: ProcessTable;
}

/** Throws `unsafe-directory`. */
export function openStore({ directory, home, table }: StorePlace): Store {
  const at = typeof directory === "string" ? () => directory : directory;
  const path = (key: string, kind: FileKind) => join(at(), `${key}${KINDS[kind]}`);
  const historyPath = (token: string) => join(at(), "launch", `${token}.json`);
  checkPrivateDirectory(at());
  const seal = makeSeal(at, home);
  const readWant = (key: string) =>
    readSealed(path(key, "want"), { seal, check: (value) => checkShape<Want>(value, { shape: WANT, key }) });
  const removeFiled = (token: string) => {
    removeFile(historyPath(token));
    removeSpec(home, { runDirectory: at(), token });
  };
  /** Launches of another pid namespace, by key: the record as written, and as seen from here. */
  const fromElsewhere = new Map<string, { seen: LaunchRecord; written: LaunchRecord }>();
  /** Restores the identities that the host wrote, so that it recognises itself in a record written here. */
  const asItsHostKnowsIt = (record: LaunchRecord): LaunchRecord => {
    const known = fromElsewhere.get(record.key);
    if (known?.seen.token !== record.token || !sameIdentity(record.host, known.seen.host)) return record;
    return { ...record, host: known.written.host, leader: record.leader === null ? null : known.written.leader };
  };
  /** By token: where the run directory was when the record was written. */
  const moved = new Map<string, string>();
  /** Tokens of launches that an earlier dt hosts, whose records were accepted here. */
  const takenOver = new Set<string>();

  return {
    get directory() {
      return at();
    },
    seal,
    prepare() {
      const directory = at();
      if (!isProjectState(directory)) makePrivateDirectory(directory);
      makePrivateDirectory(join(directory, "launch")); // with those above it, in a project's state
      if (directory.endsWith("/.dialtone/run")) ignoreInGit(dirname(directory));
      for (const place of [directory, join(directory, "launch")]) clearTemporaries(place, Date.now());
    },
    path,
    keys: () => keysWith(at(), LISTED),
    wanted: () => keysWith(at(), [KINDS.want]),
    record(key) {
      const read = readSealed(path(key, "record"), {
        seal,
        check(value, movedFrom) {
          const record = checkRecord(value, key);
          if (movedFrom !== null) moved.set(record.token, movedFrom);
          return rebase(record, { movedFrom, directory: at() });
        },
      });
      if (read.is === "there" && isFromElsewhere(table, read.value)) {
        // Loaded only when a container shares the directory.
        const { seenFromHere } = require("./elsewhere.ts") as typeof import("./elsewhere.ts");
        const seen = seenFromHere(table, { record: read.value, fence: path(key, "fence") });
        fromElsewhere.set(key, { seen, written: read.value });
        return { is: "there", value: seen };
      }
      if (read.is !== "unreadable" || read.foreign !== true) return read;
      const hosted = unsealed().readUnsealed(path(key, "record"), { key, table });
      if (hosted === null) return read;
      takenOver.add(hosted.token);
      return { is: "there", value: hosted };
    },
    writeRecord(record) {
      const pid = path(record.key, "pid");
      writeSealed(path(record.key, "record"), { seal, value: asItsHostKnowsIt(record), durable: "soon" });
      if (record.leader === null) removeOwn(pid);
      // A launch that ends has the leader that it ran with.
      else if (record.phase !== "stopping") writeOwn(pid, { text: `${record.leader.pid}\n`, durable: false });
    },
    recordStamp: (key) => stampOf(path(key, "record")),
    removeRecord(record) {
      removeFile(path(record.key, "pid"));
      removeFile(path(record.key, "record"));
      removeFiled(record.token);
    },
    removeFiled,
    want: readWant,
    writeWant(want) {
      const before = want.lastStop === undefined ? readWant(want.key) : null;
      const { lastStop } = before?.is === "there" ? before.value : want;
      const durable = want.want === "stopped" || "soon"; // else it could be started when the machine is on again
      writeSealed(path(want.key, "want"), {
        seal,
        value: lastStop === undefined ? want : { ...want, lastStop },
        durable,
      });
    },
    exit: (key) =>
      readSealed(path(key, "exit"), {
        seal,
        check: (value, movedFrom) =>
          rebase(checkShape<ExitRecord>(value, { shape: EXIT_RECORD, key }), { movedFrom, directory: at() }),
      }),
    removeExit: (key) => removeFile(path(key, "exit")),
    writeExit: (exit) => writeSealed(path(exit.key, "exit"), { seal, value: exit, durable: "soon" }),
    history(token) {
      const path = historyPath(token);
      const read = readSealed(path, {
        seal,
        check: (value) => checkShape<LaunchHistory>(value, { shape: HISTORY, key: null }),
      });
      if (read.is !== "unreadable" || read.foreign !== true || !takenOver.has(token)) return read;
      const said = unsealed().readUnsealedHistory(path, token);
      return said === null ? read : { is: "there", value: said };
    },
    writeHistory: (history) => writeSealed(historyPath(history.token), { seal, value: history, durable: false }),
    historyStamp: (token) => stampOf(historyPath(token)),
    readSpec: (token) => readSpec(home, { runDirectory: at(), token, movedFrom: moved.get(token) ?? null }),
    writeSpec: (token, spec) => writeSpec(home, { runDirectory: at(), token, spec }),
    read: (name, check) => readSealed(join(at(), name), { seal, check }),
    write: (name, value, options) => writeSealed(join(at(), name), { seal, value, ...options }),
    checkSpace: () => checkRoom(at(), SPACE_FOR_A_START),
    setAside(key, kind) {
      const from = path(key, kind);
      const to = `${from}.${Date.now()}.corrupt`;
      try {
        renameBeside(from, to);
      } catch (error) {
        throw writeError(from, { cause: error });
      }
      return to;
    },
  };
}
