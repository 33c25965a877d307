import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isNewlyReserved, RESERVED_VERBS } from "../../../src/manifest/model/reserved.ts";
import { createProject, failureOf, plugin, removeProjects, valueAt } from "../kit.ts";

afterEach(removeProjects);

const isRoot = process.geteuid?.() === 0;
const STRANGER = 54321;

describe("where manifests are", () => {
  test("manifests are the files directly in the folder with known names", async () => {
    const project = createProject({
      "manifests/b.ts": plugin("b"),
      "manifests/a.json": '{"name": "a", "commands": {}}',
      "manifests/.hidden.ts": "throw 1",
      "manifests/types.d.ts": "throw 1",
      "manifests/readme.md": "",
      "manifests/x.tsx": "throw 1",
      "manifests/two\nlines.json": '{"name": "lines", "commands": {}}',
      "manifests/package.json": '{"name": "x"}',
      "manifests/tsconfig.json": "{ // comment\n}",
      "manifests/lib/c.ts": plugin("c"),
      "manifests/dir.ts/index.ts": "throw 1",
    });
    const { plugins, failures } = await project.load();
    expect(failures.map(({ message }) => message.slice(project.root.length + 1))).toEqual([
      "manifests/dir.ts: is a directory; a manifest is one file, directly in `manifests/`.",
      "manifests/x.tsx: no manifest ends in .tsx.",
    ]);
    expect(Object.keys(plugins)).toEqual(["a", "b", "bun", "go"]);
    expect(plugins.a).toMatchObject({ origin: "root", file: project.path("manifests/a.json") });
  });

  test("without a folder and without a home there are no manifests", async () => {
    const project = createProject();
    const { plugins, failures } = await project.load({ root: join(project.base, "nowhere"), home: null });
    expect([Object.keys(plugins), failures]).toEqual([["bun", "go"], []]);
  });

  test("manifests in the user's home are found", async () => {
    const project = createProject({ "manifests/a.ts": plugin("a"), "../home/manifests/h.ts": plugin("h") });
    const { plugins } = await project.load();
    expect(plugins.h).toMatchObject({ origin: "home", file: join(project.home, "manifests/h.ts") });
    expect((await project.load({ home: null })).plugins.h).toBeUndefined();
    // the home itself is the root: not twice
    const twice = await project.load({ root: project.home, cacheDir: join(project.base, "other") });
    expect(twice.failures).toEqual([]);
  });

  test("the binary's own manifests are one-shots without a handler", async () => {
    const { plugins } = await createProject().load();
    expect(plugins.bun).toMatchObject({ origin: "binary", file: "binary:bun" });
    expect(plugins.bun?.commands.exec?.variants.default).toMatchObject({ kind: "oneshot", run: ["bun"] });
    expect(plugins.go?.commands.exec?.variants.default).toMatchObject({ kind: "oneshot", run: ["go"] });
  });

  test("a manifests entry that is no folder, no file or missing is reported", async () => {
    const project = createProject({ "../home/manifests": "a file", "manifests/a.ts": plugin("a") });
    symlinkSync("gone.ts", project.path("manifests/dangling.ts"));
    Bun.spawnSync(["mkfifo", project.path("manifests/pipe.yaml")]);
    const { plugins, failures } = await project.load();
    expect(Object.keys(plugins)).toContain("a");
    expect(failureOf(failures, "home/manifests").message).toEndWith("home/manifests: is not a directory.");
    expect(failureOf(failures, "dangling.ts")).toMatchObject({ code: "unreadable" });
    expect(failureOf(failures, "dangling.ts").message).toEndWith(
      "dangling.ts: is a link to a file that does not exist.",
    );
    expect(failureOf(failures, "pipe.yaml").message).toEndWith("pipe.yaml: is not a regular file.");
  });
});

