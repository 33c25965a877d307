/**
 * The run directory's disk is full: ending a launch, in whichever way, works all the same, since that may be what frees
 * it.
 */
import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { launchRoot, printed, runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until } from "../kit.ts";

const MORE = `crash: { kind: "managed", run: "exit 3", restart: "on-failure" },`;

interface Small {
  root: TestRoot;
  env: Record<string, string>;
  /** `left`: how many bytes stay free. Default: none. */
  fill(left?: number): void;
  log(key: string): string;
  stateOf(key: string): Promise<string | undefined>;
}

/** A root whose run directory is on a disk of 512 KB of its own. */
async function onSmallDisk(work: (small: Small) => Promise<void>): Promise<void> {
  const root = launchRoot("polite", "", MORE);
  const at = join(root.dir, "small");
  mkdirSync(at);
  if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=512k", "dt-test", at]).exitCode !== 0) {
    console.error("skipped: this machine does not let us mount a small disk");
    return root.dispose();
  }
  const env = { DIALTONE_RUN_DIR: at };
  const ballast = join(at, "ballast");
  const ps = async () => JSON.parse((await root.dt(["ps", "--all", "--json"], { env })).stdout);
  try {
    await work({
      root,
      env,
      fill(left = 0) {
        try {
          for (;;) appendFileSync(ballast, "x".repeat(4096));
        } catch {
          truncateSync(ballast, Math.max(0, statSync(ballast).size - left));
        }
      },
      log: (key) => {
        const all = Array.from(new Bun.Glob("*/").scanSync({ cwd: at, onlyFiles: false }));
        const directory = all.find((one) => !/\.cache\/?$/.test(one));
        try {
          return root.read(join("small", directory ?? "", `${key}.log`));
        } catch {
          return "";
        }
      },
      stateOf: async (key) => (await ps()).find((one: { key: string }) => one.key === key)?.state,
    });
  } finally {
    rmSync(ballast, { force: true });
    await root.dt(["stop", "--all"], { env });
    await until("nothing is left", () => root.processes().length === 0);
    Bun.spawnSync(["umount", at]);
    await root.dispose();
  }
}

test.each([0, 16 * 1024])(
  "a replacement on a disk with %d bytes left is refused, and the launch runs on",
  async (left) => {
    await onSmallDisk(async ({ root, env, fill, log, stateOf }) => {
      expect((await root.dt(["t", "dev", "-d"], { env })).code).toBe(0);
      const pid = await until("it printed", () => printed(log("t:dev:default")).get("leader"));
      fill(left);
      const { code, stderr } = await root.dt(["t", "dev", "-d"], { env });
      expect([code, stderr]).toEqual([1, expect.stringContaining("The disk is full")]);
      expect([runs(pid), await stateOf("t:dev:default")]).toEqual([true, "running"]);
    });
  },
);

test("Ctrl-C stops the launch on a full disk", async () => {
  await onSmallDisk(async ({ root, env, fill, log }) => {
    const host = root.spawn(["t", "dev"], { env });
    const pid = await until("it printed", () => printed(log("t:dev:default")).get("leader"));
    fill();
    host.kill("SIGINT");
    expect(await host.exited).toBe(130);
    expect(runs(pid)).toBe(false);
  });
});

test("a leader that ends on a full disk ends its host, with its code", async () => {
  await onSmallDisk(async ({ root, env, fill, log, stateOf }) => {
    const host = root.spawn(["t", "dev"], { env });
    const pid = await until("it printed", () => printed(log("t:dev:default")).get("leader"));
    fill();
    process.kill(pid, "SIGTERM");
    expect(await host.exited).toBe(8);
    expect(await stateOf("t:dev:default")).toBeUndefined();
  });
});

test("a launch that waits for its next run can be stopped on a full disk", async () => {
  await onSmallDisk(async ({ root, env, fill, stateOf }) => {
    const host = root.spawn(["t", "crash"], { env });
    await until("it waits", async () => (await stateOf("t:crash:default")) === "backoff" || null);
    fill();
    expect(await root.dt(["stop", "t", "crash"], { env })).toMatchObject({ code: 0 });
    expect(await host.exited).toBe(3);
    await until("its host is gone", () => root.processes().length === 0);
  });
});
