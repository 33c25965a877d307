/**
 * A signal goes only to what must be the launch's: strangers that look like it, each still alive after the stop; and
 * the other way round.
 */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { psOf, runs } from "../e2e/kit/launch.ts";
import { TestRoot, until, WITHOUT_LINEAGE } from "../kit.ts";

function rootOf(commands: object): TestRoot {
  return TestRoot.create({ "manifests/t.json": JSON.stringify({ name: "t", commands }) });
}

const SLEEP = { kind: "managed", run: ["sleep", "1000"], stop: { timeout: "2s" } };

/** A process of another session, as from another terminal. */
function startStranger(root: TestRoot, command: string): number {
  const child = Bun.spawn(["setsid", "sh", "-c", `${command}`], {
    cwd: root.dir,
    env: { PATH: root.env.PATH as string },
    stdio: ["ignore", "ignore", "ignore"],
  });
  return child.pid;
}

function isSleep(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, "latin1") === "sleep\n";
}

async function pidIn(root: TestRoot, file: string): Promise<number> {
  return until(`${file} has a pid`, () => {
    try {
      return Number(root.read(file).trim()) || null;
    } catch {
      return null;
    }
  });
}

async function withStranger(
  root: TestRoot,
  stranger: () => number | Promise<number>,
  act: (pid: number) => Promise<void>,
) {
  let pid = 0;
  try {
    pid = await stranger();
    await act(pid);
  } finally {
    if (pid > 0 && runs(pid)) process.kill(pid, "SIGKILL");
    await root.dispose();
  }
}

test("a program of another terminal that appends to the launch's log survives a complete stop", async () => {
  const root = rootOf({ dev: { ...SLEEP, log: "logs/all.log" } });
  mkdirSync(join(root.dir, "logs"));
  expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
  await withStranger(
    root,
    () => startStranger(root, "exec sleep 1001 >> logs/all.log"),
    async (pid) => {
      await until("it writes", () => isSleep(pid));
      expect(await root.dt(["stop", "t", "dev"])).toMatchObject({ code: 0 });
      expect(runs(pid)).toBe(true);
    },
  );
});

test("a program that appends to the log survives without a lineage too, and is named: exit 5", async () => {
  const root = rootOf({ dev: { ...SLEEP, log: "logs/all.log" } });
  root.prefix = WITHOUT_LINEAGE;
  mkdirSync(join(root.dir, "logs"));
  expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
  await withStranger(
    root,
    () => startStranger(root, "exec sleep 1001 >> logs/all.log"),
    async (pid) => {
      await until("it writes", () => isSleep(pid));
      const { code, stderr } = await root.dt(["stop", "t", "dev"]);
      expect(code).toBe(5);
      expect(stderr).toContain(`pid ${pid}`);
      expect(stderr).toContain("it writes the log of this launch, but nothing proves that it belongs to the launch");
      expect(runs(pid)).toBe(true);
    },
  );
});

test("a program whose file got the inode of a removed log survives", async () => {
  const root = rootOf({ dev: { ...SLEEP, run: "exec sleep 1000 > own.log 2>&1", log: "logs/all.log" } });
  mkdirSync(join(root.dir, "logs"));
  expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
  const leader = (await psOf(root))?.pid as number;
  await until("it writes elsewhere", () => isSleep(leader));
  const { ino } = statSync(join(root.dir, "logs/all.log"));
  rmSync(join(root.dir, "logs/all.log"));
  // Most file systems give the number to one of the next files.
  const names = Array.from({ length: 500 }, (_, at) => join(root.dir, "logs", `${at}`));
  const heir = names.find((name) => {
    writeFileSync(name, "");
    return statSync(name).ino === ino;
  });
  if (heir === undefined) {
    console.warn("A reused inode is not tested: this file system gave the number to none of 500 files.");
    return root.dispose();
  }
  await withStranger(
    root,
    () => startStranger(root, `exec sleep 1001 >> ${heir}`),
    async (pid) => {
      await until("it writes", () => isSleep(pid));
      expect(await root.dt(["stop", "t", "dev"])).toMatchObject({ code: 0 });
      expect(runs(pid)).toBe(true);
    },
  );
});

for (const prefix of [[], WITHOUT_LINEAGE])
  test(`a daemon of a helper that was there before its script became dt lives${prefix.length === 0 ? "" : ", without a lineage too"}`, async () => {
    const root = rootOf({ dev: SLEEP });
    root.write(
      "wrap.sh",
      `sh -c 'while [ ! -e go ]; do sleep 0.05; done; (setsid sh -c "echo \\$\\$ > daemon; exec sleep 1001" &); exec sleep 1002' >/dev/null 2>&1 </dev/null &
echo $! > helper
exec ${[...prefix, process.env.DT_BINARY ?? join(import.meta.dir, "../../dist/dt")].map((word) => `'${word}'`).join(" ")} t dev
`,
    );
    const script = Bun.spawn(["sh", "wrap.sh"], {
      cwd: root.dir,
      env: root.env,
      stdio: ["ignore", "ignore", "ignore"],
    });
    await until("it runs", async () => (await psOf(root))?.state === "running");
    writeFileSync(join(root.dir, "go"), "");
    await withStranger(
      root,
      () => pidIn(root, "daemon"),
      async (pid) => {
        await until("the host has it for a child", () => parentOf(pid) === script.pid);
        // The host looks each half second, and is not to write it down.
        await until("the host has looked", () => hasLookedSince(pid));
        expect(await root.dt(["stop", "t", "dev"])).toMatchObject({ code: 0 });
        expect(runs(pid)).toBe(true);
        process.kill(await pidIn(root, "helper"), "SIGKILL");
        process.kill(pid, "SIGKILL");
      },
    );
  });

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
}

