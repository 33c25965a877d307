/**
 * Manifests in TypeScript and JavaScript, evaluated by jiti with Babel embedded. `@dialtone/dt` is the module inside the
 * binary. Nothing is cached on disk: jiti's own cache lies in a shared directory and its content is executed.
 * Known limit: jiti gives `undefined` for a name a module does not export; thrown.ts says so when it is called.
 */
import { createJiti } from "jiti/static";
import { serveLocal } from "../plugin/serve.ts";
import { visible, visibleJson } from "../plugin/visible.ts";
import { within } from "../plugin/within.ts";
import { definePlugin } from "./define.ts";
import { IMPORT_EXTENSIONS } from "./extensions.ts";

/** All that src/index.ts exports: a manifest may import a file that a command runs, too. */
export const API = { definePlugin, serveLocal, visible, visibleJson, within };

function createLoader(file: string) {
  return createJiti(file, {
    alias: {},
    debug: false,
    extensions: IMPORT_EXTENSIONS,
    fsCache: false,
    interopDefault: false,
    jsx: false,
    moduleCache: true,
    nativeModules: [],
    rebuildFsCache: false,
    sourceMaps: false,
    transformModules: [],
    tryNative: false,
    tsconfigPaths: false,
    virtualModules: { "@dialtone/dt": API },
  });
}

export interface Evaluation {
  /** The default export, awaited when it is a promise; a CommonJS module's exports are its default. */
  run(): Promise<unknown>;
  /** Every file imported so far, itself included. */
  imported(): string[];
}

/** Prepares the evaluation of one file; Babel is warmed up so that what follows is the manifest's own doing. */
export function prepareEvaluation(file: string): Evaluation {
  const jiti = createLoader(file);
  jiti.transform({ source: "export {}", filename: file, ts: true, async: true });
  const before = new Set(Object.keys(jiti.cache));
  return {
    async run() {
      const module = await jiti.import<Record<string, unknown>>(file);
      const isModule = "default" in module || module.__esModule === true || isNamespace(module);
      return await (isModule ? module.default : module);
    },
    imported: () =>
      Object.keys(jiti.cache).filter(
        (path) => path.startsWith("/") && !path.startsWith("/$bunfs/") && !before.has(path),
      ),
  };
}

function isNamespace(module: object): boolean {
  return Object.prototype.toString.call(module) === "[object Module]";
}
