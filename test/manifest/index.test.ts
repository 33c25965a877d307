import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { takeTurn } from "../../src/manifest/cache/loadlock.ts";
import { LOADING } from "../../src/manifest/depends/begun.ts";
import { makeSeal } from "../../src/sys/seal/seal.ts";
import { until } from "../kit.ts";
import { countLines, createProject, failureOf, LOADER, plugin, removeProjects } from "./kit.ts";

afterEach(removeProjects);

/** A project with one manifest that notes each of its loads. */
function createCounted(files: Record<string, string> = {}, body = "") {
  const project = createProject(files);
  const log = join(project.base, "loads");
  const manifest = (more: string, description = "undefined") =>
    project.write(
      "manifests/a.ts",
      `${more}\nimport { appendFileSync } from "node:fs";\nappendFileSync(${JSON.stringify(log)}, "x\\n");\nexport default { name: "a", commands: {}, description: ${description} };\n`,
    );
  manifest(body);
  return { ...project, manifest, loads: () => countLines(log) };
}

const indexFile = (project: { root: string }) => join(project.root, ".dialtone/cache/index.json");

describe("valid by content", () => {
  test("a second call loads nothing, in any of its forms", async () => {
    const project = createCounted();
    const first = await project.load();
    expect(project.loads()).toBe(1);
    expect(await project.load()).toEqual(first);
    expect(project.read()).toEqual(first);
    expect(project.peek()).toEqual(first);
    expect(project.loads()).toBe(1);
  });

  test("touching a manifest loads nothing; changing a byte loads it again", async () => {
    const project = createCounted();
    await project.load();
    project.manifest("");
    await project.load();
    expect(project.loads()).toBe(1);
    project.manifest("// new");
    expect(project.read()).toBeNull();
    await project.load();
    expect(project.loads()).toBe(2);
  });

  test("a manifest is loaded again when a helper's helper changes, goes or comes back", async () => {
    const project = createCounted({
      "lib/one.ts": 'export { two as one } from "./two";',
      "lib/two.ts": 'export const two = "2";',
    });
    project.manifest('import { one } from "../lib/one";', "one");
    expect((await project.load()).plugins.a?.description).toBe("2");
    project.write("lib/two.ts", 'export const two = "3";');
    expect((await project.load()).plugins.a?.description).toBe("3");
    rmSync(project.path("lib/two.ts"));
    expect(failureOf((await project.load()).failures, "a.ts").code).toBe("import");
    project.write("lib/two.mjs", 'export const two = "4";');
    expect((await project.load()).plugins.a?.description).toBe("4");
    // now a file that wins over it appears
    project.write("lib/two.ts", 'export const two = "5";');
    expect((await project.load()).plugins.a?.description).toBe("5");
    const loads = project.loads();
    await project.load();
    expect(project.loads()).toBe(loads);
  });

  test("a manifest is loaded again when a missing helper appears, as a folder too", async () => {
    const project = createCounted();
    project.manifest('import { x } from "../lib/x";', "x");
    expect((await project.load()).plugins.a).toBeUndefined();
    expect((await project.load()).plugins.a).toBeUndefined();
    project.write("lib/x/index.ts", 'export const x = "folder";');
    expect((await project.load()).plugins.a?.description).toBe("folder");
  });

  test("a computed import counts because it was loaded", async () => {
    const project = createCounted({ "lib/x.ts": 'export const x = "1";' });
    project.manifest('const name = "x";\nconst { x } = await import("../lib/" + name + ".ts");', "x");
    expect((await project.load()).plugins.a?.description).toBe("1");
    project.write("lib/x.ts", 'export const x = "2";');
    expect((await project.load()).plugins.a?.description).toBe("2");
  });

  test("a manifest is loaded again when a missing package is installed or its version changes", async () => {
    const project = createCounted();
    project.manifest('import { x } from "pkg";', "x");
    expect(failureOf((await project.load()).failures, "a.ts").hint).toContain("npm install pkg");
    const install = (version: string) => {
      project.write(
        "node_modules/pkg/package.json",
        JSON.stringify({ name: "pkg", version, main: "index.js", type: "module" }),
      );
      project.write("node_modules/pkg/index.js", `export const x = "${version}";`);
    };
    install("1.0.0");
    expect((await project.load()).plugins.a?.description).toBe("1.0.0");
    install("2.0.0");
    expect((await project.load()).plugins.a?.description).toBe("2.0.0");
  });

  test("a manifest depends on the environment variables that it read, and on no others", async () => {
    const project = createCounted();
    project.manifest("", "process.env.STAGE");
    const load = (env: Record<string, string>) => project.load({ env: { ...project.env, ...env } });
    expect((await load({})).plugins.a?.description).toBeNull();
    await load({ OTHER: "1", NODE_ENV: "test" });
    expect(project.loads()).toBe(1);
    expect((await load({ STAGE: "beta" })).plugins.a?.description).toBe("beta");
    expect((await load({ STAGE: "prod" })).plugins.a?.description).toBe("prod");
    expect(project.loads()).toBe(3);
    expect(readFileSync(indexFile(project), "utf8")).not.toContain('STAGE":"prod');
  });

  test("only changed manifests are loaded again, and removed ones leave the cache", async () => {
    const project = createCounted({ "manifests/b.ts": plugin("b") });
    await project.load();
    project.write("manifests/b.ts", plugin("b", "{}", ', description: "new"'));
    expect((await project.load()).plugins.b?.description).toBe("new");
    expect(project.loads()).toBe(1);
    rmSync(project.path("manifests/b.ts"));
    expect((await project.load()).plugins.b).toBeUndefined();
    project.manifest("// rewrite the cache");
    await project.load();
    expect(readFileSync(indexFile(project), "utf8")).not.toContain("b.ts");
  });

  test("a refresh loads every manifest", async () => {
    const project = createCounted();
    await project.load();
    await project.load({ refresh: true });
    expect(project.loads()).toBe(2);
  });

  test("a manifest that changes while it loads is not cached", async () => {
    const project = createCounted();
    project.manifest(
      'import { writeFileSync } from "node:fs";\nwriteFileSync(import.meta.filename, "export default { name: \'later\', commands: {} };");',
    );
    expect(Object.keys((await project.load()).plugins)).toContain("a");
    expect(Object.keys((await project.load()).plugins)).toContain("later");
  });
});

