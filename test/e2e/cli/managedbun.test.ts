/** The Bun inside the binary, on a machine that has neither Bun nor Node. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { DT, type RunOptions, TestRoot } from "../../kit.ts";
import { execute, manifestOf, words } from "../kit/oneshot.ts";

const TOOLS = ["sh", "env", "cat", "true", "readlink", "dirname", "sleep"];

let root: TestRoot;
let PATH: string;

beforeAll(() => {
  root = TestRoot.create({
    "hello.ts":
      'const where: string = import.meta.file;\nconsole.log("hello from", where, ...process.argv.slice(2));\nprocess.exit(3);\n',
    "script.ts": '#!/usr/bin/env bun\nconsole.log("script", process.argv.length);\n',
    "package.json": JSON.stringify({ name: "x", scripts: { inner: "bun -e 'console.log(1 + 1)'" } }),
    "node_modules/.bin/tool": "#!/bin/sh\necho tool $1\n",
    "plugins/own/node_modules/.bin/bun": "#!/bin/sh\necho of the plugin\n",
    "nested.ts": `
      const env: Record<string, string | undefined> = { ...process.env };
      for (const name of process.argv.slice(2)) {
        const { stdout, stderr, exitCode } = Bun.spawnSync([name, "b", "env"], { env });
        console.log(exitCode, stderr.toString(), JSON.stringify(stdout.toString()));
      }`,
    "manifests/b.json": manifestOf("b", {
      bun: { run: ["bun"] },
      bunx: { run: ["bunx"] },
      file: { run: ["bun", "run", "hello.ts"] },
      string: { run: "bun run hello.ts" },
      script: { run: ["./script.ts"] },
      which: { run: "command -v bun; command -v node; command -v dt; command -v dialtone.sh" },
      own: { run: ["bun", "--version"], cwd: "plugins/own" },
      nested: { run: ["bun", "nested.ts", "dt", "dialtone.sh"] },
      forced: { run: "BUN_BE_BUN=1 dt b env && BUN_BE_BUN=1 dialtone.sh b env" },
      env: { run: ["env", "-0"] },
      deep: { run: ["dt", "b", "nested"] },
    }),
    "manifests/h.ts": `
      import { definePlugin } from "@dialtone/dt";
      export default definePlugin({ name: "h", commands: { bun: { kind: "oneshot", handler: ({ exec, args }) => exec("bun", args) } } });`,
  });
  PATH = join(root.base, "bin");
  mkdirSync(PATH);
  for (const tool of TOOLS) symlinkSync(Bun.which(tool) as string, join(PATH, tool));
  for (const file of ["script.ts", "node_modules/.bin/tool", "plugins/own/node_modules/.bin/bun"])
    chmodSync(join(root.dir, file), 0o755);
});
afterAll(() => root.dispose());

/** On a PATH with a few tools and neither Bun nor Node. */
const dt = (args: string[], options: RunOptions = {}) => root.dt(args, { ...options, env: { PATH, ...options.env } });

describe("bun", () => {
  test("the machine of this test has neither Bun nor Node", async () => {
    const { stdout } = await dt(["b", "which"]);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((path) => path.split("/").at(-1)),
    ).toEqual(["bun", "dt", "dialtone.sh"]);
    expect(stdout).toContain(join(root.home, ".dialtone", "shims"));
  });

  test("bun below dt is the one inside dt, for scripts, standard input, exit codes and `#!/usr/bin/env bun`", async () => {
    expect((await dt(["b", "bun", "--version"])).stdout.trim()).toBe(Bun.version);
    expect(await dt(["b", "file", "a b", ""])).toMatchObject({ code: 3, stdout: "hello from hello.ts a b \n" });
    expect(await dt(["b", "string", "a b"])).toMatchObject({ code: 3, stdout: "hello from hello.ts a b\n" });
    expect(await dt(["b", "script", "x"])).toMatchObject({ code: 0, stdout: "script 3\n" });
    expect(await dt(["b", "bun", "run", "-"], { stdin: "console.log(await 7)" })).toMatchObject({
      code: 0,
      stdout: "7\n",
    });
    expect(await dt(["b", "bun", "run", "inner"])).toMatchObject({ code: 0, stdout: "2\n" });
    expect(await dt(["h", "bun", "-e", "console.log(process.argv.length)"])).toMatchObject({ code: 0, stdout: "1\n" });
    expect((await dt(["b", "bun", "nowhere.ts"])).code).toBe(1);
  });

  test("bunx runs what is there", async () => {
    expect(await dt(["b", "bunx", "tool", "x"])).toMatchObject({ code: 0, stdout: "tool x\n" });
  });

  test("a bun in node_modules/.bin comes before the one inside dt", async () => {
    expect((await dt(["b", "own"])).stdout).toBe("of the plugin\n");
  });

  test("the user's BUN_OPTIONS reaches the bun inside dt", async () => {
    root.write("preload.ts", "globalThis.fromPreload = 'yes';\n");
    const { stdout } = await dt(["b", "bun", "-e", "console.log(globalThis.fromPreload)"], {
      env: { BUN_OPTIONS: `--preload=${join(root.dir, "preload.ts")}` },
    });
    expect(stdout).toBe("yes\n");
  });
});

