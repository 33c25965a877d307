/** `handler` commands: functions of a manifest that run inside dt. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { DT, pressUntilEnded, TestRoot, until } from "../../kit.ts";
import { onTerminal, shell } from "../kit/oneshot.ts";

const MANIFEST = `
import { writeFileSync, existsSync } from "node:fs";
import { definePlugin } from "@dialtone/dt";
import { fail } from "../lib/fail.ts";

const hold = () => new Promise<void>((resolve) => setTimeout(resolve, 30_000));
const mark = (name: string) => writeFileSync(name, "");

export default definePlugin({
  name: "h",
  env: { SET: "1", GONE: null },
  commands: {
    context: { kind: "oneshot", cwd: "sub", handler: (c) => {
      console.log(JSON.stringify({ args: c.args, root: c.root, cwd: c.cwd, here: process.cwd(), env: c.env, own: { ...process.env }, aborted: c.signal.aborted, keys: Object.keys(c).sort() }));
    }, variants: { v: { env: { SET: "variant" }, cwd: "sub/v" } } },
    number: { kind: "oneshot", handler: async (c) => Number(c.args[0]) },
    nothing: { kind: "oneshot", handler: () => {} },
    text: { kind: "oneshot", handler: () => "7" },
    throws: { kind: "oneshot", handler: async () => { await 1; fail("with a reason"); } },
    throwsNumber: { kind: "oneshot", handler: () => { throw 42; } },
    later: { kind: "oneshot", handler: async () => { setTimeout(() => fail("from a timer"), 1); await hold(); } },
    floating: { kind: "oneshot", handler: async () => { void Promise.reject(new Error("nobody awaits me")); await hold(); } },
    exec: { kind: "oneshot", handler: (c) => c.exec(c.args[0]!, c.args.slice(1)) },
    execIn: { kind: "oneshot", handler: (c) => c.exec("sh", ["-c", "pwd; echo $SET $MORE $GONE."], { cwd: c.args[0]!, env: { MORE: "more" } }) },
    caught: { kind: "oneshot", handler: async (c) => { try { await c.exec("sh", ["-c", "exit 9"]); } catch (error) { console.log((error as Error).name, (error as { exitCode: number }).exitCode); } } },
    log: { kind: "oneshot", handler: (c) => { c.log.info("one"); c.log.warn("two"); c.log.error("three"); c.log.success("four"); } },
    console: { kind: "oneshot", handler: () => { for (let i = 0; i < 3000; i++) console.log(String(i).padStart(100, ".")); } },
    stream: { kind: "oneshot", handler: () => { for (let i = 0; i < 3000; i++) process.stdout.write(String(i).padStart(100, ".") + "\\n"); } },
    streamThenThrow: { kind: "oneshot", handler: () => { process.stdout.write("x".repeat(300_000)); fail("after writing"); } },
    streamExec: { kind: "oneshot", handler: async (c) => { process.stdout.write("first\\n"); process.stderr.write(""); await c.exec("head", ["-c", "300000", "/dev/zero"]); process.stdout.write("last\\n"); } },
    stdin: { kind: "oneshot", handler: async () => { console.log((await Bun.stdin.text()).length); } },
    timer: { kind: "oneshot", handler: () => { setTimeout(() => {}, 30_000); } },
    exits: { kind: "oneshot", handler: () => { process.exit(33); } },
    // signals
    asked: { kind: "oneshot", handler: async ({ signal }) => {
      console.log("up"); await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))); } },
    cleanup: { kind: "oneshot", handler: async ({ signal, exec }) => {
      console.log("up"); await new Promise<void>((done) => signal.addEventListener("abort", () => done())); await exec("touch", ["cleaned"]); } },
    decides: { kind: "oneshot", handler: async ({ signal }) => {
      console.log("up"); await new Promise<void>((done) => signal.addEventListener("abort", () => done())); return 3; } },
    stubborn: { kind: "oneshot", handler: async ({ signal }) => { signal.addEventListener("abort", () => console.log("first")); console.log("up"); await hold(); } },
    deaf: { kind: "oneshot", handler: async () => { console.log("up"); await hold(); } },
    busy: { kind: "oneshot", handler: () => { console.log("up"); for (;;) {} } },
    child: { kind: "oneshot", handler: async ({ exec }) => { await exec("sh", ["-c", "trap 'n=x$n' INT TERM; echo up; while [ -z $n ]; do sleep 0.02; done; sleep 0.2; echo child got $n; exit 4"]); mark("went-on"); } },
    repl: { kind: "oneshot", handler: async ({ exec }) => { await exec("sh", ["-c", "trap 'exit 0' INT; echo up; while :; do sleep 0.02; done"]); console.log("went on"); } },
  },
});
`;

let root: TestRoot;
beforeAll(() => {
  root = TestRoot.create({
    "manifests/h.ts": MANIFEST,
    "lib/fail.ts":
      'interface Unused { a: string }\n\nexport function fail(why: string): never {\n  throw new TypeError(`failed ${why}`, { cause: new Error("the cause") });\n}\n',
    "sub/v/x": "",
  });
});
afterAll(() => root.dispose());

describe("the context", () => {
  test("a handler has the command's directory, root, arguments and environment, in its context and its process", async () => {
    const { stdout, stderr, code } = await root.dt(["h", "context", "a b", "--help", ""], {
      env: { GONE: "1", KEPT: "1" },
    });
    expect([code, stderr]).toEqual([0, ""]);
    const seen = JSON.parse(stdout);
    expect(seen).toMatchObject({
      args: ["a b", "--help", ""],
      root: root.dir,
      cwd: join(root.dir, "sub"),
      here: join(root.dir, "sub"),
      aborted: false,
    });
    expect(seen.keys).toEqual(["args", "cwd", "env", "exec", "job", "log", "root", "signal"]);
    expect(seen.env).toMatchObject({ SET: "1", KEPT: "1", DIALTONE_ROOT: root.dir });
    expect(seen.env).not.toHaveProperty("GONE");
    expect(seen.own).toEqual(seen.env);
  });

  test("a variant changes a handler's directory and environment", async () => {
    const seen = JSON.parse((await root.dt(["h", "context", "v"])).stdout);
    expect([seen.env.SET, seen.cwd, seen.args]).toEqual(["variant", join(root.dir, "sub", "v"), []]);
  });

  test("exec of a handler uses the terminal's streams and the command's directory and environment, changed on request", async () => {
    expect((await root.dt(["h", "execIn", "sub"])).stdout).toBe(`${join(root.dir, "sub")}\n1 more .\n`);
    expect((await root.dt(["h", "execIn", join(root.base)])).stdout).toStartWith(`${root.base}\n`);
    expect((await root.dt(["h", "exec", "cat"], { stdin: "typed" })).stdout).toBe("typed");
    expect((await root.dt(["--verbose", "h", "exec", "echo", "a b"])).stderr).toContain("$ echo 'a b'\n");
    root.write("plain", "echo plain\n");
    chmodSync(join(root.dir, "plain"), 0o755);
    expect((await root.dt(["h", "exec", "./plain"])).stdout).toBe("plain\n");
  });

  test("log of a handler goes to standard error in dt's style, and --quiet keeps what matters", async () => {
    expect(await root.dt(["h", "log"])).toEqual({
      code: 0,
      signal: null,
      stdout: "",
      stderr: "dt: one\ndt: two\ndt: three\ndt: four\n",
    });
    expect((await root.dt(["--quiet", "h", "log"])).stderr).toBe("dt: two\ndt: three\n");
  });

  test("a handler reads standard input", async () => {
    expect((await root.dt(["h", "stdin"], { stdin: "x".repeat(100_000) })).stdout).toBe("100000\n");
  });
});

describe("the exit code", () => {
  test("the exit code is the number that a handler returns, 0 for anything else, 1 for a number that is no exit code", async () => {
    for (const [word, code] of [
      ["0", 0],
      ["1", 1],
      ["200", 200],
      ["255", 255],
      ["256", 1],
      ["-1", 1],
      ["1.5", 1],
      ["x", 1],
    ] as const) {
      const result = await root.dt(["h", "number", word]);
      expect([word, result.code]).toEqual([word, code]);
      if (["256", "-1", "1.5", "x"].includes(word)) expect(result.stderr).toContain("not an exit code");
    }
    for (const command of ["nothing", "text"]) expect((await root.dt(["h", command])).code).toBe(0);
    expect((await root.dt(["h", "exits"])).code).toBe(33);
  });

  test("the exit code is that of a program of exec whose failure was not caught", async () => {
    for (const [words, code, text] of [
      [["sh", "-c", "exit 9"], 9, "sh ended with code 9"],
      [["sh", "-c", "kill -SEGV $$"], 139, "sh ended with SIGSEGV"],
      [["nowhere-to-be-found"], 127, "nowhere-to-be-found"],
      [["./sub"], 126, "directory"],
    ] as const) {
      const result = await root.dt(["h", "exec", ...words]);
      expect([words, result.code, result.stdout]).toEqual([words, code, ""]);
      expect(result.stderr).toContain(text);
      expect(result.stderr).not.toContain(" at ");
    }
    expect(await root.dt(["h", "caught"])).toMatchObject({ code: 0, stdout: "ExecError 9\n", stderr: "" });
  });

  test("the exit code is 1 for an error, whose stack shows the author's files and none of dt's", async () => {
    const { code, stderr, stdout } = await root.dt(["h", "throws"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("TypeError: failed with a reason");
    expect(stderr).toContain(`${join(root.dir, "lib/fail.ts")}:4:`);
    expect(stderr).toContain(`${join(root.dir, "manifests/h.ts")}:`);
    expect(stderr).toContain("the cause");
    expect(stderr).not.toMatch(/bunfs|src\/runners|bug in dt/);
    expect(await root.dt(["h", "throwsNumber"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("42") as unknown as string,
    });
  });

  test("the exit code is 1 for an uncaught error, and nothing is waited for", async () => {
    for (const [command, text] of [
      ["later", "from a timer"],
      ["floating", "nobody awaits me"],
    ] as const) {
      const result = await root.dt(["h", command], { timeoutMs: 10_000 });
      expect([command, result.code]).toEqual([command, 1]);
      expect(result.stderr).toContain(text);
    }
    expect(await root.dt(["h", "timer"], { timeoutMs: 10_000 })).toMatchObject({ code: 0 });
  });
});

describe("what it writes", () => {
  const slow = "{ sleep 0.2; cat; } | wc -lc";
  test("a handler's output arrives whole through a slow pipe, by console.log and by process.stdout", async () => {
    for (const command of ["console", "stream"]) {
      const { stdout } = await shell(root, `"$DT" h ${command} | ${slow}`);
      expect([command, stdout.trim().split(/\s+/)]).toEqual([command, ["3000", "303000"]]);
    }
    expect((await shell(root, `"$DT" h streamThenThrow 2>/dev/null | ${slow}`)).stdout.trim()).toEndWith(" 300000");
  });

  test("a handler leaves a shared pipe blocking for its programs and for later ones", async () => {
    const { stdout } = await shell(
      root,
      `{ "$DT" h exec head -c 300000 /dev/zero; "$DT" h stream >/dev/null; "$DT" h nothing; head -c 300000 /dev/zero; } | { sleep 0.2; wc -c; }`,
    );
    expect(stdout.trim()).toBe("600000");
    const mixed = await shell(root, '"$DT" h streamExec | { sleep 0.2; cat; }');
    expect([mixed.stderr, mixed.stdout]).toEqual(["", `first\n${"\0".repeat(300_000)}last\n`]);
  });

  test("a reader that leaves does not hang a handler", async () => {
    for (const command of ["console", "stream"]) {
      const { stdout } = await shell(root, `"$DT" h ${command} | head -n 1`, { timeoutMs: 10_000 });
      expect(stdout.trim()).toEndWith(".0");
    }
  });
});

describe("signals", () => {
  /**
   * Starts it, waits for "up", sends these one after the other (each once the last one's effect shows), gives the end.
   * A later one is sent until it counts: what comes within a moment of the first is the same press.
   */
  async function interrupt(command: string, signals: NodeJS.Signals[], between?: string) {
    const child = root.spawn(["h", command]);
    let text = "";
    const reading = (async () => {
      for await (const chunk of child.stdout) text += new TextDecoder().decode(chunk);
    })();
    await until(`${command} is up`, () => text.includes("up\n"));
    for (const [index, signal] of signals.entries()) {
      if (index === 0) child.kill(signal);
      else {
        if (between !== undefined) await until(`${command} says ${between}`, () => text.includes(between));
        await pressUntilEnded(child, signal);
      }
    }
    await child.exited;
    await reading;
    return { code: child.exitCode, signal: child.signalCode as string | null, text, stderr: await child.stderr.text() };
  }

  test("a handler that asks for its signal is aborted, and the code says by what", async () => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const) {
      expect(await interrupt("asked", [signal])).toEqual({ code, signal: null, text: "up\n", stderr: "" });
    }
  });

  test("a handler that tidies up has time and its programs for it, and what it returns counts", async () => {
    expect(await interrupt("cleanup", ["SIGTERM"])).toMatchObject({ code: 143, stderr: "" });
    expect(existsSync(join(root.dir, "cleaned"))).toBe(true);
    expect(await interrupt("decides", ["SIGINT"])).toMatchObject({ code: 3, stderr: "" });
  });

  test("a second signal ends a handler at once", async () => {
    expect(await interrupt("stubborn", ["SIGINT", "SIGINT"], "first")).toMatchObject({ code: null, signal: "SIGINT" });
    expect(await interrupt("stubborn", ["SIGINT", "SIGTERM"], "first")).toMatchObject({
      code: null,
      signal: "SIGTERM",
    });
  });

  test("a handler that never asks for its signal ends as any program does, busy or not", async () => {
    for (const command of ["deaf", "busy"]) {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        expect([command, await interrupt(command, [signal])]).toEqual([
          command,
          { code: null, signal, text: "up\n", stderr: "" },
        ]);
      }
    }
  });

  test("a program that a handler waits for gets the signal where no terminal sends it, and nothing runs after it", async () => {
    for (const [signal, code] of [
      ["SIGTERM", 143],
      ["SIGINT", 130],
    ] as const) {
      // a session of its own has no terminal
      const options = { cwd: root.dir, env: root.env, stdout: "pipe", stderr: "pipe", detached: true } as const;
      const child = Bun.spawn([DT, "h", "child"], options);
      const reader = child.stdout.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("up\n");
      child.kill(signal);
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("child got x\n");
      await child.exited;
      expect([child.exitCode, child.signalCode, await child.stderr.text()]).toEqual([code, null, ""]);
      expect(existsSync(join(root.dir, "went-on"))).toBe(false);
    }
  });

  test("on a terminal Ctrl-C reaches a handler's program once, and a REPL that handles it does not end the handler", async () => {
    const terminal = onTerminal(root, ["bash", "--norc", "--noprofile", "-i"]);
    terminal.type('"$DT" h child\r');
    await terminal.sees(/up\r\n/);
    terminal.type("\x03");
    await terminal.sees(/child got x\r\n/);
    await terminal.sees(/\$ $/);
    terminal.type('echo "code $?"\r');
    await terminal.sees(/code 130/);
    terminal.type('"$DT" h repl\r');
    await terminal.sees(/up\r\n/);
    terminal.type("\x03");
    await terminal.sees(/went on\r\n/);
    await terminal.sees(/\$ $/);
    terminal.type('echo "code $?"\r');
    await terminal.sees(/code 0/);
    await terminal.close();
  });

  test("a signal that the caller ignores stays ignored in a handler", async () => {
    const { stdout } = await shell(
      root,
      `trap '' HUP; "$DT" h asked >up.txt & until grep -q up up.txt; do sleep 0.02; done; grep SigIgn /proc/$!/status; kill -HUP $!; kill -TERM $!; wait $!; echo "code $?"`,
    );
    expect(stdout).toMatch(/SigIgn:\s*[0-9a-f]*[13579bdf]\ncode 143\n$/);
  });
});