describe("failures", () => {
  test("a failure takes away only its own plugin; failed code is tried again, but not by a caller that wants another plugin", async () => {
    const project = createCounted({ "manifests/hang.ts": "for (;;) {}", "manifests/bad.json": "{" });
    const first = await project.load({ timeoutMs: 1500 });
    expect(Object.keys(first.plugins)).toContain("a");
    expect(first.failures.map(({ code }) => code).sort()).toEqual(["syntax", "timeout"]);
    const began = performance.now();
    expect(await project.load({ timeoutMs: 1500, wanted: "a" })).toEqual(first);
    expect(performance.now() - began).toBeLessThan(200);
    expect(project.peek()).toEqual(first);
    expect(await project.load({ timeoutMs: 1500 })).toEqual(first);
    expect(performance.now() - began).toBeGreaterThan(1500);
    expect(project.loads()).toBe(1);
    project.write(
      "manifests/c.ts",
      'export default { name: "c", commands: { x: { kind: "oneshot", run: ["x"], needs: ["hang:y"] } } };',
    );
    await project.load({ timeoutMs: 1500 });
    const again = performance.now();
    expect((await project.load({ timeoutMs: 1500, wanted: "c" })).failures.map(({ code }) => code)).toContain(
      "timeout",
    );
    expect(performance.now() - again).toBeGreaterThan(1500);
  });

  test("a failure of the loader itself is not cached", async () => {
    const project = createProject({ "manifests/a.ts": plugin("a") });
    const killed = await project.load({ loader: ["sh", "-c", "kill -9 $$"] });
    expect(failureOf(killed.failures, "a.ts").message).toContain("was killed by SIGKILL");
    expect((await project.load()).failures).toEqual([]);
    project.write("manifests/b.ts", plugin("b"));
    const env = { ...project.env, TMPDIR: join(project.base, "nowhere") };
    const noPlace = await project.load({ env, cacheDir: "/dev/null/cache" });
    expect(failureOf(noPlace.failures, "b.ts")).toMatchObject({ code: "unreadable" });
    expect((await project.load()).failures).toEqual([]);
  });

  test("without a place for temporary files the loader uses the cache, and leaves nothing in it", async () => {
    const project = createProject({ "manifests/a.ts": plugin("a") });
    const loaded = await project.load({ env: { ...project.env, TMPDIR: join(project.base, "nowhere") } });
    expect([Object.keys(loaded.plugins).includes("a"), loaded.failures]).toEqual([true, []]);
    expect(readdirSync(join(project.root, ".dialtone/cache")).sort()).toEqual([
      ".gitignore",
      "index.json",
      "loading.lock",
    ]);
  });

  test("a crash of the loader shows its last output", async () => {
    const project = createProject({ "manifests/a.ts": plugin("a") });
    const { failures } = await project.load({ loader: ["sh", "-c", "echo segfault >&2; exit 3"] });
    expect(failures[0]).toMatchObject({ code: "exits", hint: "Its last output:\nsegfault" });
    expect(failures[0]?.message).toEndWith("the process loading it ended with exit code 3 before it finished.");
  });
});

