/**
 * Evaluates TypeScript and JavaScript manifests with jiti, which embeds Babel. `@dialtone/dt` resolves to the module
 * inside the binary. Nothing is cached on disk: jiti's own cache is in a shared directory, and its content is executed.
 * Known limit: jiti gives `undefined` for a name that a module does not export; thrown.ts explains it when it is
 * called.
 */
import { realpathSync } from "node:fs";
import { createJiti } from "jiti/static";
import { serveLocal } from "../../plugin/serve.ts";
import { visible, visibleJson } from "../../plugin/visible.ts";
import { within } from "../../plugin/within.ts";
import { IMPORT_EXTENSIONS } from "../imports/extensions.ts";
import { definePlugin } from "../model/define.ts";
import { type Dependencies, NOTHING_SEEN } from "../model/outcome.ts";
import type { Witness } from "../witness/watch.ts";

/** Everything that src/index.ts exports, since a manifest may import a file that is also a command's program. */
export const API = { definePlugin, serveLocal, visible, visibleJson, within };

type Transform = NonNullable<NonNullable<Parameters<typeof createJiti>[1]>["transform"]>;

function createLoader(file: string, transform?: Transform) {
  return createJiti(file, {
    ...(transform === undefined ? {} : { transform }),
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
  /** The default export, awaited if it is a promise; for a CommonJS module, its exports. */
  run(): Promise<unknown>;
  /** Every file imported so far, the manifest included, and what the witness saw. */
  report(): Dependencies;
}

/**
 * Prepares the evaluation of one file. Babel is warmed up first, so whatever happens later is the manifest's own doing.
 * A witness is for the load child only.
 */
export function prepareEvaluation(manifest: string, beginWatch?: () => Witness): Evaluation {
  // As in Node, imports of a linked file are resolved from the link's target.
  const file = realpathSync(manifest);
  const plain = createLoader(file);
  plain.transform({ source: "export {}", filename: file, ts: true, async: true });
  const before = new Set(Object.keys(plain.cache));
  const witness = beginWatch?.();
  const jiti =
    witness === undefined
      ? plain
      : createLoader(file, (options) => {
          const code = plain.transform(options);
          return { code: witness.instrument(options.filename ?? file, options.source, code) };
        });
  const imported = () =>
    Object.keys(jiti.cache).filter((path) => path.startsWith("/") && !path.startsWith("/$bunfs/") && !before.has(path));
  return {
    async run() {
      const module = await jiti.import<unknown>(file);
      if (typeof module !== "object" || module === null) return module;
      const isModule =
        "default" in module || (module as { __esModule?: unknown }).__esModule === true || isNamespace(module);
      return await (isModule ? (module as { default?: unknown }).default : module);
    },
    report() {
      const files = imported();
      return { ...NOTHING_SEEN, ...witness?.report(files), imported: files };
    },
  };
}

function isNamespace(module: object): boolean {
  return Object.prototype.toString.call(module) === "[object Module]";
}
