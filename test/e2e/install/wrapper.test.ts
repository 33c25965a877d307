/**
 * `dialtone.sh`, in small checkouts of its own: a fake `bun` that "builds" a fake dt, so that every case takes
 * milliseconds.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { DT, REPOSITORY, TestRoot, until } from "../../kit.ts";
import { findTool } from "../../tools.ts";

const WRAPPER = join(REPOSITORY, "dialtone.sh");

/** Prints its pid, arguments and standard input; `exit N` and `die` end it so. */
const FAKE_DT = `#!/bin/sh
case $1 in
exit) exit "$2" ;;
die) kill -9 $$ ;;
read) cat ;;
esac
printf 'pid %s\\n' "$$"
for word in "$@"; do printf '<%s>\\n' "$word"; done
`;

/** Does what \`bun build.ts --if-changed\` does, as slowly as \`SLOW\` says; reads all of its standard input first. */
const FAKE_BUN = `#!/bin/sh
[ "$1" = --version ] && { [ ! -f no-bun ]; exit; }
cat >/dev/null
echo "$*" >>builds.log
echo building... >&2
[ -f fail-build ] && exit 1
[ -f outdated ] && exit 3
sleep "\${SLOW:-0}"
mkdir -p dist && cp fake-dt dist/new.$$ && mv dist/new.$$ dist/dt
`;

/** What a shell script needs to live, without npm, node and bun. */
const TOOLS = [
  "cat",
  "cp",
  "find",
  "head",
  "ln",
  "mkdir",
  "mv",
  "ps",
  "readlink",
  "rm",
  "sh",
  "sleep",
  "touch",
  "chmod",
];

const SHELLS: Record<string, string[]> = {
  "as a program": [],
  dash: ["dash"],
  busybox: ["busybox", "sh"],
  bash: ["bash", "--posix"],
};
const shells = Object.entries(SHELLS).filter(([, [program]]) => program === undefined || findTool(program) !== null);
const hasShellcheck = findTool("shellcheck") !== null;

let root: TestRoot | undefined;
afterEach(async () => {
  const made = root;
  root = undefined;
  await made?.dispose();
});

interface Checkout {
  root: TestRoot;
  dir: string;
  wrapper: string;
  write(path: string, text: string, mode?: number): string;
  builds(): number;
}

/** A checkout with sources and the fake bun, not built. */
function createCheckout(name = "checkout", { built = false, bun = true, sources = true } = {}): Checkout {
  root = TestRoot.create({}, name);
  const { dir } = root;
  const made: Checkout = {
    root,
    dir,
    wrapper: join(dir, "dialtone.sh"),
    write: (path, text, mode = 0o644) => {
      const file = (root as TestRoot).write(path, text);
      chmodSync(file, mode);
      return file;
    },
    builds: () =>
      existsSync(join(dir, "builds.log")) ? readFileSync(join(dir, "builds.log"), "utf8").trim().split("\n").length : 0,
  };
  copyFileSync(WRAPPER, made.wrapper);
  made.write("fake-dt", FAKE_DT, 0o755);
  if (sources)
    for (const file of [
      "src/cli.ts",
      "src/sys/a.ts",
      "build.ts",
      "package.json",
      "package-lock.json",
      "tsconfig.json",
      "bunfig.toml",
    ])
      made.write(file, "");
  if (bun) made.write("node_modules/.bin/bun", FAKE_BUN, 0o755);
  if (built) made.write("dist/dt", FAKE_DT, 0o755);
  return made;
}

/** A directory for PATH with nothing but the tools of a shell script, and these programs. */
function bareTools(checkout: Checkout, programs: Record<string, string> = {}): string {
  const bin = join(checkout.root.base, "bin");
  mkdirSync(bin, { recursive: true });
  for (const tool of TOOLS) symlinkSync(Bun.which(tool) as string, join(bin, tool));
  for (const [name, text] of Object.entries(programs)) checkout.write(join(bin, name), text, 0o755);
  return bin;
}