describe("the cache file", () => {
  test("the cache file is private, atomic and invisible to git", async () => {
    const project = createProject({ "manifests/a.ts": plugin("a") });
    await project.load();
    const directory = join(project.root, ".dialtone/cache");
    expect(lstatSync(directory).mode & 0o777).toBe(0o700);
    expect(lstatSync(indexFile(project)).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).sort()).toEqual([".gitignore", "index.json", "loading.lock"]);
  });

  /** What stands below the first line is changed, and the seal is right. */
  const inside = (change: (text: string) => string) => (text: string, seal: (text: string) => string) =>
    seal(change(text.slice(text.indexOf("\n") + 1)));
  const rebuilt: [what: string, change: (text: string, seal: (text: string) => string) => string][] = [
    ["cut off", (text) => text.slice(0, text.length / 2)],
    ["cut off in its seal", (text) => text.slice(0, 20)],
    ["empty", () => ""],
    ["without a seal", (text) => text.slice(text.indexOf("\n") + 1)],
    ["changed by a byte", (text) => text.replace('"outcome":', '"outcome": ')],
    ["with its first line alone", (text) => text.slice(0, text.indexOf("\n") + 1)],
    ["cut off, and sealed so", inside((text) => text.slice(0, text.length / 2))],
    ["of another shape", inside(() => '{"entries": 3}')],
    ["null", inside(() => "null")],
    ["of another build", inside((text) => text.replace('"build":"', '"build":"0 '))],
    ["with broken entries", inside((text) => text.replace('"outcome":', '"outcame":'))],
  ];
  test.each(rebuilt)("a cache file that is %s is rebuilt", async (_, change) => {
    const project = createCounted();
    const first = await project.load();
    const seal = (text: string) => makeSeal(project.options.cacheDir, project.home).closeText(indexFile(project), text);
    const before = readFileSync(indexFile(project), "utf8");
    // Sealed again without a change it is taken, so what is not taken below is not so for the sealing.
    writeFileSync(indexFile(project), inside((text) => text)(before, seal));
    expect(project.read()).not.toBeNull();
    const changed = change(before, seal);
    expect(changed).not.toBe(before);
    writeFileSync(indexFile(project), changed);
    expect(project.peek()).toBeNull();
    expect(project.read()).toBeNull();
    expect(await project.load()).toEqual(first);
    expect(project.loads()).toBe(2);
    await project.load();
    expect(project.loads()).toBe(2);
  });

  test("a cache file that another user could have written is ignored", async () => {
    const project = createCounted();
    await project.load();
    const file = indexFile(project);
    chmodSync(file, 0o622);
    writeFileSync(file, readFileSync(file, "utf8").replace("Bun: the project's own", "Bun, the project's own"));
    expect(project.read()).toBeNull();
    await project.load();
    expect(project.loads()).toBe(2);
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    const aside = join(project.base, "aside.json");
    writeFileSync(aside, readFileSync(indexFile(project)));
    rmSync(indexFile(project));
    symlinkSync(aside, indexFile(project));
    expect(project.read()).toBeNull();
  });

  test.skipIf(process.geteuid?.() !== 0)(
    "a cache file of another user is ignored and left alone (needs root to chown)",
    async () => {
      const project = createCounted();
      await project.load();
      const directory = join(project.root, ".dialtone/cache");
      chownSync(indexFile(project), 54321, 54321);
      expect(project.read()).toBeNull();
      chownSync(directory, 54321, 54321);
      const before = readFileSync(indexFile(project), "utf8");
      expect((await project.load()).plugins.a).toBeDefined();
      expect(readFileSync(indexFile(project), "utf8")).toBe(before);
    },
  );

  test("a cache that cannot be written costs only time", async () => {
    const project = createCounted();
    for (const [place, make] of [
      ["a file", (path: string) => writeFileSync(path, "")],
      ["a link", (path: string) => symlinkSync(project.base, path)],
    ] as const) {
      const cacheDir = join(project.base, place);
      make(cacheDir);
      expect((await project.load({ cacheDir })).plugins.a).toBeDefined();
    }
    expect((await project.load({ cacheDir: "/proc/nowhere/cache" })).plugins.a).toBeDefined();
    expect(project.loads()).toBe(3);
  });

  test.skipIf(process.geteuid?.() !== 0)(
    "manifests load on a full or read-only disk (needs root to mount)",
    async () => {
      const project = createCounted();
      const cacheDir = join(project.base, "disk");
      mkdirSync(cacheDir, { mode: 0o700 });
      const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", cacheDir]);
      if (mount.exitCode !== 0) return; // a container without the right to mount
      try {
        writeFileSync(join(cacheDir, "filler"), new Uint8Array(12 * 1024));
        expect((await project.load({ cacheDir })).plugins.a).toBeDefined();
        expect(existsSync(join(cacheDir, "index.json"))).toBe(false);
        Bun.spawnSync(["mount", "-o", "remount,ro", cacheDir]);
        expect((await project.load({ cacheDir })).plugins.a).toBeDefined();
      } finally {
        Bun.spawnSync(["umount", cacheDir]);
      }
    },
  );
});

