/** The rules of ARCHITECTURE.md that a machine can hold, as functions from sources to sentences. */
import { type Import, importsOf, lineAt, type Source, withoutComments } from "./imports.ts";

/** A room imports itself and rooms on lower floors. A folder that is not here is a decision to be made here. */
export const FLOORS: Readonly<Record<string, number>> = {
  commands: 6,
  daemon: 5,
  runners: 4,
  inspect: 4,
  jobs: 4,
  supervisor: 3,
  manifest: 2,
  state: 2,
  logs: 2,
  output: 2,
  compose: 2,
  values: 1,
  plugin: 0,
  sys: 0,
};

/**
 * Within a room the same: sub-rooms on floors, the lowest first; those of one floor are strangers to each other. `.` is the files that stand
 * in the room itself. A room that is not here has no sub-rooms.
 */
export const SUBFLOORS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  sys: [
    ["base"],
    ["ffi", "text"],
    ["door"],
    ["files", "process", "pattern"],
    ["places", "stdio", "kernel", "inherit"],
    ["seal", "spawn", "net", "match"],
    ["lock", "terminal", "watch"],
    ["capture"],
  ],
  manifest: [
    ["model"],
    ["imports", "schema"],
    ["discover", "resolve"],
    ["depends"],
    ["witness", "start"],
    ["load"],
    ["cache"],
    ["."],
  ],
  supervisor: [
    ["launch"],
    ["ground"],
    ["tree", "ticket", "terminal"],
    ["port", "task"],
    ["probe", "prepare", "end"],
    ["oneshot"],
    ["start"],
    ["run"],
    ["watch"],
    ["host"],
    ["callers"],
    ["hosts"],
  ],
  inspect: [["."], ["why", "doctor"]],
  runners: [["parts"], ["terminal", "oneshot"], ["managed"]],
  daemon: [["socket"], ["roots", "unit"], ["."]],
  commands: [
    ["context"],
    ["parse"],
    ["names"],
    ["root"],
    ["logs", "daemon", "doctor", "gc", "restart", "run", "stop", "watch", "why"],
    ["verbs"],
    ["."],
  ],
};

/** The two files that stand in no folder, and what of src they may import. */
const ENTRIES: Readonly<Record<string, (target: string) => boolean>> = {
  "src/cli.ts": (target) => target !== "src/index.ts",
  "src/index.ts": (target) => /^src\/(manifest\/model\/(types|define)|plugin\/\w+)\.ts$/.test(target),
};

/**
 * Packages that cost milliseconds or megabytes; nothing that every call of dt loads may import them but by `import()`.
 */
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

/**
 * Where heavy packages are at home: only the load child, a `handler` command, the schema's verb or the daemon itself
 * gets there.
 */
export const HEAVY_MODULES = [
  "src/daemon/socket/protocol.ts",
  "src/daemon/reach.ts",
  "src/daemon/run.ts",
  "src/daemon/schedule.ts",
  "src/daemon/socket/server.ts",
  "src/daemon/status.ts",
  "src/manifest/load/child.ts",
  "src/manifest/load/evaluate.ts",
  "src/manifest/load/handler.ts",
  "src/manifest/load/judge.ts",
  "src/manifest/schema/jsonschema.ts",
  "src/manifest/schema/probe.ts",
  "src/manifest/schema/restarts.ts",
  "src/manifest/schema/schema.ts",
  "src/manifest/schema/shape.ts",
  "src/manifest/load/target.ts",
  "src/manifest/load/validate.ts",
  "src/manifest/schema/values.ts",
  "src/runners/oneshot/handler.ts",
  "src/runners/oneshot/handlerlog.ts",
];

/** Sends the reader to the line. */
const at = (source: Source, line: number, sentence: string) => `${source.path}:${line} ${sentence}`;

function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** The sub-room of a file, `.` where it stands in the room itself. */
function subRoomOf(path: string): string {
  return /^src\/[^/]+\/([^/]+)\//.exec(path)?.[1] ?? ".";
}

/** Null where the sub-room is on no floor of its room. */
function subFloorOf(room: string, subRoom: string): number | null {
  const floors = SUBFLOORS[room];
  if (floors === undefined) return subRoom === "." ? 0 : null;
  const floor = floors.findIndex((rooms) => rooms.includes(subRoom));
  return floor < 0 ? null : floor;
}

