/**
 * One Ctrl-C is one, however many wrappers between the terminal and dt hand it on; a second press kills, and the screen
 * says so.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { DT, stays, TestRoot, until } from "../../kit.ts";
import { psOf } from "../kit/launch.ts";
import { onTerminal } from "../kit/oneshot.ts";

/**
 * Hands on what it gets, as cross-env and npm do; its first argument is what it sends: a Ctrl-C as SIGINT, as SIGTERM,
 * or as both.
 */
const WRAPPER = `
import signal, subprocess, sys
child = subprocess.Popen(sys.argv[2:])
def hand_on(*_):
    for name in sys.argv[1].split("+"): child.send_signal(getattr(signal, name))
signal.signal(signal.SIGINT, hand_on)
sys.exit(child.wait())
`;
const APP = `
import signal, sys, time
count = 0
def bye(*_):
    global count
    count += 1
    if count == 1: signal.alarm(1)
def tidied(*_):
    open("tidied", "w").write(str(count)); sys.exit(0)
signal.signal(signal.SIGINT, bye); signal.signal(signal.SIGALRM, tidied); print("it-is-up", flush=True)
while True: time.sleep(1)
`;

let root: TestRoot;

beforeAll(() => {
  root = TestRoot.create({
    "app.py": APP,
    "wrapper.py": WRAPPER,
    "manifests/a.ts": `export default { name: "a", groups: { default: ["a:dev"] }, watch: [{ paths: ["content/**"], run: "a:kept" }], commands: {
  dev: { kind: "managed", run: ["python3", "app.py"], stop: { timeout: "8s" } },
  kept: { kind: "oneshot", capture: true, run: ["python3", "app.py"] },
  deaf: { kind: "managed", run: "trap '' INT TERM; echo it-is-up; while :; do sleep 0.05; done", stop: { timeout: "30s" } },
  unready: { kind: "managed", run: ["sleep", "1000"], ready: { exec: ["false"], timeout: "60s" } },
  slow: { kind: "managed", run: ["sleep", "1000"], before: ["a:first"] },
  first: { kind: "oneshot", run: ["sleep", "1000"] },
  handler: { kind: "oneshot", async handler({ signal }: any) {
    console.log("it-is-up");
    await new Promise((over) => signal.addEventListener("abort", over));
    await Bun.sleep(1000);
    await Bun.write("tidied", "1");
  } },
} };`,
  });
});

beforeEach(() => rmSync(`${root.dir}/tidied`, { force: true }));
const opened: ReturnType<typeof onTerminal>[] = [];
afterEach(async () => {
  for (const terminal of opened.splice(0)) await terminal.close();
});
afterAll(() => root.dispose());

function open(argv: string[]) {
  const terminal = onTerminal(root, argv);
  opened.push(terminal);
  return terminal;
}

const ONE = ["python3", "wrapper.py", "SIGINT"];

