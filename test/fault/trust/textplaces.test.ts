/**
 * Where text of others meets a terminal in a way of its own: a printed command line, a port's holder, the daemon's
 * answers, CI, a table drawn in place.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../e2e/kit/launch.ts";
import { DT, TestRoot } from "../../kit.ts";
import { EVIL, faultOf, faultsOf } from "./hidden.kit.ts";
import { makeWorld } from "./text.kit.ts";

let root: TestRoot;
beforeAll(async () => {
  root = await makeWorld(freePort());
});
afterAll(() => root.dispose());

test("a command line that is printed runs unchanged, and prints what the command did", async () => {
  for (const words of [[EVIL], ["\n", "it's\\", "\t!7", "\u202e"]]) {
    const { stdout, stderr } = await root.dt(["--verbose", "a", "say", ...words]);
    const line = /^dt: \$ (.*)$/m.exec(stderr)?.[1] as string;
    const again = Bun.spawnSync(["bash", "-c", line], { cwd: root.dir, env: { PATH: "/usr/bin:/bin", LC_ALL: "C" } });
    expect([faultsOf({ stdout: "", stderr }, false), again.stdout.toString()]).toEqual([[], stdout]);
    expect(stdout).toBe(words.map((word) => `${word}.`).join(""));
    // For programs there is a form that every POSIX shell reads.
    const plan = JSON.parse((await root.dt(["--dry-run", "--json", "a", "say", ...words])).stdout) as {
      commandLine: string;
    };
    expect(Bun.spawnSync(["sh", "-c", plan.commandLine]).stdout.toString()).toBe(stdout);
  }
});

test("a stranger's name and arguments are visible where a port's holder is named", async () => {
  const server = `const { port } = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") }); console.log(port);`;
  const child = Bun.spawn([process.execPath, "-e", server, EVIL], { cwd: root.base, stdout: "pipe", stderr: "ignore" });
  try {
    const reader = child.stdout.getReader();
    const port = new TextDecoder().decode((await reader.read()).value).trim();
    const text = await root.dt(["port", port]);
    expect([text.stdout.split("\n").length, text.stdout.includes("FORGED"), faultsOf(text, false)]).toEqual([
      2,
      true,
      [],
    ]);
    const json = await root.dt(["port", port, "--json"]);
    expect([(JSON.parse(json.stdout) as { holders: object[] }).holders.length, faultsOf(json, false)]).toEqual([1, []]);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});

test("an answer in the daemon's place is printed visibly", async () => {
  const other = TestRoot.create({});
  const home = other.env.DIALTONE_HOME as string;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const status = { pid: 1, started_at_unix: 1, version: EVIL, commit: EVIL, build: EVIL, socket: EVIL, manager: EVIL };
  const data = { ...status, roots: [EVIL, EVIL], projects_root: EVIL, codebase_count: EVIL, upgraded: true, due: [] };
  const replies = [
    { ok: true, data },
    { ok: false, code: EVIL, error: EVIL },
  ];
  for (const reply of replies) {
    const server = Bun.listen({
      unix: join(home, "daemon.sock"),
      socket: { data: (socket) => void socket.write(`${JSON.stringify(reply)}\n`) },
    });
    for (const words of [["daemon", "status"], ["daemon", "status", "--json"], ["daemon", "start"], ["jobs"]]) {
      const result = await other.dt(words);
      expect([words, faultsOf(result, false)]).toEqual([words, []]);
      if (words[1] === "status") expect(result.stdout + result.stderr).toContain("FORGED");
    }
    server.stop(true);
    rmSync(join(home, "daemon.sock"), { force: true });
  }
  await other.dispose();
});

for (const [system, env] of Object.entries({ GitHub: { GITHUB_ACTIONS: "true" }, GitLab: { GITLAB_CI: "true" } })) {
  test(`on ${system} a failed start prints the last lines of its log visibly`, async () => {
    const { stderr } = await root.dt(["a", "dies", "--wait"], { env: { CI: "true", ...env } });
    expect(stderr).toContain("FORGED");
    expect(faultOf(stderr.replaceAll(/^\x1b\[0Ksection_(?:start|end):\d+:dt_\w+\r\x1b\[0K/gm, ""), false)).toBeNull();
  });
}

test("on a terminal the bring-up table is visible text, and a command's log is shown as it is", async () => {
  const child = Bun.spawn(["script", "-qec", `${DT} up a:never a:gone a:nowhere -d`, "/dev/null"], {
    cwd: root.dir,
    env: { ...root.env, TERM: "xterm" },
    stdin: "ignore",
    stdout: "pipe",
  });
  const text = await child.stdout.text();
  expect(text).toContain("\x1b[J");
  expect(text).toContain("FORGED");
  // What draws, and the terminal's own line ends.
  const drawn = text.replaceAll("\r\n", "\n").replaceAll(/\x1b\[(?:\d+A\r\x1b\[J|\d+A\r|K|J)/g, "");
  expect(faultOf(drawn, true)).toBeNull();
});

test("what a command wrote passes unchanged", async () => {
  const { stdout } = await root.dt(["logs", "a:noisy", "--color"]);
  expect(stdout).toBe(`${EVIL}\n`);
  const foreground = root.spawn(["a", "noisy"]);
  const reader = foreground.stdout.getReader();
  let seen = "";
  while (!seen.includes("FORGED")) seen += new TextDecoder().decode((await reader.read()).value);
  foreground.kill("SIGINT");
  await foreground.exited;
  expect(seen).toStartWith(EVIL);
});
