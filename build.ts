/**
 * Builds the binary: `bun build.ts [--if-changed] [target …]`, default the machine's own, to `dist/dt`; others to `dist/dt-<target>`.
 * Each is written beside its place and renamed into it, so a running dt is never overwritten.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import manifest from "./package.json" with { type: "json" };

const ROOT = import.meta.dir;
const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".sources");
const SOURCES = ["src", "build.ts", "package.json", "package-lock.json", "tsconfig.json", "bunfig.toml"];

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
const asked = words.filter((word) => !word.startsWith("--"));
const targets = (asked.length === 0 ? ["native"] : asked) as Target[];
const unknown = targets.find((target) => !(target in TARGETS));
if (unknown !== undefined) {
  console.error(`build.ts: no target "${unknown}"; there is: ${Object.keys(TARGETS).join(" ")}`);
  process.exit(2);
}

const sources = hashSources();
if (words.includes("--if-changed") && asked.length === 0 && isCurrent(sources)) {
  // The wrapper compares times; contents that are the same again only need the binary to be newer.
  utimesSync(join(DIST, "dt"), new Date(), new Date());
  process.exit(0);
}

mkdirSync(DIST, { recursive: true });
for (const target of targets) await build(target);
if (targets.includes("native")) writeFileSync(STAMP, sources);

async function build(target: Target): Promise<void> {
  const began = performance.now();
  const outfile = join(DIST, TARGETS[target].outfile);
  // A directory of its own with the same file name: the name goes into the binary.
  const work = join(DIST, `.build-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  const temporary = join(work, TARGETS[target].outfile);
  console.error(`building ${TARGETS[target].outfile} …`);
  const result = await Bun.build({
    entrypoints: [join(ROOT, "src/cli.ts")],
    format: "esm",
    bytecode: true,
    minify: true,
    splitting: true,
    sourcemap: "linked",
    define: {
      "process.env.NODE_ENV": '"production"',
      DT_VERSION: JSON.stringify(manifest.version),
      DT_COMMIT: JSON.stringify(commit()),
      DT_BUILD: JSON.stringify(sources.slice(0, 16)),
    },
    compile: {
      outfile: temporary,
      ...(target === "native" ? {} : { target }),
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadPackageJson: true,
      autoloadTsconfig: true,
    },
  });
  if (!result.success) {
    for (const log of result.logs) console.error(String(log));
    process.exit(1);
  }
  renameSync(temporary, outfile);
  rmSync(work, { recursive: true, force: true });
  console.error(`built ${TARGETS[target].outfile} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
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

/** Empty outside a git checkout; `+` marks uncommitted changes. */
function commit(): string {
  const git = (...args: string[]) => Bun.spawnSync(["git", ...args], { cwd: ROOT, stderr: "ignore" });
  const head = git("rev-parse", "--short=12", "HEAD");
  if (!head.success) return "";
  const dirty = git("status", "--porcelain", "--", ...SOURCES).stdout.toString() !== "";
  return `${head.stdout.toString().trim()}${dirty ? "+" : ""}`;
}
