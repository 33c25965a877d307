/**
 * `bun test/bench/getting.ts`, after `bun run release`: what getting dt costs, into docs/benchmarks.md: the size of
 * each archive, the time from install.sh to the first managed launch that is ready in a fresh directory with an empty
 * home, and from `git clone` to a page.
 */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeTemporary } from "../kit/temporary.ts";
import { writeBetween } from "../pages.ts";

const REPOSITORY = join(import.meta.dir, "..", "..");
const RELEASE = join(REPOSITORY, "dist", "release");
const PAGE = join(REPOSITORY, "docs", "benchmarks.md");

function must(argv: string[], cwd: string, env: Record<string, string>): void {
  const run = Bun.spawnSync(argv, { cwd, env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  if (!run.success) throw new Error(`${argv.join(" ")} failed:\n${run.stderr}`);
}

function inFreshDirectory(body: (base: string, env: Record<string, string>) => void): number {
  const base = makeTemporary("getting");
  const env = { PATH: `${join(base, ".local/bin")}:${process.env.PATH}`, HOME: base };
  const began = performance.now();
  try {
    body(base, env);
    return performance.now() - began;
  } finally {
    Bun.spawnSync(["pkill", "-KILL", "-f", base]);
    rmSync(base, { recursive: true, force: true });
  }
}

const toLaunch = inFreshDirectory((base, env) => {
  must(["sh", join(REPOSITORY, "install.sh"), "--from", RELEASE], base, env);
  must(["mkdir", "project"], base, env);
  const project = join(base, "project");
  must(["dt", "init", "plugin", "shop"], project, env);
  must(["dt", "shop", "dev", "--wait"], project, env);
  performance.now();
  must(["dt", "stop", "--all"], project, env);
});
const toPage = inFreshDirectory((base, env) => {
  must(["git", "clone", "-q", REPOSITORY, "dt"], base, env);
  must(["./dialtone.sh", "www", "dev", "--wait"], join(base, "dt"), env);
  must(["curl", "-fsS", "-o", "/dev/null", "http://localhost:3000/"], base, env);
  must(["./dialtone.sh", "stop", "--all"], join(base, "dt"), env);
});

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const archives = readdirSync(RELEASE).filter((name) => name.endsWith(".tar.gz"));
writeBetween(
  PAGE,
  "getting",
  ["What", "How much"],
  [
    ...archives.map((name) => [`\`${name}\``, `${(statSync(join(RELEASE, name)).size / 1e6).toFixed(1)} MB`]),
    [
      "from `install.sh --from` to the first managed launch that is ready (`dt init plugin`, `dt shop dev --wait`)",
      seconds(toLaunch),
    ],
    [
      "from `git clone` of a local repository to a page of `./dialtone.sh www dev`, what it installs included",
      seconds(toPage),
    ],
  ],
);
console.log(`to the first launch ${seconds(toLaunch)}, to a page ${seconds(toPage)}`);