describe("one press", () => {
  for (const [what, wrappers, words, code] of [
    ["a launch", [], ["a", "dev"], 130],
    ["a launch behind one wrapper", ONE, ["a", "dev"], 130],
    ["a launch behind three", [...ONE, ...ONE, ...ONE], ["a", "dev"], 130],
    ["a launch behind one that hands on both", ["python3", "wrapper.py", "SIGINT+SIGTERM"], ["a", "dev"], 130],
    ["a launch behind one that sends SIGTERM", ["python3", "wrapper.py", "SIGTERM"], ["a", "dev"], 130],
    ["`dt up` behind two", [...ONE, ...ONE], ["up"], 130],
    ["`dt up` behind one that hands on both", ["python3", "wrapper.py", "SIGTERM+SIGINT"], ["up"], 130],
    ["a captured one-shot behind two", [...ONE, ...ONE], ["a", "kept"], 0],
    ["a handler behind two", [...ONE, ...ONE], ["a", "handler"], 130],
  ] as const)
    test(`one press lets ${what} end in its own time`, async () => {
      const terminal = open([...wrappers, DT, ...words]);
      await terminal.sees(/it-is-up/);
      // The wrapper has the signal's handler by then: it started dt after it, and dt took longer.
      terminal.type("\x03");
      expect(await terminal.child.exited).toBe(code);
      expect(root.read("tidied")).toBe("1");
    });

  for (const words of [["logs", "-f"], ["watch"]])
    test(`a press handed on by a wrapper ends dt ${words.join(" ")}`, async () => {
      const terminal = open(["python3", "wrapper.py", "SIGTERM+SIGINT", DT, ...words]);
      if (words[0] === "watch") await terminal.sees(/watches 1 entry/);
      else {
        // It follows, and so listens, when a line is shown that came later.
        await root.dt(["a", "deaf", "-d"]);
        await terminal.sees(/it-is-up/);
      }
      terminal.type("\x03");
      expect(await terminal.child.exited).toBe(130);
      await root.dt(["stop", "a", "--timeout", "1ms"]);
    });

  test("one press lets a captured one-shot on pipes end in its own time", async () => {
    const terminal = open([...ONE, ...ONE, "sh", "-c", `trap '' INT; (trap - INT; exec "$DT" a kept) | cat; exit 0`]);
    await terminal.sees(/it-is-up/);
    terminal.type("\x03");
    await until("it has tidied up", () => (existsSync(`${root.dir}/tidied`) && root.read("tidied") !== "") || null);
    expect(root.read("tidied")).toBe("1");
  });
});

describe("a second press", () => {
  for (const words of [
    ["a", "deaf"],
    ["up", "a:deaf"],
  ] as const)
    test(`a second press kills at once, and the screen says so: dt ${words.join(" ")}`, async () => {
      const terminal = open([...ONE, DT, ...words]);
      await terminal.sees(/it-is-up/);
      terminal.type("\x03");
      await terminal.sees(/has not ended yet: press Ctrl-C again to kill it/);
      const began = performance.now();
      terminal.type("\x03");
      expect(await terminal.child.exited).toBe(130);
      expect(performance.now() - began).toBeLessThan(5000);
    });

  test("a press half a second after the first is a second press", async () => {
    const terminal = open([DT, "a", "deaf"]);
    await terminal.sees(/it-is-up/);
    const began = performance.now();
    terminal.type("\x03");
    await Bun.sleep(500); // the time is what is promised
    terminal.type("\x03");
    expect(await terminal.child.exited).toBe(130);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

test("a second press leaves a detached start whose host does not answer, behind a wrapper too", async () => {
  for (const words of [
    ["a", "unready", "-d"],
    ["up", "-d", "a:unready"],
  ]) {
    const terminal = open([...ONE, DT, ...words]);
    const host = await until("its host waits", async () => (await psOf(root, "a:unready:default"))?.host ?? null);
    process.kill(host.pid, "SIGSTOP");
    terminal.type("\x03");
    // The first press leaves it running, and nothing is shown of it; within 300 ms a second one would be the same
    // press.
    await stays("dt runs after the first press", () => terminal.child.exitCode === null, 400);
    terminal.type("\x03");
    // The wrapper's code for a child that a signal ended.
    expect(await terminal.child.exited).toBe(256 - 2);
    process.kill(host.pid, "SIGCONT");
    await until("its host has given up", async () => (await psOf(root, "a:unready:default"))?.pid == null);
  }
});

test("a launch that ends in the usual time shows no word about a second press", async () => {
  const terminal = open([DT, "a", "dev"]);
  await terminal.sees(/it-is-up/);
  process.kill(terminal.child.pid, "SIGTERM");
  const [shown] = await terminal.sees(/(?:.|\n)*a:dev:default[^\n]*after/);
  expect(shown).not.toContain("Ctrl-C again");
});

test("Ctrl-C while `dt up` prepares reports what happened", async () => {
  const terminal = open([DT, "up", "a:slow"]);
  await terminal.sees(/a:first(:default)? runs before/);
  terminal.type("\x03");
  const [shown] = await terminal.sees(/a:slow[^\n]*was not started: Ctrl-C came first/);
  expect(shown).not.toContain("aborted");
  expect(await terminal.child.exited).toBe(130);
});
