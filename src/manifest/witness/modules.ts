/**
 * What a manifest gets when it imports a built-in module of the runtime. Modules that only calculate are passed on as
 * they are; in those that look at the machine, each function records its question; in all others, every call is noted.
 * A package that Bun itself loads gets the real modules, so the imports in its text decide (`watch.ts`).
 */
import { builtinModules } from "node:module";
import { dirname } from "node:path";
import { pathOf } from "./files.ts";
import type { Record as Witness } from "./record.ts";
import { watchedPerformance } from "./time.ts";
import { noteAll, noting, put } from "./wrap.ts";

type Any = Record<string, unknown>;

/** Modules that give the same answer to every caller at any time. */
const PURE = new Set(
  "assert assert/strict async_hooks buffer console constants diagnostics_channel events module path path/posix path/win32 punycode querystring readline readline/promises stream stream/consumers stream/promises stream/web string_decoder sys timers timers/promises tty url util util/types vm zlib".split(
    " ",
  ),
);

/** Modules whose own object is changed, so every `require` gets the changed one. */
const IN_PLACE = new Set(["fs", "fs/promises", "os", "crypto", "child_process"]);

const CHANCE = new Set(
  "randomBytes pseudoRandomBytes randomUUID randomUUIDv7 randomInt randomFill randomFillSync getRandomValues generateKey generateKeySync generateKeyPair generateKeyPairSync generatePrime generatePrimeSync".split(
    " ",
  ),
);

/**
 * Functions of `node:os`: MACHINE can be asked again, MOMENT cannot, FROM_ENVIRONMENT reads variables, the rest is
 * fixed.
 */
const MACHINE = new Set(
  "availableParallelism cpus hostname machine networkInterfaces release totalmem userInfo version".split(" "),
);
const MOMENT = new Set("freemem loadavg uptime getPriority".split(" "));
const FROM_ENVIRONMENT: Record<string, string[]> = { homedir: ["HOME"], tmpdir: ["TMPDIR", "TMP", "TEMP"] };

export function plainName(id: string): string | null {
  const name = id.replace(/^node:/, "");
  return id.startsWith("node:") || builtinModules.includes(name) || id === "bun" || id.startsWith("bun:") ? name : null;
}

/**
 * Whether a package whose text imports this module can do something unseen. `required`: by `require`, which gives the
 * changed object.
 */
export function isUnseen(id: string, required: boolean): boolean {
  const name = plainName(id);
  if (name === null || PURE.has(name)) return false;
  return !(required && (IN_PLACE.has(name) || name === "process"));
}

export interface Modules {
  /** As `import` gives it; null if it is not a module of the runtime. */
  imported(id: string): object | null;
  required(id: string): unknown;
}

export function watchModules(witness: Witness, env: () => object): Modules {
  const made = new Map<string, object>();
  const real = (name: string) => require(name) as Any;
  watchMachine(real("os"), witness);
  noteAll(real("crypto"), { into: real("crypto"), note: () => witness.cannotKnow("uses randomness"), only: CHANCE });
  noteAll(real("child_process"), { into: real("child_process"), note: () => witness.cannotKnow("runs a program") });
  const make = (id: string, name: string): object => {
    if (name === "process") return processModule(env);
    if (name === "bun") return bunModule(witness, env);
    if (id.startsWith("bun:")) {
      witness.cannotKnow(`imports ${id}`);
      return whole(real(id));
    }
    if (name === "perf_hooks") {
      const performance = watchedPerformance(real(name).performance as object, () =>
        witness.cannotKnow("reads the time"),
      );
      return whole({ ...real(name), performance });
    }
    if (PURE.has(name) || IN_PLACE.has(name)) return whole(real(name));
    const copy: Any = {};
    noteAll(real(id), { into: copy, note: () => witness.cannotKnow(`uses ${id}`) });
    if (typeof copy.promises === "object" && copy.promises !== null) {
      const promises: Any = {};
      noteAll(copy.promises, { into: promises, note: () => witness.cannotKnow(`uses ${id}`) });
      copy.promises = promises;
    }
    return whole(copy);
  };
  const imported = (id: string): object | null => {
    const name = typeof id === "string" ? plainName(id) : null;
    if (name === null) return null;
    const known = made.get(name);
    if (known !== undefined) return known;
    const fresh = make(id, name);
    made.set(name, fresh);
    return fresh;
  };
  const required = (id: string) => (imported(id) as { default?: unknown } | null)?.default;
  // Two other ways to get a module of the runtime, which leave no import in the text.
  const module = real("module") as { createRequire(from: string | URL): NodeJS.Require };
  const create = module.createRequire.bind(module);
  put(module, "createRequire", (from: string | URL) =>
    watchedRequire(create(from), { place: from, required, witness }),
  );
  const builtin = process.getBuiltinModule.bind(process) as (id: string) => unknown;
  put(process, "getBuiltinModule", (id: string) => required(id) ?? builtin(id));
  return { imported, required };
}

function watchedRequire(
  from: NodeJS.Require,
  { place, required, witness }: { place: string | URL; required: Modules["required"]; witness: Witness },
): NodeJS.Require {
  const directory = dirname(pathOf(String(place).startsWith("file:") ? new URL(place) : place) ?? "/");
  const resolve = noting(from.resolve, ([specifier]) =>
    witness.ask(`resolve ${JSON.stringify({ specifier, from: directory })}`),
  );
  return new Proxy(from, {
    apply: (target, self, args: [string]) => required(args[0]) ?? Reflect.apply(target, self, args),
    get: (target, name) => (name === "resolve" ? resolve : Reflect.get(target, name, target)),
  });
}

function whole(module: Any): object {
  const copy: Any = {};
  for (const name of Object.keys(module)) put(copy, name, module[name]);
  return { ...copy, default: module };
}

function watchMachine(os: Any, witness: Witness): void {
  for (const name of Object.keys(os)) {
    const real = os[name];
    if (typeof real !== "function") continue;
    if (MACHINE.has(name))
      put(
        os,
        name,
        noting(real, () => witness.ask(`os ${name}`)),
      );
    else if (MOMENT.has(name))
      put(
        os,
        name,
        noting(real, () => witness.cannotKnow("asks how busy the machine is")),
      );
    else
      for (const variable of FROM_ENVIRONMENT[name] ?? []) {
        const before = os[name] as object;
        put(
          os,
          name,
          noting(before, () => void process.env[variable]),
        );
      }
  }
}

/** A proxy and not a copy: `process` creates its streams when they are first read. */
function processModule(env: () => object): object {
  return new Proxy(process, {
    get: (target, name) => (name === "env" ? env() : name === "default" ? target : Reflect.get(target, name, target)),
  });
}

/** A copy of `Bun`, with the members replaced that cannot be changed on the real one. */
function bunModule(witness: Witness, env: () => object): object {
  const copy: Any = {};
  for (const name of Object.keys(Bun))
    if (name !== "env" && name !== "fetch")
      Object.defineProperty(copy, name, { get: () => (Bun as unknown as Any)[name], enumerable: true });
  put(copy, "env", env());
  put(
    copy,
    "fetch",
    noting(Bun.fetch, () => witness.cannotKnow("uses the network")),
  );
  return Object.defineProperty(copy, "default", { value: copy, enumerable: true });
}
