/**
 * Standard output that takes nothing: a full disk is a sentence and no success, a reader that has gone is neither a
 * message nor a failure.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DT, TestRoot, until } from "../kit.ts";

let root: TestRoot;
const FULL = "dt: Standard output could not be written (is its disk full?).\n";

beforeAll(async () => {
  root = TestRoot.create({
    "manifests/a.json": JSON.stringify({
      name: "a",
      groups: { default: ["a:web"] },
      commands: {
        s: { kind: "managed", run: "seq 5000; exec sleep 1000", stop: { timeout: "300ms" } },
        web: { kind: "managed", run: "seq 20; exec sleep 1000", stop: { timeout: "300ms" } },
        x: { kind: "oneshot", run: "seq 5000" },
      },
      watch: [{ paths: ["content/**"], run: "a:x" }],
    }),
  });
  expect((await root.dt(["a", "s", "-d"])).code).toBe(0);
});
afterAll(() => root.dispose());

/** What a shell says of dt with these words, its output redirected; `-f` and the like get Ctrl-C after a while. */
async function sh(line: string) {
  const child = Bun.spawn(["sh", "-c", line, "sh", DT], {
    cwd: root.dir,
    env: root.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

const WORDS = [
  "--version",
  "--help",
  "help",
  "help logs",
  "logs --help",
  "a",
  "a s --help",
  "list",
  "list --json",
  "ps",
  "ps --json",
  "status a s",
  "why a s",
  "why a s --json",
  "logs a s",
  "logs a s -f",
  "logs a s --json",
  "logs -f --json",
  "logs -f --grep 1",
  "logs --path",
  "schema",
  "port",
  "wait a s",
  "doctor",
  "gc",
  "jobs",
  "boot list",
  "trust --list",
  "--dry-run a s",
  "--dry-run a x",
  "--dry-run up",
  "a s -d --ensure",
  "watch --dry-run",
  "watch --events manifests",
];

describe("a full disk", () => {
  test.each(WORDS)("dt %s fails with one word about a full standard output", async (words) => {
    const { code, stderr } = await sh(`timeout 20 "$1" ${words} > /dev/full`);
    expect({
      code,
      said: stderr.endsWith(FULL),
      stack: /\bat \S+:\d+/.test(stderr) || stderr.includes("bug in dt"),
    }).toEqual({ code: 1, said: true, stack: false });
  });

  test.each(["a web", "up"])(
    "dt %s goes on with a full standard output, reports it once and ends with 1",
    async (words) => {
      const child = Bun.spawn(["sh", "-c", `exec "$1" ${words} > /dev/full`, "sh", DT], {
        cwd: root.dir,
        env: root.env,
        stdin: "ignore",
        stderr: "pipe",
      });
      let said = "";
      const reading = (async () => {
        for await (const chunk of child.stderr) said += new TextDecoder().decode(chunk);
      })();
      await until("it is said", () => said.includes("standard output cannot be written"));
      expect((await root.dt(["logs", "a", "web", "-n1"])).stdout).toBe("20\n");
      await root.dt(["stop", "a", "web"]);
      await reading;
      expect(await child.exited).not.toBe(0);
      expect(said.split("standard output cannot be written")).toHaveLength(2);
      expect(said).not.toContain("bug in dt");
    },
  );
});

describe("a reader that has gone", () => {
  test.each(WORDS)("dt %s ends without a word when its reader is gone", async (words) => {
    const { stdout, stderr } = await sh(`exec 3>&1; { timeout 20 "$1" ${words}; echo "code $?" >&3; } 2> err | true`);
    expect(stderr).toBe("");
    expect(stdout).toBe("code 0\n");
    expect(root.read("err")).not.toMatch(/EPIPE|could not be written|bug in dt|^dt: Standard/);
  });
});
