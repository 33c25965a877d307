/**
 * What dt gives to the commands it starts, each kind in a directory of its own. On PATH: `bun` (and `bunx`), the Bun inside this binary, and `dt`
 * and `dialtone.sh`, this very dt. On that Bun's NODE_PATH: the package `@dialtone/dt`, so that a plugin's programs import it with nothing
 * installed. `BUN_BE_BUN` is set by the first and taken away by the others, so that a dt started below a `bun` is a dt again.
 *
 * What lies here is executed. So a directory is used only when each file in it is, byte by byte, what this binary would write: one of the
 * places is in the project, where a stranger's clone may have put a directory of the right name.
 */
import { accessSync, constants, lstatSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "./digest.ts";
import { makeDirectories, writeWhole } from "./files.ts";
import packaged from "./module.json" with { type: "json" };
import { ownUid, takePrivate } from "./ownplace.ts";
import { readPlain } from "./plainfile.ts";

/** Makes the shims of this binary below the first of `places` where they can be made and run; null when there is none. */
export function ensureShims(places: Iterable<string>, self: readonly string[]): string | null {
  const module = filesOfPackage();
  const shims = shimsOf(self, module.name);
  for (const place of places) {
    const directory = join(place, "shims", shims.name);
    const modules = join(place, "modules", module.name);
    if (ensure(place, modules, module.files) && ensure(place, directory, shims.files)) return directory;
  }
  return null;
}

/** The directory of packages that goes with a directory of shims, for NODE_PATH. */
export function modulesOf(shims: string): string {
  return join(shims, "..", "..", "modules", filesOfPackage().name, "node_modules");
}

/** By their paths in the directory; its name is a digest of them. */
interface Contents {
  name: string;
  files: Record<string, File>;
}

interface File {
  text: string;
  mode: 0o644 | 0o755;
}

function ensure(place: string, directory: string, files: Contents["files"]): boolean {
  if (isUsable(directory, files)) return true;
  try {
    makeDirectories(place);
    // Root makes none in somebody else's home: what belongs to that user is not run, and what belonged to root would be in the way.
    if (statSync(place).uid !== ownUid()) return false;
    for (const own of [dirname(directory), directory]) takePrivate(own);
    for (const [name, file] of Object.entries(files)) writeFile(join(directory, name), file);
    return isUsable(directory, files);
  } catch {
    return false; // read-only, full or not to be trusted: the next place
  }
}

/** All there as it was written, on a file system that runs programs, and nobody else's to change. */
function isUsable(directory: string, files: Contents["files"]): boolean {
  try {
    if (!isOwn(dirname(directory)) || !isOwn(directory)) return false;
    return Object.entries(files).every(([name, file]) => {
      if (file.mode === 0o755) accessSync(join(directory, name), constants.X_OK);
      return isOnTheWay(directory, name) && holds(join(directory, name), file.text);
    });
  } catch {
    return false;
  }
}

function isOwn(directory: string): boolean {
  const stat = lstatSync(directory);
  return stat.isDirectory() && (stat.mode & 0o022) === 0 && (stat.uid === ownUid() || stat.uid === 0);
}

/** Each directory down to the file is one: what a link leads to may change after it was compared. */
function isOnTheWay(directory: string, name: string): boolean {
  const above = dirname(name);
  return lstatSync(join(directory, above)).isDirectory() && (above === "." || isOnTheWay(directory, above));
}

function holds(path: string, text: string): boolean {
  const there = readPlain(path, { most: Buffer.byteLength(text) });
  return there.is === "there" && there.value === text;
}

function writeFile(path: string, { text, mode }: File): void {
  if (holds(path, text)) return;
  makeDirectories(dirname(path));
  writeWhole(path, text, { mode });
}

function contents(files: Contents["files"]): Contents {
  return { name: sha256(JSON.stringify(files)).slice(0, 12), files };
}

function shimsOf(self: readonly string[], modules: string): Contents {
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
  return contents({
    bun: program(asBun(`${preload}\nexec ${bun} "$@"\n`)),
    bunx: program(asBun(`exec ${bun} x "$@"\n`)),
    dt: program(asDt),
    "dialtone.sh": program(asDt),
  });
}

const PACKAGE = "@dialtone/dt";

/** `bun test` is the one way to start Bun that does not look at NODE_PATH. A package that is installed comes first, as elsewhere. */
const PRELOAD = `import * as api from "./node_modules/${PACKAGE}/index.js";
try {
  Bun.resolveSync("${PACKAGE}", process.cwd());
} catch {
  Bun.plugin({ name: "${PACKAGE}", setup: (build) => build.module("${PACKAGE}", () => ({ exports: api, loader: "object" })) });
}
`;

function filesOfPackage(): Contents {
  const about = JSON.stringify({ name: PACKAGE, type: "module", exports: { ".": "./index.js" } });
  const plain = (text: string): File => ({ text, mode: 0o644 });
  return contents({
    "preload.js": plain(PRELOAD),
    [`node_modules/${PACKAGE}/package.json`]: plain(about),
    [`node_modules/${PACKAGE}/index.js`]: plain(packaged.text),
  });
}
