/**
 * The compiled binary as a program: what steers it and what does not, and what it does when its output goes nowhere.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import { DT, REPOSITORY, TestRoot } from "../../kit.ts";

const TOOLS = `
  import { definePlugin } from "@dialtone/dt";
  export default definePlugin({
    name: "tools",
    commands: {
      env: { kind: "oneshot", run: ["env"] },
      sleep: { kind: "managed", run: "echo hello; exec sleep 1000", ready: { log: "hello" } },
    },
  });`;

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

function createRoot(files: Record<string, string> = {}): TestRoot {
  const root = TestRoot.create({ "manifests/tools.ts": TOOLS, ...files });
  roots.push(root);
  return root;
}

/** Runs a line of shell; `dt` in it is the binary. */
async function shell(root: TestRoot, line: string) {
  const child = Bun.spawn(["bash", "-c", `dt() { ${DT} "$@"; }\n${line}`], {
    cwd: root.dir,
    env: root.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

describe("the directory it runs in does not steer it", () => {
  const preload = (root: TestRoot) =>
    `import { writeFileSync } from "node:fs"; writeFileSync("${root.dir}/PRELOADED", "");`;
  const HOSTILE = {
    "well-formed": {
      ".env": "HOSTILE=1\nPATH=/nowhere\nDIALTONE_ROOT=/\nDIALTONE_HOME=/dev/null/x\n",
      ".env.local": "HOSTILE=2\n",
      ".env.production": "HOSTILE=3\n",
      "bunfig.toml": 'preload = ["./preload.ts"]\nsmol = true\n[run]\npreload = ["./preload.ts"]\n',
      "package.json":
        '{ "name": "hostile", "type": "commonjs", "imports": { "#x": "./preload.ts" }, "dependencies": { "citty": "0.0.0" } }',
      "tsconfig.json":
        '{ "extends": "./none.json", "compilerOptions": { "baseUrl": ".", "jsxImportSource": "./preload.ts", "paths": { "*": ["./preload.ts"], "@dialtone/dt": ["./preload.ts"] } } }',
      "node_modules/@dialtone/dt/index.js": "throw new Error('the wrong @dialtone/dt');",
    },
    broken: {
      ".env": "HOSTILE='\n=\n\0\n",
      ".env.local": "HOSTILE=${HOSTILE",
      "bunfig.toml": "preload = [[[",
      "package.json": "{ broken",
      "tsconfig.json": "}",
    },
  };
  test.each(Object.entries(HOSTILE))("the directory it runs in does not steer dt with %s files", async (_, files) => {
    const root = createRoot(files);
    root.write("preload.ts", preload(root));

    expect(await root.dt(["--version"])).toMatchObject({ code: 0, stderr: "" });
    expect(await root.dt(["list"])).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("dt tools env"),
    });
    const { code, stdout, stderr } = await root.dt(["tools", "env"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).not.toContain("HOSTILE");
    expect(stdout).toContain(`DIALTONE_ROOT=${root.dir}\n`);
    expect(stdout).toContain(`DIALTONE_HOME=${root.home}/.dialtone\n`);
    expect(stdout).toMatch(
      new RegExp(`^PATH=.*${(root.env.PATH as string).replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`, "m"),
    );

    expect(await root.dt(["tools", "sleep", "--detach"])).toMatchObject({ code: 0 });
    const pid = root.read(".dialtone/run/tools:sleep:default.pid").trim();
    expect(readFileSync(`/proc/${pid}/environ`, "latin1")).not.toContain("HOSTILE");
    expect(existsSync(join(root.dir, "PRELOADED"))).toBe(false);
  });

  test("BUN_OPTIONS does not steer a launch's host, and reaches the command", async () => {
    const root = createRoot();
    const file = root.write(
      "preload.ts",
      `require("node:fs").appendFileSync("${root.dir}/preloaded.log", process.pid + "\\n");`,
    );
    const env = { BUN_OPTIONS: `--preload ${file}` };
    const caller = root.spawn(["tools", "sleep", "--detach"], { env });
    expect(await caller.exited).toBe(0);
    // Bun itself reads the variable before dt runs: the dt of the person is steered by design, nothing below it is.
    expect(root.read("preloaded.log")).toBe(`${caller.pid}\n`);
    const [report] = JSON.parse((await root.dt(["ps", "--json"])).stdout);
    const environ = (pid: number) => readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    expect(environ(report.host.pid).filter((line) => line.startsWith("BUN"))).toEqual([]);
    expect(environ(report.pid)).toContain(`BUN_OPTIONS=${env.BUN_OPTIONS}`);
  });
});

describe("about itself", () => {
  test("--version prints version and commit", async () => {
    const { code, stdout, stderr } = await createRoot().dt(["--version"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [, version, commit] = /^dt (\S+)(?: \(([0-9a-f]{12}\+?)\))?\n$/.exec(stdout) ?? [];
    expect(version).toBe(manifest.version);
    const head = Bun.spawnSync(["git", "rev-parse", "--short=12", "HEAD"], { cwd: REPOSITORY });
    // The build of an earlier commit is right as long as no source has changed since.
    if (head.success) expect(commit).toMatch(/^[0-9a-f]{12}\+?$/);
  });

  test("--help is an answer, and no argument at all is wrong usage", async () => {
    const root = createRoot();
    const asked = await root.dt(["--help"]);
    expect(asked).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("dt [global flags] <plugin> <command>"),
    });
    expect((await root.dt([])).code).toBe(2);
  });

  test("the binary uses its bytecode", async () => {
    const { stdout, stderr } = await createRoot().dt(["--version"], { env: { BUN_JSC_verboseDiskCache: "1" } });
    expect(stdout + stderr).toContain("Cache hit");
  });

  test("what a start reads of the binary lies at its front (else: bun run order)", async () => {
    const order = new Set(readFileSync(join(REPOSITORY, "src", "startup.order"), "utf8").split("\n"));
    const root = createRoot();
    for (const words of [["--version"], ["ps"]]) {
      const out = join(root.base, "read.order");
      await root.dt(words, { env: { BUN_BYTECODE_ORDER_OUT: out } });
      const read = readFileSync(out, "utf8")
        .split("\n")
        .filter((line) => line.startsWith("F "));
      const known = read.filter((line) => order.has(line));
      expect(read.length).toBeGreaterThan(20);
      expect(known.length / read.length).toBeGreaterThan(0.8);
    }
  });
});

describe("output that goes nowhere", () => {
  const READERS = [
    "ps",
    "ps --all --json",
    "list",
    "help",
    "schema",
    "status tools:sleep",
    "logs tools:sleep",
    "--version",
  ];

  test("a closed standard output or error, or a reader that left: no stack, no hang, and nothing in the wrong file", async () => {
    const root = createRoot();
    expect(await shell(root, "dt tools sleep --detach >&- 2>&-")).toMatchObject({ code: 0 });
    for (const words of READERS) {
      expect(await shell(root, `dt ${words} >&-`)).toMatchObject({ code: 0, stdout: "", stderr: "" });
      expect(await shell(root, `dt ${words} | true; exit $PIPESTATUS`)).toMatchObject({
        code: 0,
        stdout: "",
        stderr: "",
      });
      expect(await shell(root, `trap '' PIPE; dt ${words} | true; exit $PIPESTATUS`)).toMatchObject({
        code: 0,
        stdout: "",
        stderr: "",
      });
    }
    expect(await shell(root, "dt help | head -n 1; exit $PIPESTATUS")).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringMatching(/^dt .*\n$/),
    });
    for (const stream of ["2>&-", "2>/dev/full", ">&- 2>&- <&-"]) {
      expect(await shell(root, `dt nothing ${stream}`)).toMatchObject({ code: 2, stdout: "", stderr: "" });
    }
    expect(root.read(".dialtone/run/tools:sleep:default.log")).toBe("hello\n");
    expect(await shell(root, "dt stop --all >&- 2>&-")).toMatchObject({ code: 0 });
  });

  async function expectRefused(root: TestRoot, words: string) {
    const { code, stderr } = await shell(root, `dt ${words} >/dev/full`);
    const said = expect.stringMatching(/^dt: Standard output could not be written.*\n$/);
    expect({ words, code, stderr }).toEqual({ words, code: 1, stderr: said });
  }

  test("an answer that a full disk refuses is a failure, in one line", async () => {
    const root = createRoot();
    for (const words of READERS) if (!words.startsWith("logs")) await expectRefused(root, words);
  });

  // Ends with 0 and says nothing; to become a part of the test above.
  test("logs that a full disk refuses are a failure, in one line", async () => {
    const root = createRoot();
    await root.dt(["tools", "sleep", "--detach"]);
    await expectRefused(root, "logs tools:sleep");
  });
});
