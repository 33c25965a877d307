/** Managed commands on a terminal of their own (`tty: true`), and `dt attach`: real terminals, real keys. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DT, TestRoot, until } from "../../kit.ts";
import { findTool } from "../../tools.ts";
import { commandLineOf, psOf, readLog, runs } from "../kit/launch.ts";
import { startTmux } from "../kit/tmux.ts";

const SHELL = ["sh", "-c", 'PS1="$ " exec /bin/sh'];

/** Commands on terminals; the runtime directory is the test's own. */
function terminalRoot(commands: Record<string, object>): TestRoot {
  const root = TestRoot.create({});
  const all = Object.fromEntries(
    Object.entries(commands).map(([name, fields]) => [
      name,
      { kind: "managed", tty: true, stop: { timeout: "500ms" }, ...fields },
    ]),
  );
  root.write("manifests/t.json", JSON.stringify({ name: "t", commands: all }));
  return root;
}

const ECHO = { run: ["sh", "-c", 'while read -r line; do echo "got $line"; [ "$line" = bye ] && exit 7; done'] };

function logOf(root: TestRoot, command: string): string {
  return readLog(root, `t:${command}:default`);
}

interface Screen {
  text(): string;
  bytes(): Buffer;
  type(keys: string): void;
  close(): void;
  resize(columns: number, rows: number): void;
  exited: Promise<number>;
  pid: number;
}

function onTerminal(root: TestRoot, args: string[]): Screen {
  const chunks: Uint8Array[] = [];
  const child = Bun.spawn([DT, ...args], {
    cwd: root.dir,
    env: { ...root.env, TERM: "xterm-256color" },
    terminal: { cols: 100, rows: 30, data: (_terminal, data) => void chunks.push(data.slice()) },
  });
  return {
    text: () => Bun.stripANSI(Buffer.concat(chunks).toString("utf8")),
    bytes: () => Buffer.concat(chunks),
    type: (keys) => void child.terminal?.write(keys),
    close: () => child.terminal?.close(),
    resize: (columns, rows) => child.terminal?.resize(columns, rows),
    exited: child.exited,
    pid: child.pid,
  };
}

const shows = (screen: Screen, what: string) =>
  until(`the terminal shows ${what}`, () => screen.text().includes(what) || null).catch((error: Error) => {
    throw new Error(`${error.message}; it shows:\n${screen.text()}`);
  });

test("a launch with tty has a terminal that follows the user's size, and the log has the bytes", async () => {
  const root = terminalRoot({
    size: {
      run: [
        "sh",
        "-c",
        "tty; echo $TERM ${FORCE_COLOR-none}; stty size; trap 'stty size' WINCH; while :; do sleep 0.05; done",
      ],
    },
  });
  try {
    const screen = onTerminal(root, ["t", "size"]);
    await shows(screen, "30 100");
    screen.resize(70, 20);
    await shows(screen, "20 70");
    expect(logOf(root, "size")).toMatch(/^\/dev\/pts\/\d+\r\nxterm-256color none\r\n30 100\r\n20 70\r\n/);
    screen.close();
    await until("it ended with its terminal", async () => (await psOf(root, "t:size:default"))?.state === "stopped");
  } finally {
    await root.dispose();
  }
});

test("a detached terminal is 80 by 24; a second one joins with what was shown before, and the latest one's size counts", async () => {
  const root = terminalRoot({ echo: ECHO, size: { run: ["sh", "-c", "while read line; do stty size; done"] } });
  try {
    await root.dt(["t", "size", "-d"]);
    await root.dt(["t", "echo", "-d"]);
    await root.dt(["attach", "t", "size"], { stdin: "\n" });
    await until("it told its size", () => logOf(root, "size").includes("24 80"));
    const one = onTerminal(root, ["attach", "t:size"]);
    await shows(one, "24 80");
    one.type("\r");
    await shows(one, "30 100");
    const two = onTerminal(root, ["attach", "t", "size"]);
    await shows(two, "30 100");
    two.resize(60, 15);
    await until("the size came", async () => {
      two.type("\r");
      await Bun.sleep(20);
      return one.text().includes("15 60");
    });
    two.type("\x1d");
    expect(await two.exited).toBe(0);
    await until("the size is the other one's again", async () => {
      one.type("\r");
      await Bun.sleep(20);
      return one.text().trimEnd().endsWith("30 100");
    });
    one.type("\x1d");
    expect(await one.exited).toBe(0);
    expect(one.text()).toContain("left t:size:default running");
    expect((await psOf(root, "t:size:default"))?.state).toBe("running");
  } finally {
    await root.dispose();
  }
});

