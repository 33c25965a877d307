/** ARCHITECTURE.md, held: each rule on this repository's sources, and on made-up ones that break it. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { importsOf, type Source, withoutComments } from "./architecture/imports.ts";
import { checkMakers } from "./architecture/makers.ts";
import { checkMirror } from "./architecture/mirror.ts";
import { checkNames } from "./architecture/names.ts";
import {
  checkBans,
  checkCircles,
  checkFloors,
  checkLazy,
  checkLight,
  checkPackages,
  checkStart,
  checkStrangers,
  checkTypesOnly,
  checkVerbs,
  FLOORS,
  HEAVY_MODULES,
} from "./architecture/rules.ts";
import { checkSizes } from "./architecture/sizes.ts";
import { checkWords } from "./architecture/words.ts";
import { REPOSITORY } from "./kit.ts";

const SRC = readSources("src");

describe("this repository", () => {
  test("imports go down the floors, never sideways or up", () => expect(checkFloors(SRC)).toEqual([]));
  test("folders, files and functions are small, or stand in the table of exceptions", () =>
    expect(checkSizes(SRC)).toEqual([]));
  test("each room has tests in its folder of test, or the table says where", () =>
    expect(
      checkMirror(
        SRC,
        readSources("test").map(({ path }) => path),
      ),
    ).toEqual([]));
  test("comments end at their width, and neither they nor messages use words that plain English does not need", () =>
    expect(checkWords(SRC)).toEqual([]));
  test("what is made in one place is made nowhere else", () => expect(checkMakers(SRC)).toEqual([]));
  test("an exported name stands for one thing", () => expect(checkNames(SRC)).toEqual([]));
  test("no file imports itself on a way round, by types or lazily", () => expect(checkCircles(SRC)).toEqual([]));
  test("every floor of src is named in ARCHITECTURE.md", () => {
    const text = readFileSync(join(REPOSITORY, "ARCHITECTURE.md"), "utf8");
    for (const folder of Object.keys(FLOORS)) expect(text).toContain(`src/${folder}`);
    for (const name of Object.keys(manifest.dependencies)) expect(text).toContain(`\`${name}\``);
  });
  test("each file that ARCHITECTURE.md names with its folder is there", () => {
    const text = readFileSync(join(REPOSITORY, "ARCHITECTURE.md"), "utf8");
    const named = [...text.matchAll(/(?<![\w./<>~-])(?:[\w-]+\/)+[\w.-]+\.(?:ts|order)\b/g)].map(([path]) => path);
    expect(named.length).toBeGreaterThan(50);
    for (const path of named)
      expect([path, existsSync(join(REPOSITORY, path)) || existsSync(join(REPOSITORY, "src", path))]).toEqual([
        path,
        true,
      ]);
  });
  test("the binary is made of its declared dependencies, each of them used", () =>
    expect(checkPackages(SRC, Object.keys(manifest.dependencies))).toEqual([]));
  test("heavy packages are loaded only where they are needed", () => expect(checkLazy(SRC)).toEqual([]));
  test("a one-shot loads no code of launches, and starting a launch loads no code of its host", () =>
    expect(checkLight(SRC)).toEqual([]));
  test("only dt init loads the files that it copies", () => expect(checkStart(SRC)).toEqual([]));
  test("no verb imports another verb", () => expect(checkVerbs(SRC)).toEqual([]));
  test("no source uses what the rules ban", () => expect(checkBans(SRC)).toEqual([]));
  test("files named types.ts hold types", () => expect(checkTypesOnly(SRC)).toEqual([]));
  test("plugins and manifests import only @dialtone/dt", () => {
    expect(checkStrangers([...readSources("plugins"), ...readSources("manifests")])).toEqual([]);
  });
  test("the reader of imports sees every import that Bun's transpiler sees", () => {
    const transpiler = new Bun.Transpiler({ loader: "ts", trimUnusedImports: false });
    for (const source of SRC) {
      const seen = new Set(importsOf(source).map(({ target, relative }) => (relative ? target : `package ${target}`)));
      for (const { path } of transpiler.scanImports(source.text)) {
        const [only] = importsOf({ path: source.path, text: `import "${path}";` });
        expect(seen, `${source.path} imports ${path}`).toContain(
          only?.relative ? only.target : `package ${only?.target}`,
        );
      }
    }
  });
});

describe("broken rules are reported", () => {
  const src = (path: string, text: string): Source => ({ path, text });
  const heavyModules = HEAVY_MODULES.map((path) => src(path, ""));

  test("an import sideways, upwards or out of src, a new folder and a stray file are reported", () => {
    const broken = [
      src("src/state/a.ts", 'import { x } from "../manifest/x.ts";'),
      src("src/sys/base/b.ts", 'import type { X } from "../../state/types.ts";'),
      src("src/logs/c.ts", 'type X = import("../state/types.ts").X;'),
      src("src/supervisor/launch/d.ts", 'const x = await import("../../runners/exec.ts");'),
      src("src/state/h.ts", 'const { x } = require("../output/x.ts") as typeof import("../output/x.ts");'),
      src("src/helpers/e.ts", ""),
      src("src/stray.ts", ""),
      src("src/sys/base/f.ts", 'import x from "../../../package.json" with { type: "json" };'),
      src("src/commands/g.ts", 'import { definePlugin } from "../index.ts";'),
      src("src/index.ts", 'export { x } from "./sys/x.ts";'),
    ];
    expect(checkFloors(broken)).toEqual([
      "src/state/a.ts:1 (floor 2) imports src/manifest/x.ts (floor 2)",
      "src/sys/base/b.ts:1 (floor 0) imports src/state/types.ts (floor 2)",
      "src/logs/c.ts:1 (floor 2) imports src/state/types.ts (floor 2)",
      "src/supervisor/launch/d.ts:1 (floor 3) imports src/runners/exec.ts (floor 4)",
      "src/state/h.ts:1 (floor 2) imports src/output/x.ts (floor 2)",
      "src/state/h.ts:1 (floor 2) imports src/output/x.ts (floor 2)",
      "src/helpers/e.ts: the folder src/helpers is on no floor",
      "src/stray.ts stands in no room: src holds cli.ts, index.ts and folders",
      "src/sys/base/f.ts:1 imports package.json, which is outside of src",
      "src/commands/g.ts:1 imports src/index.ts, which is for others",
      "src/index.ts:1 imports src/sys/x.ts, which is not for it",
    ]);
  });

  test("an import of a sub-room above or beside, and a sub-room on no floor, are reported", () => {
    const broken = [
      src("src/supervisor/tree/a.ts", 'import { x } from "../end/x.ts";'),
      src("src/supervisor/probe/b.ts", 'import type { X } from "../end/x.ts";'),
      src("src/supervisor/moods/c.ts", ""),
      src("src/supervisor/d.ts", ""),
      src("src/logs/deep/e.ts", ""),
      src("src/inspect/f.ts", 'await import("./why/explain.ts");'),
    ];
    expect(checkFloors(broken)).toEqual([
      "src/supervisor/tree/a.ts:1 (tree, floor 2 of supervisor) imports src/supervisor/end/x.ts (floor 4)",
      "src/supervisor/probe/b.ts:1 (probe, floor 4 of supervisor) imports src/supervisor/end/x.ts (floor 4)",
      "src/supervisor/moods/c.ts: moods is on no floor of src/supervisor",
      "src/supervisor/d.ts: . is on no floor of src/supervisor",
      "src/logs/deep/e.ts: deep is on no floor of src/logs",
      "src/inspect/f.ts:1 (., floor 0 of inspect) imports src/inspect/why/explain.ts (floor 1)",
    ]);
  });

  test("a folder, a file and a function that are too large, and a needless exception, are reported", () => {
    const long = (lines: number) => "\n".repeat(lines);
    const broken = [
      ...Array.from({ length: 15 }, (_, at) => src(`src/state/${at}.ts`, "")),
      src("src/logs/long.ts", long(221)),
      src("src/logs/grown.ts", long(231)),
      src("src/logs/deep.ts", `const a = 1;\nexport async function deep() {${long(60)}}\n`),
      src("src/logs/wide.ts", "function two<T extends (a: 1, b: 2) => 3>(a: Map<T, 1>, { b, c }: D = {}): void {}"),
      src("src/logs/wider.ts", "  async function three(\n    a: () => [1, 2],\n    b: 1,\n    c = 2,\n  ): void {}"),
    ];
    const files = { "src/logs/grown.ts": [230, "a list"], "src/logs/deep.ts": [300, "a list"] } as const;
    expect(checkSizes(broken, { folders: {}, files, functions: {}, parameters: {} })).toEqual([
      "src/state has 15 files, at most 14",
      "src/logs/long.ts has 221 lines, at most 220",
      "src/logs/grown.ts has 231 lines, at most 230",
      "src/logs/deep.ts needs no exception",
      "src/logs/deep.ts deep has 61 lines, at most 60",
      "src/logs/wider.ts three has 3 parameters, at most 2",
    ]);
  });

  test("a circle through a type and a lazy import, and a file that imports itself, are reported", () => {
    const broken = [
      src("src/state/a.ts", 'import { b } from "./b.ts";'),
      src("src/state/b.ts", 'import type { C } from "./c.ts";'),
      src("src/state/c.ts", 'const a = () => import("./a.ts");'),
      src("src/state/d.ts", 'import { a } from "./a.ts";'),
      src("src/state/e.ts", 'export type E = import("./e.ts").E;'),
    ];
    expect(checkCircles(broken)).toEqual([
      "a circle of 3: src/state/a.ts src/state/b.ts src/state/c.ts",
      "a circle of 1: src/state/e.ts",
    ]);
  });

  test("a name that two files export, and a needless exception, are reported", () => {
    const broken = [
      src("src/state/a.ts", "export interface Mark {}\nexport function one() {}"),
      src("src/logs/b.ts", "export type Mark = string;\nfunction one() {}\n// export function one() {}"),
      src("src/sys/process/c.linux.ts", "export const table = 1;"),
      src("src/sys/process/c.darwin.ts", "export const table = 2;"),
      src("src/plugin/d.ts", "export function shared() {}"),
      src("src/sys/text/d.ts", "export function shared() {}"),
    ];
    expect(checkNames(broken, { shared: "bundled alone", table: "a platform" })).toEqual([
      "Mark is exported by src/state/a.ts and src/logs/b.ts",
      "table needs no exception",
    ]);
  });

  test("a room without tests, and a row that is needless or names nothing, are reported", () => {
    const broken = [
      src("src/logs/a.ts", ""),
      src("src/sys/net/b.ts", ""),
      src("src/sys/ffi/c.ts", ""),
      src("src/cli.ts", ""),
    ];
    const covered = { "sys/ffi": ["sys/process", "sys/gone.test.ts"], logs: ["e2e"], gone: [] };
    const tests = ["test/logs/a.test.ts", "test/sys/net/kit.ts", "test/sys/process/x.test.ts", "test/e2e/y.test.ts"];
    expect(checkMirror(broken, tests, covered)).toEqual([
      "src/sys/net has no tests in test/sys/net, and no row in the table",
      "test/sys/gone.test.ts, named for src/sys/ffi, is not there",
      "src/logs needs no row",
      "src/gone needs no row",
    ]);
  });

  test("a literal outside of the one place that makes it, and a place that makes none, are reported", () => {
    const broken = [
      src("src/supervisor/tree/query.ts", "return { leader: null, host: null, ...known };"),
      src("src/supervisor/tree/stray.ts", "const query = {\n  leader: null,\n  host: null,\n};"),
      src("src/supervisor/launch/spec.ts", "return { args: [], readyTimeoutMs: null };"),
      src(
        "src/runners/a.ts",
        "const spec: LaunchSpec = {\n  key,\n};\nconst other: LaunchSpec = { ...spec, ensure: true };",
      ),
      src(
        "src/supervisor/end/b.ts",
        "const exit: ExitRecord = { version: 1 };\nconst told: ExitRecord = {\n  ...exit,\n};",
      ),
      src("src/supervisor/launch/lock.ts", 'store.path(key, "lock")'),
      src("src/supervisor/host/c.ts", '// (key, "lock")\nstore.path(run.record.key, "lock");'),
      src(
        "src/jobs/e.ts",
        'spawn([...self, "-C", root]);\nspawn([...self, FLAG.directory, root]);\nspawn([...self, FLAG.noCapture]);\nconst hint = `dt ${FLAG.capture} …`;',
      ),
      src("src/runners/g.ts", "const { file, settings } = request;\nrun({ key, file: plugin.file, settings });"),
      src("src/commands/parse/f.ts", 'flags["-C"] ?? "-C";'),
      src("src/commands/verbs/d.ts", "const ground = { table, self: [],\n  openFiles: null };"),
    ];
    expect(checkMakers(broken)).toEqual([
      "src/supervisor/tree/stray.ts:2 makes a tree query: src/supervisor/tree/query.ts does",
      "src/runners/a.ts:1 makes a launch spec: src/supervisor/launch/spec.ts does",
      "src/runners/g.ts:2 makes a task spec: src/supervisor/oneshot/taskspec.ts does",
      "src/supervisor/oneshot/taskspec.ts does not make a task spec",
      "src/supervisor/end/b.ts:1 makes an exit record: src/supervisor/launch/exit.ts does",
      "src/supervisor/launch/exit.ts does not make an exit record",
      "src/supervisor/host/c.ts:2 makes the path of a key's lock: src/supervisor/launch/lock.ts does",
      "src/jobs/e.ts:1 makes a command line of dt: src/supervisor/launch/selfargv.ts does",
      "src/jobs/e.ts:2 makes a command line of dt: src/supervisor/launch/selfargv.ts does",
      "src/jobs/e.ts:3 makes a command line of dt: src/supervisor/launch/selfargv.ts does",
      "src/supervisor/launch/selfargv.ts does not make a command line of dt",
      "src/commands/verbs/d.ts:1 makes a ground: src/supervisor/launch/ground.ts does",
      "src/supervisor/launch/ground.ts does not make a ground",
    ]);
  });

  test("a comment that is too wide and a stiff word, in a comment or a message, are reported", () => {
    const broken = [
      src("src/logs/a.ts", `/** ${"x".repeat(115)} */\nconst a = "${"y".repeat(130)}";\n// done anew\n`),
      src("src/logs/b.ts", "say(`There is: ${names}`);\n/** Whoever asks. */\n// It cannot be told from a person.\n"),
    ];
    expect(checkWords(broken)).toEqual([
      "src/logs/a.ts:1 is a comment of 122 columns, at most 120",
      'src/logs/a.ts:3 says "anew": write again',
      'src/logs/b.ts:2 says "Whoever": write the caller, the process that …',
      'src/logs/b.ts:1 says "There is:": write Known: ',
    ]);
  });

  test("an import downwards, one within a folder and one in a comment are allowed", () => {
    const fine = [
      src(
        "src/commands/a.ts",
        'import b from "./b.ts";\nimport {\n  c,\n  type D,\n} from "../sys/c.ts";\n// import "../../x.ts"\n/* import "../../y.ts" */',
      ),
      src("src/cli.ts", 'await import("./commands/a.ts");'),
      src("src/index.ts", 'export type { Plugin } from "./manifest/model/types.ts";'),
    ];
    expect(checkFloors(fine)).toEqual([]);
  });

  test("a heavy package loaded at once is reported, directly or behind another module; a type alone is allowed", () => {
    const sources = [
      ...heavyModules.filter(({ path }) => path !== "src/manifest/load/evaluate.ts"),
      src("src/manifest/load/evaluate.ts", 'import { createJiti } from "jiti/static";'),
      src("src/output/a.ts", 'import { createConsola } from "consola";'),
      src("src/manifest/b.ts", 'import { evaluate } from "./load/evaluate.ts";'),
      src(
        "src/manifest/c.ts",
        'import type { Node } from "jsonc-parser";\nawait import("jsonc-parser");\nawait import("./load/evaluate.ts");',
      ),
      src("src/manifest/d.ts", 'import { type A, type B } from "valibot";'),
      src("src/manifest/e.ts", 'import { type A, b } from "valibot";'),
    ];
    expect(checkLazy(sources)).toEqual([
      "src/output/a.ts loads consola at once: use import()",
      "src/manifest/b.ts loads src/manifest/load/evaluate.ts -> jiti/static at once: use import()",
      "src/manifest/e.ts loads valibot at once: use import()",
    ]);
  });

  test("a module that may not be loaded at once is reported behind another module, and so is one that is missing", () => {
    const sources = [
      src("src/runners/a.ts", 'import type { T } from "../logs/heavy.ts";\nimport { b } from "./b.ts";'),
      src("src/runners/b.ts", 'import { c } from "../logs/heavy.ts";'),
      src("src/runners/d.ts", 'const { c } = await import("../logs/heavy.ts");'),
      src("src/logs/heavy.ts", ""),
    ];
    const light = {
      "src/runners/a.ts": ["src/logs/heavy.ts"],
      "src/runners/d.ts": ["src/logs/heavy.ts", "src/gone.ts"],
    };
    expect(checkLight(sources, light)).toEqual([
      "src/runners/a.ts loads src/runners/b.ts -> src/logs/heavy.ts at once: use import()",
      "src/gone.ts is in LIGHT and not there",
    ]);
  });

  test("the files of dt init are reported in another verb, and where they load before dt init runs", () => {
    const sources = [
      src("src/commands/a.ts", 'import { planPlugin } from "../manifest/start/plan.ts";'),
      src("src/manifest/b.ts", 'await import("./start/files.json");'),
      src("src/commands/loaders.ts", 'import("./verbs/init.ts");\nimport init from "./verbs/init.ts";'),
      src("src/commands/verbs/init.ts", 'import { planPlugin } from "../../manifest/start/plan.ts";'),
      src("src/manifest/start/plan.ts", 'import start from "./files.json" with { type: "json" };'),
    ];
    expect(checkStart(sources)).toEqual([
      "src/commands/a.ts:1 loads src/manifest/start/plan.ts, which is for dt init alone",
      "src/manifest/b.ts:1 loads src/manifest/start/files.json, which is for dt init alone",
      "src/commands/loaders.ts:2 loads src/commands/verbs/init.ts, which is for dt init alone",
    ]);
  });

  test("a verb that imports another verb, by a type or lazily too, is reported", () => {
    const sources = [
      src("src/commands/verbs/down.ts", 'import { sentenceOf } from "./stop.ts";\nimport { x } from "../stop/x.ts";'),
      src("src/commands/verbs/ps.ts", 'import type { Row } from "./jobs.ts";\nawait import("./why.ts");'),
      src("src/commands/loaders.ts", 'import("./verbs/ps.ts");'),
    ];
    expect(checkVerbs(sources)).toEqual([
      "src/commands/verbs/down.ts:1 imports another verb, src/commands/verbs/stop.ts",
      "src/commands/verbs/ps.ts:1 imports another verb, src/commands/verbs/jobs.ts",
      "src/commands/verbs/ps.ts:2 imports another verb, src/commands/verbs/why.ts",
    ]);
  });

  test("an undeclared package and an unused one are reported", () => {
    expect(checkPackages([src("src/sys/a.ts", 'import x from "left-pad/x";\nimport "node:fs";')], ["defu"])).toEqual([
      "src/sys/a.ts:1 imports left-pad/x, which is not a dependency",
      "package.json: nothing in src imports defu",
    ]);
  });

  test("exits, streams, the environment, platforms and module variables are reported where they are banned", () => {
    const broken = [
      src(
        "src/logs/a.ts",
        'process.exit(1);\nprocess.stdout.write("");\nconsole.log();\nlet x = process.env.X;\nif (process.platform === "linux") Bun.env.X;\nprocess.kill(1);\nwriteFileSync("x", "y");\nif (confirm("sure?")) x.prompt();',
      ),
    ];
    expect(checkBans(broken).map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual(
      [
        "src/logs/a.ts:1 ends the",
        "src/logs/a.ts:2 touches process.stdout, .stderr",
        "src/logs/a.ts:3 uses console:",
        "src/logs/a.ts:8 asks somebody:",
        "src/logs/a.ts:6 sends a",
        "src/logs/a.ts:7 writes a",
        "src/logs/a.ts:4 has a",
        "src/logs/a.ts:5 branches by",
        "src/logs/a.ts:5 goes around",
        "src/logs/a.ts:4 reads the",
      ].map((line) => line.split(" ").slice(0, 3).join(" ")),
    );
    expect(checkBans([src("src/cli.ts", "process.exit(0);\n  let x = 1; // process.stdout")])).toEqual([]);
  });

  test("output that bypasses the filter is reported", () => {
    const broken = [
      src("src/commands/a.ts", 'printBytes(bytes);\nwriteBytes(2, bytes);\nwriteSync(1, "x");\nprint("\\x1b[31mred");'),
      src("src/commands/verbs/jobs.ts", "printBytes(log);"),
    ];
    expect(checkBans(broken).map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
      "src/commands/a.ts:1 writes bytes",
      "src/commands/a.ts:2 writes bytes",
      "src/commands/a.ts:3 writes to",
      "src/commands/a.ts:4 writes a",
    ]);
  });

  test("a key's text, its settings and a flag of Compose are reported outside of their one home", () => {
    const broken = [
      src(
        "src/supervisor/host/a.ts",
        [
          'const words = variant === "default" ? [] : [variant];',
          "const key = `${plugin}:dev:default`;",
          'const short = key.replace(/:default$/, "");',
          'const [plugin] = need.key.split(":");',
          "const parts = parseKey(key) as NonNullable<ReturnType<typeof parseKey>>;",
          "const settings = index.plugins[plugin]?.commands[command]?.variants[variant];",
          'const words = up.filter((word) => word !== "--force-recreate" && word !== "--scale");',
        ].join("\n"),
      ),
    ];
    expect(checkBans(broken).map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
      "src/supervisor/host/a.ts:1 spells a",
      "src/supervisor/host/a.ts:2 spells a",
      "src/supervisor/host/a.ts:3 spells a",
      "src/supervisor/host/a.ts:4 spells a",
      "src/supervisor/host/a.ts:5 spells a",
      "src/supervisor/host/a.ts:6 looks up",
      "src/supervisor/host/a.ts:7 spells a",
      "src/supervisor/host/a.ts:7 spells a",
    ]);
    expect(
      checkBans([
        src("src/values/key.ts", 'export const DEFAULT_VARIANT = "default";'),
        src("src/compose/command.ts", 'const recreate = ["--force-recreate"];'),
      ]),
    ).toEqual([]);
  });

  test("code in a file of types is reported", () => {
    expect(
      checkTypesOnly([
        src("src/state/types.ts", "export const X = 1;"),
        src("src/logs/types.ts", "export interface X { a: 1 }"),
      ]),
    ).toEqual(["src/state/types.ts holds more than types"]);
  });

  test("a plugin that imports from src, another plugin or a package is reported", () => {
    const sources = [
      src(
        "plugins/www/a.ts",
        'import "../../src/sys/x.ts";\nimport "../api/x.ts";\nimport "valibot";\nimport "./theme/b.ts";\nimport "node:fs";\nimport "bun";',
      ),
      src(
        "manifests/www.ts",
        'import { definePlugin } from "@dialtone/dt";\nimport "./helper.ts";\nimport "../plugins/www/a.ts";',
      ),
    ];
    expect(checkStrangers(sources)).toEqual([
      "plugins/www/a.ts:1 imports src/sys/x.ts",
      "plugins/www/a.ts:2 imports plugins/api/x.ts",
      "plugins/www/a.ts:3 imports valibot",
      "manifests/www.ts:3 imports plugins/www/a.ts",
    ]);
  });

  test("comments are told from strings and regular expressions", () => {
    const text = "const a = \"http://x\"; // gone\nconst b = /\\/\\//.test(`//${a}`); /* gone\n too */ const c = '/*';";
    expect(withoutComments(text)).toBe(
      "const a = \"http://x\";        \nconst b = /\\/\\//.test(`//${a}`);        \n        const c = '/*';",
    );
  });
});

function readSources(folder: string): Source[] {
  return readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|tsx|js|mjs)$/.test(name) && !/(^|\/)(dist|node_modules)\//.test(name))
    .sort()
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(join(REPOSITORY, folder, name), "utf8") }));
}
