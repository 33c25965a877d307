/**
 * A launch's whole life where next to nothing is there. What docs/ci.md says of each environment is tried here; musl
 * has a file of its own.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { DT, REPOSITORY, TestRoot, until } from "../../kit.ts";
import { buildOther } from "../kit/build.ts";
import { FILES, isRoot, LIFE_ANSWER, LIFE_SCRIPT, level, runIn, runWithout } from "../kit/emptyenv.ts";
import { psOf, readLog, runs } from "../kit/launch.ts";

let root: TestRoot;
afterEach(() => root.dispose());

const make = (name?: string): Record<string, string> => {
  root = TestRoot.create(FILES, name);
  return { ...root.env, DT };
};

/** Everything answered as anywhere, and no host had anything to complain of. */
function expectLife({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }, run = root.run) {
  expect({ code, stdout: level(stdout), stderr: /bug|rror/.exec(stderr) && stderr }).toEqual({
    code: 0,
    stdout: LIFE_ANSWER,
    stderr: null,
  });
  expect(existsSync(join(run, "host.err")) ? Bun.file(join(run, "host.err")).size : 0).toBe(0);
}

const [, , , , , home = "/"] = Bun.spawnSync(["getent", "passwd", String(userInfo().uid)])
  .stdout.toString()
  .split(":");

describe("an environment", () => {
  test("a launch's whole life works without HOME", async () => {
    const { HOME: _, ...env } = make();
    expectLife(await runIn(root.dir, ["sh", "-c", LIFE_SCRIPT], env));
  });

  test("a launch's whole life works without PATH", async () => {
    const { PATH: _, ...env } = make();
    expectLife(await runIn(root.dir, ["/bin/sh", "-c", `unset PATH\n${LIFE_SCRIPT}`], env));
  });

  // The home is then the user's own, which a test must not write to: another one lies over it.
  test.skipIf(!isRoot)("a launch's whole life works with an empty environment", async () => {
    make();
    const script = LIFE_SCRIPT.replaceAll('"$DT"', `/usr/bin/env -i '${DT}'`);
    expectLife(await runWithout(root, `mount --bind '${root.home}' '${home}'`, script, root.env));
    expect(readdirSync(root.home)).toContain(".dialtone");
  });

  test("a launch's whole life works without a controlling terminal, in its own session", async () => {
    const env = make();
    expectLife(await runIn(root.dir, ["setsid", "-w", "sh", "-c", LIFE_SCRIPT], env));
  });
});

test.skipIf(!isRoot)(
  "a launch's whole life works for a uid that no user has, also where it sees only its own processes (hidepid)",
  async () => {
    const { HOME: _, DIALTONE_HOME: __, ...env } = make();
    cpSync(DT, join(root.base, "dt"));
    chmodSync(root.base, 0o755);
    for (const path of [
      root.base,
      root.dir,
      join(root.dir, "manifests"),
      ...Object.keys(FILES).map((file) => join(root.dir, file)),
    ])
      chownSync(path, 12345, 12345);
    const script = join(root.base, "life.sh");
    writeFileSync(script, LIFE_SCRIPT);
    const asNobody = `exec setpriv --reuid 12345 --regid 12345 --clear-groups sh '${script}'`;
    for (const setup of ["true", "mount -t proc -o hidepid=2 proc /proc"])
      expectLife(await runWithout(root, setup, asNobody, { ...env, DT: join(root.base, "dt") }));
  },
);