test("keys arrive once, Ctrl-] leaves, and the command's end ends every attached terminal with its code", async () => {
  const root = terminalRoot({ echo: ECHO });
  try {
    const foreground = onTerminal(root, ["t", "echo"]);
    await until("it runs", async () => (await psOf(root, "t:echo:default"))?.pid ?? null);
    const joined = onTerminal(root, ["attach", "t", "echo"]);
    await shows(joined, "ctrl-] leaves it running");
    foreground.type("one\r");
    await shows(joined, "got one");
    joined.type("two\r");
    await shows(foreground, "got two");
    expect(foreground.text().match(/got two/g)).toHaveLength(1);
    joined.type("bye\r");
    expect(await Promise.all([foreground.exited, joined.exited])).toEqual([7, 7]);
    await shows(foreground, "t:echo:default failed with code 7");
    expect((await psOf(root, "t:echo:default"))?.exit).toMatchObject({ code: 7, reason: "failed" });
  } finally {
    await root.dispose();
  }
});

test("attach --read-only types nothing, and Ctrl-C leaves", async () => {
  const root = terminalRoot({ echo: ECHO });
  try {
    await root.dt(["t", "echo", "-d"]);
    const reader = onTerminal(root, ["attach", "--read-only", "t", "echo"]);
    await shows(reader, "ctrl-] leaves it running");
    reader.type("nothing\r");
    await root.dt(["attach", "t", "echo"], { stdin: "something\n" });
    await shows(reader, "got something");
    expect(logOf(root, "echo")).not.toContain("nothing");
    reader.type("\x03");
    expect(await reader.exited).toBe(130);
    expect((await psOf(root, "t:echo:default"))?.state).toBe("running");
  } finally {
    await root.dispose();
  }
});

test("what a script types arrives whole, however slowly the program reads", async () => {
  const root = terminalRoot({
    sum: { run: ["sh", "-c", "stty raw -echo; echo go; sleep 0.3; head -c 1000000 | sha256sum; sleep 1000"] },
  });
  try {
    await root.dt(["t", "sum", "-d"]);
    await until("it reads raw", () => logOf(root, "sum").includes("go"));
    const text = Buffer.alloc(1_000_000, "0123456789abcdef\n").toString();
    expect((await root.dt(["attach", "t", "sum"], { stdin: text })).code).toBe(0);
    const sum = createHash("sha256").update(text).digest("hex");
    await until("it has summed", () => logOf(root, "sum").includes(sum));
  } finally {
    await root.dispose();
  }
});

test("a program's last output is in the log and on the screen, even if it ends at once", async () => {
  const root = terminalRoot({ burst: { run: ["sh", "-c", "seq 1 100000; exit 3"] } });
  try {
    const screen = onTerminal(root, ["t", "burst"]);
    expect(await screen.exited).toBe(3);
    const lines = Array.from({ length: 100_000 }, (_, at) => `${at + 1}\r\n`).join("");
    expect(logOf(root, "burst") === lines).toBe(true);
    await until("the screen has it", () => screen.bytes().includes(lines));
  } finally {
    await root.dispose();
  }
});

test("a program's output before its end is in the log, also when its host learns of both at once", async () => {
  const root = terminalRoot({
    late: { run: ["sh", "-c", "until test -e go; do sleep 0.01; done; seq 1 700; exit 3"] },
  });
  try {
    for (let round = 0; round < 5; round++) {
      await root.dt(["t", "late", "-d"]);
      const { pid, host } = (await psOf(root, "t:late:default")) as { pid: number; host: { pid: number } };
      process.kill(host.pid, "SIGSTOP");
      root.write("go", "");
      await until("it has ended", () => !runs(pid));
      process.kill(host.pid, "SIGCONT");
      await until("it is over", async () => (await psOf(root, "t:late:default"))?.state === "failed");
      await until("its host has left", () => !runs(host.pid));
      expect(logOf(root, "late")).toBe(Array.from({ length: 700 }, (_, at) => `${at + 1}\r\n`).join(""));
      rmSync(join(root.dir, "go"));
    }
  } finally {
    await root.dispose();
  }
});

