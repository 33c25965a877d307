/** The process table of Linux, asked about real processes with unpleasant names, environments and files. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { identify, type ProcessIdentity, presenceOf } from "../../../src/sys/process/identity.ts";
import { makeProcessTable } from "../../../src/sys/process/linux.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { until } from "../../kit.ts";
import { expectLinear } from "../../linear.ts";

const scratch = makeScratch();
const table = makeProcessTable();
const SIGTERM = 15;
const SIGKILL = 9;

const children: Bun.Subprocess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
});

function spawn(argv: string[], options: Record<string, unknown> = {}) {
  const child = Bun.spawn(argv, { stdio: ["ignore", "ignore", "ignore"], ...options });
  children.push(child);
  return child;
}

function identityOf(pid: number): ProcessIdentity {
  const entry = table.entry(pid);
  if (entry === null) throw new Error(`no process ${pid}`);
  return identify(table, entry);
}

/** A process that has ended and whose parent, this shell, does not ask. */
async function zombie(): Promise<{ pid: number; parent: Bun.Subprocess }> {
  const parent = spawn(["bash", "-c", "sleep 0.2 & echo $!; exec sleep 1000"], { stdio: ["ignore", "pipe", "ignore"] });
  const reader = (parent.stdout as unknown as ReadableStream<Uint8Array>).getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  reader.releaseLock();
  await until("it is a zombie", () => table.entry(pid)?.state === "Z");
  return { pid, parent };
}

describe("entries", () => {
  const names = ["a b", "a) S 1 (b", "((", "))", "line\nbreak", "x".repeat(40), "ünï", "Z", ") Z 1 1 1"];
  for (const name of names) {
    test(`a program named ${JSON.stringify(name)}`, async () => {
      const directory = scratch();
      copyFileSync("/bin/sleep", join(directory, name));
      const child = spawn([join(directory, name), "1000"], { detached: true });
      const comm = Buffer.from(name).subarray(0, 15).toString("latin1");
      await until("it sleeps", () => table.entry(child.pid)?.comm === comm && table.entry(child.pid)?.state === "S");
      expect(table.entry(child.pid)).toMatchObject({
        pid: child.pid,
        ppid: process.pid,
        pgid: child.pid,
        sid: child.pid,
        state: "S",
      });
      expect(Number(table.entry(child.pid)?.startTime)).toBeGreaterThan(Number(table.entry(1)?.startTime ?? -1));
    });
  }

  test("the list of processes holds this process and its children, and nothing else than processes", () => {
    const child = spawn(["sleep", "1000"]);
    const pids = table.list().map((entry) => entry.pid);
    expect(pids).toContain(process.pid);
    expect(pids).toContain(child.pid);
    expect(pids.every((pid) => Number.isInteger(pid) && pid > 0)).toBe(true);
    expect(table.childrenOf(process.pid)).toContain(child.pid);
  });

  test("a missing process has no entry", () => {
    expect([table.entry(4_000_000), table.entry(0), table.entry(-1)]).toEqual([null, null, null]);
  });

  test("a process whose main thread has ended while others run is no zombie: it is found, read and signalled", async () => {
    const directory = scratch();
    const beat = join(directory, "beat");
    writeFileSync(
      join(directory, "headless.ts"),
      `import { openSync, writeSync } from "node:fs";
      import { libc } from ${JSON.stringify(join(import.meta.dir, "../../../src/sys/ffi/libc.ts"))};
      const fd = openSync(${JSON.stringify(beat)}, "a");
      const text = "const { writeSync } = require('node:fs'); setInterval(() => writeSync(" + fd + ", '.'), 5)";
      new Worker(URL.createObjectURL(new Blob([text])));
      const EXIT = { x64: 60, arm64: 93 }[process.arch];
      const { size } = await import("node:fs").then(({ statSync }) => ({ size: () => statSync(${JSON.stringify(beat)}).size }));
      while (size() === 0) await Bun.sleep(5);
      libc().syscall(EXIT, 0, 0, 0, 0, 0);`,
    );
    const child = spawn([process.execPath, join(directory, "headless.ts")], { env: { ...process.env, MARK: "here" } });
    const raw = () => readFileSync(`/proc/${child.pid}/stat`, "latin1").replace(/^.*\) /s, "")[0];
    await until("its main thread has ended", () => raw() === "Z");
    const identity = identityOf(child.pid);
    const before = readFileSync(beat).length;
    await until("it still works", () => readFileSync(beat).length > before);
    expect(presenceOf(table, identity)).toBe("alive");
    expect(table.environmentOf(child.pid, "MARK")).toBe("here");
    expect(table.commandLineOf(child.pid)).toContain("headless.ts");
    const fd = openSync(beat, "r");
    const { dev, ino } = fstatSync(fd);
    closeSync(fd);
    expect(table.isWriting(child.pid, { dev, ino })).toBe(true);
    expect(table.signal(identity, SIGKILL)).toBe("sent");
    await child.exited;
    expect(presenceOf(table, identity)).toBe("gone");
  });
});

