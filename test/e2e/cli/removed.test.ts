/** dt called in a directory that was removed (a worktree, say): what needs no directory works, the rest says so. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { DT, TestRoot } from "../../kit.ts";
import { psOf } from "../kit/launch.ts";

let root: TestRoot;

beforeAll(() => {
  root = TestRoot.create({
    "manifests/a.json": JSON.stringify({
      name: "a",
      commands: {
        s: { kind: "managed", run: ["sleep", "1000"], stop: { timeout: "300ms" } },
        x: { kind: "oneshot", run: 'pwd; echo "from=$DIALTONE_CWD"' },
        kept: { kind: "oneshot", run: "pwd", capture: true },
      },
    }),
  });
});
afterAll(() => root.dispose());

/** Runs dt in a removed directory. */
async function dtInRemoved(words: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn(["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh", DT, ...words], {
    cwd: root.base,
    env: { ...root.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

test.each([
  [["--version"], /^dt \d/],
  [["version"], /^dt \d/],
  [["--help"], /^dt \[global flags\]/],
  [["help", "ps"], /^dt ps/],
  [["schema"], /"type": "object"/],
  [["gc"], /^Nothing is left over/],
  [["daemon", "status"], /^daemon is not running/],
  [["boot", "list"], /./],
  [["trust", "--list"], /./],
] as const)("dt %j needs no directory", async (words, says) => {
  const done = await dtInRemoved([...words]);
  expect(done).toMatchObject({ code: words[0] === "daemon" ? 3 : 0, stderr: "" });
  expect(done.stdout).toMatch(says);
});

test("from a removed directory a launch can be started, listed and stopped by -C or DIALTONE_ROOT", async () => {
  const inRoot = (...words: string[]) => dtInRemoved(["-C", root.dir, ...words]);
  expect(await inRoot("a", "s", "-d")).toMatchObject({ code: 0 });
  const { pid } = (await psOf(root, "a:s:default")) ?? {};
  expect((await inRoot("ps")).stdout).toContain(String(pid));
  expect((await dtInRemoved(["ps"], { DIALTONE_ROOT: root.dir })).stdout).toContain(String(pid));
  expect(await inRoot("restart", "a", "s")).toMatchObject({ code: 0 });
  expect(await inRoot("logs", "a", "s")).toMatchObject({ code: 0, stderr: "" });
  expect((await inRoot("why", "a", "s")).stdout).toContain("a:s:default");
  expect(await inRoot("stop", "--all")).toMatchObject({ code: 0 });
  expect((await psOf(root, "a:s:default"))?.state).toBe("stopped");
  expect(await inRoot("up", "a", "-d")).toMatchObject({ code: 0 });
  expect(await inRoot("down")).toMatchObject({ code: 0 });
});

test("a one-shot called from a removed directory runs in its own, and gets no calling directory", async () => {
  expect(await dtInRemoved(["-C", root.dir, "a", "x"])).toEqual({
    code: 0,
    stdout: `${root.dir}\nfrom=\n`,
    stderr: "",
  });
  expect(await dtInRemoved(["-C", root.dir, "a", "kept"])).toEqual({ code: 0, stdout: `${root.dir}\n`, stderr: "" });
});

test.each([
  [["ps"]],
  [["stop", "a"]],
  [["logs"]],
  [["a", "x"]],
  [["-C", ".", "ps"]],
  [["init"]],
  [["trust"]],
  [["list"]],
])("dt %j says that the directory was removed", async (words) => {
  const done = await dtInRemoved(words);
  expect(done).toMatchObject({ code: 2, stdout: "" });
  expect(done.stderr).toStartWith("dt: The working directory was removed.\n");
});