describe("looking", () => {
  test("looking starts nothing: stale manifests are shown as they were, and removed or unknown ones are left out", async () => {
    const project = createCounted({ "manifests/b.ts": plugin("b") });
    expect(project.peek()).toBeNull();
    await project.load();
    project.manifest('throw new Error("x");');
    rmSync(project.path("manifests/b.ts"));
    project.write("manifests/c.ts", plugin("c"));
    expect(Object.keys(project.peek()?.plugins ?? {})).toEqual(["a", "bun", "go"]);
    expect(project.loads()).toBe(1);
  });
});

test("many calls at once each see the whole index", async () => {
  const names = Array.from({ length: 6 }, (_, i) => `p${i}`);
  const project = createProject(Object.fromEntries(names.map((name) => [`manifests/${name}.ts`, plugin(name)])));
  const all = await Promise.all(Array.from({ length: 3 }, () => project.load()));
  for (const { plugins, failures } of all) {
    expect(failures).toEqual([]);
    expect(Object.keys(plugins)).toEqual([...names, "bun", "go"]);
  }
  expect(project.read()).toEqual(all[0] as never);
});

test("the warm path loads no library", async () => {
  const project = createProject({ "manifests/a.ts": plugin("a") });
  await project.load();
  const script = project.write(
    "../warm.ts",
    `import { readIndex } from ${JSON.stringify(join(import.meta.dir, "../../src/manifest/index.ts"))};
     const index = readIndex(${JSON.stringify(project.options)});
     console.log(JSON.stringify({ plugins: Object.keys(index.plugins), libraries: Object.keys(require.cache).filter((path) => path.includes("node_modules")) }));`,
  );
  const { stdout } = Bun.spawnSync([process.execPath, script]);
  expect(JSON.parse(stdout.toString())).toEqual({ plugins: ["a", "bun", "go"], libraries: [] });
});

