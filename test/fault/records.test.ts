/** A record cut off at every byte: told, never taken for "not running", its processes found; and no other launch is hidden by it. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beginLook, lookAt } from "../../src/commands/look.ts";
import { openStore } from "../../src/state/store.ts";
import type { Ground } from "../../src/supervisor/types.ts";
import { makeProcessTable } from "../../src/sys/process.ts";
import { launchRoot, ps, psOf, runs } from "../e2e/launch.kit.ts";
import { type TestRoot, until } from "../kit.ts";

const KEY = "t:dev:default";
const RECORD = `.dialtone/run/${KEY}.meta.json`;

async function within(root: TestRoot, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } finally {
    await root.dispose();
  }
}

/** A launch whose host is gone, so that nobody writes the record again. */
async function launchAlone(root: TestRoot): Promise<number> {
  await root.dt(["t", "dev", "-d"]);
  const one = await psOf(root);
  process.kill(one?.host?.pid as number, "SIGKILL");
  await until("the host is gone", () => !runs(one?.host?.pid as number));
  return one?.pid as number;
}

function groundOf(root: TestRoot): Ground {
  const table = makeProcessTable();
  const home = root.env.DIALTONE_HOME as string;
  return {
    table,
    store: openStore({ directory: root.run, home, table }),
    root: root.dir,
    home,
    env: root.env,
    cache: join(root.dir, ".dialtone", "cache"),
    self: ["dt"],
    openFiles: null,
    lockBackend: undefined,
  };
}

test("at every length ps says that it cannot be read, and finds the process", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    const pid = await launchAlone(root);
    const whole = root.read(RECORD);
    const ground = groundOf(root);
    const wrong: number[] = [];
    // The last byte is the newline: without it the record is still whole.
    for (let length = 0; length < whole.length - 1; length++) {
      root.write(RECORD, whole.slice(0, length));
      const report = lookAt(
        beginLook(ground, () => null),
        KEY,
      );
      const told = report?.state === "running" && report.pid === pid && report.note?.includes("cannot be read");
      if (told !== true) wrong.push(length);
    }
    expect(wrong).toEqual([]);
    expect(whole.length).toBeGreaterThan(500);
    root.write(RECORD, whole.slice(0, -1));
    expect(
      lookAt(
        beginLook(ground, () => null),
        KEY,
      ),
    ).toMatchObject({ state: "running", pid });
    root.write(RECORD, whole);
  });
}, 120_000);

const CUTS: [what: string, cut: (text: string, seal: (value: object) => string) => string][] = [
  ["empty", () => ""],
  ["one byte", (text) => text.slice(0, 1)],
  ["half", (text) => text.slice(0, text.length / 2)],
  ["all but its end", (text) => text.slice(0, -2)],
  ["zeros", (text) => "\0".repeat(text.length)],
  // These three are dt's own, with a seal that is right: another version's of it, say.
  ["JSON that is no record", (_, seal) => seal({ version: 1, key: KEY })],
  ["a later version", (text, seal) => seal({ ...JSON.parse(text), version: 2 })],
  ["another key's", (text, seal) => seal(JSON.parse(text.replaceAll(KEY, "t:two:default")))],
];
for (const [what, cut] of CUTS) {
  test(`${what}: ps, stop and rerun through the binary`, async () => {
    const root = launchRoot("plain", "", `two: { kind: "managed", run: ["sleep", "1000"] },`);
    await within(root, async () => {
      await root.dt(["t", "two", "-d"]);
      const pid = await launchAlone(root);
      const seal = ({ seal: _, ...value }: { seal?: unknown }) => root.seal.close(join(root.dir, RECORD), value);
      root.write(RECORD, cut(root.read(RECORD), seal));
      const shown = await ps(root);
      expect(shown.map(({ key, state, pid: one }) => [key, state, one === pid])).toEqual([
        [KEY, "running", true],
        ["t:two:default", "running", false],
      ]);
      expect(shown[0]?.note).toContain("cannot be read");
      const stopped = await root.dt(["stop", "t", "dev"]);
      expect([stopped.code, stopped.stderr.includes("could not be read")]).toEqual([0, true]);
      expect(runs(pid)).toBe(false);

      const second = await launchAlone(root);
      root.write(RECORD, cut(root.read(RECORD), seal));
      const rerun = await root.dt(["t", "dev", "-d"]);
      expect([rerun.code, rerun.stderr.includes("could not be read")]).toEqual([0, true]);
      expect(runs(second)).toBe(false);
      expect(await psOf(root)).toMatchObject({ state: "running", note: null });
      expect(readdirSync(root.run).filter((name) => name.endsWith(".corrupt"))).toHaveLength(2);
    });
  });
}
