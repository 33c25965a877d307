/** The rules of ARCHITECTURE.md that a machine can hold, as functions from sources to sentences. */
import { type Import, importsOf, lineAt, type Source, withoutComments } from "./imports.ts";

/** A file imports its own folder and lower floors only. A folder that is not here is a decision to be made here. */
export const FLOORS: Readonly<Record<string, number>> = {
  commands: 5,
  daemon: 4,
  runners: 3,
  supervisor: 2,
  manifest: 1,
  state: 1,
  logs: 1,
  output: 1,
  compose: 1,
  plugin: 0,
  sys: 0,
};

/** The two files that stand in no folder, and what of src they may import. */
const ENTRIES: Readonly<Record<string, (target: string) => boolean>> = {
  "src/cli.ts": (target) => target !== "src/index.ts",
  "src/index.ts": (target) => /^src\/(manifest\/(types|define)|plugin\/\w+)\.ts$/.test(target),
};

/** Packages that cost milliseconds or megabytes; nothing that every call of dt loads may import them but by `import()`. */
const HEAVY = [
  "citty",
  "croner",
  "ignore",
  "consola",
  "jiti",
  "valibot",
  "@valibot/to-json-schema",
  "yaml",
  "smol-toml",
  "jsonc-parser",
];

/** Where heavy packages are at home: only the load child, a `handler` command, the schema's verb or the daemon itself gets there. */
export const HEAVY_MODULES = [
  "src/daemon/protocol.ts",
  "src/daemon/run.ts",
  "src/daemon/schedule.ts",
  "src/daemon/server.ts",
  "src/manifest/child.ts",
  "src/manifest/evaluate.ts",
  "src/manifest/handler.ts",
  "src/manifest/generate.ts",
  "src/manifest/judge.ts",
  "src/manifest/jsonschema.ts",
  "src/manifest/probe.ts",
  "src/manifest/restarts.ts",
  "src/manifest/schema.ts",
  "src/manifest/shape.ts",
  "src/manifest/target.ts",
  "src/manifest/validate.ts",
  "src/manifest/values.ts",
  "src/runners/handler.ts",
];

/** Sends the reader to the line. */
const at = (source: Source, line: number, sentence: string) => `${source.path}:${line} ${sentence}`;

function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** Imports inside `src`: down the floors, never sideways, never up, never out. */
export function checkFloors(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const folder = folderOf(source.path);
    const entry = ENTRIES[source.path];
    if (folder === undefined && entry === undefined)
      return [`${source.path} stands in no room: src holds cli.ts, index.ts and folders`];
    const floor = folder === undefined ? undefined : FLOORS[folder];
    if (folder !== undefined && floor === undefined) return [`${source.path}: the folder src/${folder} is on no floor`];
    return importsOf(source).flatMap(({ target, relative, line }) => {
      if (!relative) return [];
      if (!target.startsWith("src/")) return [at(source, line, `imports ${target}, which is outside of src`)];
      if (target in ENTRIES) return [at(source, line, `imports ${target}, which is for others`)];
      if (entry !== undefined) return entry(target) ? [] : [at(source, line, `imports ${target}, which is not for it`)];
      const other = folderOf(target) ?? "";
      const below = FLOORS[other];
      if (other === folder || (below !== undefined && floor !== undefined && below < floor)) return [];
      return [at(source, line, `(floor ${floor}) imports ${target} (floor ${below ?? "none"})`)];
    });
  });
}

/** Packages: what the binary is made of is declared as a dependency, and only that. */
export function checkPackages(sources: readonly Source[], dependencies: readonly string[]): string[] {
  const used = new Set<string>();
  const wrong = sources.flatMap((source) =>
    importsOf(source).flatMap(({ target, relative, line }) => {
      if (relative || isBuiltin(target)) return [];
      used.add(packageOf(target));
      return dependencies.includes(packageOf(target))
        ? []
        : [at(source, line, `imports ${target}, which is not a dependency`)];
    }),
  );
  return [
    ...wrong,
    ...dependencies.filter((name) => !used.has(name)).map((name) => `package.json: nothing in src imports ${name}`),
  ];
}

