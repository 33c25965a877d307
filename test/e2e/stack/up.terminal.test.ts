/**
 * `dt up` in a real terminal: the table while things come up, logs with their keys, Ctrl-C in order, a second one; and
 * two hundred keys.
 */
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { TestRoot, until } from "../../kit.ts";
import { findTool } from "../../tools.ts";
import { commandLineOf, hostsOf, ps, psOf, runs } from "../kit/launch.ts";
import { startTmux } from "../kit/tmux.ts";

const hasTmux = findTool("tmux") !== null;
const SHELL = ["sh", "-c", 'PS1="$ " exec /bin/sh'];
/** Ends on SIGINT or SIGTERM, after it has noted that in a shared file. */
const polite = (name: string) =>
  `trap 'echo ${name} >> order; exit 0' INT TERM; echo ${name} begins; while :; do sleep 0.02; done`;

test.skipIf(!hasTmux)(
  "dt up draws a table while keys come up, then removes it and prints one line of truth for each key",
  async () => {
    const root = TestRoot.create({
      "manifests/s.json": JSON.stringify({
        name: "s",
        groups: { default: ["s:web"] },
        commands: {
          db: { kind: "managed", run: ["sleep", "1000"], ready: { exec: ["test", "-f", "go"] } },
          web: { kind: "managed", run: ["sleep", "1000"], needs: ["s:db"] },
        },
      }),
    });
    const tmux = startTmux(root, SHELL);
    try {
      await tmux.shows(/^\$/m);
      tmux.keys('"$DT" up -d', "Enter");
      await tmux.shows(/^s:db +starting +\d.*\n^s:web +waiting/m);
      const before = tmux
        .screen()
        .split("\n")
        .findIndex((line) => line.startsWith("s:db"));
      await until("time passes in its place", () => /^s:db +starting +1\.\ds/m.test(tmux.screen()));
      expect(
        tmux
          .screen()
          .split("\n")
          .findIndex((line) => line.startsWith("s:db")),
      ).toBe(before);
      expect(tmux.screen().match(/^s:db /gm)).toHaveLength(1);
      root.write("go", "");
      await tmux.shows(/^s:db:default ready pid \d+ .*\n(.*\n)?^s:web:default running pid \d+/m);
      expect(tmux.screen()).not.toMatch(/^s:(db|web) /m);
      tmux.keys("clear; echo $((6*7))", "Enter");
      await tmux.shows(/^42$/m);
    } finally {
      tmux.close();
      await root.dispose();
    }
  },
);

test.skipIf(!hasTmux)(
  "what is typed while the table is drawn moves nothing of it, and is for the shell afterwards",
  async () => {
    const root = TestRoot.create({
      "manifests/s.json": JSON.stringify({
        name: "s",
        groups: { default: ["s:db"] },
        commands: { db: { kind: "managed", run: ["sleep", "1000"], ready: { exec: ["test", "-f", "go"] } } },
      }),
    });
    // A shell that gives a terminal back as it finds it, so what is seen is dt's own doing.
    const tmux = startTmux(root, SHELL);
    const echoes = async () => {
      tmux.keys("clear; stty -a | grep -ow -e '-*echo'", "Enter");
      await tmux.shows(/^-?echo$/m);
      return /^echo$/m.test(tmux.screen());
    };
    try {
      await tmux.shows(/^\$/m);
      for (const end of ["it is up", "SIGTERM", "SIGHUP"] as const) {
        rmSync(join(root.dir, "go"), { force: true });
        tmux.keys('clear; "$DT" up -d', "Enter");
        await tmux.shows(/^s:db +starting/m);
        tmux.keys("Enter", "echo $((6*7))", "Enter", "Enter");
        await until("time passes in its place", () => /^s:db +starting +1\.\ds/m.test(tmux.screen()));
        expect(tmux.screen().match(/^s:db /gm)).toHaveLength(1);
        expect(tmux.screen()).not.toContain("6*7");
        if (end === "it is up") root.write("go", "");
        else {
          const caller = root.processes().find((pid) => / up -d $/.test(commandLineOf(pid)));
          process.kill(caller as number, end);
        }
        await tmux.shows(/(^|\$ )42$/m);
        expect(await echoes()).toBe(true);
        await root.dt(["down"]);
      }
    } finally {
      tmux.close();
      await root.dispose();
    }
  },
);

test.skipIf(!hasTmux)(
  "dt up in the foreground shows each line with its key; Ctrl-C, or closing the window, ends dependents before their needs",
  async () => {
    const root = TestRoot.create({
      "manifests/s.json": JSON.stringify({
        name: "s",
        commands: {
          db: { kind: "managed", run: polite("db") },
          api: { kind: "managed", run: polite("api"), needs: ["s:db"] },
          web: { kind: "managed", run: polite("web"), needs: ["s:api"] },
        },
      }),
    });
    const tmux = startTmux(root, SHELL);
    try {
      await tmux.shows(/^\$/m);
      tmux.keys('"$DT" up s; echo code $?', "Enter");
      for (const name of ["db ", "api", "web"]) await tmux.shows(new RegExp(`^s:${name} │ ${name.trim()} begins`, "m"));
      tmux.keys("C-c");
      await tmux.shows(/code 130$/m);
      expect(tmux.screen()).toMatch(/s:web interrupted after.*s:api interrupted after.*s:db interrupted after/s);
      expect(root.read("order")).toBe("web\napi\ndb\n");
      expect(await ps(root)).toEqual([]);

      tmux.keys('clear; rm order; "$DT" up s', "Enter");
      await tmux.shows(/^s:web │ web begins/m);
      tmux.kill();
      await until(
        "all went with the window",
        async () => (await ps(root)).length === 0 && root.read("order").length > 9,
      );
      expect(root.read("order")).toBe("web\napi\ndb\n");
      expect((await root.dt(["why", "s:web"])).stdout).toContain("the closing of the terminal");
    } finally {
      tmux.close();
      await root.dispose();
    }
  },
);

