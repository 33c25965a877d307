/**
 * The environment of a one-shot, and machines that lack what others take for granted: a home, a user entry, a plain
 * path.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DT, TestRoot } from "../../kit.ts";
import { execute, manifestOf, shell, words } from "../kit/oneshot.ts";

const ENV = { run: ["env", "-0"] };
const parse = (stdout: string) =>
  Object.fromEntries(words(stdout).map((line) => line.split(/=(.*)/s, 2) as [string, string]));

/** The environment a command gets, started with exactly this one. */
async function environmentOf(
  root: TestRoot,
  command: string[],
  env: Record<string, string | undefined> = {},
  cwd = root.dir,
) {
  const result = await root.dt(command, { env, cwd });
  expect([result.code, result.stderr]).toEqual([0, ""]);
  return parse(result.stdout);
}

describe("the order: inherited, files, manifest, dt's own", () => {
  let root: TestRoot;
  beforeAll(() => {
    root = TestRoot.create({
      ".env.one":
        'A=one\nB=one\nC=one\n# comment\nQUOTED="two words # no comment"\nSINGLE=\'$A\'\nexport EXPORTED=yes\nEMPTY=\nMULTI="a\nb"\n',
      ".env.two": "B=two\nC=two\nGONE=file\n",
      ".env": "FROM_DOTENV=1\n",
      ".env.local": "FROM_DOTENV=1\n",
      "bunfig.toml": 'preload = ["./evil.ts"]\n',
      "evil.ts": "console.log('evil');\n",
      "sub/x": "",
      "manifests/e.json": manifestOf(
        "e",
        {
          plain: ENV,
          files: {
            ...ENV,
            envFile: [".env.one", ".env.two", "missing?"],
            env: { C: "manifest", GONE: null, NEVER: null },
          },
          missing: { ...ENV, envFile: ["missing"] },
          unreadable: { ...ENV, envFile: ["sub"] },
          own: { ...ENV, env: { DIALTONE_ROOT: "/elsewhere", PATH: "/usr/bin:/bin:/mine" } },
          nopath: { ...ENV, env: { PATH: null } },
          sub: { ...ENV, cwd: "sub" },
          variants: {
            ...ENV,
            env: { V: "command", W: "command" },
            variants: { a: { env: { V: "a" } }, b: { env: { W: null } } },
          },
        },
        { env: { PLUGIN: "plugin" } },
      ),
    });
  });
  afterAll(() => root.dispose());

  test("environment files win over inherited variables, later files over earlier ones, and the manifest over both; null removes", async () => {
    const env = await environmentOf(root, ["e", "files"], {
      A: "inherited",
      B: "inherited",
      D: "inherited",
      GONE: "inherited",
    });
    expect(env).toMatchObject({
      A: "one",
      B: "two",
      C: "manifest",
      D: "inherited",
      QUOTED: "two words # no comment",
      SINGLE: "$A",
      EXPORTED: "yes",
      EMPTY: "",
      MULTI: "a\nb",
      PLUGIN: "plugin",
    });
    expect(env).not.toHaveProperty("GONE");
    expect(env).not.toHaveProperty("NEVER");
  });

  test("a missing or unreadable file is named, and nothing runs", async () => {
    for (const [command, file] of [
      ["missing", "missing"],
      ["unreadable", "sub"],
    ]) {
      const result = await root.dt(["e", command as string]);
      expect([result.code, result.stdout]).toEqual([2, ""]);
      expect(result.stderr).toContain(join(root.dir, file as string));
    }
  });

  test("a variant changes only the variables that it names", async () => {
    expect(await environmentOf(root, ["e", "variants", "a"])).toMatchObject({ V: "a", W: "command" });
    const b = await environmentOf(root, ["e", "variants", "b"]);
    expect([b.V, b.W]).toEqual(["command", undefined]);
  });

  test("DIALTONE_ROOT is dt's; PATH is the manifest's with dt's before it", async () => {
    const env = await environmentOf(root, ["e", "own"]);
    expect(env.DIALTONE_ROOT).toBe(root.dir);
    expect(env.PATH).toMatch(/\/shims\/[0-9a-f]+:\/usr\/bin:\/bin:\/mine$/);
  });

  test("the command sees no variable of dt's own, and nothing of the root's .env and bunfig.toml", async () => {
    for (const temperature of ["cold", "warm"]) {
      if (temperature === "cold") rmSync(join(root.dir, ".dialtone", "cache"), { recursive: true, force: true });
      const env = await environmentOf(root, ["e", "plain"]);
      expect(env).toEqual({
        ...root.env,
        PLUGIN: "plugin",
        DIALTONE_ROOT: root.dir,
        DIALTONE_CWD: root.dir,
        PATH: expect.any(String) as unknown as string,
      });
    }
  });

  test("dt's own variables are removed, wherever they came from; the user's for Bun and Node arrive", async () => {
    const users = {
      BUN_OPTIONS: "--smol",
      BUN_INSPECT_NOTIFY: "",
      NODE_OPTIONS: "--no-warnings",
      NODE_ENV: "staging",
      JITI_DEBUG: "",
      DIALTONE_KEY: "a:b:default",
      DIALTONE_TOKEN: "0".repeat(32),
    };
    const env = await environmentOf(root, ["e", "plain"], {
      ...users,
      BUN_BE_BUN: "0",
      DIALTONE_HOST: "/x",
      DIALTONE_SAVED_ENV: '{"SAVED":"1"}',
    });
    expect(env).toMatchObject({ ...users, SAVED: "1" });
    for (const name of ["BUN_BE_BUN", "DIALTONE_HOST", "DIALTONE_SAVED_ENV"]) expect(env).not.toHaveProperty(name);
    expect((await environmentOf(root, ["e", "plain"])).NODE_ENV).toBeUndefined();
  });

  test("an unusual environment arrives unchanged", async () => {
    const odd = {
      EMPTY: "",
      "with space": "x",
      "dots.and-dashes": "1",
      LINES: "a\nb\n",
      EQUALS: "a=b=c",
      UNI: "日本 🙂",
      LONG: "x".repeat(100_000),
      __proto__x: "p",
      constructor: "c",
    };
    expect(await environmentOf(root, ["e", "plain"], odd)).toMatchObject(odd);
  });

  test("a one-shot runs with almost no environment", async () => {
    const { stdout, code } = await execute(root, ["env", "-i", `DIALTONE_HOME=${root.home}`, DT, "e", "plain"]);
    expect(code).toBe(0);
    expect(Object.keys(parse(stdout)).sort()).toEqual([
      "DIALTONE_CWD",
      "DIALTONE_HOME",
      "DIALTONE_ROOT",
      "PATH",
      "PLUGIN",
    ]);
    expect(parse(stdout).PATH).toMatch(/:\/usr\/local\/bin:\/usr\/bin:\/bin$/);
    expect((await environmentOf(root, ["e", "nopath"])).PATH).toMatch(/:\/usr\/bin:\/bin$/);
  });

  test("an empty PATH does not become the current directory", async () => {
    const { PATH = "" } = await environmentOf(root, ["e", "plain"], { PATH: "" });
    expect(PATH.split(":")).not.toContain("");
  });

  test("PWD is where the command runs; a path through a link stays", async () => {
    const link = join(root.base, "link");
    symlinkSync(root.dir, link);
    expect((await environmentOf(root, ["e", "sub"], { PWD: root.dir })).PWD).toBe(join(root.dir, "sub"));
    expect((await environmentOf(root, ["e", "plain"], { PWD: link }, link)).PWD).toBe(link);
    expect((await environmentOf(root, ["e", "plain"], { PWD: join(root.dir, "sub") }, join(root.dir, "sub"))).PWD).toBe(
      root.dir,
    );
    expect(await environmentOf(root, ["e", "sub"])).not.toHaveProperty("PWD");
  });
});

