/**
 * Watches one evaluation, in a process that does nothing else. What it read, asked and did becomes the questions by
 * which the cache checks its outcome. For the manifest's own files, and all others that Babel transforms, the calls
 * they make are seen. For a package that Bun itself loads, only its calls to changed objects are seen, and the imports
 * in its text.
 *
 * Known limits: modules that code made from text (`eval`) imports with `import()`, and addons. Writing is not watched.
 */
import { isAbsolute } from "node:path";
import { readBytes } from "../../sys/files/plainfile.ts";
import { FILE_LIMIT } from "../model/hash.ts";
import { type EnvironmentWatch, watchEnvironment } from "./environment.ts";
import { watchFiles } from "./files.ts";
import { isUnseen, type Modules, plainName, watchModules } from "./modules.ts";
import { makeWitnessRecord } from "./record.ts";
import { watchWorld } from "./world.ts";
import { noting, put } from "./wrap.ts";

export interface Witness {
  /** Called for each file that Babel transforms; returns code that imports through this witness. */
  instrument(file: string, source: string, code: string): string;
  /** Everything that was seen, including the loaded files. */
  report(loaded: readonly string[]): WitnessReport;
}

export interface WitnessReport {
  envRead: Record<string, string | null>;
  seen: Record<string, string>;
  unknown: string | null;
}

/** The global through which transformed code imports; no manifest uses this name. */
const DOOR = "__dialtone_witness__";

export function beginWatch(): Witness {
  const record = makeWitnessRecord();
  const environment: EnvironmentWatch = watchEnvironment();
  watchFiles(record);
  watchWorld(record);
  const modules = watchModules(record, environment.env);
  const transformed = new Set<string>();
  Object.defineProperty(globalThis, DOOR, { value: doorOf(modules), enumerable: false });
  const refusals = refuseToJiti();
  return {
    instrument(file, source, code) {
      transformed.add(file);
      refusals.settle(file);
      environment.readSource(source);
      if (/\bBun\s*(?:\?\.|\.)\s*(?:fetch|ModuleGraph|plugin)\b/.test(source)) record.cannotKnow("uses the network");
      return intoDoor(code);
    },
    report(loaded) {
      for (const file of loaded) {
        if (!isAbsolute(file) || file.startsWith("/$bunfs/")) continue;
        if (isPackaged(file)) record.ask(`mark ${file}`);
        else record.ask(`content ${file}`);
        if (transformed.has(file)) continue;
        if (file.endsWith(".node")) record.cannotKnow("loads an addon");
        else if (/\.[mc]?[jt]sx?$/.test(file)) lookInto(file, { cannotKnow: record.cannotKnow, environment });
      }
      return { envRead: environment.read(), seen: record.seen(), unknown: record.unknown() };
    },
  };
}

/**
 * Makes jiti transform the project's ES modules. Otherwise jiti would have Bun load them, with the real built-in
 * modules; when Bun refuses, jiti transforms them. jiti reads each file just before, which marks its request; any other
 * importer, such as a package, gets the module from Bun. A CommonJS file is left to Bun, since in jiti's version it has
 * no default export; its imports are inspected, as a package's are.
 */
function refuseToJiti(): { settle(file: string): void } {
  const read = new Set<string>();
  const known = new Set<string>();
  const refuse = (path: string) => {
    if (known.has(path)) return;
    known.add(path);
    Bun.plugin({
      name: "witness",
      setup(build) {
        build.onLoad({ filter: new RegExp(`^${RegExp.escape(path)}$`) }, () => {
          if (read.delete(path)) throw new Error(`${path} is transformed instead`);
          return { contents: readBytes(path, FILE_LIMIT)?.toString("utf8") ?? "", loader: "js" };
        });
      },
    });
  };
  const fs = require("node:fs") as typeof import("node:fs");
  put(
    fs,
    "readFileSync",
    noting(fs.readFileSync, ([path, how]) => {
      if (how !== "utf8" || typeof path !== "string" || !/\.m?js$/.test(path) || isPackaged(path)) return;
      if (!isModule(path)) return;
      read.add(path);
      refuse(path);
    }),
  );
  return { settle: (file) => void read.delete(file) };
}

function isModule(path: string): boolean {
  if (path.endsWith(".mjs")) return true;
  try {
    const { imports, exports } = new Bun.Transpiler({ loader: "js" }).scan(readBytes(path, FILE_LIMIT) ?? "");
    return exports.length > 0 || imports.some(({ kind }) => kind === "import-statement");
  } catch {
    return false;
  }
}

/** Files in node_modules are many, and are replaced as a whole. */
export function isPackaged(file: string): boolean {
  return file.includes("/node_modules/");
}

function lookInto(
  file: string,
  { cannotKnow, environment }: { cannotKnow: (what: string) => void; environment: EnvironmentWatch },
): void {
  try {
    const bytes = readBytes(file, FILE_LIMIT);
    if (bytes === null) return;
    const source = bytes.toString("utf8");
    environment.readSource(source);
    const loader = file.endsWith("x") ? "tsx" : "ts";
    for (const { path, kind } of new Bun.Transpiler({ loader }).scanImports(source))
      if (isUnseen(path, kind === "require-call")) cannotKnow(`uses ${plainName(path)} in ${file}`);
  } catch {
    cannotKnow(`imports ${file}, which cannot be inspected`);
  }
}

/**
 * Rebinds the import functions that jiti passes to each module, after a directive, which counts only at the beginning.
 */
function intoDoor(code: string): string {
  const directive = /^\s*(["'])use strict\1;?/.exec(code)?.[0] ?? "";
  return `${directive};[jitiImport,require]=${DOOR}(jitiImport,require);${code.slice(directive.length)}`;
}

type Import = (id: string, ...rest: unknown[]) => Promise<unknown>;
type Require = (id: string) => unknown;

function doorOf({ imported, required }: Modules) {
  return (doImport: Import, doRequire: Require): [Import, Require] => [
    async (id, ...rest) => imported(id) ?? doImport(id, ...rest),
    new Proxy(doRequire, {
      apply: (target, self, args: [string]) => required(args[0]) ?? Reflect.apply(target, self, args),
    }),
  ];
}
