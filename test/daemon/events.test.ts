/** States as the daemon's socket reports them: those of `dt ps`. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeEvents } from "../../src/daemon/events.ts";
import { makeProcessTable } from "../../src/sys/process/table.ts";
import { TestRoot, until } from "../kit.ts";

test("a launch whose record cannot be read is reported in the state that ps shows, not as unknown", async () => {
  const root = TestRoot.create({
    "manifests/a.json": JSON.stringify({
      name: "a",
      commands: { dev: { kind: "managed", run: ["sh", "-c", "echo up; exec sleep 1000"], ready: { log: "up" } } },
    }),
  });
  try {
    await root.dt(["a", "dev", "-d"]);
    const rows = async () =>
      JSON.parse((await root.dt(["ps", "--json"])).stdout) as { state: string; host: { pid: number } }[];
    // A living host would write the record again.
    process.kill((await rows())[0]?.host.pid as number, "SIGKILL");
    const events = makeEvents(
      { home: root.env.DIALTONE_HOME as string, env: root.env, table: makeProcessTable() },
      () => [root.dir],
    );
    const seen: unknown[] = [];
    const close = events.subscribe(undefined, (event) => seen.push(event));
    try {
      writeFileSync(join(root.run, "a:dev:default.meta.json"), "{");
      await until("the change is reported", () => seen.length > 0);
      const state = (await rows())[0]?.state;
      expect(state).toBe("running");
      expect(seen[0]).toMatchObject({ event: "state", key: "a:dev:default", was: "ready", state });
    } finally {
      close();
    }
    await root.dt(["stop", "a", "dev"]);
  } finally {
    await root.dispose();
  }
});
