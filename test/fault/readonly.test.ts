/**
 * A run directory that becomes read-only: starting is refused in a sentence and harms nothing; looking and stopping
 * work.
 */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launchRoot, leadersOf, printed, psOf, readLog, runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until } from "../kit.ts";

const mount = (...args: string[]) => Bun.spawnSync(["mount", ...args]).exitCode === 0;

/** A root whose `.dialtone` can be made read-only, for every later open, and writable again. */
async function onSwitch(work: (root: TestRoot, set: (mode: "ro" | "rw") => void) => Promise<void>): Promise<void> {
  const root = launchRoot("background child");
  const at = join(root.dir, ".dialtone");
  mkdirSync(at, { mode: 0o700 });
  let covered = false;
  const set = (mode: "ro" | "rw") => {
    if (mode === "rw" && covered) expect(Bun.spawnSync(["umount", "-l", at]).exitCode).toBe(0);
    if (mode === "ro") expect(mount("--bind", at, at) && mount("-o", "remount,bind,ro", at)).toBe(true);
    covered = mode === "ro";
  };
  if (!mount("--bind", at, at)) {
    if (process.env.CI) throw new Error("CI must be able to mount");
    console.error("skipped: this machine does not let us mount");
    return root.dispose();
  }
  Bun.spawnSync(["umount", at]);
  try {
    await work(root, set);
  } finally {
    set("rw");
    await root.dispose();
  }
}

test("a start is refused, names the directory, and spawns nothing", async () => {
  await onSwitch(async (root, set) => {
    set("ro");
    const started = await root.dt(["t", "dev", "-d"]);
    expect({ code: started.code, processes: root.processes() }).toEqual({ code: 1, processes: [] });
    expect(started.stderr).toMatch(/\.dialtone.*read-only/s);
    expect(started.stderr).not.toContain("this is a bug");
    expect((await root.dt(["ps", "--json"])).stdout).toBe("[]\n");
  });
});

for (const hosted of [true, false]) {
  test(`what runs ${hosted ? "with" : "without"} a host is listed, not replaced, and stopped; the list is true all the time`, async () => {
    await onSwitch(async (root, set) => {
      expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
      const before = await psOf(root);
      const pids = await until("both printed", () => {
        const found = printed(readLog(root));
        return found.size === 2 ? [...found.values()] : null;
      });
      const host = before?.host?.pid as number;
      if (!hosted) {
        process.kill(host, "SIGKILL");
        await until("the host is gone", () => !runs(host));
      }
      set("ro");
      expect(await psOf(root)).toMatchObject({ state: "running", pid: before?.pid as number });
      const rerun = await root.dt(["t", "dev", "-d"]);
      expect({ code: rerun.code, leaders: leadersOf(root, "background child") }).toEqual({
        code: 1,
        leaders: [before?.pid as number],
      });
      expect(rerun.stderr).toContain("read-only");
      const stopped = await root.dt(["stop", "t", "dev"]);
      expect({ code: stopped.code, stderr: stopped.stderr, left: pids.filter(runs) }).toMatchObject({
        code: 0,
        left: [],
      });
      await until("its host has left", () => !runs(host));
      expect((await psOf(root))?.pid ?? null).toBeNull();
      set("rw");
      expect((await psOf(root))?.pid ?? null).toBeNull();
      expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
      expect(leadersOf(root, "background child")).toEqual([(await psOf(root))?.pid as number]);
    });
  });
}
