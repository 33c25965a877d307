/**
 * The daemon's consent is by content: what a checkout changes waits for a person's act, whatever it changes; a person's
 * act takes it over.
 */

import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootSlug } from "../../../src/sys/places/paths.ts";
import { makeSeal } from "../../../src/sys/seal/seal.ts";
import { connectTo, socketOf, statusOf } from "../../e2e/kit/daemon.ts";
import { psOf, runs } from "../../e2e/kit/launch.ts";
import { stays, type TestRoot, until } from "../../kit.ts";
import { type Strange, strangeRoot } from "./trust.kit.ts";

/**
 * What a person took over: a schedule, a watch, a status, a command of the socket, a launch; each says which version of
 * it ran.
 */
const plugin = (version: string, mark = "") => `${mark}
import { writeFileSync } from "node:fs";
import { version } from "./helper/version.ts";
export default { name: "t", commands: {
  tick: { kind: "oneshot", run: "echo ${version} >> tick", schedule: "* * * * * *" },
  hand: { kind: "oneshot", handler: () => { writeFileSync("hand", "${version} " + version); } },
  said: { kind: "oneshot", run: "echo ${version} >> said" },
  seen: { kind: "oneshot", run: "echo ${version} >> seen" },
  asked: { kind: "oneshot", run: "echo '\\"${version}\\"'" },
  state: { kind: "oneshot", run: "echo '{\\"stated\\":\\"${version}\\"}'" },
  srv: { kind: "managed", run: ["sleep", "${version === "old" ? "1000" : "2000"}"], boot: true },
}, watch: [{ paths: ["in/*"], debounce: "20ms", run: "t:seen", target: (path) => "${version}" }],
  daemon: { status: "t:state", commands: { ask: "t:asked", hand: "t:hand" } } };`;

function make(): Strange {
  const strange = strangeRoot(() => ({
    "manifests/t.ts": plugin("old"),
    "manifests/helper/version.ts": `export const version = "old";`,
    "manifests/gone.json": `{"name": "gone", "commands": {"tick": {"kind": "oneshot", "run": "echo old >> gone", "schedule": "* * * * * *"}}}`,
    "manifests/same.json": `{"name": "same", "commands": {"tick": {"kind": "oneshot", "run": "echo same >> same", "schedule": "* * * * * *"}}}`,
    "in/a": "1",
  }));
  return strange;
}

const NAMES = "manifests/code.ts, manifests/evil.yaml, manifests/gone.json and manifests/t.ts";

/** As `git checkout` of another person's branch leaves it. */
function checkOut({ root, mark }: Strange): void {
  root.write("manifests/t.ts", plugin("new", mark("evaluated")));
  root.write("manifests/helper/version.ts", `${mark("imported")} export const version = "new";`);
  root.write(
    "manifests/evil.yaml",
    `name: evil\ncommands:\n  tick: { kind: oneshot, run: "echo x >> evil", schedule: "* * * * * *" }\n  up: { kind: managed, run: [sleep, "3000"], boot: true }\ndaemon: { status: "evil:tick", commands: { evil: "evil:tick" } }\nwatch: [{ paths: ["in/*"], debounce: "20ms", run: "evil:tick" }]\n`,
  );
  root.write("manifests/code.ts", `${mark("new code")} export default { name: "code", commands: {} };`);
  rmSync(join(root.dir, "manifests/gone.json"));
}

const read = (root: TestRoot, name: string) => (existsSync(join(root.dir, name)) ? root.read(name) : "");
const lines = (root: TestRoot, name: string) => read(root, name).split("\n").length - 1;

/**
 * Waits until a command that is scheduled every second ran twice more: what else is due every second has run by then.
 */
async function scheduledTwice(root: TestRoot): Promise<void> {
  const before = lines(root, "tick");
  await until("the schedule came twice", () => lines(root, "tick") > before + 1);
}