describe.skipIf(!isRoot)("a system", () => {
  test("a launch's whole life works without /dev/fd", async () => {
    const env = make();
    const setup = "mount -t tmpfs none /dev; mknod /dev/null c 1 3; test ! -e /dev/fd; test ! -e /dev/tty";
    expectLife(await runWithout(root, setup, LIFE_SCRIPT, env));
  });

  test("without /dev/null known one-shots run, the rest is refused, and no file takes its place", async () => {
    const env = make();
    const hide = "mount -t tmpfs none /dev";
    const look = "; echo $?; test -e /dev/null && echo made";
    const refused = "/dev/null is missing or not a device";
    const loading = await runWithout(root, hide, `"$DT" ts one x${look}`, env);
    expect([loading.stdout, loading.stderr.includes(refused)]).toEqual(["2\n", true]);
    expect((await root.dt(["ts", "one", "x"])).code).toBe(0);
    expect((await runWithout(root, hide, `"$DT" ts one x${look}`, env)).stdout).toBe("<x>\n0\n");
    const launch = await runWithout(root, hide, `"$DT" a nap -d${look}`, env);
    expect([launch.stdout, launch.stderr.includes(refused)]).toEqual(["125\n", true]);
    expect((await psOf(root, "a:nap:default"))?.state).toBe("failed");
  });

  test("where parts of /proc are hidden one-shots run, and what needs an identity is refused with the file's name", async () => {
    const env = make();
    const hide = "mount -t tmpfs none /proc/sys";
    expect(await runWithout(root, hide, '"$DT" ts one x', env)).toEqual({ code: 0, stdout: "<x>\n", stderr: "" });
    for (const words of ["a nap -d", "a nap"]) {
      const { code, stdout, stderr } = await runWithout(root, hide, `"$DT" ${words}`, env);
      expect([words, code, stdout]).toEqual([words, 125, ""]);
      expect(stderr).toStartWith(
        "dt: dt tells processes apart by what the kernel shows in /proc, but /proc/sys/kernel/random/boot_id cannot be read",
      );
    }
    expect((await root.dt(["ps", "--all", "--json"])).stdout).not.toContain('"running"');
  });

  test("without /proc: the wrapper says so, the binary aborts", async () => {
    const env = make();
    const checkout = join(root.base, "checkout");
    mkdirSync(join(checkout, "dist"), { recursive: true });
    cpSync(join(REPOSITORY, "dialtone.sh"), join(checkout, "dialtone.sh"));
    symlinkSync(DT, join(checkout, "dist/dt"));
    const hide = "mount -t tmpfs none /proc";
    const wrapper = `'${checkout}/dialtone.sh' ps`;
    expect(await runWithout(root, hide, wrapper, env)).toEqual({
      code: 125,
      stdout: "",
      stderr: "dialtone.sh: dt needs /proc, which is not mounted here: mount -t proc proc /proc\n",
    });
    expect((await runWithout(root, "true", wrapper, env)).code).toBe(0);
    expect((await runWithout(root, hide, '"$DT" ps', env)).code).toBe(134);
  });

  test("a launch's whole life works on a read-only system with a writable DIALTONE_RUN_DIR", async () => {
    const env = make();
    const run = join(root.base, "run");
    mkdirSync(run);
    const setup = `mount --bind '${run}' '${run}'
      cut -d' ' -f2 /proc/mounts | while read -r at; do
        case $at in /proc* | /sys* | /dev* | '${run}') ;; *) mount -o remount,bind,ro "$at" 2>/dev/null || : ;; esac
      done
      for there in '${root.dir}' '${root.home}' '${root.base}' /tmp /; do ! touch "$there/x" 2>/dev/null || exit 9; done`;
    // Among the temporary files a manifest's result could be passed on: they cannot be written to either.
    const result = await runWithout(root, setup, LIFE_SCRIPT, { ...env, DIALTONE_RUN_DIR: run, TMPDIR: "/tmp" });
    const [own] = readdirSync(run).filter((name) => /^root-[0-9a-f]+$/.test(name));
    expectLife(result, join(run, own as string));
    expect(existsSync(join(root.dir, ".dialtone"))).toBe(false);
    expect(
      readdirSync(run)
        .map((name) => name.replace(/-[0-9a-f]+/, "-HASH"))
        .sort(),
    ).toEqual(["launches", "root-HASH", "root-HASH.cache", "secret"]);
    expect(statSync(join(run, "secret")).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(run, "launches"))).toEqual([]);
    const cache = readdirSync(run).find((name) => name.endsWith(".cache")) as string;
    expect(readdirSync(join(run, cache)).sort()).toEqual([".gitignore", "index.json", "loading.lock"]);
  });
});

describe("standard streams that are closed", () => {
  for (const closed of ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"]) {
    test(closed, async () => {
      const env = make();
      const dt = async (words: string) => (await runIn(root.dir, ["sh", "-c", `"$DT" ${words} ${closed}`], env)).code;
      expect(await dt("a nap -d")).toBe(0);
      const before = await psOf(root, "a:nap:default");
      expect(before).toMatchObject({ state: "running", host: { alive: true } });
      expect([await dt("restart a nap"), await dt("logs a nap"), await dt("ps"), await dt("a bun >/dev/null")]).toEqual(
        [0, 0, 0, 0],
      );
      // What is opened in the place of a closed stream gets nothing that was meant for the stream.
      expect(root.read(".dialtone/run/a:nap:default.log")).toBe("hello\n");
      expect(Bun.file(join(root.run, "host.err")).size).toBe(0);
      expect(await dt("stop a nap")).toBe(0);
      expect(runs(before?.pid as number)).toBe(false);
    });
  }
});

