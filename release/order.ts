/**
 * Records what dt reads of its bytecode when it starts, for `build.ts`: `bun run order`, after Bun was changed or much of dt. It builds dt, runs the
 * calls that people make most in a project of its own, and writes `src/startup.order`: hashes of functions (F), strings (S) and modules (M) in the
 * order of their first use, the calls one after the other.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOST_MARK } from "../src/supervisor/launch/marks.ts";
import { HIDDEN } from "../src/sys/base/hidden.ts";

const ROOT = join(import.meta.dir, "..");
const DT = join(ROOT, "dist", "dt");
const ORDER = join(ROOT, "src", "startup.order");

const INTERRUPTED = ["timeout", "--preserve-status", "-s", "INT", "2"];

const MANIFEST = {
  name: "t",
  commands: {
    // A program that is not there: one that is takes dt's place before dt can write down what it read.
    oneshot: { kind: "oneshot", run: ["/nothing/there"] },
    managed: { kind: "managed", run: ["sleep", "1000000"] },
  },
};

const base = mkdtempSync(join(tmpdir(), "dt-order-"));
const project = join(base, "project");
const home = { HOME: base, DIALTONE_HOME: join(base, "home"), TERM: "dumb" };
try {
  run([process.execPath, join(ROOT, "build.ts")], { expected: 0 });
  mkdirSync(join(project, "manifests"), { recursive: true });
  writeFileSync(join(project, "manifests", "t.ts"), `export default ${JSON.stringify(MANIFEST)};\n`);
  dt(["list"], { expected: 0 }); // makes the index and what is made once
  const lines = new Set([
    ...record(["t", "oneshot"], { expected: 127 }),
    ...record(["t", "managed", "--no-wait"], { expected: 0 }),
    ...record(["ps"], { expected: 0 }),
    ...record(["t", "managed", "--no-wait"], { expected: 0 }),
    ...(await recordRootsHost()),
    ...recordHost(),
    ...record(["t", "managed", "--no-wait"], { expected: 0 }),
    ...record(["stop", "t"], { expected: 0 }),
  ]);
  writeFileSync(ORDER, `${[...lines].join("\n")}\n`);
  console.log(`${ORDER}: ${lines.size} lines`);
} finally {
  dt(["stop", "--all"], {});
  rmSync(base, { recursive: true, force: true });
}

interface Call {
  /** The exit code; any when it is not said. */
  expected?: number;
  env?: Record<string, string>;
}

/** A host of its own in the foreground, interrupted when it has started. With the mark of a host it keeps Bun's variables, of which it would clean itself first. */
function recordHost(): string[] {
  return record(["t", "managed"], { expected: 130, env: { [HOST_MARK]: project } }, INTERRUPTED);
}

/** The root's host, started here at its usual address, since callers keep Bun's variables from it. */
async function recordRootsHost(): Promise<string[]> {
  const address = addressOfHost();
  dt(["stop", "--all"], { expected: 0 });
  const out = join(base, "order");
  rmSync(out, { force: true });
  const env = { ...home, PATH: process.env.PATH ?? "", [HOST_MARK]: project, BUN_BYTECODE_ORDER_OUT: out };
  const host = Bun.spawn([DT, HIDDEN.host, project, address], { cwd: "/", env, stdout: "ignore", stderr: "inherit" });
  while (!existsSync(address)) await Bun.sleep(1);
  for (const words of [
    ["t", "managed", "--no-wait"],
    ["t", "managed", "--no-wait"],
    ["stop", "t"],
  ])
    dt(words, { expected: 0 });
  await host.exited;
  return linesOf(out);
}

function addressOfHost(): string {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const words = commandLineOf(pid).split("\0");
    if (words[1] === HIDDEN.host && words[2] === project) return words[3] as string;
  }
  throw new Error("the root has no host");
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it has ended
  }
}

/** What one call reads. */
function record(words: string[], call: Call, before: string[] = []): string[] {
  const out = join(base, "order");
  rmSync(out, { force: true });
  dt(words, { ...call, env: { ...call.env, BUN_BYTECODE_ORDER_OUT: out } }, before);
  return linesOf(out);
}

function linesOf(out: string): string[] {
  return readFileSync(out, "utf8")
    .split("\n")
    .filter((line) => /^(?:v\d|[FSM] )/.test(line));
}

function dt(words: string[], { env, ...call }: Call, before: string[] = []): void {
  run([...before, DT, ...words], { ...call, env: { ...home, ...env } }, project);
}

function run(argv: string[], { expected, env = {} }: Call, cwd = ROOT): void {
  const path = { PATH: process.env.PATH ?? "" };
  const { exitCode } = Bun.spawnSync(argv, { cwd, env: { ...path, ...env }, stdout: "ignore", stderr: "inherit" });
  if (expected !== undefined && exitCode !== expected)
    throw new Error(`${argv.join(" ")} ended with ${exitCode}; expected ${expected}`);
}
