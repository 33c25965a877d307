/** An attached terminal can always be left, whatever its host and the user's own terminal do. */
import { afterEach, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { DT, TestRoot, until } from "../../kit.ts";
import { psOf, runs } from "../kit/launch.ts";
import { onTerminal } from "../kit/oneshot.ts";

const roots: TestRoot[] = [];
const frozen = new Set<number>();
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const pid of frozen) if (runs(pid)) process.kill(pid, "SIGCONT");
  frozen.clear();
  for (const terminal of opened.splice(0)) await terminal.close();
  for (const root of roots.splice(0)) await root.dispose();
});

function make(run: string | string[] = ["cat"]): TestRoot {
  const root = TestRoot.create({
    "manifests/a.json": JSON.stringify({
      name: "a",
      commands: {
        t: { kind: "managed", tty: true, run, stop: { timeout: "500ms" } },
        dev: { kind: "managed", run: ["sh", "-c", "yes 'a line of output'"], stop: { timeout: "500ms" } },
      },
    }),
  });
  roots.push(root);
  return root;
}

async function freezeHost(root: TestRoot): Promise<number> {
  const pid = (await until("it runs", async () => (await psOf(root, "a:t:default"))?.host ?? null)).pid;
  process.kill(pid, "SIGSTOP");
  frozen.add(pid);
  return pid;
}

function open(root: TestRoot, ...words: string[]) {
  // Within a shell that tells the terminal's modes afterwards.
  const script = `stty -a > before; "$DT" ${words.join(" ")}; echo "code $?"; stty -a | cmp - before && echo as-before`;
  const terminal = onTerminal(root, ["sh", "-c", script]);
  opened.push(terminal);
  return terminal;
}

const dtOf = (root: TestRoot, verb: string) =>
  until(`dt ${verb} runs`, () => {
    const { stdout } = Bun.spawnSync(["pgrep", "-f", `^${DT} ${verb}`]);
    return (
      stdout
        .toString()
        .split("\n")
        .map(Number)
        .find((pid) => root.processes().includes(pid)) ?? null
    );
  });

const WAYS: [string, (terminal: ReturnType<typeof onTerminal>, root: TestRoot) => unknown, number][] = [
  ["ctrl-]", (terminal) => terminal.type("\x1d"), 0],
  ["Ctrl-C", (terminal) => terminal.type("\x03"), 130],
  ["SIGTERM", async (_, root) => process.kill(await dtOf(root, "attach"), "SIGTERM"), 143],
  ["SIGHUP", async (_, root) => process.kill(await dtOf(root, "attach"), "SIGHUP"), 129],
];

for (const [what, leave, code] of WAYS)
  test(`${what} leaves a host that was frozen before`, async () => {
    const root = make();
    await root.dt(["a", "t", "-d"]);
    await freezeHost(root);
    const terminal = open(root, "attach", "a", "t");
    await terminal.sees(/attaching to a:t:default/);
    await dtOf(root, "attach");
    await until("every key is dt's", () => !isCooked(terminal.child.pid));
    await leave(terminal, root);
    await terminal.sees(new RegExp(`code ${code}\r\nas-before`));
  });

for (const [what, leave, code] of WAYS.filter(([what]) => what !== "Ctrl-C"))
  test(`${what} leaves a host that is frozen afterwards`, async () => {
    const root = make();
    await root.dt(["a", "t", "-d"]);
    const terminal = open(root, "attach", "a", "t");
    terminal.type("hello\r");
    await terminal.sees(/hello\r\nhello/);
    await freezeHost(root);
    terminal.type("lost\r");
    await leave(terminal, root);
    // What dt had not read by then is echoed by the terminal, as it is the person's again.
    await terminal.sees(new RegExp(`code ${code}\r\n(?:lost\r\n)?as-before`));
  });