test.each([
  ["ends a dt that does not listen", "", "SIGINT"],
  [
    "is told once to a dt that does",
    'process.on("SIGINT", () => require("node:fs").appendFileSync(process.env.TOLD, "x\\n"));',
    null,
  ],
])("Ctrl-C while manifests hang leaves nothing and %s", async (_, listener, signal) => {
  const project = createProject({ "manifests/a.ts": "for (;;) {}", "manifests/b.ts": "for (;;) {}" });
  const told = join(project.base, "told");
  const script = project.write(
    "../load.ts",
    `import { loadIndex } from ${JSON.stringify(join(import.meta.dir, "../../src/manifest/index.ts"))};
     ${listener}
     await loadIndex({ ...${JSON.stringify(project.options)}, timeoutMs: 60_000 });`,
  );
  const child = Bun.spawn([process.execPath, script], {
    env: { ...process.env, TOLD: told },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until("both are being loaded", () => loadersIn(project.root) === 2);
  child.kill("SIGINT");
  await child.exited;
  expect(child.signalCode as string | null).toBe(signal);
  expect(countLines(told)).toBe(signal === null ? 1 : 0);
  await until("the load children are gone", () => loadersIn(project.root) === 0);
  expect(project.leftovers()).toEqual([]);
});

function loadersIn(root: string): number {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${LOADER.at(-1)}\0${root}`);
    } catch {
      return false;
    }
  }).length;
}

test("of many that find a change at once, one loads it", async () => {
  const { load, loads, manifest, options } = createCounted();
  expect(
    (await Promise.all(Array.from({ length: 20 }, () => load()))).map(({ plugins }) => Object.keys(plugins)),
  ).toEqual(Array.from({ length: 20 }, () => ["a", "bun", "go"]));
  expect(loads()).toBe(1);
  manifest("", '"another"');
  await Promise.all(Array.from({ length: 20 }, () => load()));
  expect(loads()).toBe(2);
  // A dt that a manifest runs while it is loaded does not wait: here another process has the turn until the test's end.
  manifest("", '"a third"');
  const turn = await takeTurn(options.cacheDir);
  await load({ env: { ...options.env, [LOADING]: "1" } });
  expect(loads()).toBe(3);
  turn?.release();
});

test("a leading ~/ in a path is the home, and the outcome then depends on the home", async () => {
  const paths = { cwd: "~/work", log: "~/a.log", envFile: ["~/a.env?", "b.env"] };
  const commands = {
    x: { kind: "managed", run: "x", ...paths },
    y: { kind: "managed", compose: { file: "~/c.yaml" }, cwd: "~x" },
  };
  const project = createProject({ "manifests/a.json": JSON.stringify({ name: "a", commands }) });
  const settings = async (env: Record<string, string | undefined>) => {
    const { a } = (await project.load({ env: { ...project.env, ...env } })).plugins;
    const [x, y] = [a?.commands.x?.variants.default, a?.commands.y?.variants.default];
    return [x?.cwd, x?.log, x?.envFile, y?.kind === "managed" && y.compose?.file, y?.cwd];
  };
  expect(await settings({})).toEqual([
    `${project.home}/work`,
    `${project.home}/a.log`,
    [`${project.home}/a.env?`, "b.env"],
    `${project.home}/c.yaml`,
    "~x",
  ]);
  expect((await settings({ HOME: "/other" }))[0]).toBe("/other/work");
});
