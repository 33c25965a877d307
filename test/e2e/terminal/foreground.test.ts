/**
 * The foreground on a real terminal: Ctrl-C, a second one, closing the window, job control, and what another dt does to
 * it.
 */
import { expect, test } from "bun:test";
import { DT, type TestRoot, until } from "../../kit.ts";
import { freePort, launchRoot, printed, psOf, readLog, runs } from "../kit/launch.ts";

interface Screen {
  text(): string;
  type(keys: string): void;
  close(): void;
  exited: Promise<number>;
  pid: number;
}

/** dt on a PTY of its own; what is typed goes through the terminal's own line discipline. */
function onTerminal(root: TestRoot, args: string[], program = [DT]): Screen {
  const chunks: Uint8Array[] = [];
  const child = Bun.spawn([...program, ...args], {
    cwd: root.dir,
    env: { ...root.env, TERM: "xterm-256color" },
    terminal: { cols: 100, rows: 30, data: (_terminal, data) => void chunks.push(data.slice()) },
  });
  return {
    text: () => Bun.stripANSI(Buffer.concat(chunks).toString("utf8")),
    type: (keys) => void child.terminal?.write(keys),
    close: () => child.terminal?.close(),
    exited: child.exited,
    pid: child.pid,
  };
}

/** What was written last may reach this side of the terminal a little after the end. */
function shows(screen: Screen, what: string | RegExp): Promise<true> {
  const found = () => (typeof what === "string" ? screen.text().includes(what) : what.test(screen.text()));
  return until(`the terminal shows ${what}`, () => found() || null);
}

async function started(root: TestRoot): Promise<number> {
  return until("it runs", async () => (await psOf(root))?.pid ?? null);
}

test("Ctrl-C sends one SIGINT to the tree, and the exit code is 130", async () => {
  const root = launchRoot("polite");
  try {
    const screen = onTerminal(root, ["t", "dev"]);
    await until("it printed", () => readLog(root).includes("leader"));
    screen.type("\x03");
    expect(await screen.exited).toBe(130);
    expect(readLog(root)).toMatch(/^leader \d+\ngot SIGINT\n$/);
    await shows(screen, "got SIGINT");
    await shows(screen, "t:dev:default interrupted after");
    expect(await psOf(root)).toMatchObject({ state: "stopped", exit: { code: 7, reason: "interrupted" } });
  } finally {
    await root.dispose();
  }
});

for (const [what, signal, end] of [
  ["Ctrl-C", "SIGINT", (screen: Screen) => screen.type("\x03")],
  ["Ctrl-\\", "SIGTERM", (screen: Screen) => screen.type("\x1c")],
  ["the terminal's closing", "SIGTERM", (screen: Screen) => screen.close()],
  ["dt stop", "SIGTERM", (_: Screen, root: TestRoot) => void root.spawn(["stop", "t", "dev"])],
] as const) {
  test(`${what} reaches the command and its child once each`, async () => {
    const root = launchRoot("counter", "logs: {}, stop: { timeout: '5s' },");
    try {
      const screen = onTerminal(root, ["t", "dev"]);
      await until("both printed", () => /leader \d+/.test(readLog(root)) && /child \d+/.test(readLog(root)));
      const pid = printed(readLog(root)).get("leader") as number;
      end(screen, root);
      await until("it is gone", () => !runs(pid) && !runs(screen.pid));
      const got = readLog(root).match(/^\w+ got \w+$/gm) ?? [];
      expect([...got].sort()).toEqual([`child got ${signal}`, `leader got ${signal}`]);
    } finally {
      await root.dispose();
    }
  });
}

test("a second Ctrl-C goes straight to SIGKILL", async () => {
  const root = launchRoot("signals", `stop: { timeout: "60s" },`.replace("stop", "logs: {}, stop"));
  try {
    const screen = onTerminal(root, ["t", "dev"]);
    await until("it printed", () => readLog(root).includes("leader"));
    const pid = printed(readLog(root)).get("leader") as number;
    screen.type("\x03");
    await until("the first arrived", () => readLog(root).includes("got SIGINT"));
    await shows(screen, "press Ctrl-C again to kill it");
    expect(runs(pid)).toBe(true);
    screen.type("\x03");
    expect(await screen.exited).toBe(130);
    expect(runs(pid)).toBe(false);
    expect(readLog(root).match(/got SIGINT/g)).toHaveLength(1);
  } finally {
    await root.dispose();
  }
});

test("what ignores SIGINT gets SIGKILL when stop.timeout is over", async () => {
  const root = launchRoot("ignores SIGTERM");
  try {
    const screen = onTerminal(root, ["t", "dev"]);
    await until("it printed", () => readLog(root).includes("leader"));
    screen.type("\x03");
    expect(await screen.exited).toBe(130);
    await shows(screen, "had to be killed with SIGKILL");
  } finally {
    await root.dispose();
  }
});

