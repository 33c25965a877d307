/** One-shots: dt becomes the command. What a program can see of its start is compared with a start without dt. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { constants } from "node:os";
import fc from "fast-check";
import { DT, TestRoot, until } from "../../kit.ts";
import { execute, manifestOf, onTerminal, shell, words } from "../kit/oneshot.ts";

/** Prints its whole command line: what follows "args" are the arguments as they arrived. */
const ARGS = { run: ["sh", "-c", "cat /proc/$$/cmdline", "args"] };
const argsOf = (stdout: string) => words(stdout).slice(words(stdout).indexOf("args") + 1);

let root: TestRoot;

beforeAll(() => {
  root = TestRoot.create({
    "manifests/t.json": manifestOf("t", {
      true: { run: ["true"] },
      args: { ...ARGS, variants: { v2: { env: { V: "2" } }, v3: { run: ["echo", "third"] } } },
      exit: { run: ["sh", "-c", 'exit "$1"', "sh"] },
      die: { run: ["sh", "-c", 'kill -"$1" $$; sleep 10', "sh"] },
      pid: { run: ["sh", "-c", "echo $$; exec sleep 60"] },
      cat: { run: ["cat"] },
      sh: { run: ["sh", "-c"] },
      self: { run: ["cat", "/proc/self/status", "/proc/self/limits", "/proc/self/stat"] },
      flags: { run: ["grep", "flags", "/proc/self/fdinfo/0", "/proc/self/fdinfo/1", "/proc/self/fdinfo/2"] },
      tty: { run: ["sh", "-c", "for fd in 0 1 2; do test -t $fd && printf yes; done; cat /proc/self/stat; stty size"] },
      wait: { run: ["bash", "-c", 'trap "stty size" WINCH; echo up; while :; do read -t 0.05 -u 9 9<&2; done'] },
      text: { run: "printf '[%s]'" },
      own: { run: 'printf "<%s>" "$2" "$1"' },
      awk: { run: "printf 'a b\\n' | awk '{ print $2 }' -" },
      block: { run: "X=1\nprintf '[%s]'\n" },
    }),
  });
});

afterAll(() => root.dispose());

describe("dt becomes the command", () => {
  test("a one-shot has dt's pid, and no other process is left", async () => {
    const child = root.spawn(["t", "pid"]);
    const line = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(line.value).trim()).toBe(String(child.pid));
    await until("the shell has become sleep", () => readFileSync(`/proc/${child.pid}/comm`, "utf8").trim() === "sleep");
    expect(root.processes()).toEqual([child.pid]);
    child.kill("SIGKILL");
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
  });

  test("all 256 exit codes come through", async () => {
    const { stdout } = await shell(root, 'i=0; while [ $i -lt 256 ]; do "$DT" t exit $i; echo $?; i=$((i+1)); done');
    expect(stdout.trim().split("\n").map(Number)).toEqual(Array.from({ length: 256 }, (_, code) => code));
  });

  test("death by a signal comes through as death by that signal", async () => {
    const harmless = new Set(["SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH"]);
    const deadly = new Map(
      Object.entries(constants.signals)
        .filter(([name]) => !harmless.has(name))
        .map(([, n]) => [n, n]),
    );
    for (const number of [...deadly.keys(), 34, 64]) {
      const [dt, bare] = await Promise.all([
        execute(root, ["sh", "-c", 'ulimit -c 0; exec "$DT" t die "$1"', "sh", String(number)]),
        execute(root, ["sh", "-c", 'ulimit -c 0; kill -"$1" $$; sleep 10', "sh", String(number)]),
      ]);
      expect(bare.signal).not.toBeNull();
      expect([number, dt.code, dt.signal]).toEqual([number, bare.code, bare.signal]);
    }
  });
});