describe("packages named in package.json", () => {
  const named = (...plugins: unknown[]) => JSON.stringify({ name: "p", dialtone: { plugins } });
  const installed = (name: string, json: object, files: Record<string, string>) => ({
    [`node_modules/${name}/package.json`]: JSON.stringify({ name, ...json }),
    ...Object.fromEntries(Object.entries(files).map(([path, text]) => [`node_modules/${name}/${path}`, text])),
  });

  test.each<[string, object, string]>([
    ["dialtone.manifest", { dialtone: { manifest: "./m/dt.ts" }, main: "nope.js" }, "m/dt.ts"],
    ["exports as text", { exports: "./m.js" }, "m.js"],
    [
      "exports by condition",
      { exports: { ".": { types: "./x.d.ts", import: { default: "./m.mjs" }, require: "./no.cjs" } } },
      "m.mjs",
    ],
    ["main", { main: "lib/m.js" }, "lib/m.js"],
    ["main without its ending", { main: "lib" }, "lib/index.js"],
    ["nothing but index.js", {}, "index.js"],
  ])("by %s", async (_, json, file) => {
    const project = createProject({
      "package.json": named("@acme/dt-x"),
      ...installed("@acme/dt-x", json, {
        [file]:
          'import { definePlugin } from "@dialtone/dt";\nexport default definePlugin({ name: "x", commands: {} });',
      }),
    });
    const { plugins, failures } = await project.load();
    expect(failures).toEqual([]);
    expect(plugins.x).toMatchObject({ origin: "package", file: project.path(`node_modules/@acme/dt-x/${file}`) });
  });

  test.each<[string, string, Record<string, string>, string, string]>([
    ["not installed", named("gone"), {}, "unreadable", 'dialtone.plugins names "gone", which is not installed.'],
    ["not a name", named("../evil"), {}, "invalid", 'dialtone.plugins: expected a package name, found "../evil".'],
    ["not text", named(3), {}, "invalid", "dialtone.plugins: expected a package name, found 3."],
    [
      "not a list",
      '{"dialtone": {"plugins": "x"}}',
      {},
      "invalid",
      "dialtone.plugins: expected a list of package names.",
    ],
    ["not JSON", '{"dialtone": ', {}, "syntax", "is not valid JSON: "],
    [
      "a manifest outside",
      named("x"),
      installed("x", { dialtone: { manifest: "../../evil.ts" } }, {}),
      "unreadable",
      'whose manifest "../../evil.ts" is outside the package.',
    ],
    [
      "a manifest that does not exist",
      named("x"),
      installed("x", { dialtone: { manifest: "m.ts" } }, {}),
      "unreadable",
      "does not exist.",
    ],
    [
      "a manifest of a wrong type",
      named("x"),
      installed("x", { dialtone: { manifest: 3 } }, {}),
      "unreadable",
      "expected a path at dialtone.manifest.",
    ],
  ])("refused: %s", async (_, json, files, code, sentence) => {
    const project = createProject({ "package.json": json, ...files });
    const { failures } = await project.load();
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ code, file: project.path("package.json") });
    expect(failures[0]?.message).toContain(sentence);
  });

  test("a package that exports no plugin is reported", async () => {
    const project = createProject({
      "package.json": named("x"),
      ...installed("x", {}, { "index.js": "export const a = 1;" }),
    });
    const { failures } = await project.load();
    expect(failures[0]?.message).toContain("index.js: has no default export");
  });

  test("a package.json without dialtone, or a broken one that is not the project's, is ignored", async () => {
    expect((await createProject({ "package.json": "{" }).load()).failures).toEqual([]);
    expect((await createProject({ "package.json": '{"dialtone": null}' }).load()).failures).toEqual([]);
  });
});

