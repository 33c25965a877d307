/**
 * Records which variables an evaluation reads. `process.env` is replaced by a proxy that records. `Bun.env` cannot be
 * replaced, so the source text decides: a variable that it reads by name counts; any other use of `Bun.env` counts as
 * reading all variables.
 */
import { variableNamesOf } from "../depends/digest.ts";
import { hashOf } from "../model/hash.ts";

type Environment = Record<string, string | undefined>;

/** Babel and jiti read these for every file; they count only if the source names them. */
const TOOLING = /^(?:NODE_ENV|FORCE_COLOR|NO_COLOR|(?:JITI|BABEL)_.*)$/;

/** dt itself sets these for the evaluation. */
const OWN = new Set(["DIALTONE_ROOT", "DIALTONE_LOADING"]);

export interface EnvironmentWatch {
  env(): object;
  /** Takes the text of a file that is part of the evaluation. */
  readSource(source: string): void;
  /** The variables read, with a hash of each value; null: not set. The name "" stands for the set of variable names. */
  read(): Record<string, string | null>;
}

export function watchEnvironment(): EnvironmentWatch {
  const real: Environment = process.env;
  // A variable that the evaluation itself sets is not part of what it depends on.
  const given = { ...real };
  const seen = new Set<string>();
  const sources: string[] = [];
  const note = (name: string | symbol) => {
    if (typeof name === "string") seen.add(name);
    return name;
  };
  const noteAll = () => {
    seen.add("");
    for (const name of Object.keys(given)) seen.add(name);
  };
  const watched = new Proxy(real, {
    get: (target, name) => Reflect.get(target, note(name)),
    has: (target, name) => Reflect.has(target, note(name)),
    getOwnPropertyDescriptor: (target, name) => Reflect.getOwnPropertyDescriptor(target, note(name)),
    ownKeys(target) {
      seen.add("");
      return Reflect.ownKeys(target);
    },
  });
  process.env = watched as NodeJS.ProcessEnv;
  return {
    env: () => watched,
    readSource(source) {
      sources.push(source);
      if (!/\bBun\b|\bimport\.meta\b/.test(source)) return;
      const plain = source.replace(NAMED, (_text, name: string | undefined, quoted: string | undefined) => {
        note(name ?? quoted ?? "");
        return "";
      });
      if (/\b(?:Bun|import\.meta)\s*(?:\?\.|\.)\s*env\b/.test(plain) || (ALIASED.test(plain) && /\benv\b/.test(plain)))
        noteAll();
    },
    read() {
      const hashes: Record<string, string | null> = {};
      for (const name of seen) {
        if (OWN.has(name) || (TOOLING.test(name) && !sources.some((source) => source.includes(name)))) continue;
        hashes[name] =
          name === "" ? hashOf(variableNamesOf(given)) : given[name] === undefined ? null : hashOf(given[name]);
      }
      return hashes;
    },
  };
}

/** `Bun.env.NAME` and `Bun.env["NAME"]`; `import.meta.env` is the same in files that Bun itself loads. */
const NAMED =
  /\b(?:Bun|import\.meta)\s*(?:\?\.|\.)\s*env\s*(?:(?:\?\.|\.)\s*([A-Za-z_$][\w$]*)|(?:\?\.)?\[\s*["']([^"'\n]+)["']\s*\])/g;

/** `Bun` used as a value, for example to destructure it. */
const ALIASED = /\b(?:Bun|import\.meta)\b(?!\s*(?:\?\.|\.)\s*[A-Za-z$])/;
