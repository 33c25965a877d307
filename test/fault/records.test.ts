/**
 * A record cut off at every byte is reported, never taken for "not running"; its processes are found, and it hides no
 * other launch.
 */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beginLook, lookAt } from "../../src/inspect/look.ts";
import { openStore } from "../../src/state/store.ts";
import type { Ground } from "../../src/supervisor/launch/types.ts";
import { makeProcessTable } from "../../src/sys/process/table.ts";
import { launchRoot, ps, psOf, runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until, within } from "../kit.ts";

const KEY = "t:dev:default";
const RECORD = `.dialtone/run/${KEY}.meta.json`;

/** A launch whose host is gone, so that no process writes the record again. */
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

test("of a record cut off at any length ps says that it is unreadable, and finds the process", async () => {
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

const CUTS: [what: string, cut: (text: string, seal: (value: object) => string) => string, says?: string][] = [
  ["empty", () => ""],
  ["one byte", (text) => text.slice(0, 1)],
  ["half", (text) => text.slice(0, text.length / 2)],
  ["all but its end", (text) => text.slice(0, -2)],
  ["zeros", (text) => "\0".repeat(text.length)],
  // These three are dt's own, with a seal that is right: another version's of it, say.
  ["JSON that is no record", (_, seal) => seal({ version: 1, key: KEY })],
  ["a later version", (text, seal) => seal({ ...JSON.parse(text), version: 2 })],
  ["another key's", (text, seal) => seal(JSON.parse(text.replaceAll(KEY, "t:two:default")))],
  // And these came from elsewhere, for all that dt knows.
  ["no JSON object", () => "null", "foreign: not written by your dt"],
  [
    "a field changed by hand",
    (text) => text.replace('"restarts": 0', '"restarts": 1'),
    "foreign: not written by your dt, or changed since",
  ],
  [
    "without its seal",
    (text) => JSON.stringify({ ...JSON.parse(text), seal: undefined }),
    "foreign: not written by your dt",
  ],
];
for (const [what, cut, says = "cannot be read"] of CUTS) {
  test(`ps, stop and rerun deal with a broken record: ${what}`, async () => {
    const root = launchRoot("plain", "", `two: { kind: "managed", run: ["sleep", "1000"] },`);
    await within(root, async () => {
      await root.dt(["t", "two", "-d"]);
      const pid = await launchAlone(root);
      const seal = ({ seal: _, ...value }: { seal?: unknown }) => root.seal.close(join(root.dir, RECORD), value);
      root.write(RECORD, cut(root.read(RECORD), seal));
      const shown = await ps(root);
      expect(shown.map(({ key, state, pid: one }) => [key, state, one === pid])).toEqual([
        [KEY, says.startsWith("foreign") ? "foreign" : "running", true],
        ["t:two:default", "running", false],
      ]);
      expect(shown[0]?.note).toContain(says);
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

for (const [what, make] of [
  ["without a seal", (text: string) => JSON.stringify({ ...JSON.parse(text), seal: undefined })],
  ["of a copy", (text: string) => text],
] as const) {
  test(`a record ${what}, of which no process carries the key, is foreign in ps, why and doctor; a stop touches nothing, a start sets it aside`, async () => {
    const [root, other] = [launchRoot("plain"), launchRoot("plain")];
    const bystander = Bun.spawn(["sleep", "1000"], { detached: true, stdio: ["ignore", "ignore", "ignore"] });
    await within(other, () =>
      within(root, async () => {
        // The record of a launch that runs elsewhere, of the same user.
        await other.dt(["t", "dev", "-d"]);
        const theirs = (await psOf(other))?.pid as number;
        await root.dt(["list"]);
        mkdirSync(root.run, { recursive: true, mode: 0o700 });
        root.write(RECORD, make(other.read(RECORD)));
        const before = root.read(RECORD);
        expect(await ps(root)).toMatchObject([
          { key: KEY, state: "foreign", pid: null, note: expect.stringContaining("foreign: ") },
        ]);
        expect((await root.dt(["ps"])).stdout).toContain("foreign");
        expect((await root.dt(["why", "t", "dev"])).stdout).toContain(`${KEY} is foreign: `);
        const findings = JSON.parse((await root.dt(["doctor", "--fix", "--json"])).stdout).findings;
        expect(findings).toContainEqual(expect.objectContaining({ check: "record", level: "note", key: KEY }));
        for (const words of [
          ["stop", "t", "dev"],
          ["stop", "--all"],
          ["gc", "--yes"],
        ]) {
          const stopped = await root.dt(words);
          if (words[0] === "stop") expect(stopped.stderr).toContain(`${KEY} is foreign (`);
          expect([words, root.read(RECORD)]).toEqual([words, before]);
        }
        expect([runs(bystander.pid), runs(theirs)]).toEqual([true, true]);
        const started = await root.dt(["t", "dev", "-d"]);
        expect([started.code, started.stderr]).toEqual([0, expect.stringContaining("could not be read (")]);
        const [aside] = readdirSync(root.run).filter((name) => name.endsWith(".corrupt"));
        expect(root.read(join(".dialtone/run", aside as string))).toBe(before);
        expect(await psOf(root)).toMatchObject({ state: "running", note: null });
        expect(runs(theirs)).toBe(true);
        expect(await psOf(other)).toMatchObject({ state: "running", pid: theirs });
      }),
    ).finally(async () => {
      bystander.kill("SIGKILL");
      await bystander.exited;
    });
  });
}
