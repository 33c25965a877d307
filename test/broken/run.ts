/**
 * `bun run broken`: proves that the tests of the launch notice what they guard. Each break is applied to a copy of the
 * tree, the binary is built from it, and the named test must fail. `--only TEXT` runs the breaks whose `what`
 * contains it. The table goes to docs/reliability.md unless `--no-write` or `--only` is given. Exit 1 when a test
 * passes on a broken dt.
 */
import {
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeTemporary } from "../kit/temporary.ts";
import { writeBetween } from "../pages.ts";
import { BREAKS, type Break } from "./breaks.ts";

const REPOSITORY = join(import.meta.dir, "..", "..");
const COPIED = [
  "src",
  "test",
  "release",
  "manifests",
  "plugins",
  "docs",
  "build.ts",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "bunfig.toml",
  "README.md",
  "dialtone.sh",
  "LICENSE",
];
/** A broken dt may hang its test. */
const LIMIT_MS = 240_000;

const words = process.argv.slice(2);
const only = words.includes("--only") ? words[words.indexOf("--only") + 1] : undefined;

function makeCopy(): string {
  const copy = makeTemporary("broken");
  chmodSync(copy, 0o755); // tests run it as another user too
  for (const name of COPIED) cpSync(join(REPOSITORY, name), join(copy, name), { recursive: true });
  symlinkSync(join(REPOSITORY, "node_modules"), join(copy, "node_modules"));
  return copy;
}

function applyEdits(copy: string, { what, edits }: Break): void {
  for (const { file, from, to } of edits) {
    const path = join(copy, file);
    const text = readFileSync(path, "utf8");
    const found = text.split(from).length - 1;
    if (found !== 1)
      throw new Error(
        `"${what}": ${file} has ${found} places like\n${from}\n(expected exactly one): change test/broken/breaks.ts`,
      );
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }
}

/** A test that was cut off may leave a broken dt behind, even a stopped one. */
function endProcessesOf(copy: string): void {
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one)))
    try {
      if (readlinkSync(`/proc/${name}/exe`).startsWith(`${copy}/`)) process.kill(Number(name), "SIGKILL");
    } catch {
      // it has ended, or is another user's
    }
}

interface Outcome {
  noticed: boolean;
  /** Names of the tests that failed. */
  failed: string[];
  output: string;
}

async function runBreak(one: Break): Promise<Outcome> {
  const copy = makeCopy();
  try {
    applyEdits(copy, one);
    const built = Bun.spawnSync([process.execPath, "build.ts"], { cwd: copy, stdio: ["ignore", "ignore", "pipe"] });
    if (built.exitCode !== 0) return { noticed: false, failed: ["it does not build"], output: built.stderr.toString() };
    const filter = one.only === undefined ? [] : ["-t", one.only];
    const child = Bun.spawn([process.execPath, "test", "--timeout", "60000", `./${one.test}`, ...filter], {
      cwd: copy,
      env: { ...process.env, ...one.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    const output = (await Promise.all([child.stdout.text(), child.stderr.text()])).join("\n");
    await child.exited;
    clearTimeout(timer);
    const failed = [...output.matchAll(/^\(fail\) (.+?)(?: \[[\d.]+m?s\])?$/gm)].map(([, name]) => name as string);
    const hung = child.signalCode !== null;
    return { noticed: (child.exitCode !== 0 && failed.length > 0) || hung, failed: hung ? ["(hung)"] : failed, output };
  } finally {
    endProcessesOf(copy);
    rmSync(copy, { recursive: true, force: true });
  }
}

const rows: string[][] = [];
let missed = 0;
for (const one of BREAKS.filter(({ what }) => only === undefined || what.includes(only))) {
  const began = performance.now();
  const outcome = await runBreak(one);
  const seconds = Math.round((performance.now() - began) / 1000);
  console.error(
    `${outcome.noticed ? "noticed" : "MISSED "} ${one.what}: ${outcome.failed.slice(0, 2).join("; ") || "every test passed"} (${seconds} s)`,
  );
  if (!outcome.noticed) {
    missed++;
    console.error(outcome.output.split("\n").slice(-30).join("\n"));
  }
  rows.push([one.what, `\`${one.test}\``, outcome.noticed ? "yes" : "**no**"]);
}
if (only === undefined && !words.includes("--no-write"))
  writeBetween(
    join(REPOSITORY, "docs", "reliability.md"),
    "broken",
    ["What the broken build does", "Test that must fail", "Noticed"],
    rows,
  );
console.log(`${rows.length - missed} noticed, ${missed} missed`);
process.exitCode = missed === 0 ? 0 : 1;
