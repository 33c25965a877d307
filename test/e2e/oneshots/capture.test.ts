/** Captured one-shots on pipes: shown and kept, and in everything else the command itself. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { DT, TestRoot, until } from "../../kit.ts";
import { captureRoot, exitOf, logOf, logsOf } from "../kit/capture.ts";
import { runs } from "../kit/launch.ts";
import { execute, manifestOf, shell, words } from "../kit/oneshot.ts";

let root: TestRoot;

beforeAll(() => {
  root = captureRoot({
    die: { run: ["sh", "-c", 'kill -"$1" $$; sleep 10', "sh"] },
    exit: { run: ["sh", "-c", 'echo "leaving with $1"; exit "$1"', "sh"] },
    args: { run: ["sh", "-c", "cat /proc/$$/cmdline", "args"] },
    self: { run: ["sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status; grep 'open files' /proc/self/limits"] },
    status: { run: ["cat", "/proc/self/status"] },
    two: {
      run: [
        "sh",
        "-c",
        'echo "$1 begins"; read line; i=0; while [ $i -lt 200 ]; do echo "$1 $i"; i=$((i+1)); done',
        "sh",
      ],
    },
    few: { run: ["echo"], logs: { keep: 1 } },
    own: { run: ["echo", "own"], log: "out/own.log" },
    plain: { run: ["sh", "-c", "echo $$"], capture: false },
    missing: { run: ["nowhere-to-be-found"] },
    bounded: { run: ["head", "-c", "8000000", "/dev/zero"], logs: { maxSize: "1MB" } },
  });
  root.write("out/.keep", "");
});

afterAll(() => root.dispose());

describe("what is kept", () => {
  test("a captured run's output and errors are shown apart and kept together; `dt logs`, `dt why` and `dt ps --all` know the run", async () => {
    const shown = await root.dt(["t", "sh", "echo out; echo err >&2; exit 7"]);
    expect(shown).toEqual({ code: 7, signal: null, stdout: "out\n", stderr: "err\n" });
    expect(logOf(root, "sh").split("\n").sort()).toEqual(["", "err", "out"]);
    expect((await root.dt(["logs", "t", "sh"])).stdout).toBe(logOf(root, "sh"));
    expect((await root.dt(["logs", "t", "sh", "--path"])).stdout).toBe(`${root.run}/t:sh:default.log\n`);
    const exit = exitOf(root, "sh");
    expect(exit).toMatchObject({
      key: "t:sh:default",
      code: 7,
      signal: null,
      reason: "failed",
      by: null,
      argv: ["sh", "-c", "echo out; echo err >&2; exit 7"],
      cwd: root.dir,
      startedBy: { by: "user", command: "dt t sh echo out; echo err >&2; exit 7" },
    });
    expect(exit?.lastLines.sort()).toEqual(["err", "out"]);
    const why = (await root.dt(["why", "t", "sh"])).stdout;
    expect(why).toContain("failed with code 7");
    expect(why).toContain("It was run by dt t sh echo out");
    const listed = JSON.parse((await root.dt(["ps", "--all", "--json"])).stdout) as { key: string; state: string }[];
    expect(listed.find(({ key }) => key === "t:sh:default")).toMatchObject({ state: "failed", pid: null, host: null });
  });

  test("each captured run has its own log, with as many earlier ones as `logs.keep` says", async () => {
    for (const word of ["one", "two", "three"]) await root.dt(["t", "few", word]);
    expect(logsOf(root, "few")).toEqual(["t:few:default.log", "t:few:default.log.1"]);
    expect([logOf(root, "few"), logOf(root, "few", 1)]).toEqual(["three\n", "two\n"]);
  });

  test("`log` puts a captured log elsewhere, and `logs.maxSize` bounds it", async () => {
    await root.dt(["t", "own"]);
    expect(root.read("out/own.log")).toBe("own\n");
    expect((await root.dt(["logs", "t", "own"])).stdout).toBe("own\n");
    await execute(root, [DT, "t", "bounded"]);
    const { size, blocks } = statSync(`${root.run}/t:bounded:default.log`);
    expect(size).toBe(8_000_000);
    expect(blocks * 512).toBeLessThanOrEqual(1024 * 1024);
  });

  test("--capture and --no-capture win over the manifest; without capture dt becomes the command and keeps nothing", async () => {
    const child = root.spawn(["t", "plain"]);
    expect(await child.stdout.text()).toBe(`${child.pid}\n`);
    expect(exitOf(root, "plain")).toBeNull();
    const captured = root.spawn(["--capture", "t", "plain"]);
    expect(await captured.stdout.text()).not.toBe(`${captured.pid}\n`);
    expect(exitOf(root, "plain")).toMatchObject({ code: 0, reason: "exited" });
    const bare = root.spawn(["--no-capture", "t", "sh", "echo $$"]);
    expect(await bare.stdout.text()).toBe(`${bare.pid}\n`);
  });

  test("--dry-run of a captured one-shot names the log and runs nothing", async () => {
    const plan = JSON.parse((await root.dt(["--dry-run", "--json", "t", "own"])).stdout);
    expect(plan).toMatchObject({ argv: ["echo", "own"], log: `${root.dir}/out/own.log` });
  });
});

describe("the command itself", () => {
  test("all 256 exit codes come through", async () => {
    const { stdout } = await shell(
      root,
      'i=0; while [ $i -lt 256 ]; do "$DT" t exit $i >/dev/null; echo $?; i=$((i+5)); done',
    );
    expect(stdout.trim().split("\n").map(Number)).toEqual(Array.from({ length: 52 }, (_, at) => at * 5));
    expect(exitOf(root, "exit")).toMatchObject({ code: 255, lastLines: ["leaving with 255"] });
  });

  test("death by a signal comes through as death by that signal", async () => {
    const harmless = ["SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH"];
    const deadly = Object.entries(constants.signals).filter(([name]) => !harmless.includes(name));
    for (const number of [...new Set(deadly.map(([, one]) => one)), 34, 64]) {
      const [dt, bare] = await Promise.all([
        execute(root, ["sh", "-c", 'ulimit -c 0; exec "$DT" t die "$1"', "sh", String(number)]),
        execute(root, ["sh", "-c", 'ulimit -c 0; kill -"$1" $$; sleep 10', "sh", String(number)]),
      ]);
      expect(bare.signal).not.toBeNull();
      expect([number, dt.code, dt.signal]).toEqual([number, bare.code, bare.signal]);
    }
    await root.dt(["t", "die", "KILL"]);
    expect(exitOf(root, "die")).toMatchObject({ code: null, signal: "SIGKILL", reason: "failed" });
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGQUIT"] as const) {
    test(`${signal} to dt reaches the command once`, async () => {
      const name = signal.slice(3);
      // setsid: no terminal, whatever this test runs on, so that none is taken for the sender
      const script = `for s in TERM INT HUP USR1 QUIT; do trap "echo got $s" $s; done; echo up; i=0; while [ $i -lt 40 ]; do sleep 0.01; i=$((i+1)); done; echo "got ${name} that was all"; exit 3`;
      const child = Bun.spawn(["setsid", DT, "t", "bash", script], {
        cwd: root.dir,
        env: { ...root.env },
        stdout: "pipe",
        stderr: "pipe",
      });
      const reader = child.stdout.getReader();
      let text = "";
      const decoder = new TextDecoder();
      const more = async () => {
        const { value, done } = await reader.read();
        text += value === undefined ? "" : decoder.decode(value);
        return !done;
      };
      while (!text.includes("up\n")) await more();
      child.kill(signal);
      while (await more());
      expect(await child.exited).toBe(3);
      expect(text).toBe(`up\ngot ${name}\ngot ${name} that was all\n`);
    });
  }

  test("a signal that the command does not handle ends it, and dt by the same signal", async () => {
    const child = root.spawn(["t", "sh", "echo up; exec sleep 60"]);
    await until("the command is up", () => existsSync(`${root.run}/t:sh:default.log`) && logOf(root, "sh") === "up\n");
    child.kill("SIGTERM");
    await child.exited;
    expect(String(child.signalCode)).toBe("SIGTERM");
    expect(exitOf(root, "sh")).toMatchObject({ signal: "SIGTERM", reason: "interrupted", by: { by: "signal" } });
    expect((await root.dt(["why", "t", "sh"])).stdout).toContain("was interrupted");
  });

  test("words and bytes arrive as they are, and so does the environment", async () => {
    const given = ["", "a b", "line\nbreak", "日本語", "--", "--capture", "*", "'\""];
    const { stdout } = await root.dt(["t", "args", ...given]);
    expect(words(stdout).slice(words(stdout).indexOf("args") + 1)).toEqual(given);
    const script = `ODD="$(printf 'x\\377y')" "$DT" t sh 'printf "%s|" "$@"; printf %s "$ODD"' sh "$(printf 'a\\377\\376b')" ü`;
    const { bytes } = await execute(root, ["sh", "-c", script]);
    expect(Buffer.from(bytes).toString("latin1")).toBe(`a\xff\xfeb|${Buffer.from("ü").toString("latin1")}|x\xffy`);
  });

  test("limits, ignored and blocked signals are as without dt", async () => {
    const bare = "grep -E '^Sig(Blk|Ign)' /proc/self/status; grep 'open files' /proc/self/limits";
    for (const setting of [":", "trap '' PIPE HUP INT", "ulimit -Sn 333", "trap '' XFSZ USR1"]) {
      const dt = await shell(root, `${setting}\n"$DT" t self\ntrue`);
      // glibc's posix_spawn has its two internal signals, 32 and 33, ignored in every child.
      const seen = dt.stdout.replace(/(SigIgn:\t0{7})1(8)/, (_all, head) => `${head}00`);
      expect([setting, seen]).toEqual([setting, (await shell(root, `${setting}\nsh -c "${bare}"\ntrue`)).stdout]);
    }
    const block = "use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1, SIGTERM)); exec @ARGV";
    const { stdout } = await execute(root, ["perl", "-e", block, DT, "t", "status"]);
    expect(stdout).toContain("SigBlk:\t0000000000004200");
  });

  test("open files beyond the standard three reach the command", async () => {
    const script =
      'exec 3<manifests/t.json 5>five.txt; "$DT" t sh "head -c 1 <&3; echo five >&5; ls /proc/self/fd | wc -l"';
    expect((await shell(root, script)).stdout).toBe("{6\n");
    expect(root.read("five.txt")).toBe("five\n");
  });

  test("a command that cannot be executed is the same error as without capture", async () => {
    const result = await root.dt(["t", "missing"]);
    expect([result.code, result.stdout]).toEqual([127, ""]);
    expect(result.stderr).toContain("nowhere-to-be-found");
  });

  test("a run that could not be started is not shown as running", async () => {
    root.write("odd", "\u0001\u0000\u0002\n");
    chmodSync(`${root.dir}/odd`, 0o755);
    root.write("manifests/odd.json", manifestOf("odd", { it: { run: ["./odd"], capture: true } }));
    const result = await root.dt(["odd", "it"]);
    expect([result.code, result.stderr.includes("neither a program")]).toEqual([126, true]);
    expect((await root.dt(["why", "odd", "it"])).stdout).toContain("could not be started");
  });

  test("a handler is not captured, which is reported", async () => {
    root.write(
      "manifests/h.ts",
      `export default { name: "h", commands: { it: { kind: "oneshot", handler: () => 0 } } };\n`,
    );
    const result = await root.dt(["--capture", "h", "it"]);
    expect([result.code, result.stderr.includes("handler")]).toEqual([2, true]);
    expect((await root.dt(["h", "it"])).code).toBe(0);
  });
});

describe("standard streams", () => {
  test("standard input passes untouched: a pipe, a file, none, and one that the command closes", async () => {
    const input = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)));
    const out = await execute(root, [DT, "t", "cat"], { input });
    expect(Buffer.from(out.bytes).equals(input)).toBe(true);
    expect(readFileSync(`${root.run}/t:cat:default.log`).equals(input)).toBe(true);
    expect((await shell(root, '"$DT" t cat <manifests/t.json | cmp - manifests/t.json && echo same')).stdout).toBe(
      "same\n",
    );
    for (const closed of ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
      expect((await shell(root, `("$DT" t exit 7 ${closed}); echo $?`)).stdout.trim().split("\n").at(-1)).toBe("7");
    // SIGPIPE ends the writer as soon as the command has closed its input, though the command runs on.
    const script =
      'yes | "$DT" t sh "exec <&-; exec sleep 60" & p=$!; sleep 0.01; while pgrep -P $$ -x yes >/dev/null; do sleep 0.01; done; echo noticed; kill -TERM $p';
    expect((await shell(root, script, { shell: "bash" })).stdout).toBe("noticed\n");
  });

  test("the last output before the end is never lost, and a slow reader is waited for", async () => {
    for (let round = 0; round < 20; round++) {
      const { stdout, code } = await root.dt([
        "t",
        "sh",
        "head -c 60000 /dev/zero; exec sh -c 'printf last; kill -9 $$'",
      ]);
      expect([code, stdout.length, stdout.slice(-4)]).toEqual([null, 60_004, "last"]);
    }
    const { stdout } = await shell(root, '"$DT" t sh "head -c 500000 /dev/zero; echo end" | (sleep 0.5; wc -c)');
    expect(Number(stdout)).toBe(500_004);
  });

  test("output and errors that go to one place keep their exact order", async () => {
    const mixed = "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); echo $i >&2; i=$((i+1)); done";
    const { stdout } = await shell(root, `"$DT" t sh '${mixed}' 2>&1`);
    const all = Array.from({ length: 300 }, (_, at) => `${at}\n`).join("");
    expect(stdout).toBe(all);
    expect(logOf(root, "sh")).toBe(all);
  });

  test("a reader that leaves ends the command by SIGPIPE at its next line", async () => {
    const yes = 'exec 9>&1; "$DT" t sh "exec yes" | head -n 1; echo ${PIPESTATUS[0]}';
    expect((await shell(root, yes, { shell: "bash" })).stdout).toBe("y\n141\n");
    const slow = '"$DT" t sh "echo one; sleep 0.5; echo two; echo three >three" | head -n 1; echo ${PIPESTATUS[0]}';
    expect((await shell(root, slow, { shell: "bash" })).stdout).toBe("one\n141\n");
    expect(existsSync(`${root.dir}/three`)).toBe(false);
    expect(exitOf(root, "sh")).toMatchObject({ signal: "SIGPIPE" });
  });

  test("a background process that holds the output does not hold dt", async () => {
    const began = performance.now();
    const { stdout } = await root.dt(["t", "sh", "sleep 20 & echo $!"]);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(runs(Number(stdout))).toBe(true);
    process.kill(Number(stdout), "SIGKILL");
    const flood = await root.dt(["t", "bash", "yes & disown; echo done; exit 4"]);
    expect(flood.code).toBe(4);
    await until("the writer has got SIGPIPE", () => root.processes().length === 0);
  });
});

describe("several at once, and what is killed", () => {
  test("two runs of one key at once have their own logs, and the exit is that of the later start", async () => {
    const start = (name: string) => {
      const child = Bun.spawn([DT, "t", "two", name], { cwd: root.dir, env: root.env, stdin: "pipe", stdout: "pipe" });
      return { child, output: child.stdout.text() };
    };
    const first = start("first");
    await until("the first has begun", () => logsOf(root, "two").length === 1 && logOf(root, "two") !== "");
    const second = start("second");
    await until("the second has begun", () => logsOf(root, "two").length === 2 && logOf(root, "two") !== "");
    const go = ({ child }: typeof first) => {
      child.stdin.write("go\n");
      child.stdin.end();
    };
    go(second);
    await second.child.exited;
    go(first);
    await first.child.exited;
    expect([logOf(root, "two"), logOf(root, "two", 1)]).toEqual([await second.output, await first.output]);
    expect(logOf(root, "two", 1)).not.toContain("second");
    expect(exitOf(root, "two")?.argv.at(-1)).toBe("second");
  });

  test("ten captured runs at once each keep their whole output", async () => {
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, at) => root.dt(["t", "bash", `for i in {1..50}; do echo "run ${at}"; done`])),
    );
    expect(all.map(({ code }) => code)).toEqual(Array.from({ length: 10 }, () => 0));
    const logs = logsOf(root, "bash").map((name) => root.read(`.dialtone/run/${name}`));
    expect(logs.length).toBe(6);
    for (const log of logs)
      expect([log.trim().split("\n").length, new Set(log.trim().split("\n")).size]).toEqual([50, 1]);
  });

  test("when dt is killed the command gets SIGPIPE as it writes, and its end is shown as unseen, not as running", async () => {
    const child = root.spawn(["t", "sh", "echo $$; exec yes >/dev/fd/1"]);
    await until("it writes", () => existsSync(`${root.run}/t:sh:default.log`) && logOf(root, "sh").length > 100);
    child.kill("SIGKILL");
    await child.exited;
    await until("the command has ended", () => root.processes().length === 0);
    expect(exitOf(root, "sh")).toBeNull();
    const listed = JSON.parse((await root.dt(["ps", "--all", "--json"])).stdout) as { key: string }[];
    expect(listed.filter(({ key }) => key === "t:sh:default")).toEqual([]);
    const why = await root.dt(["why", "t", "sh"]);
    expect([why.code, why.stdout.includes("its end was not recorded")]).toEqual([0, true]);
    expect(readdirSync(root.run).filter((name) => name.endsWith(".lock"))).toEqual([]);
    expect((await root.dt(["doctor", "--json"])).stdout).not.toContain("t:sh:default");
  });

  test("dt stop of a one-shot says what a one-shot is, and touches nothing", async () => {
    const child = root.spawn(["t", "sh", "echo up; sleep 0.7; echo end"]);
    await until("it is up", () => existsSync(`${root.run}/t:sh:default.log`) && logOf(root, "sh") === "up\n");
    const stop = await root.dt(["stop", "t", "sh"]);
    expect([stop.code, stop.stderr.includes("is a one-shot")]).toEqual([0, true]);
    expect(await child.exited).toBe(0);
  });
});

describe("what is not to be had", () => {
  test("a full disk is reported once; the command goes on, and its shown output is whole", async () => {
    const script = `
      mount -t tmpfs -o size=256k,mode=700 none .dialtone || exit 77
      "$DT" t sh 'i=0; while [ $i -lt 20 ]; do head -c 50000 /dev/zero; i=$((i+1)); done; exit 3' | wc -c
      echo "code \${PIPESTATUS[0]}"`;
    const base = captureRoot();
    base.write(".dialtone/.keep", "");
    const { stdout, stderr, code } = await execute(base, ["unshare", "-m", "bash", "-c", script]);
    expect([code, stdout]).toEqual([0, "1000000\ncode 3\n"]);
    expect(stderr.match(/is not kept/g)?.length).toBe(1);
    expect(stderr).toContain("t:sh:default.log cannot be written");
    await base.dispose();
  });

  test("an unwritable run directory is reported, and dt becomes the command", async () => {
    const base = captureRoot();
    base.write(".dialtone/.keep", "");
    const script = `mount -t tmpfs -o ro none .dialtone || exit 77; "$DT" t sh 'echo $PPID; echo $$; exit 5'; echo $? $$`;
    const { stdout, stderr } = await execute(base, ["unshare", "-m", "bash", "-c", script]);
    const [parent, , end] = stdout.trim().split("\n");
    expect(end).toBe(`5 ${parent}`);
    expect(stderr).toContain("is not kept");
    await base.dispose();
  });

  test("capture works without /dev/fd, /proc/self/fd as a path, FIFOs or process substitution", async () => {
    const script = `
      mount -t tmpfs none /dev || exit 77
      mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/zero c 1 5; mknod -m 666 /dev/urandom c 1 9
      test -e /dev/fd && exit 78
      "$DT" t sh 'echo out; echo err >&2; exit 6'; echo $?; "$DT" logs t exit; "$DT" ps --all >/dev/null; echo $?`;
    const base = captureRoot();
    const { stdout, stderr } = await execute(base, ["unshare", "-m", "bash", "-c", script]);
    expect([stdout, stderr.includes("err\n")]).toEqual(["out\n6\n0\n", true]);
    expect(logOf(base, "sh").split("\n").sort()).toEqual(["", "err", "out"]);
    await base.dispose();
  });

  test("an impossible log, and a key of a managed launch, are refused before anything runs", async () => {
    const base = TestRoot.create({
      "manifests/t.json": manifestOf("t", {
        far: { run: ["touch", "ran"], capture: true, log: "manifests/t.json/where.log" },
      }),
    });
    const far = await base.dt(["t", "far"]);
    expect([far.code, far.stderr.includes("t.json/where.log"), existsSync(`${base.dir}/ran`)]).toEqual([
      1,
      true,
      false,
    ]);
    const managed = { kind: "managed", run: ["sleep", "1000"] };
    base.write("manifests/u.json", manifestOf("u", { x: managed }));
    await base.dt(["u", "x", "-d"]);
    base.write("manifests/u.json", manifestOf("u", { x: { run: ["touch", "ran"], capture: true } }));
    const there = await base.dt(["u", "x"]);
    expect([there.code, there.stderr.includes("dt stop u:x:default")]).toEqual([1, true]);
    await base.dispose();
  });
});
