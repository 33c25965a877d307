/**
 * Builds the binary: `bun build.ts [--if-changed] [--runtime FILE] [target …]`, default the machine's own, to `dist/dt`; others to
 * `dist/dt-<target>`. Each is written beside its place and renamed into it, so a running dt is never overwritten.
 *
 * `--runtime`: the Bun that goes into it. Without, Bun takes its own, or fetches the target's; with it nothing is fetched, which is how
 * releases are made (release/).
 *
 * Exit codes: 0 built or nothing to do, 1 failed, 2 wrong usage, 3 node_modules is not what package.json asks for.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import manifest from "./package.json" with { type: "json" };

const ROOT = import.meta.dir;
const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".sources");
/** The same list is in dialtone.sh, which looks at their times. */
const SOURCES = ["src", "build.ts", "package.json", "package-lock.json", "tsconfig.json", "bunfig.toml"];

/** What a start reads of the bytecode, laid together at its front: recorded by `bun run order`, and good for later builds of the same Bun. */
const ORDER = "src/startup.order";
/** How many times later than usual code is compiled: most calls are over before that pays. Who works for long takes it back (sys/base/jit.ts). */
const JIT_POLICY = 4;

/**
 * What the usual calls load, with all that it imports. It becomes one chunk of code. Without this the bundler makes a
 * chunk for each set of entries that reach the same code, which is some sixty for one call (docs/performance.md).
 */
const TOGETHER = ["src/commands/dispatch.ts", "src/commands/verbs/ps.ts", "src/sys/base/hidden.ts"];

const TARGETS = {
  native: { outfile: "dt" },
  "bun-linux-x64": { outfile: "dt-linux-x64" },
  "bun-linux-arm64": { outfile: "dt-linux-arm64" },
  "bun-linux-x64-musl": { outfile: "dt-linux-x64-musl" },
  "bun-linux-arm64-musl": { outfile: "dt-linux-arm64-musl" },
  "bun-darwin-x64": { outfile: "dt-darwin-x64" },
  "bun-darwin-arm64": { outfile: "dt-darwin-arm64" },
} as const;

type Target = keyof typeof TARGETS;

const words = process.argv.slice(2);
const runtimeAt = words.indexOf("--runtime");
const runtime = runtimeAt < 0 ? undefined : words[runtimeAt + 1];
const own = words.filter((_, at) => runtimeAt < 0 || (at !== runtimeAt && at !== runtimeAt + 1));
const flags = own.filter((word) => word.startsWith("-"));
const asked = own.filter((word) => !word.startsWith("-"));
const wrong = flags.find((flag) => flag !== "--if-changed") ?? asked.find((target) => !(target in TARGETS));
if (wrong !== undefined) {
  say(
    `build.ts: there is no ${wrong}, but --if-changed, --runtime FILE and the targets ${Object.keys(TARGETS).join(" ")}`,
  );
  process.exit(2);
}
if (runtimeAt >= 0 && (runtime === undefined || !existsSync(runtime) || asked.length !== 1)) {
  say(
    `build.ts: --runtime takes a file that is there, and goes with one target; it got ${runtime} and ${asked.length}`,
  );
  process.exit(2);
}
const targets = (asked.length === 0 ? ["native"] : asked) as Target[];

// dialtone.sh compares times: a source that changes while it is being built must come out as newer than the binary.
const began = new Date();
const sources = hashSources();
if (flags.includes("--if-changed") && asked.length === 0 && isCurrent(sources)) {
  markBuilt();
  process.exit(0);
}
const missing = findMissing();
if (missing !== undefined) {
  say(`build.ts: ${missing}; install again: npm ci (or bun install --frozen-lockfile)`);
  process.exit(3);
}

mkdirSync(DIST, { recursive: true });
removeLeftovers();
for (const target of targets) await build(target);
if (targets.includes("native")) {
  writeFileSync(STAMP, sources);
  markBuilt();
}

/** `console.error` is red on a terminal. */
function say(text: string): void {
  writeSync(2, `${text}\n`);
}