describe("arguments", () => {
  const CASES: string[][] = [
    [],
    [""],
    ["", "", ""],
    ["a b", " ", "\t", "line\nbreak", "\n"],
    ["--help"],
    ["-h", "--version", "-d", "--json", "--dry-run", "--verbose", "--quiet", "-C", "/nowhere", "--root=/nowhere"],
    ["x", "--", "--", "y"],
    ["*", "?", "[a-z]", "~", "$HOME", "`id`", "$(id)", "\\", "'", '"', ";", "&", "|", ">", "#", "!", "{a,b}"],
    ["héé", "日本語", "🙂", "\u{10ffff}", "e\u0301", "\u0001\u001b[31m"],
    ["x".repeat(100_000)],
    Array.from({ length: 2000 }, (_, index) => String(index)),
    ["toString", "__proto__", "constructor", "default"],
  ];
  for (const args of CASES) {
    const name = JSON.stringify(args);
    test(`arrive as they are: ${name.length > 60 ? `${name.slice(0, 60)}…` : name}`, async () => {
      const { stdout, code } = await root.dt(["t", "args", ...args]);
      expect(code).toBe(0);
      expect(argsOf(stdout)).toEqual(args);
    });
  }

  test("property: any arguments arrive as they are", async () => {
    const word = fc.string({ unit: "binary", maxLength: 20 }).filter((text) => !text.includes("\0"));
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (args) => {
        const { stdout } = await root.dt(["t", "args", "--", ...args]);
        expect(argsOf(stdout)).toEqual(args);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test("bytes that are not UTF-8 arrive as they are, in arguments and in the environment", async () => {
    const script = `ODD="$(printf 'x\\377y')" "$DT" t sh 'printf "%s|" "$@"; printf %s "$ODD"' sh plain "$(printf 'a\\377\\376b')" ü`;
    const { bytes } = await execute(root, ["sh", "-c", script]);
    expect(Buffer.from(bytes).toString("latin1")).toBe(
      `plain|a\xff\xfeb|${Buffer.from("ü").toString("latin1")}|x\xffy`,
    );
  });

  test("a first word that names a variant selects it, unless `--` stands before it", async () => {
    const third = await root.dt(["t", "args", "v3", "v2"]);
    expect(third.stdout).toBe("third v2\n");
    const cases: [string[], string[]][] = [
      [["v2", "a"], ["a"]],
      [
        ["v2", "--", "a"],
        ["--", "a"],
      ],
      [["--", "v2"], ["v2"]],
      [
        ["--", "--", "v2"],
        ["--", "v2"],
      ],
      [
        ["a", "v2"],
        ["a", "v2"],
      ],
      [["v4"], ["v4"]],
    ];
    for (const [given, arrived] of cases)
      expect(argsOf((await root.dt(["t", "args", ...given])).stdout)).toEqual(arrived);
  });

  test("a `run` that is a string is a shell's, with the arguments at its end", async () => {
    expect((await root.dt(["t", "text", "a b", "", "$x"])).stdout).toBe("[a b][][$x]");
    expect((await root.dt(["t", "own", "1", "2"])).stdout).toBe("<2><1>");
    expect((await root.dt(["t", "awk"])).stdout).toBe("b\n");
    expect((await root.dt(["t", "block", "a", "b"])).stdout).toBe("[a][b]");
  });
});

describe("standard streams", () => {
  test("bytes pass untouched through a one-shot's standard streams", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(65_536));
    const input = Buffer.concat(Array.from({ length: 24 }, () => bytes));
    const out = await execute(root, [DT, "t", "cat"], { input });
    expect(Buffer.from(out.bytes).equals(input)).toBe(true);
  });

  test("a pipe that others write to stays blocking, on the first run and later, talking or not", async () => {
    for (const flags of ["", "--verbose", "--dry-run"]) {
      rmSync(`${root.dir}/.dialtone/cache`, { recursive: true, force: true });
      for (const run of ["cold", "warm"]) {
        const { stdout } = await shell(
          root,
          `{ "$DT" ${flags} t flags; grep flags /proc/self/fdinfo/[12]; } 2>&1 | cat`,
        );
        expect([flags, run, stdout.match(/flags:\s*\d*4\d{3}$/m)]).toEqual([flags, run, null]);
        expect(stdout).toContain("flags:");
      }
    }
  });

  test("a one-shot runs with a closed stream", async () => {
    for (const closed of ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]) {
      const { stdout } = await shell(root, `("$DT" t exit 7 ${closed}); echo $?; ("$DT" t nowhere ${closed}); echo $?`);
      expect([closed, stdout.trim().split("\n").at(0), stdout.trim().split("\n").at(-1)]).toEqual([closed, "7", "2"]);
    }
  });

  test.skipIf(Bun.which("bash") === null)("a reader that leaves ends a one-shot by SIGPIPE", async () => {
    const script = '"$DT" t sh "exec yes" | head -n 1; echo ${PIPESTATUS[0]}';
    expect((await shell(root, script, { shell: "bash" })).stdout).toBe("y\n141\n");
  });
});