/** Imports inside `src`: down the floors, never sideways, never up, never out; and the same among the sub-rooms of a room. */
export function checkFloors(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const folder = folderOf(source.path);
    const entry = ENTRIES[source.path];
    if (folder === undefined && entry === undefined)
      return [`${source.path} stands in no room: src holds cli.ts, index.ts and folders`];
    const floor = folder === undefined ? undefined : FLOORS[folder];
    if (folder !== undefined && floor === undefined) return [`${source.path}: the folder src/${folder} is on no floor`];
    const subRoom = subRoomOf(source.path);
    const subFloor = folder === undefined ? 0 : subFloorOf(folder, subRoom);
    if (subFloor === null) return [`${source.path}: ${subRoom} is on no floor of src/${folder}`];
    return importsOf(source).flatMap(({ target, relative, line }) => {
      if (!relative) return [];
      if (!target.startsWith("src/")) return [at(source, line, `imports ${target}, which is outside of src`)];
      if (target in ENTRIES) return [at(source, line, `imports ${target}, which is for others`)];
      if (entry !== undefined) return entry(target) ? [] : [at(source, line, `imports ${target}, which is not for it`)];
      const other = folderOf(target) ?? "";
      if (other === folder) {
        const otherRoom = subRoomOf(target);
        const below = subFloorOf(other, otherRoom);
        if (otherRoom === subRoom || (below !== null && below < subFloor)) return [];
        return [
          at(source, line, `(${subRoom}, floor ${subFloor} of ${folder}) imports ${target} (floor ${below ?? "none"})`),
        ];
      }
      const below = FLOORS[other];
      if (below !== undefined && floor !== undefined && below < floor) return [];
      return [at(source, line, `(floor ${floor}) imports ${target} (floor ${below ?? "none"})`)];
    });
  });
}

