/**
 * `@dialtone/dt` in what a plugin's commands run, with nothing installed: dt brings it, to its own Bun and to the
 * project's. What a stranger put where dt would put it is not used.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { REPOSITORY, TestRoot } from "../../kit.ts";

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

const PROGRAM = `import { serveLocal, visible, within } from "@dialtone/dt";
console.log(typeof serveLocal, typeof within, visible("\\u202e"));\n`;
const TEST = `import { expect, test } from "bun:test";
import { visible } from "@dialtone/dt";
test("the @dialtone/dt module is there", () => expect(visible("\\x1b")).toBe("\\\\x1b"));\n`;

function make(manifest: Record<string, unknown> = {}) {
  const commands = {
    run: { kind: "oneshot", run: ["bun", "program.ts"] },
    test: { kind: "oneshot", run: ["bun", "test", "one.test.ts"] },
    build: { kind: "oneshot", run: ["bun", "build", "program.ts", "--target", "bun", "--outfile", "built.js"] },
    path: { kind: "oneshot", run: ["bun", "-e", "console.log(process.env.NODE_PATH)"] },
    which: { kind: "oneshot", run: "command -v bun; bun -e 'console.log(1)'" },
    nested: {
      kind: "oneshot",
      run: [
        "bun",
        "-e",
        "console.log(Bun.spawnSync(['bun', '-e', 'console.log(process.env.NODE_PATH)']).stdout.toString())",
      ],
    },
    ...manifest,
  };
  const root = TestRoot.create({
    "manifests/t.json": JSON.stringify({ name: "t", commands }),
    "program.ts": PROGRAM,
    "one.test.ts": TEST,
  });
  roots.push(root);
  return root;
}

const SAYS = "function function \\u202e\n";

test("programs, tests and bundles import @dialtone/dt without another environment", async () => {
  const root = make();
  expect((await root.dt(["t", "run"])).stdout).toBe(SAYS);
  expect(await root.dt(["t", "test"])).toMatchObject({ code: 0 });
  expect((await root.dt(["t", "build"])).code).toBe(0);
  expect(root.read("built.js")).toContain("this server answers only to localhost");
  const path = (await root.dt(["t", "path"])).stdout.trim();
  expect(path).toMatch(/\/\.dialtone\/modules\/[0-9a-f]{12}\/node_modules$/);
  expect((await root.dt(["t", "path"], { env: { NODE_PATH: "/mine" } })).stdout.trim()).toBe(`/mine:${path}`);
  expect((await root.dt(["t", "nested"])).stdout.trim()).toBe(path);
  expect(readdirSync(join(path, "@dialtone/dt")).sort()).toEqual(["index.js", "package.json"]);
});

test("an installed package comes before dt's own module", async () => {
  const root = make();
  root.write(
    "node_modules/@dialtone/dt/package.json",
    '{ "name": "@dialtone/dt", "type": "module", "exports": "./index.js" }',
  );
  root.write(
    "node_modules/@dialtone/dt/index.js",
    'export const serveLocal = 1, within = 2; export const visible = () => "installed";\n',
  );
  expect((await root.dt(["t", "run"])).stdout).toBe("number number installed\n");
  expect((await root.dt(["t", "test"])).code).toBe(1);
});

test("the project's own Bun finds the module too, and a manifest may remove NODE_PATH", async () => {
  const root = make({ without: { kind: "oneshot", run: ["bun", "program.ts"], env: { NODE_PATH: null } } });
  mkdirSync(join(root.dir, "node_modules/.bin"), { recursive: true });
  symlinkSync(process.execPath, join(root.dir, "node_modules/.bin/bun"));
  expect((await root.dt(["t", "which"])).stdout).toStartWith(join(root.dir, "node_modules/.bin/bun"));
  expect((await root.dt(["t", "run"])).stdout).toBe(SAYS);
  expect((await root.dt(["t", "build"])).code).toBe(0);
  expect((await root.dt(["t", "path"], { env: { NODE_PATH: "/mine" } })).stdout).toMatch(/^\/mine:\/.*node_modules\n$/);
  expect((await root.dt(["t", "without"])).code).toBe(1);
});

describe("where it is kept", () => {
  /** Nothing can be kept at home: what dt brings is made below the run directory, which is in the project. */
  const homeless = (root: TestRoot) => ({
    env: { DIALTONE_HOME: join(root.base, "file"), HOME: join(root.base, "file") },
  });

  test("in a clone that ships a directory of the module's name each file is checked and made again", async () => {
    const root = make();
    root.write(join(root.base, "file"), "");
    expect((await root.dt(["t", "run"], homeless(root))).stdout).toBe(SAYS);
    const run = join(root.dir, ".dialtone/run");
    const [shims, modules] = ["shims", "modules"].map((name) =>
      join(run, name, readdirSync(join(run, name))[0] as string),
    ) as [string, string];
    const pwned = join(root.base, "pwned");
    for (const file of [
      join(shims, "bun"),
      join(modules, "node_modules/@dialtone/dt/index.js"),
      join(modules, "preload.js"),
    ]) {
      const good = readFileSync(file, "utf8");
      const evil = file.endsWith("bun")
        ? `#!/bin/sh\ntouch ${pwned}\n`
        : `require("node:fs").writeFileSync(${JSON.stringify(pwned)}, "");\n`;
      writeFileSync(file, evil);
      expect((await root.dt(["t", "run"], homeless(root))).stdout).toBe(SAYS);
      expect((await root.dt(["t", "test"], homeless(root))).code).toBe(0);
      expect(readdirSync(root.base)).not.toContain("pwned");
      expect(readFileSync(file, "utf8")).toBe(good);
      // A link to the right text, which may be another by the time it is run.
      renameSync(file, join(root.dir, "elsewhere"));
      symlinkSync(join(root.dir, "elsewhere"), file);
      expect((await root.dt(["t", "run"], homeless(root))).stdout).toBe(SAYS);
      rmSync(join(root.dir, "elsewhere"));
      expect((await root.dt(["t", "run"], homeless(root))).stdout).toBe(SAYS);
    }
    // And so is a directory on the way that is a link.
    const scope = dirname(join(modules, "node_modules/@dialtone/dt"));
    cpSync(scope, join(root.dir, "scope"), { recursive: true });
    rmSync(scope, { recursive: true });
    symlinkSync(join(root.dir, "scope"), scope);
    const evil = `require("node:fs").writeFileSync(${JSON.stringify(pwned)}, "");\n`;
    root.write("scope/dt/index.js", evil);
    await root.dt(["t", "run"], homeless(root));
    expect(readdirSync(root.base)).not.toContain("pwned");
    expect(root.read("scope/dt/index.js")).toBe(evil); // nor is it written to
    for (const name of ["shims", "modules"]) {
      rmSync(join(run, name), { recursive: true });
      mkdirSync(join(root.dir, "away", name), { recursive: true });
      symlinkSync(join(root.dir, "away", name), join(run, name));
    }
    await root.dt(["t", "run"], homeless(root));
    expect(readdirSync(join(root.dir, "away"), { recursive: true }).sort()).toEqual(["modules", "shims"]);
  });

  test("a module directory that others may write to is not used", async () => {
    const root = make();
    await root.dt(["t", "run"]);
    const modules = join(root.home, ".dialtone/modules");
    const [name] = readdirSync(modules);
    chmodSync(join(modules, name as string), 0o777);
    const path = (await root.dt(["t", "path"])).stdout.trim();
    expect(path).not.toStartWith(modules);
    expect((await root.dt(["t", "run"])).stdout).toBe(SAYS);
  });
});

test("the plugins of this repository, copied alone, run their own tests", async () => {
  const root = TestRoot.create();
  roots.push(root);
  for (const name of ["chat", "orchestra", "stack"])
    for (const path of [`plugins/${name}`, `manifests/${name}.ts`])
      cpSync(join(REPOSITORY, path), join(root.dir, path), { recursive: true });
  for (const name of ["orchestra", "stack"]) {
    const { code, stdout, stderr } = await root.dt([name, "test"]);
    expect([name, code, stdout + stderr]).toEqual([name, 0, expect.stringContaining(" pass")]);
  }
});
