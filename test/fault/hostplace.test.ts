/** Where the root's host listens, when that place is bad: the runtime directory, and what stands at the host's address. */
import { describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostsOf, runs } from "../e2e/kit/launch.ts";
import { until, within } from "../kit.ts";
import { addressOf, hostPidOf, hostRoot, socketsIn } from "./host.kit.ts";

const IS_ROOT = process.getuid?.() === 0;
const NOBODY = 65534;

describe("a runtime directory that cannot be used is passed over", () => {
  async function hostElsewhere(runtime: (base: string) => string, prefix: string[] = []): Promise<void> {
    const { root, dt } = hostRoot(["a", "b"]);
    await within(root, async () => {
      const place = runtime(root.base);
      if (prefix.length > 0) Bun.spawnSync(["chown", "-R", `${NOBODY}:${NOBODY}`, root.base]);
      root.prefix = prefix;
      for (const name of ["a", "b"])
        expect(await dt(["t", name, "-d"], { env: { XDG_RUNTIME_DIR: place } })).toMatchObject({ code: 0 });
      const hosts = hostsOf(root);
      expect(hosts).toHaveLength(1);
      expect(addressOf(hosts[0] as number)).toMatch(/^\/tmp\/dialtone-\d+/);
      expect(existsSync(join(place, "dialtone"))).toBe(false);
    });
  }

  test("one whose path is too long for a socket", async () => {
    await hostElsewhere((base) => {
      const place = join(base, "l".repeat(100));
      mkdirSync(place, { mode: 0o700 });
      return place;
    });
  });

  test("one that is not there, or no absolute path", async () => {
    await hostElsewhere((base) => join(base, "none"));
    await hostElsewhere(() => "relative");
  });

  test.skipIf(!IS_ROOT)("another user's", async () => {
    await hostElsewhere((base) => {
      const place = join(base, "other");
      mkdirSync(place, { mode: 0o777 });
      chownSync(place, NOBODY, NOBODY);
      return place;
    });
  });

  test.skipIf(!IS_ROOT)("one that may not be written", async () => {
    const asNobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    await hostElsewhere((base) => {
      const place = join(base, "closed");
      mkdirSync(place, { mode: 0o500 });
      return place;
    }, asNobody);
  });
});

test("the socket is in the runtime directory, for its user alone, and gone when the host has ended", async () => {
  const one = hostRoot(["a"]);
  await within(one.root, async () => {
    const host = hostPidOf(await one.start("a"));
    const address = addressOf(host);
    expect(address.startsWith(join(one.runtime, "dialtone"))).toBe(true);
    expect([statSync(address).mode & 0o777, statSync(join(one.runtime, "dialtone")).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    await one.dt(["stop", "t", "a"]);
    await until("the host has ended", () => !runs(host));
    expect(socketsIn(one.runtime)).toEqual([]);
  });
});

test("a socket that a killed host left is replaced, and its launch gets the new host", async () => {
  const one = hostRoot(["a", "b"]);
  await within(one.root, async () => {
    const before = await one.start("a");
    const address = addressOf(hostPidOf(before));
    process.kill(hostPidOf(before), "SIGKILL");
    await until("it is gone", () => !runs(hostPidOf(before)));
    expect(existsSync(address)).toBe(true);
    const host = hostPidOf(await one.start("b"));
    expect(addressOf(host)).toBe(address);
    await until("the first launch has it too", async () => (await one.ps("a"))?.host?.pid === host);
    expect((await one.ps("a"))?.pid).toBe(before.pid);
  });
});

const OBSTACLES: [what: string, put: (address: string) => string][] = [
  [
    "a file",
    (address) => {
      writeFileSync(address, "kept");
      return address;
    },
  ],
  [
    "a directory",
    (address) => {
      mkdirSync(address);
      writeFileSync(join(address, "file"), "kept");
      return join(address, "file");
    },
  ],
];

test.each(OBSTACLES)("%s in the socket's place is named, with what to type, and stays", async (what, put) => {
  const one = hostRoot(["a", "b"]);
  await within(one.root, async () => {
    const before = await one.start("a");
    const address = addressOf(hostPidOf(before));
    rmSync(address);
    const kept = put(address);
    const { code, stderr } = await one.dt(["t", "b", "-d"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`at ${address}, but there is ${what}`);
    expect(stderr).toContain(`rm -r ${address}`);
    expect(readFileSync(kept, "utf8")).toBe("kept");
    // Nothing of it is left, and nothing is lost.
    expect((await one.ps("b"))?.pid ?? null).toBeNull();
    expect(await one.ps("a")).toMatchObject({
      state: "running",
      pid: before.pid,
      host: { pid: hostPidOf(before), alive: true },
    });
    rmSync(address, { recursive: true });
    expect((await one.start("b")).state).toBe("running");
    expect((await one.dt(["stop", "t", "a"])).code).toBe(0);
  });
});

test("dt works on where the socket was removed under its host", async () => {
  const one = hostRoot(["a", "b"]);
  await within(one.root, async () => {
    const before = await one.start("a");
    rmSync(one.runtime, { recursive: true });
    mkdirSync(one.runtime, { mode: 0o700 });
    const after = await one.start("b");
    expect(hostPidOf(after)).not.toBe(hostPidOf(before));
    expect(await one.ps("a")).toMatchObject({ pid: before.pid, host: { pid: hostPidOf(before), alive: true } });
    await one.dt(["stop", "t", "a"]);
    await until("the first host has ended", () => !runs(hostPidOf(before)));
    // It left the other's socket alone.
    expect(socketsIn(one.runtime)).toHaveLength(1);
  });
});