function start(checkout: Checkout, command: string[], { env = {}, cwd = checkout.root.base, stdin = "" } = {}) {
  return Bun.spawn(command, {
    cwd,
    env: { ...checkout.root.env, ...env },
    stdin: new TextEncoder().encode(stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function finish(child: ReturnType<typeof start>) {
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, signal: child.signalCode, stdout, stderr, pid: child.pid };
}

const run = (...words: Parameters<typeof start>) => finish(start(...words));

/** Makes a file this many seconds newer than now. */
function touch(file: string, seconds = 1): void {
  const time = new Date(Date.now() + 1000 * seconds);
  utimesSync(file, time, time);
}

/** A pid that no process has any longer. */
async function deadPid(): Promise<number> {
  const child = Bun.spawn(["true"]);
  await child.exited;
  return child.pid;
}

describe("the text", () => {
  const text = readFileSync(WRAPPER, "utf8");
  test.skipIf(!hasShellcheck)("the wrapper is clean for shellcheck, as POSIX sh", () => {
    const { stdout, exitCode } = Bun.spawnSync([
      "shellcheck",
      "--shell=sh",
      "--enable=all",
      "--exclude=SC2250,SC2310,SC2312,SC2249",
      WRAPPER,
    ]);
    expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 0, stdout: "" });
  });
  test("the wrapper has no trap, background job or process substitution", () => {
    const code = text.replace(/^\s*#.*$/gm, "");
    expect(code).not.toMatch(/\btrap\b|[<>]\(|[^&>]&(?![&\d])|\b(bash|zsh|ksh)\b/);
  });
  test("the wrapper looks at the very files that build.ts reads", () => {
    const sources = /const SOURCES = (\[.*\]);/.exec(readFileSync(join(REPOSITORY, "build.ts"), "utf8"))?.[1];
    expect(text).toContain(`find ${(JSON.parse(sources as string) as string[]).join(" ")} -newer`);
  });
});

describe.each(shells)("run by %s", (_, shell) => {
  test("the wrapper becomes dt, with its pid, arguments, exit codes, signals and standard input", async () => {
    const checkout = createCheckout("a path with spaces, $HOME and ünicode", { built: true });
    const words = ["", "a b", "--", "--help", "two\nlines", "*", "$HOME", "'\"\\", "ü"];
    const said = await run(checkout, [...shell, checkout.wrapper, ...words]);
    expect(said).toEqual({
      code: 0,
      signal: null,
      stderr: "",
      pid: said.pid,
      stdout: `pid ${said.pid}\n${words.map((word) => `<${word}>\n`).join("")}`,
    });
    for (const code of [0, 1, 5, 127, 255])
      expect((await run(checkout, [...shell, checkout.wrapper, "exit", String(code)])).code).toBe(code);
    expect((await run(checkout, [...shell, checkout.wrapper, "die"])).signal).toBe("SIGKILL");
    expect((await run(checkout, [...shell, checkout.wrapper, "read"], { stdin: "mine" })).stdout).toStartWith(
      "minepid ",
    );
    expect(checkout.builds()).toBe(0);
  });

  test("the wrapper builds on first use without reading the command's input, and later only when sources changed or dist is gone", async () => {
    const checkout = createCheckout();
    const call = async () => {
      const { code, stdout } = await run(checkout, [...shell, checkout.wrapper, "read"], { stdin: "mine" });
      expect({ code, stdout: stdout.replace(/\d+/, "N") }).toEqual({ code: 0, stdout: "minepid N\n<read>\n" });
      return checkout.builds();
    };
    expect(await call()).toBe(1);
    expect(await call()).toBe(1);
    const dt = join(checkout.dir, "dist/dt");
    const changes = [
      (step: number) => touch(join(checkout.dir, "src/sys/a.ts"), step),
      (step: number) => touch(join(checkout.dir, "package-lock.json"), step),
      (step: number) => touch(join(checkout.dir, "bunfig.toml"), step),
      () => rmSync(join(checkout.dir, "dist"), { recursive: true }),
    ];
    for (const [index, change] of changes.entries()) {
      change(10 * index + 10);
      expect(await call()).toBe(index + 2);
      touch(dt, 10 * index + 11);
      expect(await call()).toBe(index + 2);
    }
    // A removed source leaves nothing that is newer but its directory.
    touch(dt, -10);
    const all = [
      "src",
      "src/sys",
      "src/sys/a.ts",
      "src/cli.ts",
      ...["build.ts", "package.json", "package-lock.json", "tsconfig.json", "bunfig.toml"],
    ];
    for (const path of all) touch(join(checkout.dir, path), -20);
    expect(await call()).toBe(5);
    rmSync(join(checkout.dir, "src/sys/a.ts"));
    expect(await call()).toBe(6);
  });

  test("the wrapper finds its checkout through absolute and relative links, in any directory, with CDPATH set", async () => {
    const checkout = createCheckout("the checkout", { built: true });
    const { base } = checkout.root;
    mkdirSync(join(base, "one/two"), { recursive: true });
    mkdirSync(join(base, "-bin"));
    symlinkSync(relative(join(base, "one/two"), checkout.wrapper), join(base, "one/two/third"));
    symlinkSync("two/third", join(base, "one/second"));
    symlinkSync(join(base, "one/second"), join(base, "-bin/dialtone"));
    symlinkSync(base, join(base, "one/loop"));
    const env = { CDPATH: `${base}:/`, PATH: `${join(base, "-bin")}:${process.env.PATH}` };
    const calls: [string, string][] = [
      [base, "one/second"],
      [join(base, "one"), "./second"],
      [join(base, "one/two"), "../../-bin/dialtone"],
      ["/", join(base, "one/loop/one/loop/-bin/dialtone")],
      [checkout.dir, "./dialtone.sh"],
    ];
    for (const [cwd, path] of calls) {
      expect(await run(checkout, [...shell, path, "x"], { cwd, env })).toMatchObject({
        code: 0,
        stderr: "",
        stdout: expect.stringContaining("<x>"),
      });
    }
    // As `sh dialtone.sh`, without a slash, and found on PATH.
    const bare = shell.length > 0 ? ["dialtone.sh"] : ["sh", "dialtone.sh"];
    expect(await run(checkout, [...shell, ...bare, "x"], { cwd: checkout.dir })).toMatchObject({ code: 0, stderr: "" });
    expect(await run(checkout, ["sh", "-c", "dialtone x"], { cwd: "/", env })).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("first use", () => {
  test("eight first uses at once build once, also over the lock of a dead builder", async () => {
    for (const dead of [0, 1, 2]) {
      const checkout = createCheckout();
      // The lock of a dead builder, and the link of one that died as its successor.
      let lock = join(checkout.dir, ".dialtone-building");
      for (let count = 0; count < dead; count++) {
        const pid = await deadPid();
        symlinkSync(`pid:${pid}`, lock);
        lock = join(checkout.dir, `.dialtone-building.${pid}`);
      }
      const all = await Promise.all(
        Array.from({ length: 8 }, () => run(checkout, [checkout.wrapper, "x"], { env: { SLOW: "0.3" } })),
      );
      for (const each of all) expect(each).toMatchObject({ code: 0, stdout: `pid ${each.pid}\n<x>\n` });
      expect(checkout.builds()).toBe(1);
      expect(readdirSync(checkout.dir).filter((name) => name.startsWith(".dialtone"))).toEqual([]);
      await checkout.root.dispose();
    }
    root = undefined;
  });

  test("first use waits for a living builder, says for whom, and takes over from a killed one", async () => {
    const checkout = createCheckout();
    const builder = start(checkout, [checkout.wrapper, "x"], { env: { SLOW: "60" } });
    await until("it builds", () => checkout.builds() === 1);
    const waiting = start(checkout, [checkout.wrapper, "y"]);
    let said = "";
    const reading = (async () => {
      for await (const chunk of waiting.stderr) said += new TextDecoder().decode(chunk);
    })();
    await until("it says for whom it waits", () =>
      said.includes(
        `waiting for process ${builder.pid}, which builds dt (if it does not: rm ${checkout.dir}/.dialtone-building*)`,
      ),
    );
    expect(waiting.exitCode).toBe(null);
    builder.kill("SIGKILL");
    expect(await waiting.exited).toBe(0);
    expect(checkout.builds()).toBe(2);
    await reading;
    for (const pid of checkout.root.processes()) process.kill(pid, "SIGKILL"); // the fake build of the killed one
  });

  test("first use makes nothing where a lock leads elsewhere", async () => {
    for (const lead of ["a directory", "a path"]) {
      const checkout = createCheckout();
      const outside = join(checkout.root.base, "outside");
      mkdirSync(outside);
      const lock = join(checkout.dir, ".dialtone-building");
      if (lead === "a path") mkdirSync(`${lock}.`);
      symlinkSync(lead === "a path" ? "pid:/../../outside/link" : outside, lock);
      expect(await run(checkout, [checkout.wrapper, "x"])).toMatchObject({ code: 0 });
      expect({ lead, outside: readdirSync(outside), builds: checkout.builds() }).toEqual({
        lead,
        outside: [],
        builds: 1,
      });
      await checkout.root.dispose();
    }
    root = undefined;
  });

  test("a failing first use says so and exits 125, and leaves nothing locked", async () => {
    const checkout = createCheckout();
    checkout.write("fail-build", "");
    expect(await run(checkout, [checkout.wrapper, "x"])).toMatchObject({
      code: 125,
      stdout: "",
      stderr: "building...\ndialtone.sh: dt could not be built; see above.\n",
    });
    expect(readdirSync(checkout.dir).filter((name) => name.startsWith(".dialtone"))).toEqual([]);
  });

  test("first use installs with npm, else with bun, when dependencies are missing or outdated", async () => {
    const installs = (name: string) =>
      `#!/bin/sh\necho "${name} $*" >>installs.log\nrm -f outdated\nmkdir -p node_modules/.bin && cp "$FAKE_BUN" node_modules/.bin/bun\n`;
    for (const [programs, expected] of [
      [["npm", "bun"], "npm ci --no-audit --no-fund --include=dev --include=optional\n"],
      [["bun"], "bun install --frozen-lockfile\n"],
    ] as const) {
      for (const outdated of [false, true]) {
        const checkout = createCheckout("checkout", { bun: outdated });
        if (outdated) checkout.write("outdated", "");
        const fake = checkout.write(join(checkout.root.base, "fake-bun"), FAKE_BUN, 0o755);
        const bin = bareTools(checkout, Object.fromEntries(programs.map((name) => [name, installs(name)])));
        const said = await run(checkout, [checkout.wrapper, "x"], { env: { PATH: bin, FAKE_BUN: fake } });
        expect(said).toMatchObject({ code: 0, stdout: `pid ${said.pid}\n<x>\n` });
        expect(said.stderr).toContain("dialtone.sh: installing what the build needs");
        expect(readFileSync(join(checkout.dir, "installs.log"), "utf8")).toBe(expected);
        await checkout.root.dispose();
        root = undefined;
      }
    }
  });

  test("first use builds with the locked Bun, also where its install script did not run", async () => {
    const checkout = createCheckout();
    checkout.write("node_modules/.bin/bun", "#!/bin/sh\nexit 1\n", 0o755);
    checkout.write("node_modules/@oven/bun-linux-x64/bin/bun", FAKE_BUN, 0o755);
    expect(await run(checkout, [checkout.wrapper, "x"], { env: { PATH: bareTools(checkout) } })).toMatchObject({
      code: 0,
      stderr: "building...\n",
    });
  });

  test("first use with nothing to build, or nothing to build with, says what to do and exits 127", async () => {
    const bare = createCheckout("checkout", { bun: false });
    const noTool = await run(bare, [bare.wrapper, "x"], { env: { PATH: bareTools(bare) } });
    expect(noTool).toMatchObject({ code: 127, stdout: "" });
    expect(noTool.stderr).toContain("Install Node.js with npm (or Bun), or put a released dt there.");
    await bare.root.dispose();

    const none = createCheckout("checkout", { sources: false });
    expect(await run(none, [none.wrapper, "x"])).toMatchObject({
      code: 127,
      stdout: "",
      stderr: `dialtone.sh: there is no ${none.dir}/dist/dt, and no source to build it from.\ndialtone.sh: Put a released dt there, or run that one directly.\n`,
    });
  });
});

test("a checkout that cannot be written works as long as its binary is fresh", async () => {
  const checkout = createCheckout("checkout", { built: true });
  const directories = [checkout.dir, join(checkout.dir, "dist")];
  for (const path of directories) chmodSync(path, 0o555);
  // Root may write everywhere by these capabilities; without them it is held to the modes like everybody.
  const bound = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : [];
  try {
    const said = await run(checkout, [...bound, checkout.wrapper, "x"]);
    expect(said).toMatchObject({ code: 0, stderr: "", stdout: `pid ${said.pid}\n<x>\n` });
    touch(join(checkout.dir, "src/cli.ts"));
    expect(await run(checkout, [...bound, checkout.wrapper, "x"])).toMatchObject({ code: 125, stdout: "" });
  } finally {
    for (const path of directories) chmodSync(path, 0o755);
  }
});

test("a dt below a `bun` of dt's own is a dt", async () => {
  const checkout = createCheckout("checkout", { sources: false });
  mkdirSync(join(checkout.dir, "dist"));
  symlinkSync(DT, join(checkout.dir, "dist/dt"));
  const { code, stdout } = await run(checkout, [checkout.wrapper, "--version"], { env: { BUN_BE_BUN: "1" } });
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^dt \d/) });
});

test("the real build decides by content, and looks when times changed", async () => {
  const checkout = createCheckout("checkout", { bun: false, sources: false });
  for (const file of ["build.ts", "package.json", "package-lock.json", "tsconfig.json", "bunfig.toml"]) {
    cpSync(join(REPOSITORY, file), join(checkout.dir, file));
  }
  symlinkSync(join(REPOSITORY, "node_modules"), join(checkout.dir, "node_modules"));
  const source = checkout.write("src/cli.ts", 'console.log("one");');
  const call = () => run(checkout, [checkout.wrapper]);
  const dt = join(checkout.dir, "dist/dt");

  expect(await call()).toMatchObject({
    code: 0,
    stdout: "one\n",
    stderr: expect.stringMatching(/^building dt …\nbuilt dt in [\d.]+ s\n$/),
  });
  expect(await call()).toMatchObject({ code: 0, stdout: "one\n", stderr: "" });

  const inode = () =>
    Bun.file(dt)
      .stat()
      .then(({ ino }) => ino);
  const before = await inode();
  await Bun.sleep(20);
  utimesSync(source, new Date(), new Date());
  expect(await call()).toMatchObject({ code: 0, stdout: "one\n", stderr: "" });
  expect(await inode()).toBe(before);
  const { stdout } = Bun.spawnSync(["find", dirname(source), "-newer", dt]);
  expect(stdout.toString()).toBe("");

  await Bun.sleep(20);
  checkout.write("src/cli.ts", 'console.log("two");');
  expect(await call()).toMatchObject({ code: 0, stdout: "two\n", stderr: expect.stringContaining("built dt") });

  await Bun.sleep(20);
  checkout.write("src/cli.ts", "console.log(");
  const broken = await call();
  expect(broken).toMatchObject({ code: 125, stdout: "" });
  expect(broken.stderr).toContain("src/cli.ts:1");
  expect(broken.stderr).toEndWith("dialtone.sh: dt could not be built; see above.\n");
});