/** No module outside HEAVY_MODULES reaches a heavy package through static imports, however long the way. */
export function checkLazy(sources: readonly Source[]): string[] {
  const all = staticImportsOf(sources);
  const isHeavy = ({ target, relative }: Import) => !relative && HEAVY.includes(packageOf(target));
  const missing = HEAVY_MODULES.filter((path) => !all.has(path)).map(
    (path) => `${path} is in HEAVY_MODULES and not there`,
  );
  const wrong = sources.flatMap((source) => {
    if (HEAVY_MODULES.includes(source.path)) return [];
    const way = wayTo(isHeavy, source.path, all, new Set());
    return way === undefined ? [] : [`${source.path} loads ${way.join(" -> ")} at once: use import()`];
  });
  return [...missing, ...wrong];
}

/** What the calls that people wait for most do not load at once: the file that each begins with, and what is not to be reached from it. */
export const LIGHT: Readonly<Record<string, readonly string[]>> = {
  "src/commands/context.ts": ["src/state/store.ts", "src/supervisor/environment.ts", "src/supervisor/tree.ts"],
  "src/commands/ps.ts": ["src/supervisor/drift.ts", "src/supervisor/stack.ts"],
  "src/runners/exec.ts": [
    "src/supervisor/prepare.ts",
    "src/supervisor/stack.ts",
    "src/supervisor/port.ts",
    "src/logs/open.ts",
  ],
  "src/runners/service.ts": ["src/supervisor/host.ts", "src/supervisor/start.ts", "src/supervisor/prepare.ts"],
  "src/supervisor/hosted.ts": ["src/manifest/known.ts", "src/sys/pattern/pattern.ts", "src/state/unsealed.ts"],
};

export function checkLight(
  sources: readonly Source[],
  light: Readonly<Record<string, readonly string[]>> = LIGHT,
): string[] {
  const all = staticImportsOf(sources);
  return Object.entries(light).flatMap(([path, unwanted]) => {
    const missing = [path, ...unwanted]
      .filter((name) => !all.has(name))
      .map((name) => `${name} is in LIGHT and not there`);
    const way = wayTo(({ target }) => unwanted.includes(target), path, all, new Set());
    return way === undefined ? missing : [...missing, `${path} loads ${way.join(" -> ")} at once: use import()`];
  });
}

function staticImportsOf(sources: readonly Source[]): ReadonlyMap<string, readonly Import[]> {
  return new Map(sources.map((source) => [source.path, importsOf(source).filter(({ how }) => how === "static")]));
}

function wayTo(
  isIt: (one: Import) => boolean,
  path: string,
  all: ReadonlyMap<string, readonly Import[]>,
  seen: Set<string>,
): string[] | undefined {
  if (seen.has(path)) return undefined;
  seen.add(path);
  for (const one of all.get(path) ?? []) {
    if (isIt(one)) return [one.target];
    const rest = one.relative ? wayTo(isIt, one.target, all, seen) : undefined;
    if (rest !== undefined) return [one.target, ...rest];
  }
  return undefined;
}

/** What `dt init` copies is text that nobody else has use for: only that verb imports it, and the verb is loaded when it is run. */
export function checkStart(sources: readonly Source[]): string[] {
  return sources.flatMap((source) =>
    importsOf(source).flatMap(({ target, how, line }) => {
      const own = source.path.startsWith(START) || STARTERS.includes(source.path);
      const early = target.startsWith(START) && !own;
      return early || (target === STARTERS[0] && how === "static")
        ? [at(source, line, `loads ${target}, which is for dt init alone`)]
        : [];
    }),
  );
}

const START = "src/manifest/start/";
const STARTERS = ["src/commands/init.ts", "src/manifest/generate.ts"];

