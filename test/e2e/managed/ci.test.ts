/**
 * A launch on CI: what a start that fails says, with which code and how soon; and that nothing there waits for a
 * person.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DT, type TestRoot } from "../../kit.ts";
import { freePort, lastLine, launchRoot, psOf } from "../kit/launch.ts";

let root: TestRoot;
afterEach(() => root.dispose());

const DIES = `kind: "managed", run: "echo first; echo ::error::not-ours; exit 9", ready: { delay: "20s" }`;
const SLOW = `kind: "managed", run: "echo waiting; exec sleep 1000", ready: { port: true, timeout: "300ms" }`;
const make = () => {
  root = launchRoot(
    "plain",
    "",
    `dies: { ${DIES} }, slow: { ${SLOW}, port: ${freePort()} },
    needy: { kind: "managed", run: "exec sleep 1000", needs: ["t:slow"] }, one: { kind: "oneshot", run: "exit 3" }`,
  );
};

const SYSTEMS: Record<string, Record<string, string>> = {
  GitHub: { CI: "true", GITHUB_ACTIONS: "true" },
  GitLab: { CI: "true", GITLAB_CI: "true" },
  another: { CI: "1" },
};

/** The marks without what differs from run to run. */
const level = (text: string) =>
  text.replace(/[0-9a-f]{32}/g, "NONCE").replace(/section_(start|end):\d+:/g, "section_$1:0:");

describe("--wait", () => {
  for (const [name, env] of Object.entries(SYSTEMS)) {
    test(`on ${name} a --wait whose command dies ends at once with code 1 and its last lines`, async () => {
      make();
      const began = performance.now();
      const result = await root.dt(["t", "dies", "--wait"], { env });
      // It would be ready after 20 s at the soonest.
      expect(performance.now() - began).toBeLessThan(10_000);
      expect([result.code, result.stdout]).toEqual([1, ""]);
      const said = level(result.stderr).split("\n").slice(1).join("\n");
      const what = /t:dies:default failed with code 9 after \S+ before it was ready/;
      expect(said).toMatch(what);
      const marks: Record<string, string> = {
        GitHub: `::error title=dt::WHAT
::group::The last lines of t:dies:default (.dialtone/run/t:dies:default.log)
::stop-commands::NONCE
    first
    ::error::not-ours
::NONCE::
::endgroup::
`,
        GitLab: `dt: WHAT
\x1b[0Ksection_start:0:dt_NONCE\r\x1b[0KThe last lines of t:dies:default (.dialtone/run/t:dies:default.log)
    first
    ::error::not-ours
\x1b[0Ksection_end:0:dt_NONCE\r\x1b[0K
`,
        another: "dt: WHAT\n    first\n    ::error::not-ours\n",
      };
      expect(said.replace(what, "WHAT")).toBe(marks[name] as string);
    });
  }

  test("a --wait that is not ready in time ends with 124 and the last lines, and the launch runs on", async () => {
    make();
    const result = await root.dt(["t", "slow", "--wait"], { env: SYSTEMS.GitHub as never });
    expect(result.code).toBe(124);
    expect(lastLine(result)).toStartWith("t:slow:default unhealthy pid ");
    const said = level(result.stderr);
    expect(said).toMatch(/^::error title=dt::t:slow:default is not ready in time: .*\n::group::/m);
    expect(said).toContain("::stop-commands::NONCE\n    waiting\n::NONCE::\n::endgroup::\n");
    expect((await psOf(root, "t:slow:default"))?.state).toBe("unhealthy");
    // Elsewhere a person can ask for the log, and is not shown it unasked.
    expect((await root.dt(["t", "slow", "--wait"])).stderr).not.toContain("    waiting");
  });

  test("a --wait prints the last lines of a need that is not ready in time", async () => {
    make();
    const result = await root.dt(["t", "needy", "--wait"], { env: SYSTEMS.GitHub as never });
    expect([result.code, result.stdout]).toEqual([1, ""]);
    expect(result.stderr).toContain("::group::The last lines of t:slow:default");
    expect(result.stderr).toMatch(/^::error title=dt::t:needy:default was not started: it needs t:slow:default/m);
  });

  test("a failing --wait says only why with --quiet, and answers only on standard output with --json", async () => {
    make();
    const quiet = await root.dt(["--quiet", "t", "dies", "--wait"], { env: SYSTEMS.GitHub as never });
    expect(quiet.stderr).toStartWith("::error title=dt::t:dies:default failed");
    const json = await root.dt(["--json", "t", "dies", "--wait"], { env: SYSTEMS.GitHub as never });
    expect(JSON.parse(json.stdout)).toMatchObject({ key: "t:dies:default", state: "failed", exit: { code: 9 } });
    const wrong = await root.dt(["--json", "t", "nothing"], { env: SYSTEMS.GitHub as never });
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { status: 2 } });
    expect(wrong.stderr).toBe(
      `::error title=dt::There is no command of t named "nothing".%0A    Known: dev dies needy one slow\n`,
    );
  });
});

test("logs and lists get no marks of a CI, and a one-shot's code is its own", async () => {
  make();
  const env = SYSTEMS.GitHub as Record<string, string>;
  await root.dt(["t", "dies", "--wait"], { env });
  expect(await root.dt(["logs", "t", "dies"], { env })).toMatchObject({
    code: 0,
    stdout: "first\n::error::not-ours\n",
    stderr: "",
  });
  expect((await root.dt(["ps", "--all"], { env })).stdout).not.toContain("::");
  expect(await root.dt(["t", "one"], { env })).toEqual({ code: 3, signal: null, stdout: "", stderr: "" });
});

test("on a terminal of a CI there are no colours unless requested, and dt asks no question", async () => {
  make();
  // A terminal whose other side never types anything.
  const onTerminal = async (words: string, env: Record<string, string>) => {
    const out = join(root.base, "out");
    rmSync(out, { force: true });
    const child = Bun.spawn(["script", "-qec", `${DT} ${words}`, out], {
      cwd: root.dir,
      env: { ...root.env, TERM: "xterm", ...env },
      stdin: "pipe",
      stdout: "pipe",
    });
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill(); // its own exit code would be 0
    }, 15_000);
    const text = await child.stdout.text();
    const code = await child.exited;
    clearTimeout(timer);
    child.stdin.end();
    return { code: hung ? "hung" : code, text };
  };
  const [there, ci, asked] = [
    await onTerminal("t nothing", {}),
    await onTerminal("t nothing", { CI: "true" }),
    await onTerminal("t nothing", { CI: "true", FORCE_COLOR: "1" }),
  ];
  expect([there, ci, asked].map(({ code, text }) => [code, text.includes("\x1b[")])).toEqual([
    [2, true],
    [2, false],
    [2, true],
  ]);
  for (const words of [
    "",
    "t dev --wait",
    "t dev -d",
    "restart t dev",
    "logs t dev",
    "why t dev",
    "doctor",
    "doctor --fix",
    "stop --all",
  ])
    expect([words, (await onTerminal(words, { CI: "true" })).code]).toEqual([words, words === "" ? 2 : 0]);
});