describe("what the caller set", () => {
  /** The same in the command as without dt: state, limits, session, group, terminal, priority. */
  const fields = (text: string) => {
    const status = [
      ...text.matchAll(
        /^(Sig(?:Blk|Ign|Cgt)|ShdPnd|Umask|NoNewPrivs|Seccomp|Cpus_allowed|THP_enabled|CoreDumping):\s*(\S+)/gm,
      ),
    ];
    const limits = [...text.matchAll(/^(Max [a-z ]+?)\s{2,}(\S+)\s+(\S+)/gm)];
    const stat =
      text
        .trim()
        .split("\n")
        .at(-1)
        ?.replace(/^.*\) /, "")
        .split(" ") ?? [];
    const [, parent, group, session, terminal, foreground] = stat;
    return {
      status: Object.fromEntries(status.map(([, name, value]) => [name, value])),
      limits: Object.fromEntries(limits.map(([, name, soft, hard]) => [name, `${soft}/${hard}`])),
      parent,
      group,
      session,
      terminal,
      foreground,
      nice: stat[16],
    };
  };
  const BARE = "cat /proc/self/status /proc/self/limits /proc/self/stat";

  const SETTINGS: Record<string, string> = {
    nothing: "",
    "a soft limit of open files": "ulimit -Sn 333",
    "a hard limit of open files": "ulimit -n 256",
    "other limits": "ulimit -c 0; ulimit -t 1000; ulimit -Ss 4096",
    "umask and priority": "umask 027; renice -n 5 $$ >/dev/null",
    "an ignored SIGPIPE": "trap '' PIPE",
    "an ignored SIGXFSZ and SIGINT": "trap '' XFSZ INT",
    "all that nohup does": "trap '' HUP",
    "a listener of its own": "trap 'echo no' USR1 PIPE",
  };
  for (const [what, setting] of Object.entries(SETTINGS)) {
    for (const temperature of ["cold", "warm"]) {
      test(`${what} (${temperature}) reaches the command`, async () => {
        if (temperature === "cold") rmSync(`${root.dir}/.dialtone/cache`, { recursive: true, force: true });
        // `;:` keeps the shell from becoming the command: it is the parent of both
        const dt = await shell(root, `${setting}\n"$DT" t self; echo $$; exec >/dev/null`);
        const bare = await shell(root, `${setting}\n${BARE}; echo $$; exec >/dev/null`);
        const [a, b] = [dt, bare].map(({ stdout }) => {
          const lines = stdout.trim().split("\n");
          const shellPid = lines.pop();
          const seen = fields(lines.join("\n"));
          expect(seen.parent).toBe(shellPid as string);
          return { ...seen, parent: null, group: seen.group === shellPid, session: null };
        });
        expect(Object.keys(b?.status ?? {}).length).toBeGreaterThan(5);
        expect(Object.keys(b?.limits ?? {}).length).toBeGreaterThan(10);
        expect(a).toEqual(b as typeof a);
      });
    }
  }

  test("nohup protects a one-shot, on a first run too", async () => {
    for (const temperature of ["cold", "warm"]) {
      if (temperature === "cold") rmSync(`${root.dir}/.dialtone/cache`, { recursive: true, force: true });
      const { stdout } = await shell(root, 'nohup "$DT" t sh "kill -HUP \\$\\$; echo alive" 2>/dev/null');
      expect([temperature, stdout]).toEqual([temperature, "alive\n"]);
    }
  });

  const perl = Bun.which("perl");
  test.skipIf(perl === null)("blocked signals stay blocked in a one-shot, as with a bare exec", async () => {
    const block = "use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1, SIGTERM)); exec @ARGV";
    const mask = async (...argv: string[]) =>
      /SigBlk:\s*(\S+)/.exec((await execute(root, [perl as string, "-e", block, ...argv])).stdout)?.[1];
    const bare = await mask("cat", "/proc/self/status");
    expect(bare).toBe("0000000000004200");
    expect(await mask(DT, "t", "self")).toBe(bare);
  });

  test.skipIf(perl === null)(
    "a parent that ignores SIGPIPE for itself (Python, Node, Rust) does not pass that on to a one-shot",
    async () => {
      const parent =
        '$SIG{PIPE} = "IGNORE"; if (my $child = fork) { waitpid $child, 0 } else { $SIG{PIPE} = "DEFAULT"; exec @ARGV }';
      const ignored = async (...argv: string[]) =>
        /SigIgn:\s*(\S+)/.exec((await execute(root, [perl as string, "-e", parent, ...argv])).stdout)?.[1];
      expect(await ignored(DT, "t", "self")).toBe(await ignored("cat", "/proc/self/status"));
    },
  );

  test("open files beyond the standard three reach a one-shot, and none of dt's", async () => {
    const script = (command: string) => `exec 3<manifests/t.json 5>out.txt 9<&0 7<<X
here
X
${command} 'cat <&7; echo five >&5; for fd in /proc/$$/fd/*; do echo "\${fd##*/} $(readlink "$fd" | sed "s/[0-9]*]//")"; done'`;
    for (const temperature of ["cold", "warm"]) {
      if (temperature === "cold") rmSync(`${root.dir}/.dialtone/cache`, { recursive: true, force: true });
      const dt = await shell(root, script('"$DT" t sh'));
      expect(root.read("out.txt")).toBe("five\n");
      const bare = await shell(root, script("sh -c"));
      expect(bare.stdout).toMatch(/^5 .*out.txt$/m);
      expect([temperature, dt.stdout]).toEqual([temperature, bare.stdout]);
    }
  });

  test.skipIf(Bun.which("bash") === null)("process substitution works for a one-shot", async () => {
    const { stdout } = await shell(root, '"$DT" t cat <(echo one) <(echo two)', { shell: "bash" });
    expect(stdout).toBe("one\ntwo\n");
  });
});