describe("names", () => {
  test("two plugins with one name in one place both fail, and both are named", async () => {
    const project = createProject({
      "manifests/a.ts": plugin("x"),
      "manifests/b.json": '{"name": "x", "commands": {}}',
      "manifests/c.ts": plugin("c"),
    });
    const { plugins, failures } = await project.load();
    const [a, b] = [project.path("manifests/a.ts"), project.path("manifests/b.json")];
    expect(Object.keys(plugins)).toEqual(["c", "bun", "go"]);
    expect(failures.map(({ code, file, message, plugin }) => ({ code, file, message, plugin }))).toEqual([
      {
        code: "duplicate",
        file: a,
        message: `${a}: the plugin name "x" is also used by ${b}; neither is loaded.`,
        plugin: "x",
      },
      {
        code: "duplicate",
        file: b,
        message: `${b}: the plugin name "x" is also used by ${a}; neither is loaded.`,
        plugin: "x",
      },
    ]);
  });

  test("two plugins with one name in two places both fail", async () => {
    const project = createProject({ "manifests/a.ts": plugin("x"), "../home/manifests/a.ts": plugin("x") });
    const { plugins, failures } = await project.load();
    expect(plugins.x).toBeUndefined();
    expect(failures.map((failure) => failure.code)).toEqual(["duplicate", "duplicate"]);
    expect(failures[0]?.message).toContain(join(project.home, "manifests/a.ts"));
  });

  test("a broken manifest holds its name, so another does not slip into its place", async () => {
    const project = createProject({
      "manifests/a.ts": 'export default { name: "x", commands: 3 };',
      "manifests/bun.ts": 'export default { name: "bun", commands: 3 };',
      "../home/manifests/a.ts": plugin("x"),
    });
    const { plugins, failures } = await project.load();
    expect(Object.keys(plugins)).toEqual(["go"]);
    expect(failures.map((failure) => failure.code).sort()).toEqual(["duplicate", "invalid", "invalid"]);
  });

  test("a plugin of the project replaces one of the binary without a word", async () => {
    const { plugins, failures } = await createProject({ "manifests/a.ts": plugin("go") }).load();
    expect(failures).toEqual([]);
    expect(plugins.go?.origin).toBe("root");
  });

  test("a plugin may not have the name of a verb, except for verbs that came after plugins", async () => {
    const files = Object.fromEntries(
      RESERVED_VERBS.map((verb) => [`manifests/${verb}.json`, `{"name": "${verb}", "commands": {}}`]),
    );
    const project = createProject(files);
    const { plugins, failures } = await project.load();
    const kept = RESERVED_VERBS.filter(isNewlyReserved);
    expect(kept).toContain("top");
    expect(Object.keys(plugins).sort()).toEqual([...kept, "bun", "go"].sort());
    expect(failures).toHaveLength(RESERVED_VERBS.length - kept.length);
    expect(failureOf(failures, "/ps.json")).toMatchObject({
      code: "reserved",
      message: `${project.path("manifests/ps.json")}: the plugin name "ps" is taken by the built-in verb \`dt ps\`.`,
    });
  }, 60_000);

  test("names of Object.prototype work, from the cache too", async () => {
    const project = createProject({
      "manifests/a.ts": plugin("constructor", '{ toString: { kind: "oneshot", run: "x", variants: { valueOf: {} } } }'),
    });
    for (const index of [await project.load(), await project.load(), project.read(), project.peek()]) {
      const found = valueAt(index?.plugins, "constructor");
      const command = valueAt(found?.commands, "toString");
      expect(Object.keys(command?.variants ?? {})).toEqual(["default", "valueOf"]);
      expect(valueAt(index?.plugins, "toString")).toBeUndefined();
      expect(valueAt(found?.commands, "constructor")).toBeUndefined();
      expect(valueAt(command?.variants, "toString")).toBeUndefined();
      expect(valueAt(command?.variants.default?.env, "constructor")).toBeUndefined();
    }
  });
});