/** Files that import each other, directly or on a way round: no such circle anywhere, imports of types and lazy ones counted (Tarjan). */
export function checkCircles(sources: readonly Source[]): string[] {
  const known = new Set(sources.map(({ path }) => path));
  const targets = new Map(
    sources.map((source) => [
      source.path,
      [...new Set(importsOf(source).flatMap(({ target }) => (known.has(target) ? [target] : [])))],
    ]),
  );
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (path: string): void => {
    index.set(path, index.size);
    lowest.set(path, index.get(path) as number);
    stack.push(path);
    for (const target of targets.get(path) ?? []) {
      if (!index.has(target)) visit(target);
      if (stack.includes(target)) lowest.set(path, Math.min(lowest.get(path) as number, lowest.get(target) as number));
    }
    if (lowest.get(path) !== index.get(path)) return;
    const circle = stack.splice(stack.indexOf(path)).sort();
    if (circle.length > 1 || targets.get(path)?.includes(path)) circles.push(circle);
  };
  for (const path of known) if (!index.has(path)) visit(path);
  return circles.map((circle) => `a circle of ${circle.length}: ${circle.join(" ")}`);
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

/**
 * What the calls that people wait for most do not load at once: the file that each begins with, and what is not to be
 * reached from it.
 */
export const LIGHT: Readonly<Record<string, readonly string[]>> = {
  "src/commands/context/context.ts": [
    "src/state/store.ts",
    "src/supervisor/prepare/environment.ts",
    "src/supervisor/tree/tree.ts",
    "src/supervisor/tree/evidence.ts",
    "src/supervisor/tree/query.ts",
  ],
  "src/commands/verbs/ps.ts": ["src/supervisor/prepare/drift.ts", "src/supervisor/prepare/stack.ts"],
  "src/runners/oneshot/exec.ts": [
    "src/supervisor/prepare/launch.ts",
    "src/supervisor/prepare/stack.ts",
    "src/supervisor/port/port.ts",
    "src/logs/open.ts",
  ],
  "src/runners/managed/service.ts": [
    "src/supervisor/host/host.ts",
    "src/supervisor/start/start.ts",
    "src/supervisor/prepare/launch.ts",
  ],
  "src/supervisor/hosts/process.ts": [
    "src/supervisor/hosts/bringup.ts",
    "src/manifest/cache/known.ts",
    "src/sys/pattern/pattern.ts",
    "src/state/unsealed.ts",
  ],
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

/**
 * What `dt init` copies is text that no other verb needs: only that verb imports it, and the verb is loaded when it is
 * run.
 */
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
const STARTERS = ["src/commands/verbs/init.ts"];

const VERBS = "src/commands/verbs/";

/** A verb is loaded alone: what two verbs share stands in a sub-room below them. Imports of types and lazy ones count. */
export function checkVerbs(sources: readonly Source[]): string[] {
  return sources.flatMap((source) =>
    source.path.startsWith(VERBS)
      ? importsOf(source).flatMap(({ target, line }) =>
          target.startsWith(VERBS) ? [at(source, line, `imports another verb, ${target}`)] : [],
        )
      : [],
  );
}

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
    except: ["src/sys/stdio/guardstreams.ts"],
  },
  {
    pattern: /\bconsole\.\w+\(/g,
    sentence: "uses console: use sys/stdio.ts or output/talk.ts",
    // The server of a plugin runs in a process of the plugin's own.
    except: ["src/manifest/load/child.ts", "src/plugin/serve.ts"],
  },
  {
    pattern: /\bopenPatiently\(/g,
    sentence: "writes bytes as they are, past the filter of sys/visible.ts",
    // A command's own output, shown as it comes.
    except: ["src/runners/terminal/screen.ts", "src/runners/parts/shown.ts", "src/sys/stdio/patient.ts"],
  },
  {
    pattern: /\b(writeBytes|printBytes)\(/g,
    sentence:
      "writes bytes as they are, past the filter of sys/visible.ts: text goes through print, writeText or output/talk.ts",
    // What a command itself wrote: its log, shown or followed, and a stack's containers. The cursor of a table drawn in
    // place, `\r` in a raw terminal, and the marks of a CI's log, around text that was made visible.
    except: [
      "src/commands/verbs/jobs.ts",
      "src/commands/logs/lines.ts",
      "src/commands/logs/raw.ts",
      "src/compose/follow.ts",
      "src/output/talk.ts",
      "src/runners/terminal/attach.ts",
      "src/runners/oneshot/capture.ts",
      "src/runners/managed/onterminal.ts",
      "src/runners/parts/progress.ts",
      "src/runners/terminal/screen.ts",
      "src/runners/parts/shown.ts",
      "src/sys/stdio/patient.ts",
      "src/sys/stdio/stdio.ts",
    ],
  },
  {
    pattern: /\bwriteSync\(/g,
    sentence: "writes to a descriptor: a standard stream is written by sys/stdio.ts",
    // Files, pipes and terminals of the command's own.
    except: [
      "src/sys/*",
      "src/supervisor/oneshot/keep.ts",
      "src/supervisor/terminal/hosted.ts",
      "src/plugin/within.ts",
    ],
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
      "src/runners/parts/progress.ts",
      "src/sys/text/visible.ts",
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
    // The load child and its parent: a process that was not yet reaped, and its group. A signal that came, again to
    // oneself. Signal 0, a question.
    except: [
      "src/manifest/load/child.ts",
      "src/manifest/load/runchild.ts",
      "src/runners/parts/cancelling.ts",
      "src/runners/parts/interruption.ts",
      "src/sys/files/removal.ts",
      "src/sys/terminal/typing.ts",
    ],
  },
  {
    pattern: /\b(writeFileSync|appendFileSync|createWriteStream|Bun\.write)\(/g,
    sentence: "writes a file in place: use sys/files/filewrite.ts, which writes it whole and renames",
    // Who holds a lock, in the locked file.
    except: ["src/supervisor/port/claim.ts"],
  },
  {
    pattern: /\b(rename|unlink|link|symlink|rm|rmdir|mkdir|chmod|copyFile|truncate)Sync\(/g,
    sentence:
      "changes a directory by a path, which a link on the way leads elsewhere: use sys/files or sys/door/descend.ts",
    // Directories of the user's own (DIALTONE_HOME, a service's, a temporary one), what `dt init` writes, and what
    // plugins use.
    except: [
      "src/sys/*",
      "src/daemon/log.ts",
      "src/daemon/reach.ts",
      "src/daemon/unit/service.ts",
      "src/manifest/load/result.ts",
      "src/manifest/start/write.ts",
      "src/plugin/way.ts",
      "src/plugin/within.ts",
      "src/supervisor/end/stack.ts",
      "src/supervisor/host/request.ts",
      "src/supervisor/prepare/shims.ts",
    ],
  },
  { pattern: /^(export )?(let|var) /gm, sentence: "has a variable at module level", except: [] },
  { pattern: /\bprocess\.platform\b/g, sentence: "branches by platform above sys", except: ["src/sys/*"] },
  {
    pattern: /\bBun\.(env|stdout|stderr|stdin)\b/g,
    sentence: "goes around the edge: take env as an argument, write by sys/stdio.ts",
    except: ["src/sys/stdio/stdio.ts"],
  },
  {
    pattern: /\bprocess\.env\b/g,
    sentence: "reads the environment: it is read in cli.ts and handed down",
    // These run the author's code inside dt and set up the environment it sees; or compare with the bytes dt was
    // started with.
    except: ["src/cli.ts", "src/manifest/witness/*", "src/runners/oneshot/handler.ts", "src/sys/base/rawbytes.ts"],
  },
  {
    pattern: /\bBun\.spawn\(/g,
    sentence: "starts a child that loses bytes and, where SIGCHLD is ignored, its exit status: use sys/bunspawn.ts",
    except: ["src/sys/spawn/bunspawn.ts"],
  },
  {
    pattern: /"default"|:default(?=["`$/])|\bkey\.split\(|\bparseKey\([^()]*\) as\b/gi,
    sentence: "spells a key's text or the default variant by hand: values/key.ts has functions and a constant for it",
    except: [
      "src/values/key.ts",
      // The name of a group.
      "src/commands/names/select.ts",
      // The default export of a module, and the condition of that name in a package.json.
      "src/manifest/discover/packages.ts",
      "src/manifest/load/evaluate.ts",
      "src/manifest/witness/modules.ts",
    ],
  },
  {
    pattern: /\.commands\[[^\]]+\]\??\.variants\[/g,
    sentence: "looks up a key's settings by hand: use settingsOf (manifest/model/find.ts)",
    except: [],
  },
  {
    pattern: /--(force-recreate|scale)\b/g,
    sentence: "spells a flag of Compose: src/compose writes and reads its command lines",
    except: ["src/compose/*"],
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

/** Packages that a plugin of this repository is made with, each named in ARCHITECTURE.md. */
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
