/**
 * A moved folder whose state goes by its path (DIALTONE_RUN_DIR, registrations): what stays behind is reported in the
 * new place, with the way out.
 */
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootSlug } from "../../../src/sys/places/paths.ts";
import { runs } from "../../e2e/kit/launch.ts";
import { until } from "../../kit.ts";
import { KEY, makeStranger, type Stranger } from "./stranger.kit.ts";
import { canMount } from "./users.kit.ts";

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

/** `runDir`: DIALTONE_RUN_DIR; default a directory beside both. */
async function startAndMove(runDir?: string): Promise<Moved> {
  const of = makeStranger();
  open.push(of);
  const { root } = of;
  root.write(
    "manifests/a.json",
    JSON.stringify({ name: "a", commands: { b: { kind: "managed", run: ["sleep", "1000"], boot: true } } }),
  );
  const [old, moved, state] = [root.dir, join(root.base, "moved"), join(root.base, "state")];
  mkdirSync(state);
  const dt: Moved["dt"] = (words, cwd = moved) => of.dt(words, { cwd, env: { DIALTONE_RUN_DIR: runDir ?? state } });
  expect((await dt(["a", "b", "-d"], old)).code).toBe(0);
  expect((await dt(["boot", "add"], old)).code).toBe(0);
  const [row] = JSON.parse((await dt(["ps", "--json"], old)).stdout) as { pid: number }[];
  expect((await dt(["ps"], old)).stderr).toBe("");
  renameSync(old, moved);
  return { of, old, moved, dt, pid: row?.pid as number };
}

test("after a move what runs there is named by every verb that looks, with its process and the command that stops it; `gc --yes` does", async () => {
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
    expect(stderr).toContain(`${KEY} (pid ${pid}) runs on under the old path. \`dt gc --yes\` stops that`);
  }
  expect((await dt(["ps", "--json"])).stdout).toBe("[]\n");
  expect(runs(pid)).toBe(true);
  expect((await dt(["gc", "--yes"])).code).toBe(0);
  await until("it is gone", () => !runs(pid));
  // Its logs and its history are reported once.
  expect((await dt(["ps"])).stderr).toContain(
    "what ran under the old path has ended, and its logs and history are in ",
  );
  expect((await dt(["ps"])).stderr).toBe("");
}, 60_000);

test("with another project at the old path, its own words stop what has that path", async () => {
  const { of, old, dt, pid } = await startAndMove();
  of.root.write("manifests/z.json", JSON.stringify({ name: "z", commands: {} }));
  expect((await dt(["ps"])).stderr).toContain(`\`dt -C ${old} stop --all\` stops that, and what`);
  expect((await dt(["-C", old, "stop", "--all"])).code).toBe(0);
  expect(runs(pid)).toBe(false);
  expect(existsSync(old)).toBe(true);
}, 60_000);

test("a start in the new place reports it too, and once that the daemon knows the old one", async () => {
  const { of, old, moved, dt, pid } = await startAndMove();
  const first = await dt(["a", "b", "-d"]);
  expect(first.code).toBe(0);
  expect(first.stderr).toContain(`${KEY} (pid ${pid}) runs on under the old path`);
  expect(first.stderr).toContain(`the daemon knows this folder as ${old}`);
  expect(first.stderr).toContain(`\`dt boot remove ${old}\` forgets it there`);
  expect((await dt(["restart", "a", "b"])).stderr).not.toContain("the daemon knows");
  expect((await dt(["boot", "remove", old])).stdout).toContain("is no longer registered");
  // A copy is another folder, and was never anywhere else.
  const copy = join(of.root.base, "copy");
  Bun.spawnSync(["cp", "-a", moved, copy]);
  expect((await dt(["ps"], copy)).stderr).toBe("");
  rmSync(copy, { recursive: true });
  expect((await dt(["stop", "--all"])).code).toBe(0);
  expect((await dt(["gc", "--yes"])).code).toBe(0);
  await until("it is gone", () => !runs(pid));
}, 60_000);

for (const [what, put, isThereStill] of [
  ["a file", (old: string) => writeFileSync(old, "mine"), false],
  ["a folder that is no project", (old: string) => mkdirSync(old), true],
  ["a link to the new place", (old: string, moved: string) => symlinkSync(moved, old), true],
] as const) {
  test(`with ${what} at the old path, the printed command stops what still runs`, async () => {
    const { old, moved, dt, pid } = await startAndMove();
    put(old, moved);
    const { stderr } = await dt(["ps"]);
    expect(stderr).toContain(`${KEY} (pid ${pid}) runs on under the old path. `);
    const moveAway = `Move away what is at ${old} now; then \`dt gc --yes\` stops that`;
    if (isThereStill) {
      expect(stderr).toContain(moveAway);
      renameSync(old, `${old}.away`);
    } else expect(stderr).not.toContain("Move away");
    expect((await dt(["gc", "--yes"])).code).toBe(0);
    await until("it is gone", () => !runs(pid));
  }, 60_000);
}

test("a run directory below the project moves along, under the name of the old path", async () => {
  const { old, dt, pid } = await startAndMove(".dialtone/state");
  expect((await dt(["ps"])).stderr).toContain(`this folder was ${old} before it was moved`);
  expect((await dt(["stop", "--all"])).stderr).toContain(
    `${KEY} (pid ${pid}) runs on under the old path. \`dt gc --yes\``,
  );
  expect((await dt(["gc", "--yes"])).code).toBe(0);
  await until("it is gone", () => !runs(pid));
}, 60_000);

test("a run directory that cannot be trusted is reported once, with what to do", async () => {
  const { of, old, dt, pid } = await startAndMove();
  const state = join(of.root.base, "state", rootSlug(old));
  renameSync(state, `${state}.away`);
  symlinkSync(`${state}.away`, state);
  const { stderr } = await dt(["ps"]);
  expect(stderr).toContain(`cannot be looked at: ${state} is a symbolic link`);
  expect(stderr).toContain("Remove the link");
  expect((await dt(["ps"])).stderr).toBe("");
  rmSync(state);
  renameSync(`${state}.away`, state);
  expect((await dt(["gc", "--yes"])).code).toBe(0);
  await until("it is gone", () => !runs(pid));
}, 60_000);

test.skipIf(!canMount)(
  "a folder that has two paths was not moved",
  async () => {
    const { of, old, moved, dt, pid } = await startAndMove();
    renameSync(moved, old);
    const other = join(of.root.base, "bound");
    mkdirSync(other);
    expect(Bun.spawnSync(["mount", "--bind", old, other]).exitCode).toBe(0);
    try {
      expect((await dt(["ps"], other)).stderr).toBe("");
    } finally {
      expect(Bun.spawnSync(["umount", other]).exitCode).toBe(0);
    }
    expect((await dt(["stop", "--all"], old)).code).toBe(0);
    expect(runs(pid)).toBe(false);
  },
  60_000,
);