describe("PATH", () => {
  let root: TestRoot;
  const program = (text: string) => `#!/bin/sh\necho ${text}\n`;
  beforeAll(() => {
    root = TestRoot.create({
      "node_modules/.bin/both": program("root"),
      "node_modules/.bin/only-root": program("root"),
      "plugins/p/node_modules/.bin/both": program("plugin"),
      "manifests/p.json": manifestOf(
        "p",
        {
          both: { run: ["both"] },
          root: { run: ["only-root"] },
          string: { run: "both; only-root" },
          env: ENV,
          relative: { run: ["tool"], env: { PATH: "tools" } },
        },
        { cwd: "plugins/p" },
      ),
      "plugins/p/tools/tool": program("relative"),
      "manifests/r.json": manifestOf("r", { both: { run: ["both"] }, env: ENV }),
    });
    for (const file of [
      "node_modules/.bin/both",
      "node_modules/.bin/only-root",
      "plugins/p/node_modules/.bin/both",
      "plugins/p/tools/tool",
    ])
      chmodSync(join(root.dir, file), 0o755);
  });
  afterAll(() => root.dispose());

  test("the plugin's own programs come first, then the project's, then the shims, then the machine's", async () => {
    expect((await root.dt(["p", "both"])).stdout).toBe("plugin\n");
    expect((await root.dt(["p", "root"])).stdout).toBe("root\n");
    expect((await root.dt(["p", "string"])).stdout).toBe("plugin\nroot\n");
    expect((await root.dt(["r", "both"])).stdout).toBe("root\n");
    const parts = (await environmentOf(root, ["p", "env"], { PATH: "/one:/usr/bin:/bin" })).PATH?.split(":");
    expect(parts).toEqual([
      join(root.dir, "plugins/p/node_modules/.bin"),
      join(root.dir, "node_modules/.bin"),
      expect.stringMatching(/shims\/[0-9a-f]+$/) as unknown as string,
      "/one",
      "/usr/bin",
      "/bin",
    ]);
  });

  test("a part of PATH that is relative is looked up where the command runs", async () => {
    expect((await root.dt(["p", "relative"])).stdout).toBe("relative\n");
  });

  test("dt inside dt does not make PATH longer", async () => {
    root.write(
      "manifests/n.json",
      manifestOf("n", { env: { run: ["dt", "n", "deep"] }, deep: { run: ["dt", "n", "deepest"] }, deepest: ENV }),
    );
    const { PATH } = await environmentOf(root, ["n", "env"]);
    expect(PATH).toBe((await environmentOf(root, ["n", "deepest"])).PATH);
  });
});