async function ask(root: TestRoot, request: object) {
  const client = await connectTo(socketOf(root));
  const answer = await client.ask(request);
  client.close();
  return answer;
}

test("after a checkout the daemon goes on with what it knew, and says what waits; the next command that a person runs takes it over", async () => {
  const strange = make();
  const { root, dt } = strange;
  try {
    expect((await dt(["t", "said"])).code).toBe(0);
    expect((await dt(["boot", "add"])).stdout).toContain("1 marked boot, 3 with a schedule");
    expect((await dt(["daemon", "start"])).code).toBe(0);
    await until("all runs", () => lines(root, "tick") > 0 && lines(root, "gone") > 0, 20_000);
    await until("it is started at boot", async () => (await psOf(root, "t:srv:default"))?.state === "running");
    await until("it is in the status", async () => (await statusOf(root)).stated === "old");
    root.write("in/a", "2");
    await until("what changed is seen", () => lines(root, "seen") > 0);

    await ask(root, { cmd: "hand" });
    expect(read(root, "hand")).toBe("old old");

    checkOut(strange);
    const waiting = ["code.ts", "evil.yaml", "gone.json", "t.ts"].map((name) => join(root.dir, "manifests", name));
    await until(
      "it waits",
      async () => ((await statusOf(root)).waiting as { files: string[] }[])[0]?.files.length === 4,
    );
    expect((await statusOf(root)).waiting).toEqual([{ root: root.dir, files: waiting }]);
    const before = { tick: lines(root, "tick"), gone: lines(root, "gone"), same: lines(root, "same") };
    await until(
      "the schedules go on",
      () => lines(root, "tick") > before.tick + 1 && lines(root, "same") > before.same + 1,
      20_000,
    );
    expect(lines(root, "gone")).toBeGreaterThan(before.gone);
    // Watches: the function that names the target is code that changed, so it is refused until it is taken over.
    root.write("in/a", "3");
    expect((await ask(root, { cmd: "ask" })).data).toBe("old");
    expect((await ask(root, { cmd: "evil" })).code).toBe("unknown-command");
    // A launch: as it was known, started over the socket and again by a restart.
    expect((await ask(root, { cmd: "restart", root: root.dir, key: "t:srv" })).ok).toBe(true);
    expect((await ask(root, { cmd: "start", root: root.dir, key: "evil:up" })).ok).toBe(false);
    const { argv } = (await psOf(root, "t:srv:default")) as unknown as { argv: string[] };
    expect(argv).toEqual(["sleep", "1000"]);
    // The daemon itself begins again, and a launch whose host was killed gets another one.
    expect((await dt(["daemon", "restart"])).code).toBe(0);
    const host = (await psOf(root, "t:srv:default"))?.host?.pid as number;
    process.kill(host, "SIGKILL");
    await until(
      "it has a host again",
      async () => {
        const now = (await psOf(root, "t:srv:default"))?.host;
        return now?.alive === true && now.pid !== host;
      },
      20_000,
    );
    expect(new Set(read(root, "tick").trim().split("\n"))).toEqual(new Set(["old"]));
    // A function is run from its file: it is refused until that is taken over.
    const refused = await ask(root, { cmd: "hand" });
    expect(refused).toMatchObject({
      ok: false,
      error: expect.stringContaining("changed since a person last ran a command"),
    });
    expect(read(root, "hand")).toBe("old old");
    expect(existsSync(join(root.dir, "evil"))).toBe(false);
    expect(await psOf(root, "evil:up:default")).toBeUndefined();
    expect((await statusOf(root)).stated).toBe("old");
    expect(strange.marks()).toEqual([]);

    // It is reported each time by verbs about the daemon, and once by verbs that only look.
    for (const words of [["daemon", "status"], ["jobs"]]) {
      const told = (await dt(words)).stdout;
      expect({ words, told }).toEqual({
        words,
        told: expect.stringContaining(`${NAMES} changed since you last ran a command here`),
      });
    }
    // A look before this one may have reported it.
    rmSync(join(root.env.DIALTONE_HOME as string, "told"), { recursive: true, force: true });
    const looked = [await dt(["ps"]), await dt(["ps"]), await dt(["why"])].map(({ stderr }) => stderr);
    expect(looked[0]).toContain("changed since you last ran a command here; the daemon goes on with what it knew");
    expect(looked.slice(1)).toEqual(["", ""]);
    // Looking in a trusted root reads what is there, as ever, and does not take it over.
    await dt(["list"]);
    strange.marks();
    await scheduledTwice(root);
    expect(existsSync(join(root.dir, "evil"))).toBe(false);

    const taken = await dt(["t", "said"]);
    expect(taken.code).toBe(0);
    expect(taken.stderr).toContain(`the daemon goes by ${NAMES} as they are now`);
    expect((await dt(["t", "said"])).stderr).toBe("");
    await until("it is taken over", () => existsSync(join(root.dir, "evil")), 20_000);
    expect((await statusOf(root)).waiting).toEqual([]);
    expect((await dt(["jobs"])).stdout).not.toContain("changed since");
    await until("the status is the new one", async () => (await statusOf(root)).stated === "new");
    await until("what was watched meanwhile is seen", () => read(root, "seen").includes("new"), 20_000);
    await ask(root, { cmd: "hand" });
    expect(read(root, "hand")).toBe("new new");
    expect((await ask(root, { cmd: "ask" })).data).toBe("new");
    const gone = lines(root, "gone");
    await scheduledTwice(root);
    expect(lines(root, "gone")).toBe(gone);
  } finally {
    await strange.dispose();
  }
}, 120_000);