async function build(target: Target): Promise<void> {
  const start = performance.now();
  const outfile = join(DIST, TARGETS[target].outfile);
  // A directory of its own with one file name for all: the name goes into the binary.
  const work = join(DIST, `.build-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  const temporary = join(work, "dt");
  say(`building ${TARGETS[target].outfile} …`);
  const result = await Bun.build({
    entrypoints: [join(ROOT, "src/cli.ts")],
    format: "esm",
    bytecode: true,
    minify: true,
    splitting: true,
    sourcemap: "linked",
    plugins: [together()],
    define: {
      "process.env.NODE_ENV": '"production"',
      DT_VERSION: JSON.stringify(manifest.version),
      DT_COMMIT: JSON.stringify(commit()),
      DT_BUILD: JSON.stringify(sources.slice(0, 16)),
    },
    compile: {
      outfile: temporary,
      bytecodeOrder: existsSync(join(ROOT, ORDER)) && join(ROOT, ORDER),
      jitPolicy: JIT_POLICY,
      ...(target === "native" ? {} : { target }),
      ...(runtime === undefined ? {} : { executablePath: runtime }),
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadPackageJson: true,
      autoloadTsconfig: true,
      // Any flag makes Bun start in a directory that was removed as well, which it refuses otherwise. This one says what holds anyway.
      execArgv: ["--no-install"],
    },
  });
  if (!result.success) {
    for (const log of result.logs) say(String(log));
    process.exit(1);
  }
  renameSync(temporary, outfile);
  rmSync(work, { recursive: true, force: true });
  say(`built ${TARGETS[target].outfile} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/**
 * Each entry of a chunk (`src/cli.ts`, and what is imported lazily) imports all of TOGETHER. So every entry reaches the
 * same code there, and the bundler puts it into one chunk. It costs nothing at run time, since `src/cli.ts` needs it in
 * any case. The import stands on the first line of the text, where the source map expects a comment.
 */
function together(): Bun.BunPlugin {
  const entries = new Set([join(ROOT, "src/cli.ts")]);
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  for (const name of readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    const file = join(ROOT, "src", name);
    for (const { kind, path } of importsIn(transpiler, file))
      if (path.startsWith(".") && kind !== "import-statement") entries.add(resolve(dirname(file), path));
  }
  const there = TOGETHER.filter((path) => existsSync(join(ROOT, path)));
  const contents = there.map((path) => `import ${JSON.stringify(join(ROOT, path))};\n`).join("");
  return {
    name: "together",
    setup(build) {
      build.onResolve({ filter: /^dt:together$/ }, () => ({ path: "together", namespace: "dt" }));
      build.onLoad({ filter: /^together$/, namespace: "dt" }, () => ({ loader: "ts", contents }));
      build.onLoad({ filter: /\.ts$/ }, ({ path }) =>
        entries.has(path)
          ? { loader: "ts", contents: `import "dt:together";${readFileSync(path, "utf8")}` }
          : undefined,
      );
    },
  };
}

/** None of a file that does not parse: the bundler says what is wrong, and where. */
function importsIn(transpiler: Bun.Transpiler, file: string): Bun.Import[] {
  try {
    return transpiler.scanImports(readFileSync(file, "utf8"));
  } catch {
    return [];
  }
}

function hashSources(): string {
  const hash = createHash("sha256");
  const add = (path: string) => hash.update(path).update(readFileSync(join(ROOT, path)));
  for (const source of SOURCES) {
    if (source !== "src") add(source);
    else
      for (const name of readdirSync(join(ROOT, source), { recursive: true, encoding: "utf8" }).sort())
        if (/\.\w+$/.test(name)) add(join(source, name));
  }
  return hash.update(commit()).digest("hex");
}

function isCurrent(hash: string): boolean {
  return existsSync(join(DIST, "dt")) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === hash;
}

function markBuilt(): void {
  try {
    utimesSync(join(DIST, "dt"), began, began);
  } catch {
    // A checkout that cannot be written: the next call compares contents again.
  }
}

/** A sentence about the first dependency that is not installed as declared, or about a Bun other than the locked one. */
function findMissing(): string | undefined {
  for (const [name, version] of Object.entries(manifest.dependencies)) {
    const file = join(ROOT, "node_modules", name, "package.json");
    const found = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version : "none";
    if (found !== version) return `node_modules has ${name} ${found}, package.json asks for ${version}`;
  }
  const wanted = manifest.devDependencies.bun;
  return Bun.version === wanted ? undefined : `this is Bun ${Bun.version}, package.json asks for ${wanted}`;
}

/** Directories of builds that were killed. */
function removeLeftovers(): void {
  for (const name of readdirSync(DIST)) {
    const pid = /^\.build-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(DIST, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Empty outside a git checkout of its own; `+` marks uncommitted changes. */
function commit(): string {
  const [top, head] = git("rev-parse", "--show-toplevel", "--short=12", "HEAD")?.split("\n") ?? [];
  if (top === undefined || head === undefined || realpathSync(top) !== realpathSync(ROOT)) return "";
  return `${head}${git("status", "--porcelain", "--", ...SOURCES) === "" ? "" : "+"}`;
}

/** Undefined when git fails or is not there. GIT_DIR and the like, as in a hook, would name another repository. */
function git(...args: string[]): string | undefined {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  try {
    const run = Bun.spawnSync(["git", "--no-optional-locks", ...args], { cwd: ROOT, env, stderr: "ignore" });
    return run.success ? run.stdout.toString().trim() : undefined;
  } catch {
    return undefined;
  }
}
