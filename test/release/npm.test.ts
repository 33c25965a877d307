/**
 * The npm packages, installed from their tarballs with nothing else available: the shim becomes dt, manifests have
 * their types, and what is missing is reported.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packAll } from "../../release/npm.ts";
import { hostTarget, TARGETS } from "../../release/targets.ts";
import { makeScratch } from "../kit/scratch.ts";
import { DT, REPOSITORY } from "../kit.ts";

const scratch = makeScratch();
const VERSION = "9.8.7";
let tarballs: string[];

/** Offline, and with a cache of its own: what is not among the tarballs is not to be had. */
function npm(project: string, ...args: string[]) {
  return Bun.spawnSync(["npm", ...args, "--offline", "--no-audit", "--no-fund", "--cache", join(project, ".npm")], {
    cwd: project,
    env: { PATH: process.env.PATH as string, HOME: project },
    stderr: "pipe",
  });
}

function makeProject(packages: readonly string[]): string {
  const project = scratch();
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "x", version: "1.0.0", type: "module" }));
  const run = npm(project, "install", ...packages);
  if (!run.success) throw new Error(run.stderr.toString());
  return project;
}

beforeAll(() => {
  const work = scratch();
  // The binary is the real one; of another machine's package only the manifest counts.
  const other = TARGETS.find((one) => one.os === "darwin") ?? hostTarget();
  const stub = join(work, "stub");
  writeFileSync(stub, "#!/bin/sh\nexit 99\n", { mode: 0o755 });
  tarballs = packAll(
    [
      { target: hostTarget(), file: DT },
      { target: other, file: stub },
    ],
    {
      root: REPOSITORY,
      work: join(work, "npm"),
      out: join(work, "out"),
      about: { version: VERSION, description: "d", license: "MIT" },
    },
  );
}, 120_000);

describe("installed", () => {
  let project: string;
  beforeAll(() => {
    const [host, , main] = tarballs as [string, string, string];
    project = makeProject([host, main]);
  }, 120_000);

  const dt = (...args: string[]) =>
    Bun.spawnSync([join(project, "node_modules", ".bin", "dt"), ...args], {
      cwd: project,
      env: { PATH: "/usr/bin:/bin", HOME: project, DIALTONE_HOME: join(project, "home") },
      stderr: "pipe",
    });

  test("the installed dt is this machine's binary, with no other process between", () => {
    expect(dt("--version").stdout.toString()).toMatch(/^dt \d/);
    mkdirSync(join(project, "manifests"), { recursive: true });
    writeFileSync(
      join(project, "manifests", "t.ts"),
      `import { definePlugin } from "@dialtone/dt";
export default definePlugin({ name: "t", commands: { code: { kind: "oneshot", run: "echo $PPID; printf '<%s>' \\"$@\\"; exit 7" }, die: { kind: "oneshot", run: "kill -TERM $$" } } });
`,
    );
    const run = dt("t", "code", "a b", "", "*");
    const [parent, words] = run.stdout.toString().split("\n");
    expect({ parent: Number(parent), words, code: run.exitCode }).toEqual({
      parent: process.pid,
      words: "<a b><><*>",
      code: 7,
    });
    expect(dt("t", "die").signalCode).toBe("SIGTERM");
  });

  test("a program that imports the package has its function and its types", () => {
    writeFileSync(
      join(project, "m.ts"),
      `import { definePlugin } from "@dialtone/dt";\nexport default definePlugin({ name: "t", commands: {} });\n`,
    );
    writeFileSync(
      join(project, "wrong.ts"),
      `import { definePlugin } from "@dialtone/dt";\nexport default definePlugin({ name: 1, commands: {} });\n`,
    );
    const run = Bun.spawnSync(
      [
        "node",
        "--input-type=module",
        "-e",
        'import { definePlugin, visible, within } from "@dialtone/dt"; console.log(definePlugin({ name: "n" }).name, visible("\\x1b"), within(".").read("m.ts").length > 0)',
      ],
      { cwd: project },
    );
    expect(run.stdout.toString()).toBe("n \\x1b true\n");
    const tsc = (file: string) =>
      Bun.spawnSync(
        [
          join(REPOSITORY, "node_modules/.bin/tsc"),
          "--noEmit",
          "--strict",
          "--module",
          "nodenext",
          "--moduleResolution",
          "nodenext",
          "--ignoreConfig",
          file,
        ],
        { cwd: project },
      );
    expect(tsc("m.ts").stdout.toString()).toBe("");
    expect(tsc("wrong.ts").stdout.toString()).toContain("wrong.ts(2,");
  });

  test("the installed dt finds its binary when called through a link from elsewhere", () => {
    const bin = scratch();
    Bun.spawnSync(["ln", "-s", join(project, "node_modules", ".bin", "dt"), join(bin, "dt")]);
    expect(Bun.spawnSync([join(bin, "dt"), "--version"], { cwd: "/" }).stdout.toString()).toMatch(/^dt \d/);
  });
});

test("without its platform's package dt says which one is missing, and why", () => {
  const project = makeProject([tarballs.at(-1) as string]);
  const run = Bun.spawnSync([join(project, "node_modules", ".bin", "dt"), "--version"], {
    cwd: project,
    stderr: "pipe",
  });
  expect(run.exitCode).toBe(127);
  expect(run.stderr.toString()).toContain("--omit=optional");
});

test("a package of another machine is not installed for this one", () => {
  const [, other, main] = tarballs as [string, string, string];
  const project = scratch();
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({
      name: "x",
      version: "1.0.0",
      optionalDependencies: { other: `file:${other}` },
      dependencies: { "@dialtone/dt": `file:${main}` },
    }),
  );
  const run = npm(project, "install");
  expect({ ok: run.success, stderr: run.success ? "" : run.stderr.toString() }).toEqual({ ok: true, stderr: "" });
  expect(existsSync(join(project, "node_modules", "other", "bin", "dt"))).toBe(false);
  expect(JSON.parse(readFileSync(join(project, "node_modules/@dialtone/dt/package.json"), "utf8")).version).toBe(
    VERSION,
  );
});
