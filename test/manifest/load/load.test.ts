import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { loadManifest } from "../../../src/manifest/load/load.ts";
import type { LoadResult } from "../../../src/manifest/model/outcome.ts";
import { until } from "../../kit.ts";
import { createProject, LOADER, plugin, removeProjects } from "../kit.ts";

afterEach(removeProjects);

async function load(name: string, text: string, more: Record<string, string> = {}) {
  const project = createProject({ [`manifests/${name}`]: text, ...more });
  const result = await project.loadOne(`manifests/${name}`);
  expect(project.leftovers()).toEqual([]);
  return { project, file: project.path(`manifests/${name}`), result };
}

function failureIn(result: LoadResult) {
  if (result.outcome.is !== "failure") throw new Error(`no failure: ${JSON.stringify(result.outcome)}`);
  return result.outcome.failure;
}

describe("code that loads", () => {
  test.each([
    [
      "a.ts",
      'import { definePlugin, type Plugin } from "@dialtone/dt";\nenum E { a = 1 }\nexport default definePlugin({ name: "a", commands: {}, description: String(E.a) satisfies string } as Plugin);',
    ],
    [
      "a.mjs",
      'import { definePlugin } from "@dialtone/dt";\nexport default definePlugin({ name: "a", commands: {} });',
    ],
    ["a.js", 'export default { name: "a", commands: {} };'],
    [
      "cjs.js",
      'const { definePlugin } = require("@dialtone/dt");\nmodule.exports = definePlugin({ name: "a", commands: {} });',
    ],
    ["tla.ts", 'const name = await Promise.resolve("a");\nexport default { name, commands: {} };'],
    ["promise.ts", 'export default Promise.resolve({ name: "a", commands: {} });'],
    ["bom.ts", '\ufeffexport default { name: "a", commands: {} };'],
    ["noisy.ts", 'console.log("x".repeat(300_000));\nexport default { name: "a", commands: {} };'],
  ])("%s", async (name, text) => {
    const { result } = await load(name, text);
    expect(result.outcome).toMatchObject({ is: "plugin", plugin: { name: "a" } });
  });

  test("helpers are imported with and without their endings, and reported", async () => {
    const { result, project, file } = await load(
      "a.ts",
      'import { one } from "../lib/one";\nimport { two } from "../lib/two.js";\nimport three from "../lib/three.json";\nexport default { name: "a", commands: {}, description: one + two + three.x };',
      {
        "lib/one.ts": 'export const one: string = "1";',
        "lib/two.ts": 'export const two = "2";',
        "lib/three.json": '{"x": "3"}',
      },
    );
    expect(result.outcome).toMatchObject({ plugin: { description: "123" } });
    expect(result.imported.sort()).toEqual(
      [project.path("lib/one.ts"), project.path("lib/three.json"), project.path("lib/two.ts"), file].sort(),
    );
  });

  test("the loading child gets the root, and nothing that steers Bun", async () => {
    const project = createProject({
      "manifests/a.ts":
        'export default { name: "a", commands: {}, description: [process.env.DIALTONE_ROOT, process.env.BUN_OPTIONS, process.env.BUN_INSPECT_X, process.cwd()].join("|") };',
    });
    Object.assign(project.env, {
      BUN_OPTIONS: "--preload /nowhere.ts",
      BUN_INSPECT_X: "1",
      BUN_JSC_nonsense: "1",
      BUN_BE_BUN: "1",
    });
    const { outcome } = await project.loadOne("manifests/a.ts");
    expect(outcome).toMatchObject({ plugin: { description: `${project.root}|||${project.root}` } });
  });

  test("manifests load in a root whose path has spaces and unicode", async () => {
    const project = createProject({ "manifests/ä b.ts": plugin("a") }, "röot mit 空白");
    expect((await project.loadOne("manifests/ä b.ts")).outcome).toMatchObject({ is: "plugin" });
  });
});

describe("a helper beside the manifests is no plugin", () => {
  test.each([
    ["no default", "h.ts", 'export const name = "x";', "has no default export"],
    ["a plugin that is not exported", "h.ts", 'definePlugin({ name: "x" });', "does not export its result"],
    ["a function", "h.ts", "export default function name() {}", "exports a function as its default"],
    ["a function that gives nothing", "h.ts", "export default () => {}", "exports a function as its default"],
    ["text", "h.ts", 'export default "x";', 'exports "x" as its default'],
    ["an object of another kind", "h.ts", "export default { a: 1 };", "exports an object with a as its default"],
    ["a list", "h.ts", 'export default [{ name: "x" }];', "exports a list as its default"],
    ["nothing", "h.ts", "", "is empty"],
    ["a CommonJS text", "h.cjs", 'module.exports = "x";', 'exports "x" as its default'],
    ["an empty object of JSON", "h.json", "{}", "holds an object without fields"],
    ["JSON of another kind", "h.json", '{"compilerOptions": {}}', "holds an object with compilerOptions"],
    ["an empty YAML file", "h.yaml", "# nothing\n", "holds nothing"],
    ["a YAML list", "h.yml", "- a\n", "holds a list"],
    ["an empty TOML file", "h.toml", "", "holds an object without fields"],
  ])("%s", async (_, name, text, why) => {
    const source = text.startsWith("definePlugin") ? `import { definePlugin } from "@dialtone/dt"; ${text}` : text;
    const { outcome } = (await load(name, source)).result;
    expect(outcome.is === "helper" ? outcome.why : outcome).toContain(why);
  });
});