describe("environment", () => {
  test("a variable is found by its whole name; a missing one is null, and of a missing process undefined", async () => {
    const env = { LONG_NAME: "long", NAME: "a=b=c", EMPTY: "", LINES: "one\ntwo", UNI: "ä", XNAME: "x" };
    const child = spawn(["/bin/sleep", "1000"], { env });
    // The kernel sets a program's name a moment before its environment.
    await until("its environment is there", () => table.environmentOf(child.pid, "NAME"));
    for (const [name, value] of Object.entries(env)) expect(table.environmentOf(child.pid, name)).toBe(value);
    for (const name of ["NAM", "AME", "LONG", "b", ""]) expect(table.environmentOf(child.pid, name)).toBeNull();
    expect(table.environmentOf(4_000_000, "NAME")).toBeUndefined();
  });

  test("a variable's name within another's value is not found", async () => {
    const child = spawn(["/bin/sleep", "1000"], { env: { A: "TOKEN=wrong", B: "x TOKEN=wrong", TOKEN: "right" } });
    await until("its environment is there", () => table.environmentOf(child.pid, "A"));
    expect(table.environmentOf(child.pid, "TOKEN")).toBe("right");
  });

  test("a cleared environment has no variable", async () => {
    const child = spawn(["/usr/bin/env", "-i", "/bin/sleep", "1000"], { env: { TOKEN: "x" } });
    await until("it runs", () => table.entry(child.pid)?.comm === "sleep");
    expect(table.environmentOf(child.pid, "TOKEN")).toBeNull();
  });
});

test("a command line is read in words, a zombie's by its name, and a missing process has none", async () => {
  const child = spawn(["sleep", "1000"]);
  await until("its arguments are there", () => table.commandLineOf(child.pid) === "sleep 1000" || null);
  expect(table.commandLineOf((await zombie()).pid)).toBe("[sleep]");
  expect(table.commandLineOf(4_000_000)).toBe("[gone]");
});

test("a command line of thousands of empty words is read in time linear in its length", async () => {
  const words = Array.from({ length: 60_000 }, () => "");
  const child = spawn([process.execPath, "-e", "setInterval(() => {}, 1000)", ...words, "end"]);
  await until("its arguments are there", () => table.commandLineOf(child.pid).endsWith(" end") || null);
  expectLinear(
    () => " ".repeat(words.length),
    () => table.commandLineOf(child.pid),
  );
});