test("Ctrl-C is the program's: one that ends by it was interrupted and is not started again, one that does not goes on", async () => {
  const root = terminalRoot({
    sleep: { run: ["sleep", "1000"], restart: "always" },
    trap: { run: ["sh", "-c", "trap 'echo no' INT; echo trapped; while read line || :; do echo got $line; done"] },
  });
  try {
    const screen = onTerminal(root, ["t", "sleep"]);
    await shows(screen, "ctrl-] leaves it running");
    await until("it runs", async () => (await psOf(root, "t:sleep:default"))?.pid ?? null);
    const { pid } = (await psOf(root, "t:sleep:default")) as { pid: number };
    await until("it is what it was started as", () => commandLineOf(pid).startsWith("sleep"));
    screen.type("\x03");
    expect(await screen.exited).toBe(130);
    expect(await psOf(root, "t:sleep:default")).toMatchObject({ state: "stopped", exit: { reason: "interrupted" } });

    const other = onTerminal(root, ["t", "trap"]);
    await shows(other, "trapped");
    other.type("\x03");
    await shows(other, "no");
    expect((await psOf(root, "t:trap:default"))?.state).toBe("running");
    process.kill(other.pid, "SIGTERM");
    await other.exited;
    expect((await psOf(root, "t:trap:default"))?.state).toBe("stopped");
  } finally {
    await root.dispose();
  }
});

test("an attached terminal follows a restart, a crash's restart and a rerun; the dt that started the launch ends with a rerun", async () => {
  const root = terminalRoot({ sh: { ...ECHO, restart: "on-failure" } });
  try {
    const owner = onTerminal(root, ["t", "sh"]);
    await until("it runs", async () => (await psOf(root, "t:sh:default"))?.pid ?? null);
    const looker = onTerminal(root, ["attach", "t", "sh"]);
    await shows(looker, "ctrl-] leaves it running");
    expect((await root.dt(["restart", "t", "sh"])).code).toBe(0);
    for (const screen of [owner, looker]) await shows(screen, "t:sh:default runs again");
    owner.type("bye\r");
    for (const screen of [owner, looker]) await shows(screen, "starting it again in");
    await until("it runs again", async () => (await psOf(root, "t:sh:default"))?.state === "running");
    looker.type("again\r");
    for (const screen of [owner, looker]) await shows(screen, "got again");
    expect((await root.dt(["t", "sh", "-d"])).code).toBe(0);
    await owner.exited;
    await shows(owner, "replaced by");
    await until("the one who looks goes on", () => (looker.text().match(/runs again/g) ?? []).length === 3);
    await root.dt(["stop", "t", "sh"]);
    await looker.exited;
    await shows(looker, "stopped by dt stop t sh");
  } finally {
    await root.dispose();
  }
});

test("the host's death ends the launch, and attached terminals report it", async () => {
  const root = terminalRoot({ echo: ECHO });
  try {
    await root.dt(["t", "echo", "-d"]);
    const before = await psOf(root, "t:echo:default");
    const screen = onTerminal(root, ["attach", "t", "echo"]);
    await shows(screen, "ctrl-] leaves it running");
    process.kill(before?.host?.pid as number, "SIGKILL");
    expect(await screen.exited).toBe(1);
    expect(screen.text()).toContain("has gone, and with it the terminal");
    await until("the kernel has hung it up", () => !runs(before?.pid as number));
    expect((await psOf(root, "t:echo:default"))?.state).toBe("failed");
    // The dead host's socket leads no client to the next one.
    await root.dt(["t", "echo", "-d"]);
    expect((await root.dt(["attach", "t", "echo"], { stdin: "hello\n" })).stdout).toContain("got hello");
  } finally {
    await root.dispose();
  }
});

test("only the user may open a launch's socket, which goes with the launch", async () => {
  const root = terminalRoot({ echo: ECHO });
  try {
    root.write("run/.keep", "");
    const env = { XDG_RUNTIME_DIR: join(root.dir, "run") };
    await root.dt(["t", "echo", "-d"], { env });
    const directory = join(env.XDG_RUNTIME_DIR, "dialtone");
    const sockets = () => (existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith(".tty")) : []);
    await until("it listens", () => sockets().length === 1);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, sockets()[0] as string)).mode & 0o777).toBe(0o600);
    // Also found by a client with another runtime directory.
    expect((await root.dt(["attach", "t", "echo"], { stdin: "hello\n" })).stdout).toContain("got hello");
    await root.dt(["stop", "t", "echo"]);
    expect(sockets()).toEqual([]);
  } finally {
    await root.dispose();
  }
});

