/**
 * Watches one evaluation, in the process that does nothing else: what it read, asked and did becomes what the cache is asked by. What the manifest's own
 * files and all that Babel transforms do is seen by what they call; a package that Bun loads itself by what it calls of changed objects, and by its imports.
 *
 * Known limits: what code made of text (`eval`) reaches by `import()`, and addons. Writing is not watched.
 */
import { isAbsolute } from "node:path";
import { readBytes } from "../../sys/plainfile.ts";
import { FILE_LIMIT } from "../hash.ts";
import { type EnvironmentWatch, watchEnvironment } from "./environment.ts";
import { watchFiles } from "./files.ts";
import { isUnseen, type Modules, plainName, watchModules } from "./modules.ts";
import { makeRecord } from "./record.ts";
import { watchWorld } from "./world.ts";

export interface Witness {
  /** A file that is transformed before it is run: its text becomes one that imports through here. */
  instrument(file: string, source: string, code: string): string;
  /** All that was seen, with the files that were loaded. */
  report(loaded: readonly string[]): Report;
}

export interface Report {
  envRead: Record<string, string | null>;
  seen: Record<string, string>;
  unknown: string | null;
}

/** Where transformed code finds its imports: a name that no manifest has. */
const DOOR = "__dialtone_witness__";

export function beginWatch(): Witness {
  const record = makeRecord();
  const environment: EnvironmentWatch = watchEnvironment();
  watchFiles(record);
  watchWorld(record);
  const modules = watchModules(record, environment.env);
  const transformed = new Set<string>();
  Object.defineProperty(globalThis, DOOR, { value: doorOf(modules), enumerable: false });
  // Bun would load these itself, with real modules; refused, jiti transforms them.
  Bun.plugin({
    name: "witness",
    setup(build) {
      build.onLoad({ filter: /^(?!.*\/node_modules\/).*\.[mc]?js$/ }, ({ path }) => {
        throw new Error(`${path} is transformed instead`);
      });
    },
  });
  return {
    instrument(file, source, code) {
      transformed.add(file);
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
        else if (/\.[mc]?[jt]sx?$/.test(file)) lookInto(file, record.cannotKnow, environment);
      }
      return { envRead: environment.read(), seen: record.seen(), unknown: record.unknown() };
    },
  };
}

/** What lies in node_modules is many files, replaced whole. */
export function isPackaged(file: string): boolean {
  return file.includes("/node_modules/");
}

function lookInto(file: string, cannotKnow: (what: string) => void, environment: EnvironmentWatch): void {
  try {
    const bytes = readBytes(file, FILE_LIMIT);
    if (bytes === null) return;
    const source = bytes.toString("utf8");
    environment.readSource(source);
    const loader = file.endsWith("x") ? "tsx" : "ts";
    for (const { path, kind } of new Bun.Transpiler({ loader }).scanImports(source))
      if (isUnseen(path, kind === "require-call")) cannotKnow(`uses ${plainName(path)} in ${file}`);
  } catch {
    cannotKnow(`holds ${file}, which cannot be looked into`);
  }
}

/** Rebinds what jiti hands to each module; after a directive, which counts at the beginning only. */
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