describe.skipIf(Bun.which("bash") === null)("on a terminal", () => {
  const BASH = ["bash", "--norc", "--noprofile", "-i"];

  test("a one-shot has the terminal's streams, session and foreground", async () => {
    const terminal = onTerminal(root, BASH);
    terminal.type('"$DT" t tty; echo "shell $$"\r');
    const [, stat = ""] = await terminal.sees(/yesyesyes\d+ \(cat\) ([^\r\n]*)/);
    await terminal.sees(/24 80/);
    const [, shellPid] = await terminal.sees(/shell (\d+)/);
    const [, , group, session, device, foreground] = stat.split(" ");
    expect(session).toBe(shellPid as string);
    expect(Number(device)).not.toBe(0);
    expect(foreground).toBe(group as string);
    expect(group).not.toBe(shellPid as string);
    await terminal.close();
  });

  test("a one-shot is stopped by Ctrl-Z, goes on with fg, sees a resize and ends by Ctrl-C", async () => {
    const terminal = onTerminal(root, BASH);
    terminal.type('"$DT" t wait\r');
    await terminal.sees(/up\r\n/);
    terminal.type("\x1a");
    await terminal.sees(/Stopped/);
    terminal.type("echo jobs=$(jobs | wc -l)\r");
    await terminal.sees(/jobs=1/);
    terminal.type("fg\r");
    await terminal.sees(/DT" t wait/);
    terminal.resize(101, 37);
    await terminal.sees(/37 101/);
    terminal.type("\x03");
    await terminal.sees(/\$ $/);
    terminal.type('echo "code $?"\r');
    await terminal.sees(/code 130/);
    await terminal.close();
  });

  test("a one-shot that reads in the background stops, as without dt", async () => {
    const terminal = onTerminal(root, BASH);
    terminal.type('"$DT" t cat & wait %1; echo "state $?"\r');
    await terminal.sees(/Stopped/);
    await terminal.close();
  });

  test("a one-shot leaves the terminal's modes as they were", async () => {
    const terminal = onTerminal(root, BASH);
    terminal.type(
      'a=$(stty -g); "$DT" t true; "$DT" t nowhere; "$DT" --verbose t true; test "$a" = "$(stty -g)" && echo "same modes"\r',
    );
    await terminal.sees(/\nsame modes/);
    await terminal.close();
  });
});

describe("what cannot be started", () => {
  let base: TestRoot;
  beforeAll(() => {
    base = TestRoot.create({
      "bin/plain": 'echo "plain $0 $*"\n',
      "bin/empty": "",
      "bin/orphan": "#!/nowhere/interpreter -x\n",
      "bin/windows": "#!/bin/sh\r\necho hi\r\n",
      "bin/secret": "#!/bin/sh\n",
      "bin/binary": "\u0001\u0000\u0002\n",
      "bin/folder/file": "",
      "manifests/x.json": manifestOf("x", {
        absent: { run: ["nowhere-to-be-found"] },
        path: { run: ["./bin/nowhere"] },
        below: { run: ["bin/plain/x"] },
        folder: { run: ["./bin/folder"] },
        secret: { run: ["bin/secret"] },
        plain: { run: ["bin/plain", "a b"] },
        empty: { run: ["bin/empty"] },
        orphan: { run: ["bin/orphan"] },
        windows: { run: ["bin/windows"] },
        binary: { run: ["bin/binary"] },
        device: { run: ["/dev/null"] },
        long: { run: [`bin/${"x".repeat(300)}`] },
        nodir: { run: ["true"], cwd: "no/such/dir" },
        filedir: { run: ["true"], cwd: "bin/plain" },
        huge: { run: ["true"], env: { HUGE: "x".repeat(200_000) } },
      }),
      "manifests/blank.json": manifestOf("blank", { it: { run: [""] } }),
      "manifests/nul.json": manifestOf("nul", { it: { run: ["true", "a\0b"] } }),
      "manifests/nulenv.json": manifestOf("nulenv", { it: { run: ["true"], env: { NUL: "a\0b" } } }),
      "manifests/nulname.json": manifestOf("nulname", { it: { run: ["true"], env: { "N\0": "a" } } }),
      "manifests/equals.json": manifestOf("equals", { it: { run: ["true"], env: { "A=B": "a" } } }),
    });
    for (const name of ["plain", "empty", "orphan", "windows", "binary"]) chmodSync(`${base.dir}/bin/${name}`, 0o755);
    chmodSync(`${base.dir}/bin/secret`, 0o644);
  });
  afterAll(() => base.dispose());

  const CASES: Record<string, [number, ...string[]]> = {
    absent: [127, "nowhere-to-be-found", "PATH (", "/bin", "Install nowhere-to-be-found"],
    path: [127, "ROOT/bin/nowhere does not exist", "cwd"],
    below: [127, "ROOT/bin/plain/x does not exist"],
    folder: [126, "ROOT/bin/folder", "directory"],
    secret: [126, "ROOT/bin/secret", "not executable", "chmod +x"],
    orphan: [127, "ROOT/bin/orphan", "interpreter /nowhere/interpreter"],
    windows: [127, "ROOT/bin/windows", "\\r", "Windows"],
    binary: [126, "ROOT/bin/binary", "neither a program"],
    device: [126, "/dev/null", "not a regular file"],
    long: [126, "too long"],
    nodir: [127, "working directory ROOT/no/such/dir does not exist", "cwd"],
    filedir: [127, "working directory ROOT/bin/plain is not a directory"],
    huge: [126, "true", "too long for this system"],
  };
  for (const [name, [code, ...texts]] of Object.entries(CASES)) {
    test(`${name}: ${code} and a clear reason`, async () => {
      const result = await base.dt(["x", name]);
      expect([result.code, result.stdout]).toEqual([code, ""]);
      for (const text of texts) expect(result.stderr).toContain(text.replace("ROOT", base.dir));
      expect(result.stderr).not.toContain("bug in dt");
      const json = await base.dt(["--json", "x", name]);
      expect(JSON.parse(json.stdout).error.status).toBe(code);
    });
  }

  test("an empty program name and a NUL are refused in a sentence", async () => {
    for (const name of ["blank", "nul", "nulenv", "nulname", "equals"]) {
      const result = await base.dt([name, "it"]);
      expect([name, result.code]).toEqual([name, 2]);
      expect(result.stderr).not.toContain("bug in dt");
      expect(result.stderr).not.toBe("");
    }
  });

  test("a script without `#!` is run by a shell, as in any shell", async () => {
    const plain = await base.dt(["x", "plain", "c"]);
    expect(plain.stdout).toBe(`plain ${base.dir}/bin/plain a b c\n`);
    expect((await base.dt(["x", "empty"])).code).toBe(0);
  });

  test.skipIf(Bun.which("cc") === null)("a binary whose loader is missing is reported as that", async () => {
    base.write("a.c", "int main(void) { return 0; }\n");
    const built = Bun.spawnSync(["cc", "-o", "bin/loaderless", "a.c", "-Wl,--dynamic-linker=/lib/ld-nowhere.so.1"], {
      cwd: base.dir,
    });
    expect(built.exitCode).toBe(0);
    base.write("manifests/y.json", manifestOf("y", { it: { run: ["bin/loaderless"] } }));
    const result = await base.dt(["y", "it"]);
    expect(result.code).toBe(127);
    expect(result.stderr).toContain("its interpreter /lib/ld-nowhere.so.1 does not exist");
  });

  test("a deleted working directory is named", async () => {
    const { stdout, stderr } = await shell(
      base,
      'mkdir gone; cd gone; rmdir ../gone; "$DT" -C .. x plain; echo "code $?"',
    );
    expect(stdout).not.toContain("code 0");
    expect(stderr).toContain("directory");
  });
});

describe("looking before running", () => {
  let base: TestRoot;
  beforeAll(() => {
    base = TestRoot.create({
      "manifests/d.json": manifestOf(
        "d",
        {
          touch: {
            run: ["sh", "-c", 'touch "$1"', "it's"],
            env: { ADDED: "a'b c", EMPTY: "", GONE: null },
            cwd: "my plugin",
          },
          args: ARGS,
          text: { run: "echo hi" },
        },
        { description: "for dry runs" },
      ),
      "my plugin/x": "",
    });
  });
  afterAll(() => base.dispose());

  test("--dry-run prints command, directory and what dt adds, and runs nothing", async () => {
    const { code, stdout, stderr } = await base.dt(["--dry-run", "d", "touch", "mark er"], {
      env: { GONE: "1", KEPT: "1" },
    });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`command  sh -c 'touch "$1"' 'it'\\''s' 'mark er'\n`);
    expect(stdout).toContain(`cwd      ${base.dir}/my plugin\n`);
    expect(stdout).toContain(`env      ADDED='a'\\''b c'\n`);
    expect(stdout).toContain("env      EMPTY=''\n");
    expect(stdout).toContain("unset    GONE\n");
    expect(stdout).toContain(`env      DIALTONE_ROOT=${base.dir}\n`);
    expect(stdout).not.toContain("KEPT");
    expect(existsSync(`${base.dir}/my plugin/mark er`)).toBe(false);
    await base.dt(["d", "touch", "mark er"]);
    expect(existsSync(`${base.dir}/my plugin/mark er`)).toBe(true);
  });

  test("--dry-run --json is one object", async () => {
    const { stdout } = await base.dt(["--dry-run", "--json", "d", "touch", "x"], { env: { GONE: "1" } });
    const plan = JSON.parse(stdout);
    expect(plan).toEqual({
      argv: ["sh", "-c", 'touch "$1"', "it's", "x"],
      commandLine: `sh -c 'touch "$1"' 'it'\\''s' x`,
      cwd: `${base.dir}/my plugin`,
      env: {
        ADDED: "a'b c",
        EMPTY: "",
        GONE: null,
        DIALTONE_ROOT: base.dir,
        DIALTONE_CWD: base.dir,
        PATH: expect.stringContaining("shims"),
      },
    });
  });

  test("what --dry-run says is what the command gets", async () => {
    const env = { GONE: "1", PWD: base.dir };
    const plan = JSON.parse((await base.dt(["--dry-run", "--json", "d", "touch"], { env })).stdout);
    base.write(
      "manifests/e.json",
      manifestOf("e", {
        env: { run: ["env", "-0"], env: { ADDED: "a'b c", EMPTY: "", GONE: null }, cwd: "my plugin" },
      }),
    );
    const got = Object.fromEntries(
      words((await base.dt(["e", "env"], { env })).stdout).map((line) => line.split(/=(.*)/s, 2) as [string, string]),
    );
    const expected: Record<string, string> = { ...base.env, ...env, ...plan.env };
    for (const [name, value] of Object.entries(plan.env)) if (value === null) delete expected[name];
    expect(got).toEqual(expected);
  });

  test("--verbose prints a line that can be copied; without it, and with --quiet, nothing is printed", async () => {
    const { stderr, stdout } = await base.dt(["--verbose", "d", "args", "a b", "it's", ""]);
    const line = /^dt: \$ (.*)$/ms.exec(stderr)?.[1] as string;
    const copied = await shell(base, line.trimEnd());
    expect(argsOf(copied.stdout)).toEqual(["a b", "it's", ""]);
    expect(argsOf(stdout)).toEqual(["a b", "it's", ""]);
    for (const flags of [[], ["--quiet"]]) expect((await base.dt([...flags, "d", "text"])).stderr).toBe("");
  });

  test("--verbose names the directory when it is another one", async () => {
    const { stderr } = await base.dt(["--verbose", "d", "touch", "here"]);
    rmSync(`${base.dir}/my plugin/here`);
    await shell(base, /^dt: \$ (.*)$/m.exec(stderr)?.[1] as string);
    expect(existsSync(`${base.dir}/my plugin/here`)).toBe(true);
  });

  test("every printed command line means the same to a shell", async () => {
    const word = fc.string({ unit: "binary", maxLength: 12 }).filter((text) => !text.includes("\0"));
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 5 }), async (args) => {
        const { stdout } = await base.dt(["--dry-run", "--json", "d", "args", "--", ...args]);
        const run = await shell(base, JSON.parse(stdout).commandLine);
        expect(argsOf(run.stdout)).toEqual(args);
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