describe("whose files are run", () => {
  test.each([
    ["a manifest writable by all", "manifests/a.ts", 0o666],
    ["a helper writable by all", "lib/h.ts", 0o646],
    ["the folder writable by all", "manifests", 0o777],
    ["the folder writable by all, sticky", "manifests", 0o1777],
  ])("%s", async (_, path, mode) => {
    const project = createProject({
      "manifests/a.ts": 'import { mark } from "../lib/h";\nmark();\nexport default { name: "a", commands: {} };',
      "manifests/b.ts": plugin("b"),
    });
    const ran = join(project.base, "ran");
    project.write(
      "lib/h.ts",
      `export function mark() { require("node:fs").writeFileSync(${JSON.stringify(ran)}, ""); }`,
    );
    chmodSync(project.path(path), mode);
    const { plugins, failures } = await project.load();
    expect(plugins.a).toBeUndefined();
    expect(plugins.b === undefined).toBe(path === "manifests");
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({
      code: "permission",
      hint: `If its content is right: chmod o-w ${project.path(path)}`,
    });
    expect(failures[0]?.message).toContain(`${project.path(path)}: may be changed by every user`);
    expect(await Bun.file(ran).exists()).toBe(false);
    chmodSync(project.path(path), path === "manifests" ? 0o755 : 0o644);
    expect((await project.load()).plugins.a).toBeDefined();
    // the content did not change, only the mode: the cache must not hide it
    chmodSync(project.path(path), mode);
    expect((await project.load()).plugins.a).toBeUndefined();
    expect(project.read()?.plugins.a).toBeUndefined();
  });

  test.skipIf(!isRoot)(
    "another user's manifest, helper, folder or link target is refused (needs root to chown)",
    async () => {
      for (const path of ["manifests/a.ts", "lib/h.ts", "manifests"]) {
        const project = createProject({
          "lib/h.ts": 'export const name = "a";',
          "manifests/a.ts": 'import { name } from "../lib/h";\nexport default { name, commands: {} };',
        });
        chownSync(project.path(path), STRANGER, STRANGER);
        const { plugins, failures } = await project.load();
        expect(plugins.a).toBeUndefined();
        expect(failures[0]).toMatchObject({
          code: "permission",
          hint: `If you trust it: chown 0 ${project.path(path)}`,
        });
        expect(failures[0]?.message).toContain(
          `${project.path(path)}: belongs to uid ${STRANGER}, not to you (uid 0), so`,
        );
        // called through sudo by that user, as git has it
        expect((await project.load({ env: { ...project.env, SUDO_UID: String(STRANGER) } })).plugins.a).toBeDefined();
      }
      const linked = createProject();
      mkdirSync(join(linked.base, "open"));
      writeFileSync(join(linked.base, "open", "a.ts"), plugin("a"));
      chmodSync(join(linked.base, "open"), 0o777);
      symlinkSync(join(linked.base, "open", "a.ts"), linked.path("manifests/a.ts"));
      expect((await linked.load()).failures[0]).toMatchObject({
        code: "permission",
        file: linked.path("manifests/a.ts"),
      });
    },
  );

  test("an unreadable manifest takes away only its own plugin", async () => {
    const project = createProject({ "manifests/a.ts": plugin("a"), "manifests/b.ts": plugin("b") });
    writeFileSync(project.path("manifests/big.yaml"), Buffer.alloc(17 * 1024 * 1024, 35));
    const { plugins, failures } = await project.load();
    expect(Object.keys(plugins)).toEqual(["a", "b", "bun", "go"]);
    expect(failures.map((failure) => failure.message)).toEqual([
      `${project.path("manifests/big.yaml")}: is too large for a manifest (more than 17 MB).`,
    ]);
  });
});

describe("a file that gives no plugin is named", () => {
  test("a helper of another manifest, and a file without a manifest's name, are not reported", async () => {
    const project = createProject({
      "manifests/a.ts":
        'import { word } from "./words"; import ports from "./ports.json"; export default { name: word, commands: {}, description: String(ports.a) };',
      "manifests/words.ts": 'export const word = "a";',
      "manifests/ports.json": '{"a":1}',
      "manifests/README.md": "# about",
      "manifests/notes.txt": "",
      "manifests/types.d.mts": "export {};",
      "manifests/forgotten.mts":
        'import { definePlugin } from "@dialtone/dt"; definePlugin({ name: "f", commands: {} });',
      "manifests/empty.yaml": "# nothing yet",
      "manifests/UPPER.YAML": "name: upper\ncommands: {}\n",
      "manifests/other.cts": 'export default { name: "other", commands: {} };',
      "manifests/x.jsonc": "{}",
    });
    const { plugins, failures } = await project.load();
    expect(
      Object.keys(plugins)
        .filter((name) => name !== "bun" && name !== "go")
        .sort(),
    ).toEqual(["a", "other", "upper"]);
    expect(failures.map(({ file, code }) => `${code} ${file.slice(project.root.length + 11)}`).sort()).toEqual([
      "no-plugin empty.yaml",
      "no-plugin forgotten.mts",
      "no-plugin x.jsonc",
    ]);
    expect(project.peek()?.failures).toEqual(failures);
    const hintOf = (name: string) => failures.find(({ file }) => file.endsWith(name))?.hint;
    expect([hintOf("empty.yaml"), hintOf("forgotten.mts")]).toEqual([null, expect.stringContaining("Move a helper")]);
  });
});
