/**
 * Records what dt reads of its bytecode when it starts, for `build.ts`: `bun run order`, after Bun was changed or much of dt. It builds dt, runs the
 * calls that people make most in a project of its own, and writes `src/startup.order`: hashes of functions (F), strings (S) and modules (M) in the
 * order of their first use, the calls one after the other.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOST_MARK } from "../src/supervisor/marks.ts";

const ROOT = join(import.meta.dir, "..");
const DT = join(ROOT, "dist", "dt");
const ORDER = join(ROOT, "src", "startup.order");

const MANIFEST = {
  name: "t",
  commands: {
    // A program that is not there: one that is takes dt's place before dt can write down what it read.
    oneshot: { kind: "oneshot", run: ["/nothing/there"] },
    managed: { kind: "managed", run: ["sleep", "1000000"] },
  },
};

const base = mkdtempSync(join(tmpdir(), "dt-order-"));
try {
  run([process.execPath, join(ROOT, "build.ts")], {});
  const project = join(base, "project");
  mkdirSync(join(project, "manifests"), { recursive: true });
  writeFileSync(join(project, "manifests", "t.ts"), `export default ${JSON.stringify(MANIFEST)};\n`);
  const pieces = [
    ["t", "oneshot"],
    ["t", "managed", "--no-wait"],
    ["ps"],
    ["t", "managed", "--no-wait"],
    ["t", "managed"],
    ["stop", "t"],
  ];
  record(project, ["list"]); // makes the index and what is made once
  const lines = new Set(pieces.flatMap((words) => record(project, words)));
  writeFileSync(ORDER, `${[...lines].join("\n")}\n`);
  console.log(`${ORDER}: ${lines.size} lines`);
} finally {
  rmSync(base, { recursive: true, force: true });
}

/** The lines of one call; a managed command in the foreground is interrupted when it runs. */
function record(project: string, words: string[]): string[] {
  const out = join(base, "order");
  rmSync(out, { force: true });
  const isForeground = words[1] === "managed" && words.length === 2;
  const argv = isForeground ? ["timeout", "-s", "INT", "2", DT, ...words] : [DT, ...words];
  // With the mark of a host it keeps Bun's variables, of which it would clean itself first.
  const mark = isForeground ? { [HOST_MARK]: project } : {};
  const env = { HOME: base, DIALTONE_HOME: join(base, "home"), TERM: "dumb", BUN_BYTECODE_ORDER_OUT: out, ...mark };
  run(argv, env, project);
  return readFileSync(out, "utf8")
    .split("\n")
    .filter((line) => /^(?:v\d|[FSM] )/.test(line));
}

function run(argv: string[], env: Record<string, string>, cwd = ROOT): void {
  Bun.spawnSync(argv, { cwd, env: { PATH: process.env.PATH ?? "", ...env }, stdout: "ignore", stderr: "inherit" });
}