describe("a machine that lacks something", () => {
  let root: TestRoot;
  const files = {
    "manifests/t.json": manifestOf("t", {
      true: { run: ["true"] },
      env: ENV,
      bun: { run: ["bun", "-e", "console.log(6 * 7)"] },
      pwd: { run: ["pwd"] },
    }),
  };
  beforeAll(() => {
    root = TestRoot.create(files, "a root with späces & 日本 'quotes'");
  });
  afterAll(() => root.dispose());

  test("command, shims and managed Bun work in a root with spaces, quotes and unicode", async () => {
    expect((await root.dt(["t", "pwd"])).stdout).toBe(`${root.dir}\n`);
    expect((await root.dt(["t", "bun"])).stdout).toBe("42\n");
    const home = join(root.base, "hö me's $x");
    expect((await root.dt(["t", "bun"], { env: { HOME: home, DIALTONE_HOME: undefined } })).stdout).toBe("42\n");
    expect(readdirSync(join(home, ".dialtone"))).toContain("shims");
  });

  test("a one-shot runs with a HOME that is no directory or cannot be written", async () => {
    for (const HOME of ["/dev/null", "/proc/1", "/proc/no/where"]) {
      const result = await root.dt(["t", "bun"], { env: { HOME, DIALTONE_HOME: undefined } });
      expect([HOME, result]).toEqual([HOME, { code: 0, signal: null, stdout: "42\n", stderr: "" }]);
    }
  });

  test("without a writable place the shims go to a private temporary directory, else commands without Bun still run", async () => {
    rmSync(join(root.dir, ".dialtone"), { recursive: true, force: true });
    writeFileSync(join(root.dir, ".dialtone"), "");
    const bare = { HOME: "/dev/null", DIALTONE_HOME: undefined };
    try {
      expect(await root.dt(["t", "bun"], { env: bare })).toMatchObject({ code: 0, stdout: "42\n" });
      const env = { ...bare, TMPDIR: "/dev/null" };
      expect(await root.dt(["t", "env"], { env: { ...env, PATH: "/usr/bin:/bin" } })).toMatchObject({ code: 2 });
    } finally {
      rmSync(join(root.dir, ".dialtone"));
    }
    // with an index there, nothing has to be written to run
    await root.dt(["t", "true"]);
    const index = join(root.dir, ".dialtone", "cache");
    expect(readdirSync(index)).toContain("index.json");
    const result = await root.dt(["t", "true"], { env: { ...bare, TMPDIR: "/dev/null", DIALTONE_RUN_DIR: "" } });
    expect(result.code).toBe(0);
  });

  test("shims that another may change are not used", async () => {
    const home = join(root.base, "shared-home");
    const first = await environmentOf(root, ["t", "env"], { DIALTONE_HOME: home });
    const shims = join(home, "shims", readdirSync(join(home, "shims"))[0] as string);
    expect(first.PATH).toContain(shims);
    chmodSync(shims, 0o777);
    expect((await environmentOf(root, ["t", "env"], { DIALTONE_HOME: home })).PATH).not.toContain(shims);
    chmodSync(shims, 0o700);
    expect((await environmentOf(root, ["t", "env"], { DIALTONE_HOME: home })).PATH).toContain(shims);
  });

  const setpriv = process.getuid?.() === 0 ? Bun.which("setpriv") : null;
  test.skipIf(setpriv === null)(
    "a one-shot runs for a uid without an entry, whose PATH and home are closed to it",
    async () => {
      const uid = 54321;
      // the binary where everybody can reach it
      const dt = join(root.base, "dt");
      cpSync(DT, dt);
      chmodSync(root.base, 0o755);
      const closed = join(root.base, "closed");
      mkdirSync(closed, { mode: 0o700 });
      const open = join(root.base, "open");
      mkdirSync(join(open, "manifests"), { recursive: true });
      writeFileSync(join(open, "manifests", "t.json"), files["manifests/t.json"]);
      const as = (...words: string[]) =>
        execute(root, [setpriv as string, "--reuid", String(uid), "--regid", String(uid), "--clear-groups", ...words], {
          cwd: open,
          env: {
            HOME: undefined,
            DIALTONE_HOME: undefined,
            TMPDIR: undefined,
            PATH: `${closed}:/root/bin:/usr/bin:/bin`,
          },
        });
      // nothing below the root is this user's, so nothing can be kept: the shims are made among the temporary files
      expect(await as(dt, "t", "bun")).toMatchObject({ code: 0, stdout: "42\n", stderr: "" });
      rmSync(`/tmp/dialtone-${uid}`, { recursive: true, force: true });

      // root's own run directory, closed to others
      mkdirSync(join(open, ".dialtone", "run"), { recursive: true, mode: 0o700 });
      chmodSync(join(open, ".dialtone"), 0o700);
      expect(await as(dt, "t", "true")).toMatchObject({ code: 0, stderr: "" });
      rmSync(join(open, ".dialtone"), { recursive: true, force: true });

      // a directory the user owns
      chownSync(open, uid, uid);
      expect(await as(dt, "t", "bun")).toMatchObject({ code: 0, stdout: "42\n", stderr: "" });

      // a program and a directory that are closed
      writeFileSync(join(closed, "tool"), "#!/bin/sh\n", { mode: 0o755 });
      writeFileSync(
        join(open, "manifests", "c.json"),
        manifestOf("c", {
          tool: { run: ["tool"] },
          path: { run: [join(closed, "tool")] },
          cwd: { run: ["true"], cwd: closed },
        }),
      );
      for (const command of ["tool", "path", "cwd"]) {
        const result = await as(dt, "c", command);
        expect([command, result.code]).toEqual([command, 126]);
        expect(result.stderr).toContain(closed);
        expect(result.stderr).toContain("permission denied");
      }
      rmSync(`/tmp/dialtone-${uid}`, { recursive: true, force: true });
    },
  );

  test("a one-shot runs from below the root, from elsewhere with -C, and by DIALTONE_ROOT", async () => {
    mkdirSync(join(root.dir, "deep", "er"), { recursive: true });
    for (const [words, cwd, env] of [
      [["t", "pwd"], join(root.dir, "deep", "er"), {}],
      [["-C", root.dir, "t", "pwd"], root.base, {}],
      [["--root=root/../", "t", "pwd"], root.base, {}],
      [["t", "pwd"], root.base, { DIALTONE_ROOT: root.dir }],
    ] as [string[], string, Record<string, string>][]) {
      const result = await root.dt(words, { cwd, env });
      if (words[0] === "--root=root/../") expect(result.code).toBe(2);
      else expect(result.stdout).toBe(`${root.dir}\n`);
    }
  });

  test("a shell's functions and arrays in the environment do no harm", async () => {
    const { stdout } = await shell(root, `env 'BASH_FUNC_x%%=() { echo hi; }' "$DT" t env`);
    expect(stdout).toContain("BASH_FUNC_x%%=() { echo hi; }");
  });
});