test("a terminal names a host that does not answer after five seconds", async () => {
  const root = make();
  await root.dt(["a", "t", "-d"]);
  const pid = await freezeHost(root);
  const { code, stderr } = await root.dt(["attach", "a", "t"]);
  expect(code).toBe(1);
  expect(stderr).toContain(
    `its host (pid ${pid}) does not answer (is it stopped? \`kill -CONT ${pid}\` lets it continue)`,
  );
  expect(stderr).toContain("dt restart a:t:default gives it a new terminal");
});

test("closing the window ends dt, though its host is frozen", async () => {
  const root = make();
  await root.dt(["a", "t", "-d"]);
  await freezeHost(root);
  const terminal = open(root, "attach", "a", "t");
  const pid = await dtOf(root, "attach");
  await terminal.close();
  await until("dt is gone", () => !runs(pid));
});

test("a host that was killed while its program lives is reported at once", async () => {
  const root = make("trap '' HUP; while :; do sleep 0.1; done");
  await root.dt(["a", "t", "-d"]);
  const { host } = (await psOf(root, "a:t:default")) ?? {};
  process.kill(host?.pid as number, "SIGKILL");
  const { code, stderr } = await root.dt(["attach", "a", "t"]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("has gone, and with it the terminal") });
});

for (const signal of ["SIGTERM", "SIGINT"] as const)
  test(`${signal} ends the foreground of a frozen host, and the launch`, async () => {
    const root = make();
    const terminal = open(root, "a", "t");
    terminal.type("hello\r");
    await terminal.sees(/hello\r\nhello/);
    const pid = await dtOf(root, "a t");
    await freezeHost(root);
    process.kill(pid, signal);
    await terminal.sees(/code \d+\r\nas-before/);
    expect((await psOf(root, "a:t:default"))?.state).toBe("stopped");
  });

/** A terminal program that reads nothing: whatever is written to it waits. */
async function unread(root: TestRoot, ...words: string[]) {
  const script = `
import os, pty, sys, time
pid, master = pty.fork()
if pid == 0: os.execv(sys.argv[1], ["dt"] + sys.argv[2:])
print(pid, flush=True)
print(os.waitpid(pid, 0)[1], flush=True)
`;
  const child = spawn("python3", ["-c", script, DT, ...words], { cwd: root.dir, env: root.env });
  let said = "";
  child.stdout.on("data", (bytes) => {
    said += bytes;
  });
  opened.push({
    async close() {
      child.kill("SIGKILL");
    },
  });
  const pid = Number(await until("dt runs", () => /^\d+\n/.exec(said)?.[0] ?? null));
  return { pid, over: () => until("dt is over", () => /^\d+\n(\d+)\n/.exec(said)?.[1] ?? null) };
}

for (const [what, words, signal] of [
  ["attach", ["attach", "a", "t"], "SIGTERM"],
  ["attach", ["attach", "a", "t"], "SIGHUP"],
  ["the foreground", ["a", "dev"], "SIGTERM"],
  ["dt up", ["up", "a:dev"], "SIGINT"],
  ["dt up", ["up", "a:dev"], "SIGTERM"],
] as const)
  test(`${signal} ends ${what} on a terminal that accepts no output`, async () => {
    const root = make(["sh", "-c", "yes 'a line of output'"]);
    if (what === "attach") await root.dt(["a", "t", "-d"]);
    const { pid, over } = await unread(root, ...words);
    await until("dt waits with what it has to show", () => isWaiting(pid));
    process.kill(pid, signal);
    await over();
    if (what !== "attach") expect((await psOf(root, "a:dev:default"))?.state).toBe("stopped");
  });

/** Whether the terminal still makes lines and signals of keys. */
function isCooked(pid: number): boolean {
  const { stdout } = Bun.spawnSync(["stty", "-a", "-F", `/proc/${pid}/fd/0`]);
  return / icanon/.test(stdout.toString());
}

/**
 * It has written as much as the terminal takes: a program that writes without end has filled it, and the terminal has
 * no room.
 */
function isWaiting(pid: number): boolean {
  const room = `import select, sys; fd = open("/proc/${pid}/fd/1", "wb"); print(select.select([], [fd], [], 0)[1])`;
  return Bun.spawnSync(["python3", "-c", room]).stdout.toString() === "[]\n";
}