describe("who writes a file", () => {
  const cases: [how: string, redirection: string, writes: boolean][] = [
    ["appending", ">> f", true],
    ["writing", "> f", true],
    ["reading and writing", "<> f", true],
    ["reading", "< f", false],
    ["another file", "> g", false],
    ["a descriptor of its own", "9>> f", true],
  ];
  for (const [how, redirection, writes] of cases) {
    test(how, async () => {
      const directory = scratch();
      writeFileSync(join(directory, "f"), "");
      const fd = openSync(join(directory, "f"), "r");
      const { dev, ino } = fstatSync(fd);
      const child = spawn(["bash", "-c", `exec sleep 1000 ${redirection}`], { cwd: directory });
      await until("it runs", () => table.entry(child.pid)?.comm === "sleep");
      expect(table.isWriting(child.pid, { dev, ino })).toBe(writes);
      unlinkSync(join(directory, "f"));
      expect(table.isWriting(child.pid, { dev, ino })).toBe(writes);
      expect(table.isWriting(child.pid, { dev: dev + 1, ino })).toBe(false);
      closeSync(fd);
    });
  }
  test("an inherited descriptor is the same open file, one opened again is another, and one not open for writing does not count", async () => {
    const directory = scratch();
    writeFileSync(join(directory, "f"), "");
    const { dev, ino } = statSync(join(directory, "f"));
    const start = (command: string) => spawn(["bash", "-c", command], { cwd: directory });
    const parent = start("exec >> f; sleep 1000 & echo $! > child; exec sleep 1000");
    const stranger = start("exec sleep 1000 >> f");
    const reader = start("exec sleep 1000 < f");
    for (const { pid } of [parent, stranger, reader]) await until("it runs", () => table.entry(pid)?.comm === "sleep");
    const child = Number(readFileSync(join(directory, "child"), "utf8"));
    try {
      const shares = (pid: number, other: number) => table.shareDescription({ dev, ino }, [pid, other]);
      expect(shares(parent.pid, child)).toBe(true);
      expect(shares(stranger.pid, child)).toBe(false);
      expect(shares(reader.pid, child)).toBe(false);
      expect(shares(parent.pid, 4_000_000)).toBe(false);
    } finally {
      process.kill(child, "SIGKILL");
    }
  });
  test("a missing process writes no file", () => {
    expect(table.isWriting(4_000_000, { dev: 1, ino: 1 })).toBe(false);
  });
});

describe("signals go to exactly this process", () => {
  test("a signal is sent to a process, and once it has ended it is reported as gone", async () => {
    const child = spawn(["sleep", "1000"]);
    const identity = identityOf(child.pid);
    expect([table.signal(identity, 0), table.signal(identity, SIGTERM)]).toEqual(["sent", "sent"]);
    await child.exited;
    expect(child.signalCode).toBe("SIGTERM");
    expect(table.signal(identity, SIGTERM)).toBe("gone");
    expect(table.signalGroup(identity, SIGTERM)).toBe("gone");
  });

  const spared: [what: string, change: Partial<ProcessIdentity>, outcome: string][] = [
    ["another start time", { startTime: "1" }, "gone"],
    ["another boot", { bootId: "earlier" }, "gone"],
    ["another namespace", { pidNamespace: "pid:[1]" }, "unknown"],
  ];
  for (const [what, change, outcome] of spared) {
    test(`no signal reaches a process of ${what}`, async () => {
      const child = spawn(["sleep", "1000"], { detached: true });
      const identity = { ...identityOf(child.pid), ...change };
      expect([table.signal(identity, SIGKILL), table.signalGroup(identity, SIGKILL)] as string[]).toEqual([
        outcome,
        outcome,
      ]);
      expect(table.signal(identityOf(child.pid), 0)).toBe("sent");
    });
  }

  test("a zombie counts as gone for a signal", async () => {
    const { pid } = await zombie();
    expect(presenceOf(table, identityOf(pid))).toBe("gone");
    expect(table.signal(identityOf(pid), SIGTERM)).toBe("gone");
  });

  test("a whole group is signalled at once where the kernel can do that", async () => {
    const leader = spawn(["bash", "-c", "sleep 1000 & wait"], { detached: true });
    const child = await until("both run", () => table.list().find((one) => one.ppid === leader.pid));
    const outcome = table.signalGroup(identityOf(leader.pid), SIGKILL);
    if (outcome === null) {
      console.error("skipped: this kernel is older than 6.9");
      return;
    }
    expect(outcome).toBe("sent");
    await leader.exited;
    await until("the child is gone too", () => presenceOf(table, identify(table, child)) === "gone");
  });

  test("a signal to another user's process is denied", async () => {
    if (process.getuid?.() !== 0) {
      console.error("skipped: only root can become another user");
      return;
    }
    const child = spawn(["sleep", "1000"]);
    const script = `
      const { makeProcessTable } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/process/linux.ts"))});
      const table = makeProcessTable();
      table.signal(${JSON.stringify(identityOf(child.pid))}, 0);
      process.setgid(54321);
      process.setuid(54321);
      console.log(table.signal(${JSON.stringify(identityOf(child.pid))}, 9), table.environmentOf(${child.pid}, "PATH"));`;
    expect(Bun.spawnSync([process.execPath, "-e", script]).stdout.toString()).toBe("denied undefined\n");
  });
});

