/**
 * What is in the person's environment never lies below the project, which is archived, copied into images and
 * committed.
 */
import { afterEach, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { psOf, runs } from "../../e2e/kit/launch.ts";
import { DT, TestRoot, until } from "../../kit.ts";
import { SECRET } from "./stranger.kit.ts";

const KEY = "a:b:default";
const open: TestRoot[] = [];
afterEach(async () => {
  for (const root of open.splice(0)) await root.dispose();
});

function made(commands: object, more: Record<string, string> = {}): TestRoot {
  const root = TestRoot.create({ "manifests/a.json": JSON.stringify({ name: "a", commands }), ...more });
  open.push(root);
  return root;
}

const B = { kind: "managed", run: ["sleep", "1000"], stop: { timeout: "300ms" } };
const env = { AWS_SECRET_ACCESS_KEY: SECRET };

/** Files below a directory that hold the secret, and those that others may read or write. */
function holding(directory: string): string[] {
  const found = Bun.spawnSync(["grep", "-rlaF", SECRET, directory]).stdout.toString();
  return found.split("\n").filter(Boolean);
}

test("a secret of the environment stays out of the project: with a launch, a rerun, restarts, a captured one-shot and dt up, none leaves it there", async () => {
  const root = made({
    b: { ...B, restart: { policy: "always", delay: "100ms" } },
    o: { kind: "oneshot", run: ["true"], capture: true },
  });
  const check = (what: string) => expect([what, ...holding(root.dir)]).toEqual([what]);
  await root.dt(["a", "b", "-d"], { env });
  check("start");
  await root.dt(["a", "b", "-d"], { env });
  check("rerun");
  await root.dt(["restart", "a", "b"], { env });
  check("restart");
  const pid = (await psOf(root, KEY))?.pid as number;
  process.kill(pid, "SIGKILL");
  await until("it was started again", async () => {
    check("while it waits");
    const now = await psOf(root, KEY);
    return now?.state === "running" && now.pid !== pid;
  });
  check("policy");
  await root.dt(["a", "o"], { env });
  check("captured");
  await root.dt(["stop", "--all"], { env });
  await root.dt(["up", "a:b", "-d"], { env });
  check("up");
  // It is in the home, for this user alone.
  const kept = holding(root.home);
  expect(kept.length).toBeGreaterThan(0);
  for (const file of kept) expect(statSync(file).mode & 0o777).toBe(0o600);
  await root.dt(["stop", "--all"], { env });
  expect([...holding(root.dir), ...holding(root.home)]).toEqual([]);
});

test("a launch whose host is killed gets another one with the environment it was started with", async () => {
  const root = made({ b: { ...B, run: 'echo "is $AWS_SECRET_ACCESS_KEY"; exec sleep 1000', restart: "always" } });
  await root.dt(["a", "b", "-d"], { env });
  const one = await psOf(root, KEY);
  process.kill(one?.host?.pid as number, "SIGKILL");
  await until("the host is gone", () => !runs(one?.host?.pid as number));
  await root.dt(["daemon", "start"]);
  try {
    await until("it has another host", async () => (await psOf(root, KEY))?.host?.alive);
    process.kill(one?.pid as number, "SIGKILL");
    await until("it was started again", async () => {
      const now = await psOf(root, KEY);
      return now?.state === "running" && now.pid !== one?.pid;
    });
    await until("it says so", async () => (await root.dt(["logs", "a", "b"])).stdout === `is ${SECRET}\n`);
  } finally {
    await root.dt(["daemon", "stop"]);
  }
});

test("git sees nothing of .dialtone, even if the clone's own .gitignore there says otherwise", async () => {
  const root = made({ b: B }, { ".dialtone/.gitignore": "!*\n" });
  const git = (...args: string[]) =>
    Bun.spawnSync(["git", "-c", "user.name=a", "-c", "user.email=a@a", ...args], { cwd: root.dir }).stdout.toString();
  git("init", "-q");
  await root.dt(["a", "b", "-d"], { env });
  git("add", "-A");
  expect(git("ls-files").split("\n").filter(Boolean)).toEqual(["manifests/a.json"]);
});

test("a tracked .dialtone is reported once at the first start, and by doctor", async () => {
  const root = made({ b: B }, { ".dialtone/run/x": "" });
  const git = (...args: string[]) => Bun.spawnSync(["git", ...args], { cwd: root.dir });
  git("init", "-q");
  expect((await root.dt(["doctor"])).stdout).not.toContain("git tracks");
  git("add", "-f", "-A");
  const first = await root.dt(["a", "b", "-d"]);
  expect(first.stderr).toContain(`git tracks files of ${root.dir}/.dialtone`);
  expect((await root.dt(["a", "b", "-d"])).stderr).not.toContain("git tracks");
  expect((await root.dt(["doctor"])).stdout).toContain(`\`git rm -r --cached ${root.dir}/.dialtone\` ends that.`);
});

const canBeTwo =
  process.getuid?.() === 0 && Bun.spawnSync(["setpriv", "--reuid", "1000", "--clear-groups", "true"]).exitCode === 0;

/** Runs dt as uid 1000. */
function asUser(root: TestRoot, ...args: string[]) {
  const command = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--", DT, ...args];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root.dir, env: root.env });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** What below a directory belongs to root. */
function ofRoot(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return [
    directory,
    ...readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name)),
  ].filter((path) => lstatSync(path).uid === 0);
}

function givenTo1000(): TestRoot {
  const root = made({ b: B, o: { kind: "oneshot", run: ["true"] } });
  Bun.spawnSync(["chown", "-R", "1000:1000", root.base]);
  chmodSync(root.base, 0o755);
  return root;
}

test.skipIf(!canBeTwo)(
  "sudo: looking as root in a user's project leaves no file of root's, and the user works as before",
  async () => {
    const root = givenTo1000();
    const sudo = { SUDO_UID: "1000", SUDO_GID: "1000", SUDO_USER: "u" };
    for (const words of [["list"], ["ps"], ["why", "a", "b"], ["doctor"], ["status"], ["a", "o"], ["stop", "--all"]]) {
      await root.dt(words, { env: sudo });
      expect([words.join(" "), ...ofRoot(root.dir), ...ofRoot(root.home)]).toEqual([words.join(" ")]);
    }
    expect(asUser(root, "a", "b", "-d")).toMatchObject({ code: 0 });
    expect(asUser(root, "ps").stdout).toContain("running");
    expect(asUser(root, "doctor").code).toBeLessThan(2);
    expect(asUser(root, "stop", "--all")).toMatchObject({ code: 0 });
  },
);

test.skipIf(!canBeTwo)(
  "sudo: what a start as root makes belongs to the folder's owner, who can list, stop and start again",
  async () => {
    const root = givenTo1000();
    const sudo = { SUDO_UID: "1000", SUDO_GID: "1000", SUDO_USER: "u" };
    expect((await root.dt(["a", "b", "-d"], { env: sudo })).code).toBe(0);
    expect([...ofRoot(root.dir), ...ofRoot(root.home)]).toEqual([]);
    expect(asUser(root, "ps").stdout).toContain("running");
    expect((await root.dt(["stop", "--all"], { env: sudo })).code).toBe(0);
    expect([...ofRoot(root.dir), ...ofRoot(root.home)]).toEqual([]);
    expect(asUser(root, "a", "b", "-d")).toMatchObject({ code: 0 });
    expect(asUser(root, "stop", "--all")).toMatchObject({ code: 0 });
    chownSync(root.base, 0, 0);
  },
);