for (const [what, end] of [
  ["closing the terminal", (screen: Screen) => screen.close()],
  ["SIGTERM", (screen: Screen) => process.kill(screen.pid, "SIGTERM")],
  ["Ctrl-\\", (screen: Screen) => screen.type("\x1c")],
] as const) {
  test(`${what} stops the launch as dt stop does`, async () => {
    const root = launchRoot("polite");
    try {
      const screen = onTerminal(root, ["t", "dev"]);
      const pid = await started(root);
      await until("it printed", () => readLog(root).includes("leader"));
      end(screen);
      await until("it is gone", () => !runs(pid) && !runs(screen.pid));
      expect(readLog(root)).toContain("got SIGTERM");
      expect(await psOf(root)).toMatchObject({ state: "stopped", exit: { reason: "stopped" } });
    } finally {
      await root.dispose();
    }
  });
}

test("Ctrl-Z stops dt, not the launch; it goes on with fg", async () => {
  const root = launchRoot("server", `port: ${freePort()}, ready: { http: "/" },`);
  try {
    const shell = onTerminal(root, [], ["bash", "--norc", "-i"]);
    shell.type(`'${DT}' t dev\n`);
    const one = await until("it is ready", async () => {
      const seen = await psOf(root);
      return seen?.state === "ready" ? seen : null;
    });
    const stateOf = (pid: number) => Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)]).stdout.toString();
    shell.type("\x1a");
    await until("dt is stopped", () => stateOf(one.host?.pid as number).startsWith("T"));
    expect(await (await fetch(one.url as string)).text()).toBe("hello");
    shell.type("fg\n");
    await until("dt goes on", () => stateOf(one.host?.pid as number).startsWith("S"));
    shell.type("\x03");
    await until("it is gone", () => !runs(one.pid as number));
    shell.type("echo code=$?; exit\n");
    await shell.exited;
    await shows(shell, "code=130");
  } finally {
    await root.dispose();
  }
});

test("a foreground launch that another dt stops or replaces says by whom and ends with the command's code", async () => {
  const root = launchRoot("polite");
  try {
    const first = onTerminal(root, ["t", "dev"]);
    await until("it printed", () => readLog(root).includes("leader"));
    await root.dt(["stop", "t", "dev"]);
    expect(await first.exited).toBe(8);
    await shows(first, /t:dev:default stopped by dt stop t dev \(pid \d+\) after/);
    const second = onTerminal(root, ["t", "dev"]);
    await shows(second, "leader"); // the log on disk may still be the first run's
    await root.dt(["t", "dev", "-d"]);
    expect(await second.exited).toBe(8);
    await shows(second, /t:dev:default replaced by dt t dev -d \(pid \d+\) after/);
  } finally {
    await root.dispose();
  }
});

test("dt restart keeps the terminal streaming: every run's output is shown once", async () => {
  const root = launchRoot("polite");
  try {
    const screen = onTerminal(root, ["t", "dev"]);
    await until("it printed", () => screen.text().includes("leader"));
    for (let round = 1; round <= 3; round++) {
      expect((await root.dt(["restart", "t", "dev"])).code).toBe(0);
      await until("the next run printed", () => (screen.text().match(/leader \d+/g) ?? []).length === round + 1);
    }
    const pids = screen.text().match(/leader (\d+)/g) ?? [];
    expect(new Set(pids).size).toBe(4);
    expect(screen.text().match(/got SIGTERM/g)).toHaveLength(3);
    screen.type("\x03");
    expect(await screen.exited).toBe(130);
  } finally {
    await root.dispose();
  }
});

test("a foreground launch ends with the command's own exit code", async () => {
  const root = launchRoot(
    "plain",
    "",
    `three: { kind: "managed", run: "echo out; echo err >&2; exit 3" }, killed: { kind: "managed", run: "kill -KILL $$" }, fine: { kind: "managed", run: ["true"] },`,
  );
  try {
    const three = await root.dt(["t", "three"]);
    expect([three.code, three.stdout]).toEqual([3, "out\nerr\n"]);
    expect(three.stderr).toContain("failed with code 3");
    expect((await root.dt(["t", "killed"])).code).toBe(137);
    expect((await root.dt(["t", "fine"])).code).toBe(0);
  } finally {
    await root.dispose();
  }
});

test("a reader that leaves stops a foreground launch", async () => {
  const root = launchRoot(
    "plain",
    "",
    `chatty: { kind: "managed", run: "while :; do echo line; sleep 0.01; done", stop: { timeout: "300ms" } },`,
  );
  try {
    const shell = Bun.spawn(["sh", "-c", `'${DT}' t chatty | head -n 1`], {
      cwd: root.dir,
      env: root.env,
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await shell.stdout.text()).toBe("line\n");
    await shell.exited;
    await until("nothing is left", () => root.processes().length === 0);
  } finally {
    await root.dispose();
  }
});

for (const start of ["t dev", "up t:dev"])
  test(`under nohup a hang-up changes nothing for dt ${start}; SIGTERM still stops it`, async () => {
    const root = launchRoot("plain");
    try {
      const child = Bun.spawn(["sh", "-c", `trap '' HUP; exec '${DT}' ${start}`], {
        cwd: root.dir,
        env: root.env,
        stdio: ["ignore", "ignore", "ignore"],
      });
      const pid = await started(root);
      child.kill("SIGHUP");
      child.kill("SIGTERM"); // a hang-up that was heard would be reported as the reason
      await until("it is gone", () => !runs(pid));
      await child.exited;
      expect(JSON.parse(root.read(".dialtone/run/t:dev:default.exit.json"))).toMatchObject({ by: { by: "signal" } });
    } finally {
      await root.dispose();
    }
  });
