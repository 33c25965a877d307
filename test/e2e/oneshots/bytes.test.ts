/**
 * Bytes that are no UTF-8 in arguments and environment: every way to start a command gives it the bytes that dt was
 * given.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { DT, TestRoot, until } from "../../kit.ts";

/**
 * Writes the variable W, every variable whose name begins with N, and the first argument, in hexadecimal, whole or not
 * at all.
 */
const SAY = `{ printf %s "$W" | od -An -tx1; tr '\\0' '\\n' < /proc/$$/environ | LC_ALL=C grep -a ^N.= | od -An -tx1; printf %s "$1" | od -An -tx1; } | tr -d ' \\n' > "$0.new"; mv "$0.new" "$0"`;
/** `café` and an `N\xff=\xe4`, and the argument `a\xffü` in Latin-1 and UTF-8. */
const SENT = "636166e94eff3de40a61ffc3bc";
const WITHOUT_ARGUMENT = "636166e94eff3de40a";
const START = `W=$(printf 'caf\\351'); export W; exec python3 -c '
import os, sys
os.environb[b"N\\xff"] = b"\\xe4"
os.execv(sys.argv[1].encode(), [b"dt"] + [word.encode().replace(b"BYTES", b"a\\xff\\xc3\\xbc") for word in sys.argv[2:]])' "$DT" "$@"`;

let root: TestRoot;

beforeAll(() => {
  const says = (file: string, then: string) => ["sh", "-c", `${SAY}; ${then}`, file];
  root = TestRoot.create({
    "manifests/a.json": JSON.stringify({
      name: "a",
      commands: {
        dev: { kind: "managed", run: says("dev.got", "exec sleep 1000") },
        term: { kind: "managed", tty: true, run: says("term.got", "exec sleep 1000") },
        again: {
          kind: "managed",
          run: says("again.got", "[ -e second ] && exec sleep 1000; touch second; exit 1"),
          restart: "on-failure",
        },
        both: { kind: "managed", run: ["sleep", "1000"], before: ["a:first"], needs: ["a:needed"] },
        needed: { kind: "managed", run: says("needed.got", "exec sleep 1000") },
        first: { kind: "oneshot", run: says("first.got", "true") },
        kept: { kind: "oneshot", capture: true, run: says("kept.got", "true") },
        probed: {
          kind: "managed",
          run: ["sleep", "1000"],
          ready: { exec: ["sh", "-c", SAY, "probed.got"], timeout: "5s" },
        },
        limits: {
          kind: "managed",
          run: ["sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status > limits; ulimit -n >> limits; exec sleep 1000"],
        },
        none: { kind: "managed", run: ["./none"] },
        where: { kind: "oneshot", run: "echo $DIALTONE_CWD" },
      },
    }),
  });
});

afterAll(() => root.dispose());

async function start(...words: string[]) {
  const child = Bun.spawn(["sh", "-c", START, "sh", ...words], {
    cwd: root.dir,
    env: { ...root.env, DT },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

async function got(name: string): Promise<string> {
  const file = `${root.dir}/${name}.got`;
  const text = await until(`${name} has said what it got`, () => {
    try {
      return readFileSync(file, "utf8") || null;
    } catch {
      return null;
    }
  });
  rmSync(file);
  return text;
}

describe("the bytes arrive", () => {
  test("the bytes arrive at a managed command, and after its restart", async () => {
    expect((await start("a", "dev", "-d", "--", "BYTES")).code).toBe(0);
    expect(await got("dev")).toBe(SENT);
    expect((await start("restart", "a:dev")).code).toBe(0);
    expect(await got("dev")).toBe(SENT);
  });

  test("the bytes arrive at a managed command with a terminal", async () => {
    expect((await start("a", "term", "-d", "--", "BYTES")).code).toBe(0);
    expect(await got("term")).toBe(SENT);
  });

  test("the bytes arrive at a policy's next run, and at one by a host that took the launch over", async () => {
    expect((await start("a", "again", "-d", "--", "BYTES")).code).toBe(0);
    expect(await got("again")).toBe(SENT);
    const record = () => JSON.parse(root.read(".dialtone/run/a:again:default.meta.json"));
    await until("the second run is written down", () => record().restarts === 1);
    expect(await got("again")).toBe(SENT);
    const first = record();
    process.kill(first.host.pid, "SIGKILL");
    rmSync(`${root.dir}/second`);
    await root.dt(["stop", "a:dev"]);
    // The next detached start makes a host, which takes over what the killed one left.
    expect((await root.dt(["a", "dev", "-d"])).code).toBe(0);
    await until("another host has it", () => record().host.pid !== first.host.pid);
    process.kill(first.leader.pid, "SIGKILL");
    expect(await got("again")).toBe(SENT);
    await root.dt(["stop", "a:again"]);
  });

  test("the bytes arrive at what `dt up` starts, its needs and its `before`", async () => {
    expect((await start("up", "-d", "a:both")).code).toBe(0);
    expect(await got("first")).toBe(WITHOUT_ARGUMENT);
    expect(await got("needed")).toBe(WITHOUT_ARGUMENT);
  });

  test("the bytes arrive at an exec probe and a captured one-shot", async () => {
    expect((await start("a", "probed", "-d")).code).toBe(0);
    expect(await got("probed")).toBe(WITHOUT_ARGUMENT);
    expect((await start("a", "kept", "BYTES")).code).toBe(0);
    expect(await got("kept")).toBe(SENT);
  });
});

test("variables that steer Bun arrive together with such bytes", async () => {
  const script = `BUN_OPTIONS=--smol; export BUN_OPTIONS; ${START}`.replace('"$DT" "$@"', '"$DT" a limits -d -- BYTES');
  const child = Bun.spawn(["sh", "-c", script], { cwd: root.dir, env: { ...root.env, DT }, stderr: "pipe" });
  expect(await child.exited).toBe(0);
  const plain = Bun.spawn(["sh", "-c", "ulimit -n"], { stdout: "pipe" });
  await until(
    "the limits are there",
    () => existsSync(`${root.dir}/limits`) && root.read("limits").split("\n").length > 3,
  );
  expect(root.read("limits")).toBe(
    `SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n${await plain.stdout.text()}`,
  );
  const { pid } = JSON.parse((await root.dt(["ps", "--json"])).stdout).find(
    (one: { key: string }) => one.key === "a:limits:default",
  );
  const environ = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  expect(environ).toContain("W=caf\xe9");
  expect(environ).toContain("BUN_OPTIONS=--smol");
});

test("a missing program is the same error with such bytes as without", async () => {
  const { code, stderr } = await start("a", "none", "-d", "--", "BYTES");
  expect(code).toBe(127);
  expect(stderr).toContain("Command not found: ./none");
});

test("a printed command line holds the byte so that a shell makes it again", async () => {
  const { stderr } = await start("--verbose", "a", "first", "BYTES");
  expect(stderr).toContain("$'a\\377ü'");
  await got("first");
});

test("a directory whose name is not UTF-8 may be where a one-shot is called from, but no project", async () => {
  const script = `D=$(printf 'p\\351'); mkdir "$D" && cd "$D" && "$DT" a where && mkdir manifests below && cd below && "$DT" a where`;
  const child = Bun.spawn(["sh", "-c", script], {
    cwd: root.dir,
    env: { ...root.env, DT },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  expect(Buffer.from(stdout).toString("latin1")).toStartWith(`${root.dir}/p\xe9\n`);
  expect(await child.exited).toBe(2);
  expect(stderr).toContain("the path is not UTF-8");
});
