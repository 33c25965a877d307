/**
 * Nothing innocent is killed: a record that names a living process which is not the launch's own gets no signal,
 * whatever differs.
 */
import { expect, test } from "bun:test";
import { launchRoot, psOf, readLog, runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until } from "../kit.ts";

interface RawRecord {
  leader: { pid: number; startTime: string; bootId: string; pidNamespace: string };
  host: { pid: number; startTime: string; bootId: string; pidNamespace: string };
  token: string;
}

const RECORD = ".dialtone/run/t:dev:default.meta.json";

/** A launch whose processes are dead, and its record put back as if they had died unseen. */
async function deadRecord(root: TestRoot): Promise<RawRecord> {
  await root.dt(["t", "dev", "-d"]);
  await until("it printed", () => readLog(root).includes("plain"));
  const text = root.read(RECORD);
  await root.dt(["stop", "t", "dev"]);
  return JSON.parse(text) as RawRecord;
}

/** An innocent process, leader of a session of its own as a launch's leader is. */
function innocent() {
  return Bun.spawn(["sleep", "1000"], { detached: true, stdio: ["ignore", "ignore", "ignore"] });
}

function identityOf(pid: number) {
  const stat = require("node:fs").readFileSync(`/proc/${pid}/stat`, "latin1") as string;
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] as string;
}

const CASES: [what: string, change: (record: RawRecord, pid: number) => void, stopCode: number, state: string][] = [
  [
    "the pid was reused: another start time",
    (record, pid) => {
      record.leader.pid = pid;
    },
    0,
    "failed",
  ],
  [
    "another boot, same pid and start time",
    (record, pid) => {
      Object.assign(record.leader, { pid, startTime: identityOf(pid), bootId: "00000000-0000-0000-0000-000000000000" });
      record.host.bootId = "00000000-0000-0000-0000-000000000000";
    },
    0,
    "failed",
  ],
  [
    "another pid namespace, same pid and start time, where its host no longer holds on",
    (record, pid) => {
      Object.assign(record.leader, { pid, startTime: identityOf(pid), pidNamespace: "pid:[1]" });
      record.host.pidNamespace = "pid:[1]";
    },
    0,
    "failed",
  ],
];

for (const [what, change, code, state] of CASES) {
  test(what, async () => {
    const root = launchRoot("plain");
    const bystander = innocent();
    try {
      const record = await deadRecord(root);
      change(record, bystander.pid);
      root.writeState(RECORD, record);
      expect(await psOf(root)).toMatchObject({ state });
      const stopped = await root.dt(["stop", "t", "dev"]);
      expect({ code: stopped.code, stderr: stopped.stderr }).toMatchObject({ code });
      const rerun = await root.dt(["t", "dev", "-d"]);
      expect(rerun.code).toBe(code);
      expect(runs(bystander.pid)).toBe(true);
    } finally {
      bystander.kill("SIGKILL");
      await bystander.exited;
      await root.dispose();
    }
  });
}

test("a launch of another pid namespace on the same directory is shown as unknown, and never signalled or replaced", async () => {
  const root = launchRoot("plain");
  try {
    const inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    if (Bun.spawnSync([...inside, "true"]).exitCode !== 0) {
      console.error("skipped: this machine does not let us make a pid namespace");
      return;
    }
    await root.dt(["t", "dev", "-d"]);
    const pid = (await psOf(root))?.pid as number;
    const { DT } = await import("../kit.ts");
    const dt = (...args: string[]) => Bun.spawnSync([...inside, DT, ...args], { cwd: root.dir, env: root.env });
    const seen = JSON.parse(dt("ps", "--json").stdout.toString());
    expect(seen).toMatchObject([{ state: "running", note: expect.stringContaining("unknown here") }]);
    expect(dt("stop", "t", "dev").exitCode).toBe(1);
    expect(dt("t", "dev", "-d").exitCode).toBe(1);
    expect(runs(pid)).toBe(true);
    expect(await psOf(root)).toMatchObject({ state: "running", pid });
  } finally {
    await root.dispose();
  }
});
