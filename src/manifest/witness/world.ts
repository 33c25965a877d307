/** Watches what needs no import: randomness, the network and `Bun`; `time.ts` watches the clock. */
import { pathOf } from "./files.ts";
import type { Record as Witness } from "./record.ts";
import { type Clock, watchTime } from "./time.ts";
import { everyCall, noteAll, noting, put } from "./wrap.ts";

type Any = Record<string, unknown>;

const NETWORK = ["fetch", "WebSocket", "EventSource", "XMLHttpRequest", "Worker", "BroadcastChannel"];

/** Members of `Bun` whose results dt cannot check again. Those that only calculate are not listed. */
const BUN_UNKNOWN: Record<string, string> = {
  $: "runs a program",
  spawn: "runs a program",
  spawnSync: "runs a program",
  Terminal: "runs a program",
  WebView: "runs a program",
  build: "builds",
  FileSystemRouter: "reads a router's files",
  connect: "uses the network",
  listen: "uses the network",
  serve: "uses the network",
  udpSocket: "uses the network",
  SQL: "uses a database",
  sql: "uses a database",
  postgres: "uses a database",
  RedisClient: "uses a database",
  S3Client: "uses the network",
  FetchSession: "uses the network",
  nanoseconds: "reads the time",
  randomUUIDv7: "uses randomness",
  cron: "sets a schedule",
};

export function watchWorld(witness: Witness): void {
  const world = globalThis as unknown as Any;
  const clock = watchTime(witness);
  const chance = () => witness.cannotKnow("uses randomness");
  put(Math, "random", noting(Math.random, chance));
  for (const name of ["getRandomValues", "randomUUID"]) {
    const real = (crypto as unknown as Any)[name] as (...args: unknown[]) => unknown;
    put(crypto, name, noting(real.bind(crypto), chance));
  }
  for (const name of NETWORK) {
    const real = world[name];
    if (typeof real === "function")
      put(
        world,
        name,
        noting(real, () => witness.cannotKnow(name === "Worker" ? "starts a worker" : "uses the network")),
      );
  }
  watchBun(witness, { chance, clock });
}

function watchBun(witness: Witness, { chance, clock: { time, zone } }: { chance: () => void; clock: Clock }): void {
  const bun = Bun as unknown as Any;
  for (const [name, what] of Object.entries(BUN_UNKNOWN)) {
    const real = bun[name];
    if (typeof real === "function")
      put(
        bun,
        name,
        noting(real, () => witness.cannotKnow(what)),
      );
  }
  for (const name of ["redis", "s3", "secrets"])
    put(
      bun,
      name,
      everyCall(bun[name] as object, () => witness.cannotKnow("uses the network")),
    );
  put(
    Bun.cron,
    "parse",
    noting(Bun.cron.parse, ([, from]) => {
      zone();
      if (from === undefined) time();
    }),
  );
  put(bun, "CSRF", everyCall(Bun.CSRF, chance));
  put(bun.password as object, "hash", noting(Bun.password.hash, chance));
  put(bun.password as object, "hashSync", noting(Bun.password.hashSync, chance));
  noteAll(bun.dns as object, { into: bun.dns as object, note: () => witness.cannotKnow("uses the network") });
  put(
    bun,
    "mmap",
    noting(Bun.mmap, ([path]) => askContent(witness, path)),
  );
  const file = Bun.file;
  put(bun, "file", (...args: Parameters<typeof Bun.file>) => {
    const path = askContent(witness, args[0]);
    const made = file(...args);
    if (path !== null) watchTimes(made, { path, witness });
    return made;
  });
  put(
    bun,
    "which",
    noting(Bun.which, ([name, options]) => {
      const { PATH = process.env.PATH, cwd } = (options ?? {}) as { PATH?: string; cwd?: string };
      witness.ask(`which ${JSON.stringify({ name, options: { PATH, cwd: cwd ?? process.cwd() } })}`);
    }),
  );
  for (const name of ["resolve", "resolveSync"])
    put(
      bun,
      name,
      noting(bun[name] as object, ([specifier, from]) => witness.ask(`resolve ${JSON.stringify({ specifier, from })}`)),
    );
  put(bun, "Glob", watchedGlob(witness));
}

function askContent(witness: Witness, at: unknown): string | null {
  const path = at instanceof ArrayBuffer ? pathOf(new Uint8Array(at)) : pathOf(at);
  if (path !== null) witness.ask(`content ${path}`);
  return path;
}

/** A file's times count only when they are read. */
function watchTimes(file: Bun.BunFile, { path, witness }: { path: string; witness: Witness }): void {
  const stat = file.stat.bind(file);
  try {
    Object.defineProperty(file, "stat", {
      value: () => {
        witness.ask(`stat ${path}`);
        return stat();
      },
    });
    const { lastModified } = file;
    Object.defineProperty(file, "lastModified", {
      get: () => {
        witness.ask(`stat ${path}`);
        return lastModified;
      },
    });
  } catch {
    witness.ask(`stat ${path}`);
  }
}

function watchedGlob(witness: Witness): typeof Bun.Glob {
  const note = (pattern: string, given: string | Bun.GlobScanOptions | undefined) => {
    const options = typeof given === "string" ? { cwd: given } : { ...given };
    const cwd = pathOf(options.cwd ?? process.cwd());
    witness.ask(`glob ${JSON.stringify({ pattern, options: { ...options, cwd } })}`);
  };
  return new Proxy(Bun.Glob, {
    construct(target, args: [string], as) {
      const glob = Reflect.construct(target, args, as) as Bun.Glob;
      for (const name of ["scan", "scanSync"] as const) {
        const real = glob[name].bind(glob) as (options?: string | Bun.GlobScanOptions) => unknown;
        Object.defineProperty(glob, name, {
          value: (options?: string | Bun.GlobScanOptions) => {
            note(args[0], options);
            return real(options);
          },
        });
      }
      return glob;
    },
  });
}