describe("ports", () => {
  for (const [hostname, address] of [
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["::1", "::1"],
    ["::", "::"],
  ] as const) {
    test(`a listener on ${hostname}`, () => {
      const listener = Bun.listen({ hostname, port: 0, socket: { data() {} } });
      try {
        expect(table.listeningPorts([process.pid])).toContainEqual({ port: listener.port, address, pid: process.pid });
        const uid = process.geteuid?.() ?? null;
        expect(table.listenersOn(listener.port)).toMatchObject([{ address, uid, pids: [process.pid] }]);
        expect(table.listeningPorts([1, 4_000_000]).filter((one) => one.port === listener.port)).toEqual([]);
      } finally {
        listener.stop(true);
      }
      expect(table.listenersOn(listener.port)).toEqual([]);
    });
  }

  for (const [what, moves] of [
    ["right after the others", ""],
    ["after a gap", "exec 7<&3 3<&-;"],
    ["in the place of another", "exec 0<&3 3<&-;"],
    ["beyond many others", "exec 4<&0 5<&0 6<&0 7<&0 8<&0 9<&3 3<&-;"],
  ] as const) {
    test(`a listening socket whose descriptor is ${what}`, async () => {
      const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const child = Bun.spawn(["sh", "-c", `${moves} exec sleep 1000`], {
        stdio: ["ignore", "ignore", "ignore", (listener as unknown as { fd: number }).fd],
      });
      children.push(child);
      await until("it sleeps", () => table.entry(child.pid)?.comm === "sleep");
      listener.stop(true);
      expect(table.listeningPorts([child.pid])).toMatchObject([{ port: listener.port, pid: child.pid }]);
    });
  }
});

describe("a forest", () => {
  test("holds its roots and all below them, whichever thread made them, and of a host only what is below", async () => {
    const shell = Bun.spawn(["sh", "-c", "sleep 1000 & sh -c 'sleep 1000 & wait' & wait"], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    const other = Bun.spawn(["sleep", "1000"]);
    const below = (pid: number): number[] => [pid, ...table.childrenOf(pid).flatMap(below)];
    try {
      await until("all run", () => below(shell.pid).length === 4);
      const all = below(shell.pid).sort((a, b) => a - b);
      const forest = (found: number[] | null) => found?.sort((a, b) => a - b);
      expect(forest(table.forestOf({ roots: [shell.pid], hosts: [] }))).toEqual(all);
      expect(forest(table.forestOf({ roots: [], hosts: [shell.pid] }))).toEqual(all.filter((pid) => pid !== shell.pid));
      const own = table.forestOf({ roots: [], hosts: [process.pid] });
      expect(own).toEqual(expect.arrayContaining([...all, other.pid]));
      expect(own).not.toContain(process.pid);
      expect(table.forestOf({ roots: [4_000_000], hosts: [4_000_001] })).toEqual([4_000_000]);
    } finally {
      for (const pid of [...below(shell.pid), other.pid]) process.kill(pid, "SIGKILL");
      await Promise.all([shell.exited, other.exited]);
    }
  });
});
