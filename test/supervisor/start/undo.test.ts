/** A start that fails takes back what its steps did, and says why it failed, whatever the taking back comes to. */
import { expect, test } from "bun:test";
import { realpathSync } from "node:fs";
import type { ManagedSettings } from "../../../src/manifest/model/resolved.ts";
import { resolvePlugin } from "../../../src/manifest/resolve/resolve.ts";
import type { Store } from "../../../src/state/store.ts";
import { groundOf } from "../../../src/supervisor/ground/ground.ts";
import { makeLaunchSpec } from "../../../src/supervisor/launch/spec.ts";
import type { LaunchEvent } from "../../../src/supervisor/launch/types.ts";
import { startLaunch } from "../../../src/supervisor/start/start.ts";
import { DtError, messageOf } from "../../../src/sys/base/error.ts";
import { identifySelf } from "../../../src/sys/process/identity.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { ASKER, recordOf } from "../../state/samples.ts";

const scratch = makeScratch();
const KEY = "t:dev:default";

function managed(): ManagedSettings {
  const { plugin } = resolvePlugin(
    { name: "t", commands: { dev: { kind: "managed", run: ["sleep", "60"] } } },
    { file: "manifests/t.manifest.ts", origin: "root" },
  );
  return plugin.commands.dev?.variants.default as ManagedSettings;
}

/** Starts in place of a launch in backoff. The start fails when it writes that its key is to run. */
async function failingStart(broken: Partial<Store> = {}) {
  const [root, home] = [realpathSync(scratch()), scratch()];
  const env = { PATH: "/usr/bin:/bin" };
  const table = makeProcessTable();
  const ground = groundOf({ home, env, table }, root);
  ground.store.prepare();
  const host = { ...identifySelf(table), startTime: "1" };
  ground.store.writeRecord(recordOf({ key: KEY, root, phase: "backoff", leader: null, host, logFile: null }));
  let isEnded = false;
  const store: Store = {
    ...ground.store,
    // The first is the end of the launch before.
    writeWant(want) {
      if (isEnded) throw new DtError("cannot-write", "The disk is full.");
      isEnded = true;
      ground.store.writeWant(want);
    },
    ...broken,
  };
  const notes: string[] = [];
  const report = (event: LaunchEvent) => void (event.is === "note" && notes.push(event.text));
  const spec = makeLaunchSpec({ key: KEY, settings: managed(), env, asker: ASKER });
  const start = startLaunch({ ground: { ...ground, store }, spec, report, options: { restarts: 0 } });
  const error = await start.then(() => null, messageOf);
  return { error, notes, store: ground.store };
}

test("a start that fails leaves nothing of the launch that it was to replace, and says why it failed", async () => {
  const { error, notes, store } = await failingStart();
  expect([error, notes]).toEqual(["The disk is full.", []]);
  expect(store.record(KEY).is).toBe("absent");
  const exit = store.exit(KEY);
  expect(exit.is === "there" && [exit.value.reason, exit.value.text]).toEqual([
    "start-failed",
    "could not be started: The disk is full.",
  ]);
});

test("what cannot be taken back is reported, and the start's own error is the one that counts", async () => {
  const { error, notes } = await failingStart({
    removeRecord() {
      throw new Error("the disk is gone");
    },
  });
  expect([error, notes]).toEqual(["The disk is full.", ["the disk is gone"]]);
});
