/**
 * The programs and the package that dt gives to the commands it starts, each kind in a directory of its own. On PATH:
 * `bun` and `bunx`, the Bun inside this binary; `dt` and `dialtone.sh`, this very dt. On that Bun's NODE_PATH: the
 * package `@dialtone/dt`, so that a plugin's programs can import it with nothing installed. The shims of Bun set
 * `BUN_BE_BUN` and those of dt unset it, so that a dt started below a `bun` is dt again.
 *
 * These files are executed. Outside DIALTONE_HOME a directory is used only when each of its files is, byte for byte,
 * what this binary would write: one of the places is in the project, where an untrusted clone may hold a directory of
 * the right name.
 */
import { accessSync, constants, lstatSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "../../sys/base/digest.ts";
import { writeWhole } from "../../sys/files/filewrite.ts";
import { makeDirectories } from "../../sys/files/makedirectories.ts";
import { readPlain } from "../../sys/files/plainfile.ts";
import { ownUid } from "../../sys/places/ownplace.ts";
import packaged from "./module.json" with { type: "json" };

/**
 * A directory, or a function that finds it when its turn comes; it throws when there is none or it cannot be trusted.
 */
export type ShimPlace = string | (() => string);

/**
 * Makes the shims of this binary below the first of `places` where they can be made and run; null when there is none.
 * `own` is the place that only the user writes to.
 */
export function ensureShims(
  places: readonly ShimPlace[],
  { self, own = null }: { self: readonly string[]; own?: string | null | undefined },
): string | null {
  const module = packageContents();
  const shims = shimContents(self, module.name);
  for (const one of places) {
    const place = typeof one === "string" ? one : foundOrNull(one);
    if (place === null) continue;
    const isOwn = place === own;
    const isMade = ensure(place, { directory: join("modules", module.name), files: module.files, isOwn });
    const directory = join("shims", shims.name);
    if (isMade && ensure(place, { directory, files: shims.files, isOwn })) return join(place, directory);
  }
  return null;
}

function foundOrNull(find: () => string): string | null {
  try {
    return find();
  } catch {
    return null;
  }
}

/** The directory of packages that belongs to a directory of shims, for NODE_PATH. */
export function modulesOf(shims: string): string {
  return join(shims, "..", "..", "modules", packageContents().name, "node_modules");
}

/** Files by their path in the directory; the directory's name is a digest of them. */
interface Contents {
  name: string;
  files: Record<string, File>;
}

interface File {
  text: string;
  mode: 0o644 | 0o755;
}

/** `directory` is relative to the place, which the caller has judged. */
function ensure(
  place: string,
  { directory, files, isOwn }: { directory: string; files: Contents["files"]; isOwn: boolean },
): boolean {
  if (isUsable(place, { directory, files, isOwn })) return true;
  try {
    makeDirectories(place);
    // Root makes none in another user's home: it runs no files of that user's, and files of its own would be in that
    // user's way.
    if (statSync(place).uid !== ownUid()) return false;
    for (const [name, file] of Object.entries(files)) writeFile(place, { path: join(directory, name), file });
    return isUsable(place, { directory, files, isOwn });
  } catch {
    return false; // read-only, full, or not what it should be
  }
}

/**
 * All there, on a file system that runs programs, and writable by no other user; outside `own` also as dt would write
 * it.
 */
function isUsable(
  place: string,
  { directory, files, isOwn }: { directory: string; files: Contents["files"]; isOwn: boolean },
): boolean {
  try {
    const stat = lstatSync(join(place, directory));
    if (!stat.isDirectory() || (stat.mode & 0o022) !== 0 || (stat.uid !== ownUid() && stat.uid !== 0)) return false;
    return Object.entries(files).every(([name, { text, mode }]) => {
      const path = join(directory, name);
      accessSync(join(place, path), mode === 0o755 ? constants.X_OK : constants.R_OK);
      return isOwn || (isReached(place, path) && holds(join(place, path), text));
    });
  } catch {
    return false;
  }
}

/** Through real directories only: a link's target may change after it was compared, and is not dt's to write to. */
function isReached(place: string, path: string): boolean {
  const above = dirname(path);
  return above === "." || (lstatSync(join(place, above)).isDirectory() && isReached(place, above));
}

function holds(path: string, text: string): boolean {
  const there = readPlain(path, { most: Buffer.byteLength(text) });
  return there.is === "there" && there.value === text;
}

function writeFile(place: string, { path, file: { text, mode } }: { path: string; file: File }): void {
  makeWay(place, dirname(path));
  if (holds(join(place, path), text)) return;
  writeWhole(join(place, path), { text, mode });
}

/** Throws when one of them is a link or anything else. */
function makeWay(place: string, path: string): void {
  if (path === ".") return;
  makeWay(place, dirname(path));
  const directory = join(place, path);
  if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  try {
    mkdirSync(directory, 0o700);
  } catch (error) {
    if (!lstatSync(directory).isDirectory()) throw error; // else another dt made it
  }
}

function shimContents(self: readonly string[], modules: string): Contents {
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const bun = quote(self[0] as string);
  const dt = self.map(quote).join(" ");
  const asBun = (last: string) => `#!/bin/sh
here=\${0%/shims/*}/modules/${modules}
case :$NODE_PATH: in *":$here/node_modules:"*) ;; *) NODE_PATH=\${NODE_PATH:+$NODE_PATH:}$here/node_modules ;; esac
BUN_BE_BUN=1
export BUN_BE_BUN NODE_PATH
${last}`;
  const preload = 'if [ "$1" = test ]; then shift; set -- test --preload "$here/preload.js" "$@"; fi';
  const asDt = `#!/bin/sh\nunset BUN_BE_BUN\nexec ${dt} "$@"\n`;
  const program = (text: string): File => ({ text, mode: 0o755 });
  const files = {
    bun: program(asBun(`${preload}\nexec ${bun} "$@"\n`)),
    bunx: program(asBun(`exec ${bun} x "$@"\n`)),
    dt: program(asDt),
    "dialtone.sh": program(asDt),
  };
  return { name: sha256(JSON.stringify(files)).slice(0, 12), files };
}

const PACKAGE = "@dialtone/dt";

/** `bun test` is the only way to start Bun that ignores NODE_PATH. An installed package comes first, as elsewhere. */
const PRELOAD = `import * as api from "./node_modules/${PACKAGE}/index.js";
try {
  Bun.resolveSync("${PACKAGE}", process.cwd());
} catch {
  Bun.plugin({ name: "${PACKAGE}", setup: (build) => build.module("${PACKAGE}", () => ({ exports: api, loader: "object" })) });
}
`;

function packageContents(): Contents {
  const about = JSON.stringify({ name: PACKAGE, type: "module", exports: { ".": "./index.js" } });
  const plain = (text: string): File => ({ text, mode: 0o644 });
  return {
    name: sha256(PRELOAD + about + packaged.digest).slice(0, 12),
    files: {
      "preload.js": plain(PRELOAD),
      [`node_modules/${PACKAGE}/package.json`]: plain(about),
      [`node_modules/${PACKAGE}/index.js`]: plain(packaged.text),
    },
  };
}