test("all faults of a manifest that is code are reported in order, each with its line; a wrong kind hides none", async () => {
  const text = [
    "const shared = { cmd: 1 };",
    "export default {",
    '  name: "a",',
    '  descripton: "x",',
    "  commands: {",
    '    dev: { kind: "managed", run: "x",',
    "      prot: 3000 },",
    '    other: { kind: "onshot",',
    '      run: "   ",',
    "      prot: 1 },",
    '    more: { kind: "oneshot", run: ["  "], ...shared },',
    "  },",
    "};",
  ].join("\n");
  const { result, file } = await load("a.ts", text);
  const lines = failureIn(result).message.split("\n");
  expect(lines.map((line) => line.replace(`${file}:`, "").split(/: (?:is not|expected)/)[0])).toEqual([
    "4:3: descripton",
    "7:7: commands.dev.prot",
    "8:14: commands.other.kind",
    "9:7: commands.other.run",
    "10:7: commands.other.prot",
    "11:5: commands.more.cmd",
    "11:30: commands.more.run",
  ]);
  expect(lines[0]).toEndWith("did you mean `description`?");
});

describe("code that fails, with the place", () => {
  test.each([
    [
      "a syntax error",
      'const a = 1;\nexport default { name: "b" a };\n',
      "syntax",
      '{file}:2:28: Unexpected token, expected ",".',
    ],
    ["an unclosed block", "if (1) {\n", "syntax", "{file}:2:1: Unexpected token."],
    [
      "a throw",
      'const a: number = 1;\n\nfunction go() {\n  throw new TypeError("boom " + a);\n}\ngo();\n',
      "throws",
      "{file}:4: TypeError: boom 1.",
    ],
    ["a throw of text", 'throw "x";', "throws", '{file}: threw "x".'],
    ["a throw of nothing", "throw undefined;", "throws", "{file}: threw undefined."],
    ["a throw that cannot be shown", "throw Object.create(null);", "throws", "{file}: threw "],
    ["an unknown name", "export default nope.x;", "throws", "{file}:1: ReferenceError: nope is not defined."],
    ["a rejected await", 'await Promise.reject(new Error("no"));', "throws", "{file}:1: Error: no."],
    [
      "a missing file",
      '\nimport { a } from "../lib/gone";\nexport default { name: a };',
      "import",
      '{file}:2:19: imports "../lib/gone", which was not found.',
    ],
    [
      "a missing package",
      'import a from "@acme/gone/x";\nexport default { name: a };',
      "import",
      '{file}:1:15: imports "@acme/gone/x", which was not found.',
    ],
    [
      "a missing dynamic import",
      'export default await import("./gone.ts");',
      "import",
      '{file}:1:29: imports "./gone.ts", which was not found.',
    ],
    [
      "process.exit",
      "const code = 7;\nprocess.exit(code);\n",
      "exits",
      "{file}:2: ends the process (exit code 7) while it loads.",
    ],
    [
      "process.exit, caught",
      "try { process.exit(0); } catch {}\nexport default { name: 'a', commands: {} };",
      "exits",
      "{file}:1: ends the process (exit code 0)",
    ],
    [
      "an abort",
      'process.kill(process.pid, "SIGKILL"); await new Promise(() => {});',
      "exits",
      "{file}: the process loading it was killed by SIGKILL before it finished.",
    ],
    [
      "a deep wrong type",
      'export default { name: "a", commands: { dev: { kind: "managed", run: ["x"], port: 1, ready: { http: { path: "/" } } } } };',
      "invalid",
      '{file}:1:95: commands.dev.ready.http: expected a path like "/" or a full URL, found an object.',
    ],
    [
      "control characters in a message",
      'throw new Error("a\\u001b[31mb");',
      "throws",
      "{file}:1: Error: a\\u001b[31mb.",
    ],
  ])("%s", async (_, text, code, message) => {
    const { result, file } = await load("a.ts", text);
    const failure = failureIn(result);
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(message.replace("{file}", file));
    expect(failure.message).not.toMatch(/jiti|bunfs|babel/);
    expect(failure.file).toBe(file);
  });

  test("a fault in a helper names the helper", async () => {
    const syntax = await load("a.ts", 'import { x } from "../lib/h";\nexport default { name: x };', {
      "lib/h.ts": "\nexport const x = ;",
    });
    expect(failureIn(syntax.result).message).toBe(`${syntax.project.path("lib/h.ts")}:2:18: Unexpected token.`);
    const throws = await load("a.ts", 'import "../lib/h";', { "lib/h.ts": '\nthrow new Error("x");' });
    expect(failureIn(throws.result).message).toBe(`${throws.project.path("lib/h.ts")}:2: Error: x.`);
    const missing = await load("a.ts", 'import "../lib/h";', { "lib/h.ts": 'import "./gone";' });
    expect(failureIn(missing.result).message).toBe(
      `${missing.project.path("lib/h.ts")}:1:8: imports "./gone", which was not found.`,
    );
  });

  test("a wrong name from @dialtone/dt is suggested", async () => {
    const { result, file } = await load(
      "a.ts",
      'import { definePlugn } from "@dialtone/dt";\nexport default definePlugn({ name: "a" });',
    );
    expect(failureIn(result)).toMatchObject({
      code: "throws",
      message: `${file}:2: TypeError: \`definePlugn\` is not a function.`,
      hint: "@dialtone/dt does not export `definePlugn`; did you mean `definePlugin`?",
    });
  });

  test("a broken plugin still says its name", async () => {
    expect(failureIn((await load("a.ts", 'export default { name: "shop", commands: 3 };')).result).plugin).toBe("shop");
    expect(failureIn((await load("a.ts", 'export default { name: "../x", commands: {} };')).result).plugin).toBeNull();
  });
});