test("a dt that a job runs goes by what was known too; neither it nor a host's own restart takes anything over", async () => {
  const strange = strangeRoot(() => ({
    "manifests/t.json": JSON.stringify({
      name: "t",
      commands: {
        outer: { kind: "oneshot", run: "dt t inner", schedule: "* * * * * *" },
        inner: { kind: "oneshot", run: "echo old >> inner" },
        srv: { kind: "managed", run: "echo old >> srv; sleep 0.3; exit 1", restart: { policy: "always", delay: "1s" } },
      },
    }),
  }));
  const { root, dt } = strange;
  try {
    expect((await dt(["boot", "add"])).code).toBe(0);
    expect((await dt(["t", "srv", "-d"])).code).toBe(0);
    expect((await dt(["daemon", "start"])).code).toBe(0);
    await until("the inner one runs", () => lines(root, "inner") > 0, 20_000);
    root.write("manifests/t.json", read(root, "manifests/t.json").replaceAll("echo old", "echo new"));
    const [before, starts] = [lines(root, "inner"), lines(root, "srv")];
    await until("it goes on", () => lines(root, "inner") > before + 2, 20_000);
    expect(
      new Set(
        read(root, "inner")
          .trim()
          .split("\n")
          .slice(before + 1),
      ),
    ).toEqual(new Set(["old"]));
    // The launch is the person's own: it goes by the manifest as it is, as ever, which is no person's act.
    await until("it was started again", () => lines(root, "srv") > starts + 1, 20_000);
    expect(read(root, "srv")).toContain("new");
    expect((await statusOf(root)).waiting).toHaveLength(1);
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("registered while it is not trusted, a root's data is what was consented to; its code waits for trust", async () => {
  const strange = strangeRoot((mark) => ({
    "manifests/a.ts": `${mark("evaluated")} export default { name: "a", commands: { tick: { kind: "oneshot", run: "echo a >> a", schedule: "* * * * * *" } } };`,
    "manifests/d.json": `{"name": "d", "commands": {"tick": {"kind": "oneshot", "run": "echo d >> d", "schedule": "* * * * * *", "needs": ["a:tick"]}, "other": {"kind": "oneshot", "run": "echo o >> o", "schedule": "* * * * * *"}}}`,
  }));
  const { root, dt } = strange;
  try {
    const added = await dt(["boot", "add"]);
    expect(added.stdout).toContain("0 marked boot, 2 with a schedule");
    expect(added.stderr).toContain("1 manifest is code that was not read");
    await dt(["daemon", "start"]);
    await until("data is followed", () => lines(root, "o") > 1, 20_000);
    expect(strange.marks()).toEqual([]);
    expect(existsSync(join(root.dir, "a"))).toBe(false);
    expect((await statusOf(root)).waiting).toEqual([]);
    // Being run by the daemon is no trust.
    expect((await dt(["trust", "--list"])).stdout).toBe("No root is trusted.\n");
    expect((await dt(["trust"])).code).toBe(0);
    await until("code is followed", () => lines(root, "a") > 0, 20_000);
    expect((await dt(["untrust"])).code).toBe(0);
    await until(
      "nothing is planned",
      async () => ((await ask(root, { cmd: "jobs" })).data.due as unknown[]).length === 0,
    );
    strange.marks();
    // Nothing is scheduled that would tell when: each schedule was of every second.
    await stays("nothing is evaluated", () => strange.marks().length === 0, 1200);
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("dt trust counts the manifests that failed apart from those that it read", async () => {
  const strange = strangeRoot(() => ({
    "manifests/bad.json": "{",
    "manifests/good.json": `{"name":"good","commands":{}}`,
  }));
  try {
    const trusted = await strange.dt(["trust"]);
    expect([trusted.code, trusted.stdout]).toEqual([0, `${strange.root.dir} is trusted: 1 manifest read, 1 failed\n`]);
    rmSync(join(strange.root.dir, "manifests/bad.json"));
    expect((await strange.dt(["trust"])).stdout).toBe(`${strange.root.dir} is trusted: 1 manifest read\n`);
  } finally {
    await strange.dispose();
  }
});

test("without a cache, as after an upgrade, the daemon makes none, and nothing says that the root's manifests are gone", async () => {
  const strange = strangeRoot(() => ({
    "manifests/d.json": `{"name": "d", "commands": {"run": {"kind": "managed", "run": "exec sleep 1000"}, "tick": {"kind": "oneshot", "run": "echo x >> d", "schedule": "* * * * * *"}}}`,
  }));
  const { root, dt } = strange;
  try {
    await dt(["boot", "add"]);
    await dt(["d", "run", "-d"]);
    rmSync(join(root.dir, ".dialtone/cache"), { recursive: true });
    await dt(["daemon", "start"]);
    await until("it works", () => lines(root, "d") > 0, 20_000);
    expect((await dt(["why", "d", "run"])).stdout).not.toContain("no manifest declares");
    expect(await psOf(root, "d:run:default")).toMatchObject({ drift: null });
    await dt(["list"]);
    expect(await psOf(root, "d:run:default")).toMatchObject({ drift: false });
  } finally {
    await dt(["stop", "--all"]);
    await strange.dispose();
  }
}, 60_000);

test("a registration without a seal does not count, which lists report each time and its root once, until it is made again or removed", async () => {
  const strange = strangeRoot(() => ({
    "manifests/d.json": `{"name": "d", "commands": {"run": {"kind": "managed", "run": "exec sleep 9", "boot": true}}}`,
  }));
  const { root, dt } = strange;
  const boot = join(root.env.DIALTONE_HOME as string, "boot");
  const none = "No root is registered.\n";
  const leave = () => root.write(join(boot, rootSlug(root.dir)), `${root.dir}\n`); // as an earlier dt did
  try {
    leave();
    const listed = await dt(["boot", "list"]);
    expect([listed.code, listed.stdout]).toEqual([0, none]);
    expect(listed.stderr).toContain(`${root.dir} was registered by an earlier dt`);
    const json = await dt(["boot", "list", "--json"]);
    expect(JSON.parse(json.stdout)).toEqual([]);
    await dt(["daemon", "start"], { cwd: root.base });
    expect((await dt(["daemon", "status"])).stdout).toContain(`  foreign  ${root.dir} was registered by an earlier dt`);
    const told = "the registration of this root with the daemon no longer counts";
    expect((await dt(["list"])).stderr).toContain(told);
    expect((await dt(["list"])).stderr).not.toContain(told);
    expect((await dt(["boot", "add"])).stdout).toContain("is registered: 1 marked boot");
    const again = await dt(["boot", "list"]);
    expect([again.stdout.includes(root.dir), again.stderr]).toEqual([true, ""]);
    leave();
    expect(JSON.parse((await dt(["boot", "remove", "--json"])).stdout)).toEqual({ root: root.dir, removed: true });
    expect((await dt(["boot", "remove"])).stdout).toBe(`${root.dir} was not registered\n`);
    const added = JSON.parse((await dt(["boot", "add", "--json"])).stdout);
    expect(added).toEqual({ root: root.dir, added: true, boot: 1, scheduled: 0, watches: 0, unknown: 0 });
    expect((await dt(["boot", "remove"])).stdout).toContain("is no longer registered");
    const gone = await dt(["boot", "list"]);
    expect([gone.stdout, gone.stderr]).toEqual([none, ""]);
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("with another build of dt only what is unchanged goes on", async () => {
  const strange = strangeRoot(() => ({
    "manifests/d.json": `{"name": "d", "commands": {"tick": {"kind": "oneshot", "run": "echo old >> d", "schedule": "* * * * * *"}}}`,
    "manifests/e.json": `{"name": "e", "commands": {"tick": {"kind": "oneshot", "run": "echo old >> e", "schedule": "* * * * * *"}}}`,
  }));
  const { root, dt } = strange;
  const home = root.env.DIALTONE_HOME as string;
  try {
    expect((await dt(["boot", "add"])).code).toBe(0);
    await dt(["daemon", "start"]);
    await until("both run", () => lines(root, "d") > 0 && lines(root, "e") > 0, 20_000);
    await dt(["daemon", "stop"]);
    const [name] = [...new Bun.Glob("*.json").scanSync(join(home, "known"))];
    const file = join(home, "known", name as string);
    const { seal: _seal, ...known } = JSON.parse(root.read(file));
    root.write(file, makeSeal(home, home).close(file, { ...known, build: "another" }));
    root.write("manifests/e.json", read(root, "manifests/e.json").replace("old", "new"));
    const [d, e] = [lines(root, "d"), lines(root, "e")];
    await dt(["daemon", "start"]);
    await until("what is unchanged runs", () => lines(root, "d") > d, 20_000);
    expect(lines(root, "e")).toBe(e);
    expect((await dt(["daemon", "logs", "--stderr-only"])).stdout).toContain("known to another version of dt only");
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("what the daemon starts, hosts and restarts of the user's own in a root that is not trusted gets nothing of it", async () => {
  const strange = strangeRoot(() => ({
    "manifests/s.json": '{"name": "s", "commands": {"hi": {"kind": "oneshot", "run": ["true"]}}}',
  }));
  const { root, dt } = strange;
  const planted = (at: string) => {
    root.write(`${at}/sleep`, `#!/bin/sh\necho planted >> ${join(root.dir, "PLANTED")}\nexec /bin/sleep "$@"\n`);
    chmodSync(join(root.dir, at, "sleep"), 0o755);
  };
  const managed = { kind: "managed", run: ["sleep", "1000"] };
  const own = {
    boot: { ...managed, boot: true },
    kept: { ...managed, restart: "always" },
    env: { ...managed, envFile: [".env?"] },
  };
  const home = root.env.DIALTONE_HOME as string;
  try {
    planted("node_modules/.bin");
    planted("evil");
    root.write(".env", `PATH=${join(root.dir, "evil")}:/usr/bin:/bin\n`);
    mkdirSync(join(home, "manifests"), { recursive: true });
    writeFileSync(join(home, "manifests/own.json"), JSON.stringify({ name: "own", commands: own }));
    const row = async (key: string) =>
      (
        JSON.parse((await dt(["ps", "--json"])).stdout) as {
          key: string;
          state: string;
          pid: number;
          host: { pid: number; alive: boolean };
        }[]
      ).find((one) => one.key === key);
    const runs = async (key: string) => (await row(key))?.state === "running";
    expect((await dt(["own", "kept", "-d"])).code).toBe(0);
    expect((await dt(["boot", "add"])).code).toBe(0);
    expect((await dt(["daemon", "start"])).code).toBe(0);
    await until("it is started at boot", () => runs("own:boot:default"), 20_000);

    // Another host, which the daemon starts, starts the launch again.
    const before = await row("own:kept:default");
    process.kill(before?.host?.pid as number, "SIGKILL");
    await until(
      "it has another host",
      async () => {
        const now = await row("own:kept:default");
        return now?.host?.alive === true && now.host.pid !== before?.host?.pid;
      },
      20_000,
    );
    process.kill(before?.pid as number, "SIGKILL");
    await until(
      "it was started anew",
      async () => {
        const now = await row("own:kept:default");
        return now?.state === "running" && now.pid !== before?.pid;
      },
      20_000,
    );

    const refused = await ask(root, { cmd: "start", root: root.dir, key: "own:env" });
    expect(refused).toMatchObject({ ok: false, code: "not-trusted" });
    expect(existsSync(join(root.dir, "PLANTED"))).toBe(false);
    expect((await dt(["trust", "--list"])).stdout).toBe("No root is trusted.\n");
  } finally {
    await dt(["daemon", "stop"]);
    await strange.dispose();
  }
}, 60_000);

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  await reader.read();
  reader.releaseLock();
}

test("a launch, or dt watch, in whose folder's place another one was put evaluates and runs nothing of that", async () => {
  const strange = strangeRoot(() => ({
    "manifests/app.json": JSON.stringify({
      name: "app",
      commands: {
        dev: { kind: "managed", run: ["sleep", "1000"], restart: "always" },
        seen: { kind: "oneshot", run: ["true"] },
      },
      watch: [{ paths: ["src/*"], debounce: "20ms", run: "app:seen" }],
    }),
    "src/a": "1",
  }));
  const { root, dt, mark } = strange;
  try {
    expect((await dt(["app", "dev", "-d"])).code).toBe(0);
    const before = await psOf(root, "app:dev:default");
    const watching = root.spawn(["watch"], { env: { DIALTONE_TRUST: undefined, CI: undefined } });
    await firstLine(watching.stderr); // it watches
    renameSync(root.dir, join(root.base, "before"));
    rmSync(join(root.base, "before"), { recursive: true });
    const evil = `${mark("evaluated")} module.exports = { name: "app", commands: { dev: { kind: "managed", run: ["touch", "RAN"], restart: "always" }, seen: { kind: "oneshot", run: ["touch", "RAN"] } }, watch: [{ paths: ["src/*"], debounce: "20ms", run: "app:seen" }] };`;
    root.write("manifests/app.js", evil);
    root.write("src/a", "2");
    expect(await watching.exited).toBe(1);
    root.write("src/a", "3");
    process.kill(before?.pid as number, "SIGKILL");
    await until("its host has ended", () => !runs(before?.host?.pid as number), 20_000);
    expect([strange.marks(), existsSync(join(root.dir, "RAN"))]).toEqual([[], false]);
    expect((await dt(["trust", "--list"])).stdout).toContain("another folder is there now");
  } finally {
    await strange.dispose();
  }
}, 60_000);
