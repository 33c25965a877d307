/**
 * A line that was written against a pattern: a manifest's `ready.log`, a person's `--grep`, dt's own `--errors`. dt
 * answers in time that is compared with the time of a line that means no harm, nothing becomes ready by it, and dt
 * reports once where an answer is unknown.
 *
 * The patterns are such that JavaScript's own RegExp would take minutes or years over these lines and cannot be
 * stopped.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { psOf, readLog } from "../../e2e/kit/launch.ts";
import { TestRoot, until } from "../../kit.ts";

/** The fourth power of the line's length. */
const SLOW = "a*a*a*a*[bc]";
/** Beyond what an automaton can do. */
const ENDLESS = "(a+)+\\1[bc]";
const HOSTILE = "a".repeat(3000);
/** A busy machine may be slow for a while, but not by this. */
const MOST = 20;

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

/** `dev` prints the line and goes on; `flood` prints it without end. */
function rootOf(pattern: string, line = HOSTILE): TestRoot {
  const ready = { log: pattern, timeout: "500ms" };
  const print = `console.log(require("node:fs").readFileSync("line", "utf8"));`;
  const commands = {
    dev: { kind: "managed", run: ["bun", "-e", `${print} setInterval(() => {}, 1000)`], ready },
    flood: { kind: "managed", run: ["bun", "-e", `setInterval(() => { ${print} }, 1)`], ready },
  };
  const root = TestRoot.create({ "manifests/t.json": JSON.stringify({ name: "t", commands }), line });
  roots.push(root);
  return root;
}

async function timeOf(body: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await body();
  return performance.now() - began;
}

describe("ready.log", () => {
  for (const command of ["dev", "flood"])
    for (const pattern of [SLOW, ENDLESS])
      test(`a launch with ready.log /${pattern}/ and ${command} is reported in time as not ready, and can be stopped`, async () => {
        const times: number[][] = [];
        for (const line of ["harmless", HOSTILE]) {
          const root = rootOf(pattern, line);
          const started = timeOf(async () => {
            const result = await root.dt(["t", command, "-d"], { timeoutMs: 60_000 });
            expect(result.code).toBe(124);
            expect(result.stderr).toContain("no line of the log matches");
          });
          const key = `t:${command}:default`;
          const start = await started;
          expect(readLog(root, key)).toContain(line);
          expect((await psOf(root, key))?.state).toBe("unhealthy");
          const host = (await psOf(root, key))?.host?.pid ?? 0;
          // The host itself does this, so a host that is busy with a line would not.
          const again = await timeOf(async () => {
            expect((await root.dt(["restart", "t", command], { timeoutMs: 60_000 })).code).toBe(124);
          });
          expect((await psOf(root, key))?.host?.pid).toBe(host);
          const stop = await timeOf(async () => expect((await root.dt(["stop", "t", command])).code).toBe(0));
          times.push([start, again, stop]);
        }
        const [harmless = [], hostile = []] = times;
        for (const [at, time] of hostile.entries()) expect(time).toBeLessThan(MOST * (harmless[at] as number));
      }, 120_000);

  test("a ready pattern that reached its bound is reported once with its key, and is no match", async () => {
    const root = rootOf("(a+)+\\1$|^[bc]+$", `${HOSTILE}!`);
    const result = await root.dt(["t", "flood", "-d"]);
    expect(result.code).toBe(124);
    expect(result.stderr.match(/took too long on a part of the log/g)).toHaveLength(1);
    expect(result.stderr).toContain("t:flood:default: its ready.log, /(a+)+\\1$|^[bc]+$/, took too long");
    expect(result.stderr).toContain("which took too long on some");
  });

  test("a matching line after hostile ones makes a launch ready", async () => {
    const root = rootOf(SLOW, `${`${HOSTILE}\n`.repeat(100)}\x1b[32maaab\x1b[0m`);
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
  });

  test("a ready pattern that is too large is an error of its manifest", async () => {
    const root = rootOf("(a{1000}){1000}");
    const result = await root.dt(["t", "dev", "-d"]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain("ready.log");
    expect(result.stderr).toContain("it repeats too large a part too often");
  });
});

describe("dt logs", () => {
  /** What the command wrote is on disk already; nothing runs. */
  async function written(log: string): Promise<TestRoot> {
    const root = rootOf("x", "x");
    await root.dt(["t", "dev", "-d"]);
    await root.dt(["stop", "t", "dev"]);
    root.write(".dialtone/run/t:dev:default.log", log);
    return root;
  }
  const logs = (root: TestRoot, ...words: string[]) => root.dt(["logs", "t", "dev", ...words], { timeoutMs: 60_000 });
  const long = "a".repeat(1_000_000);

  for (const [flag, line, found] of [
    [["--grep", "(a+)+$"], `${long}!`, "aaaa"],
    [["--grep", SLOW], long, "aaab"],
    [["--grep", "\\s+$"], `${" ".repeat(1_000_000)}x`, "end  "],
    [["--grep", "^(?:a+)+(?=b)"], long, "aab"],
    [["--grep", ENDLESS], long, "aaab"],
    [["--errors"], `panic: x\n${"(".repeat(1_000_000)}\nall is well`, "error: x"],
    [["--errors", "--grep", "(e|e)*x$"], `error ${"e".repeat(1_000_000)}`, "error: x"],
  ] as const)
    test(`dt logs with ${flag.join(" ")} ends, and finds what is there`, async () => {
      const harmless = await written(`${"z".repeat(1_000_000)}\nnothing\n${found}\n`);
      const usual = await timeOf(() => logs(harmless, ...flag));
      const root = await written(`${line}\nnothing\n${found}\n`);
      const time = await timeOf(async () => {
        const { code, stdout } = await logs(root, ...flag);
        expect(code).toBe(0);
        expect(stdout.split("\n").at(-2)).toBe(found);
        expect(stdout).not.toContain("nothing");
      });
      expect(time).toBeLessThan(MOST * usual);
    }, 120_000);

  test("a --grep that reached its bound is reported once, and its lines do not match", async () => {
    const root = await written(`${`${"a".repeat(60)}!\n`.repeat(5)}aaaa\n`);
    const result = await logs(root, "--grep", "^(a+)+\\1$");
    expect(result.stdout).toBe("aaaa\n");
    expect(result.stderr.match(/took too long on a line/g)).toHaveLength(1);
    expect(result.stderr).toContain('--grep "^(a+)+\\\\1$"');
  });

  test("dt logs -f goes on after hostile lines, and Ctrl-C ends it", async () => {
    const root = await written("aaab\n");
    const follower = root.spawn(["logs", "t", "dev", "-f", "--grep", SLOW]);
    let seen = "";
    const reading = (async () => {
      for await (const chunk of follower.stdout) seen += new TextDecoder().decode(chunk);
    })();
    await until("what is there is shown", () => seen.includes("aaab"));
    const path = `${root.run}/t:dev:default.log`;
    appendFileSync(path, `${`${HOSTILE}\n`.repeat(50)}${long}\naaac\n`);
    await until("what came after it is shown", () => seen.includes("aaac"), 20_000);
    follower.kill("SIGINT");
    await reading;
    expect(await follower.exited).toBe(130);
  }, 60_000);

  test("dt logs searches only a line's first sixteen million characters", async () => {
    const root = await written(`${"z".repeat(16 * 1024 * 1024)}needle\nneedle\n`);
    expect((await logs(root, "--grep", "needle")).stdout).toBe("needle\n");
    expect((await logs(root, "--grep", "z$")).stdout).toBe("");
  });
});
