/**
 * The user's secret: 256 random bits in DIALTONE_HOME, mode 0600, made once. Everything that dt later acts on carries a
 * seal made with it (seal.ts); this tells what this user's dt wrote from what came with a clone. If the home is not
 * writable, the secret is where sys/places/privateplace.ts says; in the private directory for sockets it lasts until
 * the next boot.
 */
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { DtError, errnoOf } from "../base/error.ts";
import { linkStatOf } from "../base/stat.ts";
import { readOwn } from "../door/door.ts";
import { createWhole } from "../files/filewrite.ts";
import { makeDirectories } from "../files/makedirectories.ts";
import { writeError } from "../files/writeerror.ts";
import { privatePlace } from "../places/privateplace.ts";

const NAME = "secret";
const BYTES = 32;
const DIGITS = 2 * BYTES;
/**
 * Without hard links the secret is written under its own name and may be read before it is whole: for microseconds,
 * unless its writer was killed.
 */
const UNFINISHED_MS = 1000;
const UNFINISHED_LOOK_MS = 2;

export interface Secrets {
  /**
   * Whether `isIt` accepts an existing secret, the one to sign with first. If it accepts that one, no other is read.
   */
  some(isIt: (secret: string) => boolean): boolean;
  /** The secret to sign with; made when there is none. Throws `cannot-write` when there is no place for it. */
  needed(): string;
}

/** `home`: DIALTONE_HOME; null when there is none. `near`: the directory whose files are sealed. */
export function openSecrets(home: string | null, near: string): Secrets {
  const known = new Map<string, string>();
  const read = (place: string) => {
    const there = known.get(place) ?? readSecret(join(place, NAME));
    if (there !== null) known.set(place, there);
    return there;
  };
  const inHome = () => (home === null ? null : read(home));
  const elsewhere = () => {
    const place = placeOrNull(home, near);
    return place === null || place === home ? null : read(place);
  };
  return {
    some(isIt) {
      const own = inHome();
      if (own !== null && isIt(own)) return true;
      const other = elsewhere();
      return other !== null && isIt(other);
    },
    needed() {
      const first = inHome() ?? elsewhere();
      if (first !== null) return first;
      const place = privatePlace(home, near);
      try {
        makeSecret(place);
      } catch (error) {
        throw error instanceof DtError ? error : writeError(join(place, NAME), { cause: error });
      }
      const made = read(place);
      if (made !== null) return made;
      const path = join(place, NAME);
      throw new DtError("no-secret", `${path} exists, but you (uid ${process.geteuid?.()}) may not read it.`, {
        hint: `See whose it is (ls -l ${path}), or set DIALTONE_HOME to a directory of yours.`,
      });
    },
  };
}

/**
 * Makes a secret private again, after a restore, say. If others could write it they may have chosen it, so it is not a
 * secret: throws `open-secret`.
 */
function keepPrivate(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o022) !== 0) {
    throw new DtError(
      "open-secret",
      `${path} can be written by others (mode 0${(mode & 0o777).toString(8)}); expected 0600.`,
      {
        hint: `If no one else changed it: chmod 600 ${path}. Otherwise move it away: mv ${path} ${path}.old (dt then treats everything that runs as foreign).`,
      },
    );
  }
  if ((mode & 0o044) === 0) return;
  try {
    chmodSync(path, 0o600);
  } catch {
    // a read-only file system: others can read it, but write nothing there
  }
}

/** Throws `unsafe-file` as sys/door/door.ts does. */
function readOrNull(path: string): string | null {
  try {
    return readOwn(path).toString("latin1");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes(errnoOf(error) ?? "")) return null;
    throw error;
  }
}

/** Null when there is no private place at all. */
function placeOrNull(home: string | null, near: string): string | null {
  try {
    return privatePlace(home, near);
  } catch {
    return null;
  }
}

function makeSecret(place: string): void {
  makeDirectories(place);
  const text = `${Buffer.from(crypto.getRandomValues(new Uint8Array(BYTES))).toString("hex")}\n`;
  try {
    createWhole(join(place, NAME), { text });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error; // two processes made it at once: the first one's counts
  }
}

/** By path, what was read from a file that has not changed since: each store and each home directory asks for it. */
const lately = new Map<string, { text: string; mark: string }>();

/** Null when there is none, or this user may not read it. */
function readSecret(path: string): string | null {
  const mark = markOf(path);
  const known = lately.get(path);
  if (mark !== null && known?.mark === mark) return known.text;
  const text = readWhole(path);
  // A file that changed while it was read is read again the next time.
  if (text !== null && mark !== null) lately.set(path, { text, mark });
  return text;
}

/** Null when there is no such file; the read decides whether that is an error. */
function markOf(path: string): string | null {
  const stat = linkStatOf(path);
  return stat?.isFile() ? [stat.dev, stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs, stat.uid].join(" ") : null;
}

function isWhole(text: string): boolean {
  return text.length === DIGITS + 1 && text.endsWith("\n") && isHex(text.slice(0, DIGITS));
}

function isUnfinished(text: string): boolean {
  return text.length <= DIGITS && isHex(text);
}

/** Without a pattern: every call of dt reads a secret, and compiling a pattern takes longer than this. */
function isHex(text: string): boolean {
  for (const digit of text) if (!"0123456789abcdef".includes(digit)) return false;
  return true;
}

function readWhole(path: string): string | null {
  const deadline = performance.now() + UNFINISHED_MS;
  let text = readOrNull(path);
  while (text !== null && isUnfinished(text) && performance.now() < deadline) {
    Bun.sleepSync(UNFINISHED_LOOK_MS);
    text = readOrNull(path);
  }
  if (text === null) return null;
  if (isWhole(text)) {
    keepPrivate(path);
    return text.trimEnd();
  }
  throw new DtError("bad-secret", `${path} is not the secret that dt wrote: expected 64 hexadecimal digits.`, {
    hint: `Restore it, or move it away: mv ${path} ${path}.old (dt then treats everything that runs as foreign).`,
  });
}