interface Ban {
  pattern: RegExp;
  sentence: string;
  /** The files where it is right. */
  except: readonly string[];
}

const BANS: readonly Ban[] = [
  { pattern: /\bprocess\.(exit|reallyExit|abort)\(/g, sentence: "ends the process", except: ["src/cli.ts"] },
  {
    pattern: /\bprocess\.(stdout|stderr|stdin)\b/g,
    sentence:
      "touches process.stdout, .stderr or .stdin, which costs 7 ms and changes the shared pipe: use sys/stdio.ts",
    // Guards the streams that a handler's own code touches; loaded only when one runs.
    except: ["src/sys/standard.ts"],
  },
  {
    pattern: /\bconsole\.\w+\(/g,
    sentence: "uses console: use sys/stdio.ts or output/talk.ts",
    // The server of a plugin runs in a process of the plugin's own.
    except: ["src/manifest/child.ts", "src/manifest/generate.ts", "src/plugin/serve.ts"],
  },
  {
    pattern: /\bopenPatiently\(/g,
    sentence: "writes bytes as they are, past the filter of sys/visible.ts",
    // A command's own output, shown as it comes.
    except: ["src/runners/screen.ts", "src/runners/shown.ts", "src/sys/patient.ts"],
  },
  {
    pattern: /\b(writeBytes|printBytes)\(/g,
    sentence:
      "writes bytes as they are, past the filter of sys/visible.ts: text goes through print, writeText or output/talk.ts",
    // What a command itself wrote: its log, shown or followed, and a stack's containers. The cursor of a table drawn in place, `\r` in a raw
    // terminal, and the marks of a CI's log, around text that was made visible.
    except: [
      "src/commands/jobs.ts",
      "src/commands/logs.show.ts",
      "src/compose/follow.ts",
      "src/output/talk.ts",
      "src/runners/attach.ts",
      "src/runners/capture.ts",
      "src/runners/onterminal.ts",
      "src/runners/progress.ts",
      "src/runners/screen.ts",
      "src/runners/shown.ts",
      "src/sys/patient.ts",
      "src/sys/stdio.ts",
    ],
  },
  {
    pattern: /\bwriteSync\(/g,
    sentence: "writes to a descriptor: a standard stream is written by sys/stdio.ts",
    // Files, pipes and terminals of the command's own.
    except: ["src/sys/*", "src/supervisor/captured.ts", "src/supervisor/hostterminal.ts", "src/plugin/within.ts"],
  },
  {
    pattern: /\\(x1b|u001b|x9b|u009b|033)\[/gi,
    sentence: "writes a sequence for a terminal: colours come from paint (sys/visible.ts makes them)",
    // Marks and measures of dt's own; what a program's output holds.
    except: [
      "src/logs/modes.ts",
      "src/output/ci.ts",
      "src/output/logline.ts",
      "src/output/quoted.ts",
      "src/output/table.ts",
      "src/runners/progress.ts",
      "src/sys/visible.ts",
    ],
  },
  {
    // A question would hang a CI for ever. Bun has these as globals.
    pattern: /(?<![\w.])(prompt|confirm|alert)\(/g,
    sentence: "asks somebody: dt never waits for a person",
    except: [],
  },
  {
    pattern: /\bprocess\.kill\(/g,
    sentence: "sends a signal to a pid: signals go through the process table, which compares identities",
    // The load child and its parent: a process that was not yet reaped, and its group. A signal that came, again to oneself. Signal 0, a question.
    except: [
      "src/manifest/child.ts",
      "src/manifest/load.ts",
      "src/runners/cancelling.ts",
      "src/runners/interruption.ts",
      "src/sys/files.ts",
      "src/sys/typing.ts",
    ],
  },
  {
    pattern: /\b(writeFileSync|appendFileSync|createWriteStream|Bun\.write)\(/g,
    sentence: "writes a file in place: use sys/files.ts, which writes it whole and renames",
    // What the repository's own generator writes, a `.gitignore` that is created or left alone, and who holds a lock, in the locked file.
    except: ["src/commands/generate.ts", "src/manifest/generate.ts", "src/supervisor/portclaim.ts", "src/sys/paths.ts"],
  },
  {
    pattern: /\b(rename|unlink|link|symlink|rm|rmdir|mkdir|chmod|copyFile|truncate)Sync\(/g,
    sentence:
      "changes a directory by a path, which a link on the way leads elsewhere: use sys/files.ts or sys/descend.ts",
    // Directories of the user's own (DIALTONE_HOME, a service's, a temporary one), what `dt init` writes, and what plugins use.
    except: [
      "src/sys/*",
      "src/daemon/log.ts",
      "src/daemon/run.ts",
      "src/daemon/unit/service.ts",
      "src/manifest/load.ts",
      "src/manifest/start/write.ts",
      "src/plugin/way.ts",
      "src/plugin/within.ts",
      "src/supervisor/restart.ts",
      "src/supervisor/endstack.ts",
    ],
  },
  { pattern: /^(export )?(let|var) /gm, sentence: "has a variable at module level", except: [] },
  { pattern: /\bprocess\.platform\b/g, sentence: "branches by platform above sys", except: ["src/sys/*"] },
  {
    pattern: /\bBun\.(env|stdout|stderr|stdin)\b/g,
    sentence: "goes around the edge: take env as an argument, write by sys/stdio.ts",
    except: ["src/sys/stdio.ts"],
  },
  {
    pattern: /\bprocess\.env\b/g,
    sentence: "reads the environment: it is read in cli.ts and handed down",
    // These run the author's code inside dt and set up the environment it sees; or compare with the bytes dt was started with.
    except: ["src/cli.ts", "src/manifest/witness/*", "src/runners/handler.ts", "src/sys/raw.ts"],
  },
  {
    pattern: /\bBun\.spawn\(/g,
    sentence: "starts a child that loses bytes and, where SIGCHLD is ignored, its exit status: use sys/bunspawn.ts",
    except: ["src/sys/bunspawn.ts"],
  },
];

export function checkBans(sources: readonly Source[], bans: readonly Ban[] = BANS): string[] {
  return sources.flatMap((source) => {
    const code = withoutComments(source.text);
    return bans.flatMap(({ pattern, sentence, except }) => {
      if (
        except.some(
          (path) => path === source.path || (path.endsWith("/*") && source.path.startsWith(path.slice(0, -1))),
        )
      )
        return [];
      return [...code.matchAll(pattern)].map((match) => at(source, lineAt(code, match.index), sentence));
    });
  });
}

/** Files named types.ts leave nothing behind when compiled. */
export function checkTypesOnly(sources: readonly Source[]): string[] {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  return sources.flatMap(({ path, text }) => {
    if (!path.endsWith("/types.ts")) return [];
    return transpiler
      .transformSync(text)
      .replace(/export\s*\{\s*\};?/g, "")
      .trim() === ""
      ? []
      : [`${path} holds more than types`];
  });
}

/** Packages that a plugin of this repository is made with, each told in ARCHITECTURE.md. */
const OF_PLUGINS: Readonly<Record<string, readonly string[]>> = { "plugins/dag/": ["@dagrejs/dagre"] };

/** Plugins and manifests know of dt what a stranger's would: `@dialtone/dt`, built-ins and their own files. */
export function checkStrangers(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const own = /^(plugins\/[^/]+|manifests)\//.exec(source.path)?.[0] ?? source.path;
    return importsOf(source).flatMap(({ target, relative, line }) => {
      const fine = relative
        ? target.startsWith(own)
        : target === "@dialtone/dt" || isBuiltin(target) || OF_PLUGINS[own]?.includes(packageOf(target));
      return fine ? [] : [at(source, line, `imports ${target}`)];
    });
  });
}

function packageOf(target: string): string {
  return target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/");
}

function isBuiltin(target: string): boolean {
  return target === "bun" || /^(node|bun):/.test(target);
}
