/** A moved folder whose state goes by its path (DIALTONE_RUN_DIR, registrations): what stays behind is told in the new place, with the way out. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runs } from "../../e2e/launch.kit.ts";
import { until } from "../../kit.ts";
import { KEY, makeStranger, type Stranger } from "./stranger.kit.ts";

const open: { dispose(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.dispose();
});

interface Moved {
  of: Stranger;
  /** Where the folder was and is. */
  old: string;
  moved: string;
  /** With the run directory beside both. */
  dt(words: readonly string[], cwd?: string): ReturnType<Stranger["dt"]>;
  pid: number;
}

async function startAndMove(): Promise<Moved> {
  const of = makeStranger();
  open.push(of);
  const { root } = of;
  root.write(
    "manifests/a.json",
    JSON.stringify({ name: "a", commands: { b: { kind: "managed", run: ["sleep", "1000"], boot: true } } }),
  );
  const [old, moved, state] = [root.dir, join(root.base, "moved"), join(root.base, "state")];
  mkdirSync(state);
  const dt: Moved["dt"] = (words, cwd = moved) => of.dt(words, { cwd, env: { DIALTONE_RUN_DIR: state } });
  expect((await dt(["a", "b", "-d"], old)).code).toBe(0);
  expect((await dt(["boot", "add"], old)).code).toBe(0);
  const [row] = JSON.parse((await dt(["ps", "--json"], old)).stdout) as { pid: number }[];
  expect((await dt(["ps"], old)).stderr).toBe("");
  renameSync(old, moved);
  return { of, old, moved, dt, pid: row?.pid as number };
}

test("what runs there is named by whatever looks, with its process and what stops it; `gc --yes` does", async () => {
  const { old, dt, pid } = await startAndMove();
  for (const words of [
    ["ps"],
    ["ps", "--json"],
    ["why", "a", "b"],
    ["logs", "a", "b"],
    ["stop", "--all"],
    ["doctor"],
  ]) {
    const { stderr } = await dt(words);
    expect([words.join(" "), stderr]).toEqual([
      words.join(" "),
      expect.stringContaining(`this folder was ${old} before it was moved`),
    ]);
    expect(stderr).toContain(
      `${KEY} (pid ${pid}) runs on there. \`dt gc\` lists what is left, \`dt gc --yes\` stops it`,
    );
  }
  expect((await dt(["ps", "--json"])).stdout).toBe("[]\n");
  expect(runs(pid)).toBe(true);
  expect((await dt(["gc", "--yes"])).code).toBe(0);
  await until("it is gone", () => !runs(pid));
  // Its logs and its history are told of once.
  expect((await dt(["ps"])).stderr).toContain("what ran there has ended, and its logs and history are in ");
  expect((await dt(["ps"])).stderr).toBe("");
}, 60_000);

test("another project stands at the old path: its own words stop what has that path", async () => {
  const { of, old, dt, pid } = await startAndMove();
  of.root.write("manifests/z.json", JSON.stringify({ name: "z", commands: {} }));
  expect((await dt(["ps"])).stderr).toContain(`\`dt -C ${old} stop --all\` stops what has that path`);
  expect((await dt(["-C", old, "stop", "--all"])).code).toBe(0);
  expect(runs(pid)).toBe(false);
  expect(existsSync(old)).toBe(true);
}, 60_000);

test("a start in the new place says so too, and once that the daemon knows the old one", async () => {
  const { of, old, moved, dt, pid } = await startAndMove();
  const first = await dt(["a", "b", "-d"]);
  expect(first.code).toBe(0);
  expect(first.stderr).toContain(`${KEY} (pid ${pid}) runs on there`);
  expect(first.stderr).toContain(`the daemon knows this folder as ${old}`);
  expect(first.stderr).toContain(`\`dt boot remove ${old}\` forgets it there`);
  expect((await dt(["restart", "a", "b"])).stderr).not.toContain("the daemon knows");
  expect((await dt(["boot", "remove", old])).stdout).toContain("is registered no more");
  // A copy is another folder, and was never anywhere else.
  const copy = join(of.root.base, "copy");
  Bun.spawnSync(["cp", "-a", moved, copy]);
  expect((await dt(["ps"], copy)).stderr).toBe("");
  rmSync(copy, { recursive: true });
  expect((await dt(["stop", "--all"])).code).toBe(0);
  expect((await dt(["gc", "--yes"])).code).toBe(0);
  await until("it is gone", () => !runs(pid));
}, 60_000);
