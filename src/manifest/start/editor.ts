/**
 * What an editor, tsc and `bun check` need when nothing is installed: the types of `@dialtone/dt` beside the manifests,
 * and a tsconfig.json in each folder that dt writes to, so the project's own has no effect there and need not change.
 */
import { existsSync, lstatSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { readPlain } from "../../sys/files/plainfile.ts";
import type { NewFile } from "./types.ts";

/** Far more than such a file holds. */
export const MOST_READ = { most: 1024 * 1024 };

export const TYPES_FILE = "manifests/dialtone.d.ts";

/** The first line of a types file, by which dt recognizes its own. */
const MARK =
  "// The types of @dialtone/dt, for editors and tsc. Written by `dt init`, which also brings this file up to date.";

const BUN_TYPES = `// Declares the names that Bun provides, so an editor and \`bun check\` know them when nothing is installed.
// To get their types, install @types/bun, write "types": ["bun"] in tsconfig.json, and remove this file.
declare module "bun:test";
declare var Bun: any;
`;

/** The types as a file that needs no configuration: it declares the module `@dialtone/dt`. */
export function typesFile(declarations: string): NewFile {
  const indented = declarations.replace(/^(?=.)/gm, "  ");
  return { path: TYPES_FILE, text: `${MARK}\ndeclare module "@dialtone/dt" {\n${indented}}\n` };
}

export function isOwnTypesFile(text: string): boolean {
  return text.startsWith(MARK);
}

/** The files that the folder of manifests still lacks. */
export function filesForManifests(root: string, declarations: string): NewFile[] {
  if (isConfigured(root)) return [];
  const types = isInstalled(root, "@dialtone/dt") ? [] : [typesFile(declarations)];
  return (
    [tsconfig("manifests", { types: null }), ...types]
      // A link or the like stays in the plan, so the plan is refused.
      .filter(({ path }) => !isPlainFile(root, path))
      .map((file) => ({ ...file, shared: true }))
  );
}

export function isPlainFile(root: string, path: string): boolean {
  return lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * The files for the folder of a new plugin: a tsconfig.json that includes the types of `@dialtone/dt` beside the
 * manifests, and a declaration of Bun's names unless Bun's types are installed.
 */
export function filesForPlugin(root: string, folder: string): NewFile[] {
  if (isConfigured(root)) return [];
  const include = ["**/*", join(relative(folder, "."), TYPES_FILE)];
  if (isInstalled(root, "@types/bun")) return [tsconfig(folder, { types: "bun", include })];
  return [tsconfig(folder, { types: null, include }), { path: `${folder}/bun.d.ts`, text: BUN_TYPES }];
}

function tsconfig(
  folder: string,
  { types, include = null }: { types: string | null; include?: string[] | null | undefined },
): NewFile {
  const compilerOptions = {
    target: "ESNext",
    module: "preserve",
    lib: ["ESNext", "DOM"],
    ...(types === null ? {} : { types: [types] }),
    strict: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    noEmit: true,
  };
  return {
    path: `${folder}/tsconfig.json`,
    text: `${JSON.stringify({ compilerOptions, ...(include === null ? {} : { include }) }, null, 2)}\n`,
  };
}

/** Whether the project's own tsconfig.json maps `@dialtone/dt`; then it is meant for the manifests too. */
function isConfigured(root: string): boolean {
  const text = readPlain(join(root, "tsconfig.json"), { ...MOST_READ, followLinks: true });
  return text.is === "there" && text.value.includes('"@dialtone/dt"');
}

/**
 * The top directory of the git checkout that holds the directory; null outside a checkout. A worktree's `.git` is a
 * file.
 */
export function topOfCheckout(directory: string): string | null {
  return ancestors(directory).find((place) => existsSync(join(place, ".git"))) ?? null;
}

function isInstalled(root: string, name: string): boolean {
  return ancestors(root).some((place) => existsSync(join(place, "node_modules", name, "package.json")));
}

/** The directory itself and all above it, nearest first. */
function ancestors(directory: string): string[] {
  const above = dirname(directory);
  return above === directory ? [directory] : [directory, ...ancestors(above)];
}
