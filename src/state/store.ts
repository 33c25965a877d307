/**
 * The run directory: one set of files a key. Reading never changes anything; a file that does not parse is reported as
 * such, never taken for absent.
 */
import { readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf } from "../sys/error.ts";
import {
  clearTemporaries,
  type FileRead,
  readJson,
  removeFile,
  writeError,
  writeJson,
  writeWhole,
} from "../sys/files.ts";
import { checkPrivateDirectory, ignoreInGit, makePrivateDirectory } from "../sys/paths.ts";
import { checkShape, EXIT_RECORD, HISTORY, RECORD, WANT } from "./check.ts";
import { parseKey } from "./key.ts";
import type { ExitRecord, LaunchHistory, LaunchRecord, Want } from "./types.ts";

export interface Store {
  readonly directory: string;
  /**
   * Makes the directory when it is missing, refuses one that is not to be trusted, and clears what killed writers left. To be called before
   * anything is written.
   */
  prepare(): void;
  path(key: string, kind: FileKind): string;
  /** Keys that have a record, an exit or a pid file. */
  keys(): string[];
  record(key: string): FileRead<LaunchRecord>;
  writeRecord(record: LaunchRecord): void;
  /** Removes pid and record; what is filed by its token goes with them. */
  removeRecord(record: LaunchRecord): void;
  want(key: string): FileRead<Want>;
  writeWant(want: Want): void;
  exit(key: string): FileRead<ExitRecord>;
  writeExit(exit: ExitRecord): void;
  history(token: string): FileRead<LaunchHistory>;
  writeHistory(history: LaunchHistory): void;
  /** What a launch was started with, as its host was told: for another host, when that one is gone. Not durable. */
  readSpec(token: string): FileRead<unknown>;
  writeSpec(token: string, spec: unknown): void;
  /** Throws when there is not room enough for what a start writes; to be called before an old launch is stopped. */
  checkSpace(): void;
  /** Moves a file that does not parse aside; under the key's lock, after reading it again. Gives its new path. */
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
  request: ".request.json",
} as const;

export type FileKind = keyof typeof KINDS;

/** Record, want, exit with its last lines, history and lock, with room to spare. */
const SPACE_FOR_A_START = 64 * 1024;

const LISTED = [KINDS.record, KINDS.exit, KINDS.pid];

export function openStore(directory: string): Store {
  const path = (key: string, kind: FileKind) => join(directory, `${key}${KINDS[kind]}`);
  const historyPath = (token: string) => join(directory, "launch", `${token}.json`);
  const specPath = (token: string) => join(directory, "launch", `${token}.spec`);
  if (directory.endsWith("/.dialtone/run")) checkPrivateDirectory(dirname(directory));
  checkPrivateDirectory(directory);

  return {
    directory,
    prepare() {
      makePrivateDirectory(directory);
      makePrivateDirectory(join(directory, "launch"));
      if (directory.endsWith("/.dialtone/run")) ignoreInGit(dirname(directory));
      for (const place of [directory, join(directory, "launch")]) clearTemporaries(place, Date.now());
    },
    path,
    keys() {
      let names: string[];
      try {
        names = readdirSync(directory);
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return [];
        throw writeError(directory, error);
      }
      const found = new Set<string>();
      for (const name of names) {
        const suffix = LISTED.find((end) => name.endsWith(end));
        if (suffix !== undefined) found.add(name.slice(0, -suffix.length));
      }
      return [...found].filter((key) => parseKey(key) !== null && key.split(":").length === 3).sort();
    },
    record: (key) => readJson(path(key, "record"), (value) => checkShape<LaunchRecord>(value, RECORD, key)),
    writeRecord(record) {
      writeJson(path(record.key, "record"), record);
      if (record.leader !== null) writeWhole(path(record.key, "pid"), `${record.leader.pid}\n`, { durable: false });
      else removeFile(path(record.key, "pid"));
    },
    removeRecord(record) {
      removeFile(path(record.key, "pid"));
      removeFile(path(record.key, "record"));
      removeFile(historyPath(record.token));
      removeFile(specPath(record.token));
    },
    want: (key) => readJson(path(key, "want"), (value) => checkShape<Want>(value, WANT, key)),
    writeWant: (want) => writeJson(path(want.key, "want"), want),
    exit: (key) => readJson(path(key, "exit"), (value) => checkShape<ExitRecord>(value, EXIT_RECORD, key)),
    writeExit: (exit) => writeJson(path(exit.key, "exit"), exit),
    history: (token) => readJson(historyPath(token), (value) => checkShape<LaunchHistory>(value, HISTORY, null)),
    writeHistory: (history) => writeJson(historyPath(history.token), history),
    readSpec: (token) => readJson(specPath(token), (value) => value),
    writeSpec: (token, spec) => writeWhole(specPath(token), JSON.stringify(spec), { durable: false }),
    checkSpace() {
      const scratch = join(directory, ".space");
      writeWhole(scratch, " ".repeat(SPACE_FOR_A_START), { durable: false });
      removeFile(scratch);
    },
    setAside(key, kind) {
      const from = path(key, kind);
      const to = `${from}.${Date.now()}.corrupt`;
      try {
        renameSync(from, to);
      } catch (error) {
        throw writeError(from, error);
      }
      return to;
    },
  };
}