describe("the project's path", () => {
  const long = `${"x".repeat(200)}/${"y".repeat(200)}`;
  for (const [what, name] of [
    ["spaces, quotes and unicode", "a root with späces & 日本 'quotes' \"$HOME\""],
    ["a line break", "new\nline"],
    ["longer than 108 bytes", long],
  ] as const) {
    test(what, async () => {
      const env = make(name);
      expectLife(await runIn(root.dir, ["sh", "-c", LIFE_SCRIPT], env));
    });
  }
});

describe("a dt that changes under its launches", () => {
  /** A binary of the test's own, and a launch of it whose policy starts it again. */
  const start = async () => {
    make();
    mkdirSync(join(root.base, "bin"));
    const old = join(root.base, "bin/dt");
    cpSync(DT, old);
    declare("one");
    expect((await runIn(root.dir, [old, "k", "run", "-d"], root.env)).code).toBe(0);
    const { host, pid } = (await psOf(root, "k:run:default")) as { host: { pid: number }; pid: number };
    expect(readlinkSync(`/proc/${host.pid}/exe`)).toBe(old);
    return { old, host: host.pid, pid };
  };
  const declare = (word: string) =>
    root.write(
      "manifests/k.ts",
      `import { definePlugin } from "@dialtone/dt";
export default definePlugin({ name: "k", commands: { run: { kind: "managed", run: "echo ${word}; exec sleep 1000", restart: "always" } } });\n`,
    );
  const upgrade = async (old: string) => {
    await buildOther(`${old}.new`, { version: "99.0.0" });
    renameSync(`${old}.new`, old);
  };
  const log = () => readLog(root, "k:run:default");
  const isOld = (host: number) => expect(readlinkSync(`/proc/${host}/exe`)).toEndWith("/bin/dt (deleted)");

  test("a replaced dt lists, shows, restarts, replaces and stops what the old one hosts", async () => {
    const { old, host, pid } = await start();
    await upgrade(old);
    isOld(host);
    const dt = async (...words: string[]) => {
      const { code, stdout } = await runIn(root.dir, [old, ...words], root.env);
      expect([words, code]).toEqual([words, 0]);
      return stdout;
    };
    expect(await dt("--version")).toBe("dt 99.0.0\n");
    expect(await dt("ps")).toContain(`running  ${pid} `);
    expect(await dt("logs", "k", "run")).toBe("one\n");
    declare("two");
    await dt("restart", "k", "run");
    const restarted = await psOf(root, "k:run:default");
    expect(restarted).toMatchObject({ state: "running", host: { pid: host, alive: true } });
    await until("the command wrote again", () => log() === "two\n");
    // What the new dt last knew of the manifests is not what the old host goes by.
    declare("three");
    process.kill(restarted?.pid as number, "SIGKILL");
    await until("the old host started it by its policy", () => log() === "three\n");
    expect(await psOf(root, "k:run:default")).toMatchObject({ state: "running", restarts: 2, host: { pid: host } });
    await dt("k", "run", "-d");
    const replaced = await psOf(root, "k:run:default");
    expect([runs(restarted?.pid as number), runs(host), replaced?.state]).toEqual([false, false, "running"]);
    expect(readlinkSync(`/proc/${replaced?.host?.pid}/exe`)).toBe(old);
    await dt("stop", "k", "run");
    await dt("restart", "k", "run");
    await dt("stop", "--all");
    expect(runs(replaced?.pid as number)).toBe(false);
  });

  test("a stop by a replaced dt leaves neither the old host nor its launch", async () => {
    const { old, host, pid } = await start();
    await upgrade(old);
    expect((await runIn(root.dir, [old, "stop", "k", "run"], root.env)).code).toBe(0);
    expect([runs(pid), runs(host)]).toEqual([false, false]);
  });

  test("the host of a removed dt starts the command again, with the manifest as it is now", async () => {
    const { old, host, pid } = await start();
    rmSync(old);
    isOld(host);
    declare("two");
    process.kill(pid, "SIGKILL");
    await until("the policy started the command of the new manifest", () => log() === "two\n");
    const again = await psOf(root, "k:run:default");
    expect(again).toMatchObject({ state: "running", restarts: 1, host: { pid: host, alive: true } });
    expect(Bun.file(join(root.run, "host.err")).size).toBe(0);
    expect((await root.dt(["stop", "k", "run"])).code).toBe(0);
    expect([runs(again?.pid as number), runs(host)]).toEqual([false, false]);
  });
});