test.skipIf(!hasTmux)("a second Ctrl-C kills what ignores the first", async () => {
  const root = TestRoot.create({
    "manifests/s.json": JSON.stringify({
      name: "s",
      commands: {
        deaf: {
          kind: "managed",
          run: "trap '' INT TERM; echo deaf; while :; do sleep 0.02; done",
          stop: { timeout: "60s" },
        },
      },
    }),
  });
  const tmux = startTmux(root, SHELL);
  try {
    await tmux.shows(/^\$/m);
    tmux.keys('"$DT" up s; echo code $?', "Enter");
    await tmux.shows(/^s:deaf │ deaf/m);
    tmux.keys("C-c");
    await until("it is being stopped", async () => (await psOf(root, "s:deaf:default"))?.state === "stopping");
    await tmux.shows(/press Ctrl-C again to kill it/);
    tmux.keys("C-c");
    await tmux.shows(/code 130$/m);
    expect(await ps(root)).toEqual([]);
  } finally {
    tmux.close();
    await root.dispose();
  }
});

test("groups are names for stop, restart, status and wait; a needed handler gets no argument; down of a plugin stops all of it", async () => {
  const root = TestRoot.create({
    "manifests/s.ts": `export default { name: "s", groups: { some: ["s:a", "s:b"], s2: ["s:a"] }, commands: {
      a: { kind: "managed", run: ["sleep", "1000"], needs: ["s:note"], variants: { v: {} } },
      b: { kind: "managed", run: ["sleep", "1000"], needs: ["s:a"] },
      c: { kind: "managed", run: ["sleep", "1000"] },
      note: { kind: "oneshot", handler: ({ args, root }) => require("node:fs").writeFileSync(root + "/args", JSON.stringify(args)) },
    } };`,
    "manifests/s2.json": JSON.stringify({ name: "s2", commands: {} }),
  });
  try {
    expect((await root.dt(["up", "some", "s:c", "-d"])).code).toBe(0);
    expect(root.read("args")).toBe("[]");
    const pids = async () => Object.fromEntries((await ps(root)).map(({ key, pid }) => [key.split(":")[1], pid]));
    const before = await pids();
    expect((await root.dt(["restart", "some"])).code).toBe(0);
    const after = await pids();
    expect([after.a === before.a, after.b === before.b, after.c === before.c]).toEqual([false, false, true]);
    expect((await root.dt(["status", "some"])).code).toBe(0);
    expect(await root.dt(["wait", "some"])).toMatchObject({
      code: 0,
      stdout: "s:a:default running\ns:b:default running\n",
    });
    expect((await root.dt(["stop", "some"])).code).toBe(0);
    expect(Object.keys(await pids())).toEqual(["c"]);
    const both = await root.dt(["stop", "s2"]);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('"s2" is a group and the plugin s2') });
    expect((await root.dt(["s", "a", "v", "-d"])).code).toBe(0);
    expect((await root.dt(["down", "s"])).code).toBe(0);
    expect(await ps(root)).toEqual([]);
  } finally {
    await root.dispose();
  }
});

test("two hundred commands come up with one host; one is killed and started again, one stopped, and all go down", async () => {
  const names = Array.from({ length: 200 }, (_, at) => `c${at}`);
  const commands = Object.fromEntries(
    names.map((name, at) => [
      name,
      {
        kind: "managed",
        run: ["sleep", "1000"],
        restart: "always",
        ...(at < 10 ? {} : { needs: [`s:c${at % 10}`] }),
      },
    ]),
  );
  const root = TestRoot.create({ "manifests/s.json": JSON.stringify({ name: "s", commands }) });
  try {
    const up = await root.dt(["up", "s", "-d"]);
    expect(up.code).toBe(0);
    expect(up.stdout.trimEnd().split("\n")).toHaveLength(200);
    expect(hostsOf(root)).toHaveLength(1);
    const all = await ps(root);
    expect(all.map(({ state }) => state)).toEqual(names.map(() => "running"));
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(200);
    const killed = all.find(({ key }) => key === "s:c150:default")?.pid as number;
    process.kill(killed, "SIGKILL");
    await until("it was started again", async () => {
      const now = await psOf(root, "s:c150:default");
      return now?.state === "running" && now.pid !== killed;
    });
    expect((await root.dt(["stop", "s:c151"])).code).toBe(0);
    expect(await ps(root)).toHaveLength(199);
    expect((await root.dt(["down"])).code).toBe(0);
    expect(await ps(root)).toEqual([]);
    expect(all.flatMap(({ pid }) => (pid !== null && runs(pid) ? [pid] : []))).toEqual([]);
    await until("the host has left", () => hostsOf(root).length === 0);
  } finally {
    await root.dispose();
  }
});