test("a client that sends junk, too much or nothing harms no other client", async () => {
  const root = terminalRoot({ echo: ECHO });
  try {
    root.write("run/.keep", "");
    const env = { XDG_RUNTIME_DIR: join(root.dir, "run") };
    await root.dt(["t", "echo", "-d"], { env });
    const directory = join(env.XDG_RUNTIME_DIR, "dialtone");
    const socket = await until("it listens", () => {
      const name = existsSync(directory) ? readdirSync(directory).find((one) => one.endsWith(".tty")) : undefined;
      return name === undefined ? null : join(directory, name);
    });
    for (const junk of [
      "no json\n",
      '{"is":"keys","data":"aGk="}\n',
      '{"is":"hello"}\n',
      "[]\n",
      "x".repeat(2_000_000),
    ]) {
      const closed = Promise.withResolvers<void>();
      let left = junk;
      const client = await Bun.connect({
        unix: socket,
        socket: {
          data() {},
          drain(open) {
            left = left.slice(Math.max(0, open.write(left)));
          },
          close: () => closed.resolve(),
          error: () => closed.resolve(),
        },
      });
      left = left.slice(Math.max(0, client.write(left)));
      await closed.promise;
    }
    const idle = await Promise.all(
      Array.from({ length: 50 }, () => Bun.connect({ unix: socket, socket: { data() {} } })),
    );
    expect((await root.dt(["attach", "t", "echo"], { stdin: "hello\n" })).stdout).toContain("got hello");
    for (const one of idle) one.end();
    expect(logOf(root, "echo")).toBe("hello\r\ngot hello\r\n");
  } finally {
    await root.dispose();
  }
});

test("attaching to a launch that does not run, has no terminal or is one's own is an error", async () => {
  const root = terminalRoot({
    plain: { run: ["sleep", "1000"], tty: false },
    self: { run: [DT, "attach", "t", "self"] },
  });
  try {
    const missing = await root.dt(["attach", "t", "plain"]);
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining("t:plain:default is not running")]);
    await root.dt(["t", "plain", "-d"]);
    const none = await root.dt(["attach", "t", "plain"]);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("has no terminal to attach to")]);
    await root.dt(["t", "self", "-d"]);
    await until("it was refused", () => logOf(root, "self").includes("This runs inside t:self:default itself"));
    expect((await root.dt(["attach"])).code).toBe(2);
    expect((await root.dt(["attach", "t"])).code).toBe(2);
    expect((await root.dt(["attach", "t:plain", "t:self"])).code).toBe(2);
  } finally {
    await root.dispose();
  }
});

test.skipIf(findTool("tmux") === null || findTool("vim") === null)(
  "attach works in tmux: a shell, vim in a second window, resizing, leaving, closing the window",
  async () => {
    const root = terminalRoot({ vim: { run: ["vim", "-u", "NONE", "text.txt"] } });
    const tmux = startTmux(root, SHELL);
    try {
      await tmux.shows(/^\$/m);
      tmux.keys('"$DT" t vim', "Enter");
      await tmux.shows(/"text.txt" \[New\]|text.txt.*New File/);
      tmux.keys("i", "first words", "Enter");
      const second = tmux.open(...SHELL);
      await second.shows(/^\$/m);
      second.keys('"$DT" attach t vim', "Enter");
      await second.shows(/^first words/m);
      second.keys("second words", "Escape");
      await tmux.shows(/second words/);
      second.resize(60, 16);
      await until(
        "vim fills the new size",
        () =>
          second
            .screen()
            .split("\n")
            .filter((line) => line === "~").length >= 11,
      );
      second.keys("C-]");
      // The other screen, and with it all that vim drew, is gone from the shell's terminal; the cursor is there.
      await second.shows(/left t:vim:default running/);
      await until("nothing of vim is left", () => !/^~/m.test(second.screen()));
      second.keys("echo $((6*7))", "Enter");
      await second.shows(/^42$/m);
      tmux.keys("Escape", ":w", "Enter");
      await until("it is written", () => existsSync(join(root.dir, "text.txt")));
      expect(root.read("text.txt")).toBe("first words\nsecond words\n");
      const pid = (await psOf(root, "t:vim:default"))?.pid as number;
      tmux.kill();
      await until("vim went with the window that started it", () => !runs(pid));
      await until("it is stopped", async () => (await psOf(root, "t:vim:default"))?.state === "stopped");
      expect((await root.dt(["why", "t", "vim"])).stdout).toContain(
        "by the closing of the terminal or pipe of dt t vim",
      );
    } finally {
      tmux.close();
      await root.dispose();
    }
  },
);