/** Two looks' time since the process began. */
function hasLookedSince(pid: number): boolean {
  return Date.now() - statSync(`/proc/${pid}`).mtimeMs > 1200;
}

const DAEMON = `
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    open("daemon", "w").write(str(os.getpid()))
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2): os.dup2(null, fd)
    os.execve("/bin/sleep", ["sleep", "1001"], {})
time.sleep(1000)
`;

for (const [how, start, stop] of [
  ["by itself", ["t", "d", "-d"], ["stop", "t", "d"]],
  ["under dt up", ["up", "t", "-d"], ["down"]],
  ["under dt up, in the foreground", ["up", "t"], ["down"]],
] as const)
  test(`a child that becomes a daemon at once, without environment and output, is ended: started ${how}`, async () => {
    const root = rootOf({ d: { ...SLEEP, run: ["python3", "d.py"] }, other: SLEEP });
    root.write("d.py", DAEMON);
    try {
      const foreground = start.includes("-d" as never) ? null : root.spawn([...start]);
      if (foreground === null) expect((await root.dt([...start])).code).toBe(0);
      const daemon = await pidIn(root, "daemon");
      await until("it is a daemon", () => isSleep(daemon));
      expect((await root.dt([...stop])).code).toBe(0);
      expect(runs(daemon)).toBe(false);
      await foreground?.exited;
    } finally {
      await root.dispose();
    }
  });

test("what runs before a launch, beside another one of the same host, is reported as no launch's", async () => {
  const root = rootOf({
    first: SLEEP,
    second: { ...SLEEP, before: ["t:prepare"], needs: ["t:first"] },
    prepare: { kind: "oneshot", run: "sh -c 'test -e absent || sleep 1.5'" },
  });
  try {
    const up = await root.dt(["up", "t:first", "t:second", "-d"]);
    expect(up.code).toBe(0);
    expect(up.stderr).not.toContain("nothing shows which launch");
    expect(up.stderr).not.toContain("lost its parent");
  } finally {
    await root.dispose();
  }
});

const canUnshare =
  process.platform === "linux" && Bun.spawnSync(["unshare", "-pf", "--mount-proc", "true"]).exitCode === 0;
if (!canUnshare && process.env.CI) throw new Error("CI must be able to make pid namespaces");

test.skipIf(!canUnshare)(
  "what another program left under a dt that is PID 1 survives the launch's end",
  async () => {
    const root = rootOf({
      dev: { ...SLEEP, run: "echo $$ >> leaders; exec sleep 1000", restart: { policy: "always", delay: "100ms" } },
    });
    const dt = process.env.DT_BINARY ?? join(import.meta.dir, "../../dist/dt");
    const container = Bun.spawn(["unshare", "-pf", "--kill-child", "--mount-proc", dt, "t", "dev"], {
      cwd: root.dir,
      env: root.env,
      stdio: ["ignore", "ignore", "ignore"],
    });
    const leaders = () => {
      try {
        return root.read("leaders").trim().split("\n").map(Number);
      } catch {
        return [];
      }
    };
    try {
      await until("its leader runs", () => leaders().length === 1);
      const init = await until("PID 1 is there", () => {
        const child = Bun.spawnSync(["pgrep", "-P", String(container.pid)])
          .stdout.toString()
          .trim();
        return child === "" ? null : child;
      });
      const inside = (command: string) =>
        Bun.spawnSync(["nsenter", "-t", init, "-p", "-m", "sh", "-c", command], {
          cwd: root.dir,
          env: { PATH: root.env.PATH as string },
        });
      // As `docker exec -d`: its parent ends, and PID 1 gets it.
      inside(`setsid sh -c 'echo $$ > ${root.dir}/stranger; exec sleep 1001' </dev/null >/dev/null 2>&1 &`);
      const stranger = await pidIn(root, "stranger");
      inside(`kill -9 ${leaders()[0]}`);
      await until("the policy has started it again", () => leaders().length === 2);
      // A zombie, too, has a pid, but no command line.
      expect(inside(`grep -q 1001 /proc/${stranger}/cmdline`).exitCode).toBe(0);
    } finally {
      container.kill("SIGKILL");
      await container.exited;
      await root.dispose();
    }
  },
  30_000,
);