test("an environment file that sets nothing is reported, and one that is no text is refused by name", async () => {
  const shown = `printf '%s|' "$PASS" "$COLOR" "$TAB" "$ONE" "$NOTE"; echo`;
  const root = TestRoot.create({
    ".env": "PASS=p4ss#word\nCOLOR=#ff0000\nTAB=\"a\\tb\"\nONE='a\\tb'\nNOTE=x # comment\n",
    "data.json": '{ "PASS": "x" }\n',
    "manifests/f.json": manifestOf("f", {
      values: { kind: "oneshot", run: shown, envFile: ".env" },
      json: { kind: "oneshot", run: shown, envFile: ["data.json", ".env"] },
      utf16: { kind: "oneshot", run: shown, envFile: "utf16.env" },
      host: { kind: "managed", run: `${shown}; exec sleep 1000`, envFile: ["data.json", ".env"], ready: { log: "x" } },
      hostless: { kind: "managed", run: ["sleep", "1000"], envFile: "utf16.env" },
    }),
  });
  writeFileSync(join(root.dir, "utf16.env"), Buffer.from("\uFEFFPASS=x\r\n", "utf16le"));
  const values = "p4ss#word|#ff0000|a\tb|a\\tb|x|\n";
  const note = `dt: the environment file ${join(root.dir, "data.json")} sets nothing: expected lines like NAME=value, the first is "{ \\"PASS\\": \\"x\\" }"\n`;
  const fault = `dt: The environment file ${join(root.dir, "utf16.env")} is UTF-16, expected UTF-8.\n`;
  try {
    expect(await root.dt(["f", "values"])).toMatchObject({ code: 0, stdout: values, stderr: "" });
    expect(await root.dt(["f", "json"])).toMatchObject({ code: 0, stdout: values, stderr: note });
    expect(await root.dt(["f", "json", "--capture"])).toMatchObject({ code: 0 });
    const refused = await root.dt(["f", "utf16"]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toStartWith(fault);
    const started = await root.dt(["f", "host", "-d"]);
    expect(started.code).toBe(0);
    expect(started.stderr).toContain(note);
    expect(root.read(".dialtone/run/f:host:default.log")).toBe(values);
    const unstarted = await root.dt(["f", "hostless", "-d"]);
    expect(unstarted.code).toBe(2);
    expect(unstarted.stderr).toContain(fault);
  } finally {
    await root.dispose();
  }
});