describe("loading", () => {
  test("--dry-run names the handler and loads nothing", async () => {
    const base = TestRoot.create({
      "manifests/s.ts": `
        import { appendFileSync } from "node:fs";
        import { definePlugin } from "@dialtone/dt";
        appendFileSync(${JSON.stringify("loads.txt")}, "load\\n");
        export default definePlugin({ name: "s", commands: { go: { kind: "oneshot", cwd: ".", handler: () => console.log("ran") } } });`,
    });
    await base.dt(["list"]);
    const loads = () => base.read("loads.txt").length;
    const before = loads();
    const text = await base.dt(["--dry-run", "s", "go", "a b"]);
    expect(text.stdout).toContain(`handler  s:go in ${join(base.dir, "manifests/s.ts")}\nargs     'a b'\n`);
    expect(JSON.parse((await base.dt(["--dry-run", "--json", "s", "go", "a b"])).stdout)).toMatchObject({
      argv: null,
      commandLine: null,
      handler: { command: "s:go", file: join(base.dir, "manifests/s.ts") },
      args: ["a b"],
      cwd: base.dir,
    });
    expect(loads()).toBe(before);
    expect((await base.dt(["s", "go"])).stdout).toBe("ran\n");
    expect(loads()).toBe(before + "load\n".length);
    await base.dispose();
  });

  test("a manifest that throws, exits, hangs or changes only when its handler runs is reported", async () => {
    const base = TestRoot.create({
      "trigger.txt": "",
      "manifests/s.ts": `
        import { readFileSync } from "node:fs";
        import { definePlugin } from "@dialtone/dt";
        const what = process.cwd().endsWith("/work") ? readFileSync("../trigger.txt", "utf8") : "";
        if (what === "throw") throw new Error("only now");
        if (what === "exit") process.exit(44);
        if (what === "hang") { console.log("hanging"); await new Promise(() => {}); }
        const go = { kind: "oneshot" as const, cwd: "work", handler: () => console.log("ran") };
        if (what === "busy") { console.log("hanging"); for (;;) {} }
        export default definePlugin({ name: "s", commands: what === "gone" ? { stay: go } : { go } });`,
      "work/x": "",
    });
    expect((await base.dt(["s", "go"])).stdout).toBe("ran\n");
    base.write("trigger.txt", "throw");
    const thrown = await base.dt(["s", "go"]);
    expect([thrown.code, thrown.stdout]).toEqual([2, ""]);
    expect(thrown.stderr).toContain("manifests/s.ts:5: Error: only now");
    base.write("trigger.txt", "gone");
    const gone = await base.dt(["s", "go"]);
    expect([gone.code, gone.stdout]).toEqual([2, ""]);
    expect(gone.stderr).toContain("no longer has a `handler` function");
    base.write("trigger.txt", "exit");
    expect((await base.dt(["s", "go"])).code).toBe(44);
    for (const what of ["hang", "busy"]) {
      base.write("trigger.txt", what);
      const child = base.spawn(["s", "go"]);
      const { value } = await child.stdout.getReader().read();
      expect(new TextDecoder().decode(value)).toBe("hanging\n");
      child.kill("SIGINT");
      await child.exited;
      expect([what, child.signalCode]).toEqual([what, "SIGINT"]);
    }
    await base.dispose();
  });
});