test("a machine on which the loading process takes long to come up is no fault of the manifest", async () => {
  const project = createProject({ "manifests/a.ts": plugin("a"), "manifests/b.ts": "for (;;) {}" });
  const slow = ["sh", "-c", 'sleep 1; exec "$@"', "sh", ...LOADER];
  const { failures, plugins } = await project.load({ loader: slow, timeoutMs: 500 });
  expect(Object.keys(plugins)).toContain("a");
  expect(failures.map(({ code }) => code)).toEqual(["timeout"]);
});

describe("code that hangs", () => {
  test.each([
    ["a busy loop", "while (true) {}"],
    ["an await that waits", "await new Promise((done) => setTimeout(done, 1e7));"],
    ["an await that never settles", "await new Promise(() => {});"],
    ["a flood of output", 'for (;;) console.log("x".repeat(1000));'],
    [
      "ignored signals",
      'process.on("SIGTERM", () => {});\nprocess.on("SIGINT", () => {});\nsetInterval(() => {}, 1);\nawait new Promise(() => {});',
    ],
  ])("a manifest with %s ends at the time limit", async (_, text) => {
    const project = createProject({ "manifests/a.ts": text });
    const began = performance.now();
    const failure = failureIn(await project.loadOne("manifests/a.ts", 700));
    expect(failure.code).toBe("timeout");
    expect(failure.message).toBe(`${project.path("manifests/a.ts")}: did not finish loading within 0.7 s.`);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(project.leftovers()).toEqual([]);
  });

  test.each([
    ["after a good end", 'export default { name: "a", commands: {} };'],
    ["after an exit", "process.exit(0);"],
    ["after a throw", 'throw new Error("x");'],
    ["at the limit", "for (;;) {}"],
  ])("what a hanging manifest started is gone %s", async (_, rest) => {
    const project = createProject();
    const marker = `${600_000 + Math.floor(Math.random() * 100_000)}`;
    project.write(
      "manifests/a.ts",
      `Bun.spawn(["sleep", "${marker}"], { stdio: ["ignore", "inherit", "inherit"] });\n${rest}`,
    );
    const began = performance.now();
    await project.loadOne("manifests/a.ts", 1000);
    expect(performance.now() - began).toBeLessThan(4000);
    await until("the sleep is gone", () => !commandLines().some((line) => line.includes(marker)));
  });
});

/** Command lines of all living processes. */
function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return "";
      }
    });
}

test("the child's result is passed on where nobody else can put another in its place", async () => {
  const project = createProject({ "manifests/a.json": "{}" });
  const [shared, cacheDir, where] = [project.path("shared"), project.path("cache"), project.path("where")];
  mkdirSync(shared);
  const place = async (mode: number) => {
    chmodSync(shared, mode);
    const loader = ["sh", "-c", `dirname "$2" > '${where}'`, "sh"];
    const env = { PATH: process.env.PATH ?? "", TMPDIR: shared };
    await loadManifest(project.path("manifests/a.json"), { root: project.path("."), env, loader, cacheDir });
    return dirname(readFileSync(where, "utf8"));
  };
  expect(await place(0o1777)).toBe(shared);
  expect(await place(0o777)).toBe(cacheDir);
});

test("a pipe or a link in the place of the child's result is not read", async () => {
  const project = createProject({ "manifests/a.json": "{}", treasure: '{"outcome":{"is":"helper","why":""}}' });
  for (const put of ['mkfifo "$2"', `ln -s '${project.path("treasure")}' "$2"`]) {
    const { outcome } = await loadManifest(project.path("manifests/a.json"), {
      root: project.path("."),
      env: project.env,
      loader: ["sh", "-c", put, "sh"],
    });
    expect(outcome).toMatchObject({ is: "failure", failure: { code: "exits" } });
  }
});
