/** What the tests of captured one-shots share: a root, and what was kept of a run. */
import { existsSync, readdirSync } from "node:fs";
import type { ExitRecord } from "../../../src/state/types.ts";
import { TestRoot } from "../../kit.ts";
import { manifestOf } from "./oneshot.ts";

/** A root whose plugin `t` has the captured one-shots `sh`, `bash` and `cat`, and these. */
export function captureRoot(commands: Record<string, object> = {}): TestRoot {
  const captured = Object.entries({
    sh: { run: ["sh", "-c"] },
    bash: { run: ["bash", "-c"] },
    cat: { run: ["cat"] },
    true: { run: ["true"] },
    ...commands,
  }).map(([name, fields]) => [name, { capture: true, ...fields }]);
  return TestRoot.create({ "manifests/t.json": manifestOf("t", Object.fromEntries(captured)) });
}

/** The log of the latest run, or of one before it. */
export function logOf(root: TestRoot, command: string, before = 0): string {
  return root.read(`.dialtone/run/t:${command}:default.log${before === 0 ? "" : `.${before}`}`);
}

export function exitOf(root: TestRoot, command: string): ExitRecord | null {
  const file = `.dialtone/run/t:${command}:default.exit.json`;
  return existsSync(`${root.dir}/${file}`) ? (JSON.parse(root.read(file)) as ExitRecord) : null;
}

/** The logs of a key, the latest first. */
export function logsOf(root: TestRoot, command: string): string[] {
  const begin = `t:${command}:default.log`;
  return readdirSync(root.run)
    .filter((name) => name.startsWith(begin))
    .sort();
}