describe("dt below a bun", () => {
  test("dt below a bun is dt by both names, and its command sees nothing of that", async () => {
    for (const command of ["nested", "deep"]) {
      const { code, stdout } = await dt(["b", command]);
      expect([command, code]).toEqual([command, 0]);
      const lines = stdout.trim().split("\n");
      expect(lines).toHaveLength(2);
      for (const line of lines) {
        const [, status, talk, json] = /^(\d+) (.*?) ?(".*")$/.exec(line) ?? [];
        expect([status, talk]).toEqual(["0", ""]);
        const names = words(JSON.parse(json as string)).map((entry) => entry.split("=")[0]);
        expect(names).toContain("DIALTONE_ROOT");
        expect(names.filter((name) => name?.startsWith("BUN_"))).toEqual([]);
      }
    }
  });

  test("dt is dt where BUN_BE_BUN is set by hand", async () => {
    const { code, stdout } = await dt(["b", "forced"]);
    expect(code).toBe(0);
    expect(stdout.match(/DIALTONE_ROOT=/g)).toHaveLength(2);
    expect(stdout).not.toContain("BUN_BE_BUN");
  });
});

describe("the shims", () => {
  const shims = () => {
    const folder = join(root.home, ".dialtone", "shims");
    return readdirSync(folder).map((name) => join(folder, name));
  };

  test("the shims are made once, and again where one is missing", async () => {
    await dt(["b", "bun", "--version"]);
    const [folder] = shims();
    expect(shims()).toHaveLength(1);
    expect(readdirSync(folder as string).sort()).toEqual(["bun", "bunx", "dialtone.sh", "dt"]);
    rmSync(join(folder as string, "bun"));
    expect((await dt(["b", "bun", "--version"])).stdout.trim()).toBe(Bun.version);
  });

  test("many first runs at once all make working shims", async () => {
    rmSync(join(root.home, ".dialtone"), { recursive: true, force: true });
    const results = await Promise.all(Array.from({ length: 12 }, () => dt(["b", "bun", "-e", "console.log(1)"])));
    for (const result of results) expect(result).toMatchObject({ code: 0, stdout: "1\n", stderr: "" });
    expect(readdirSync(shims()[0] as string).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("the shims serve a binary on an awkward path, and one that has moved", async () => {
    const place = join(root.base, 'it\'s a "place" $HOME `x`');
    mkdirSync(place);
    cpSync(DT, join(place, "my dt"));
    const run = (binary: string) => execute(root, [binary, "b", "nested"], { env: { PATH } });
    expect((await run(join(place, "my dt"))).code).toBe(0);
    renameSync(join(place, "my dt"), join(root.base, "moved"));
    const moved = await run(join(root.base, "moved"));
    expect([moved.code, moved.stdout.match(/^0 /gm)?.length]).toEqual([0, 2]);
  });
});

describe("plugins inside the binary", () => {
  test("dt bun exec is bun", async () => {
    expect((await dt(["bun", "exec", "--version"])).stdout.trim()).toBe(Bun.version);
    expect(await dt(["bun", "exec", "-e", "process.exit(9)"])).toMatchObject({ code: 9 });
    expect((await dt(["bun", "exec", "--help"])).stdout).toContain("bun");
  });

  test("dt go exec is the machine's go, and reports when there is none", async () => {
    const none = await dt(["go", "exec", "version"]);
    expect([none.code, none.stdout]).toEqual([127, ""]);
    expect(none.stderr).toContain("go");
    expect(none.stderr).toContain("Install go, or put its directory on PATH");
    expect(none.stderr).toContain(PATH);
    const fake = join(root.base, "fake");
    mkdirSync(fake);
    await Bun.write(join(fake, "go"), '#!/bin/sh\necho "go $*"\n');
    chmodSync(join(fake, "go"), 0o755);
    expect((await dt(["go", "exec", "version", "-m"], { env: { PATH: `${PATH}:${fake}` } })).stdout).toBe(
      "go version -m\n",
    );
  });

  test.skipIf(Bun.which("go") === null)("the real go answers", async () => {
    expect((await root.dt(["go", "exec", "version"])).stdout).toMatch(/^go version go1/);
  });
});
