/**
 * Proves who wrote a state file: a MAC (HMAC-SHA256 with the user's secret) over its content, its name (which holds its
 * kind and key) and its directory (real path, device, inode). A file without a MAC, or with a wrong one, is *foreign*:
 * it came with a clone, a copy of the folder, an archive, another user. dt acts on nothing in it.
 *
 *   MAC is right, and the directory is      then
 *   -------------------------------------   ------------------------------------------------------------
 *   the same path and inode                 own (a device may get another number when it is mounted again)
 *   another path, same device and inode     own: the folder was moved; the answer says from where
 *   another inode                           foreign: the folder was copied, or restored
 *
 * Known limit: a file system that gives a directory another inode when it is mounted again makes what it holds foreign.
 */
import { lstatSync } from "node:fs";
import { join, relative } from "node:path";
import { DtError } from "../base/error.ts";
import { identifyDirectory } from "../door/descend.ts";
import { joinSealed, LONGEST_MARK, parseSealed, type SealedText, splitSealed } from "./sealtext.ts";
import { openSecrets } from "./secret.ts";

interface Place {
  path: string;
  dev: number;
  ino: number;
}

interface Mark extends Place {
  mac: string;
}

export type Opened =
  /** `movedFrom`: the directory's path when it was written, if it has another one now. */
  { is: "own"; value: Record<string, unknown>; movedFrom: string | null } | { is: "foreign"; why: string };

export interface Seal {
  /** The value as JSON, with its seal. Throws when no secret can be made or the directory is missing. */
  close(path: string, value: object): string;
  /** Parses only what is own. Throws what `JSON.parse` throws for a short text that is cut off. */
  open(path: string, text: string): Opened;
  /**
   * Whether the end of a text that `close` made names this directory. If not, a large foreign file need not be read or
   * parsed.
   */
  mayBeOwn(end: string): boolean;
  /** Finds the directory once for all files that `work` opens. It must not wait for anything. */
  holding<T>(work: () => T): T;
  /** Seals text of any form: the seal is its first line. */
  closeText(path: string, text: string): string;
  /** Null when it is not this user's. */
  openText(path: string, text: string): string | null;
}

/**
 * Seals the files below a directory, given as a function if it may be moved. `home`: DIALTONE_HOME, where the secret
 * is; null when there is none.
 */
export function makeSeal(directory: string | (() => string), home: string | null): Seal {
  const at = typeof directory === "string" ? () => directory : directory;
  const secrets = openSecrets(home, at());
  const { place, holding } = makePlaces(at);
  const nameIn = (given: string, path: string) => {
    const name = path.startsWith(`${given}/`) ? path.slice(given.length + 1) : relative(given, path);
    checkWay(given, name);
    return name;
  };
  const sign = (path: string, body: string): Mark => {
    const given = at();
    const there = place(given);
    return { ...there, mac: macOf(secrets.needed(), { name: nameIn(given, path), place: there, body }) };
  };
  const judge = (path: string, mark: unknown, body: string): { movedFrom: string | null } | { why: string } => {
    if (!isMark(mark)) return { why: NOT_SEALED };
    const given = at();
    const name = nameIn(given, path);
    const isOurs = (secret: string) => macOf(secret, { name, place: mark, body }) === mark.mac;
    if (!secrets.some(isOurs)) return { why: NOT_OURS };
    const now = place(given);
    if (mark.ino !== now.ino || (mark.path !== now.path && mark.dev !== now.dev)) return { why: copied(mark.path) };
    return { movedFrom: mark.path === now.path ? null : mark.path };
  };
  const openSealed = (path: string, { mark, body }: SealedText): Opened => {
    const judged = judge(path, mark, body);
    return "why" in judged
      ? { is: "foreign", why: judged.why }
      : { is: "own", value: JSON.parse(body), movedFrom: judged.movedFrom };
  };
  return {
    mayBeOwn(end) {
      const { mark } = splitSealed(end);
      return isMark(mark) && mark.ino === place(at()).ino;
    },
    holding,
    close: (path, value) => joinSealed(value, sign(path, JSON.stringify(value))),
    open(path, text) {
      const asWritten = openSealed(path, splitSealed(text));
      // A short text may be cut off, or be written in another form by a tool that formats files.
      return asWritten.is === "own" || text.length > LONGEST_READ ? asWritten : openSealed(path, parseSealed(text));
    },
    closeText: (path, text) => `${JSON.stringify(sign(path, text))}\n${text}`,
    openText(path, text) {
      const end = text.indexOf("\n");
      if (end < 0 || end > LONGEST_MARK) return null;
      const body = text.slice(end + 1);
      try {
        return "why" in judge(path, JSON.parse(text.slice(0, end)), body) ? null : body;
      } catch {
        return null;
      }
    },
  };
}

/** Where the directory is now; its real path is looked up once. */
function makePlaces(at: () => string): { place(given: string): Place; holding: Seal["holding"] } {
  const real = new Map<string, string>();
  const held = new Map<string, Place>();
  const place = (given: string): Place => {
    const known = held.get(given);
    if (known !== undefined) return known;
    const found = identifyDirectory(given, real.get(given));
    real.set(given, found.path);
    return found;
  };
  return {
    place,
    holding(work) {
      const given = at();
      try {
        held.set(given, place(given));
      } catch {
        return work(); // it is missing, or unsafe, which each file reports
      }
      try {
        return work();
      } finally {
        held.delete(given);
      }
    },
  };
}

/**
 * The directories in between are dt's own as well: a link in their place would redirect what is written. Throws
 * `unsafe-directory`.
 */
function checkWay(directory: string, name: string): void {
  const parts = name.split("/");
  for (let count = 1; count < parts.length; count++) {
    const path = join(directory, ...parts.slice(0, count));
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isDirectory())
      throw new DtError(
        "unsafe-directory",
        `${path} is not a real directory; dt keeps its state only in a real directory.`,
        {
          hint: `See what it is (ls -ld), and move it away: mv ${path} ${path}.old`,
        },
      );
  }
}

/** As large as a file that is read whole without a look at its end (door.ts). */
const LONGEST_READ = 64 * 1024;
export const NOT_SEALED = "not written by your dt";
const NOT_OURS = "not written by your dt, or changed since";
const copied = (path: string) => `a copy of what your dt wrote in ${path}`;

function macOf(
  secret: string,
  { name, place: { path, dev, ino }, body }: { name: string; place: Place; body: string },
): string {
  const hasher = new Bun.CryptoHasher("sha256", secret);
  // Lengths first, so that no two different states give the same bytes.
  return hasher
    .update(JSON.stringify(["dt state 1", name, path, dev, ino, body.length]))
    .update(body)
    .digest("hex");
}

function isMark(value: unknown): value is Mark {
  if (typeof value !== "object" || value === null) return false;
  const { path, dev, ino, mac } = value as Record<string, unknown>;
  return typeof path === "string" && typeof dev === "number" && typeof ino === "number" && typeof mac === "string";
}
