import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { check, run, withRegion } from "./pipeline.ts";
import { addCodebase, removeCodebase } from "./registry.ts";

const made: string[] = [];
afterEach(() => {
  for (const one of made.splice(0)) rmSync(one, { recursive: true, force: true });
});

function setUp() {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "orchestra-")));
  made.push(home);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  };
  const add = (project: string, name: string) => {
    mkdirSync(join(home, "code", project, name), { recursive: true });
    addCodebase(home, { project, name, path: join(home, "code", project, name) });
  };
  return { home, write, add, read: (path: string) => readFileSync(join(home, path), "utf8") };
}

test("an empty registry is nothing to do", () => {
  expect(run(setUp().home, { scope: { is: "all" }, dryRun: false })).toEqual([]);
});

test("written once, then unchanged and not touched; the user's text stays", () => {
  const { home, add, write, read } = setUp();
  add("shop", "api");
  write("code/shop/api/CLAUDE.md", "# Mine\r\n\tkept\n");
  const [first] = run(home, { scope: { is: "one", project: null, name: "api" }, dryRun: false });
  expect(first).toMatchObject({ codebase: "api", error: null, unchanged: [] });
  expect(first?.written).toHaveLength(2);
  expect(read("code/shop/api/CLAUDE.md")).toStartWith("# Mine\r\n\tkept\n\n<!-- orchestra:begin ");
  const { mtimeMs, ino } = statSync(join(home, "code/shop/api/CLAUDE.md"));
  expect(run(home, { scope: { is: "all" }, dryRun: false })).toMatchObject([{ written: [], error: null }]);
  expect(statSync(join(home, "code/shop/api/CLAUDE.md"))).toMatchObject({ mtimeMs, ino });
  write("code/shop/api/CLAUDE.md", `before\n${read("code/shop/api/CLAUDE.md")}after`);
  write(
    ".orchestra/projects/shop/api.yaml",
    `path: ${home}/code/shop/api\ndescription: Changed\ncommands: { test: "bun test" }\n`,
  );
  run(home, { scope: { is: "all" }, dryRun: false });
  const text = read("code/shop/api/CLAUDE.md");
  expect(text).toStartWith("before\n# Mine\r\n\tkept\n");
  expect(text).toEndWith("after");
  expect(text).toContain("Changed\n");
  expect(text).toContain("- test: `bun test`\n");
});

test("a dry run says what it would write, and writes nothing", () => {
  const { home, add } = setUp();
  add("shop", "api");
  expect(run(home, { scope: { is: "all" }, dryRun: true })[0]?.written).toHaveLength(2);
  expect(check(home).map(({ state }) => state)).toEqual(["missing", "missing"]);
});

test("check: current, stale, edited within the marks, missing, and broken marks", () => {
  const { home, add, write, read } = setUp();
  add("shop", "api");
  run(home, { scope: { is: "all" }, dryRun: false });
  expect(check(home).map(({ state }) => state)).toEqual(["current", "current"]);
  const good = read("code/shop/api/CLAUDE.md");
  write("code/shop/api/CLAUDE.md", good.replace("# api", "# mine"));
  rmSync(join(home, "code/shop/api/AGENTS.md"));
  expect(check(home).map(({ state }) => state)).toEqual(["edited", "missing"]);
  run(home, { scope: { is: "all" }, dryRun: false });
  write(".orchestra/projects/shop/project.yaml", "name: shop\nconventions: [Be brief]\n");
  expect(check(home).map(({ state }) => state)).toEqual(["stale", "stale"]);
  write("code/shop/api/CLAUDE.md", good.replace("<!-- orchestra:end -->", ""));
  expect(run(home, { scope: { is: "all" }, dryRun: false })[0]?.error).toContain("fix it by hand");
  expect(read("code/shop/api/CLAUDE.md")).not.toContain("orchestra:end");
  expect(check(home)[0]?.state).toBe("broken");
});

test("the extension of an entry counts in upper and lower case", () => {
  const { home, add, write } = setUp();
  add("shop", "api");
  const text = readFileSync(join(home, ".orchestra/projects/shop/api.yaml"), "utf8");
  write(".orchestra/projects/shop/UPPER.YAML", text.replace("name: api", "name: UPPER"));
  write(".orchestra/projects/shop/api.YAML", text);
  const all = run(home, { scope: { is: "all" }, dryRun: false });
  expect(
    all
      .filter(({ error }) => error === null)
      .map(({ codebase }) => codebase)
      .sort(),
  ).toEqual(["UPPER", "api"]);
  expect(all.flatMap(({ error }) => error ?? [])).toEqual([expect.stringContaining("already declares shop/api")]);
});

test("a fault affects only its own entry; two codebases of the same name are distinguished", () => {
  const { home, add, write } = setUp();
  add("shop", "api");
  add("bank", "api");
  write(".orchestra/projects/shop/lost.yaml", "path: /nowhere/at/all\n");
  write(".orchestra/projects/shop/bad.yaml", "pat: x\n");
  write(".orchestra/projects/shop/worse.yaml", "a: [\n");
  const all = run(home, { scope: { is: "all" }, dryRun: false });
  expect(all.filter(({ error }) => error === null).map(({ project }) => project)).toEqual(["bank", "shop"]);
  expect(
    all
      .filter(({ error }) => error !== null)
      .map(({ codebase }) => codebase)
      .sort(),
  ).toEqual(["bad", "lost", "worse"]);
  expect(() => run(home, { scope: { is: "one", project: null, name: "api" }, dryRun: false })).toThrow(
    "api is in several projects: bank/api, shop/api",
  );
  expect(run(home, { scope: { is: "one", project: "bank", name: "api" }, dryRun: false })).toHaveLength(1);
  expect(run(home, { scope: { is: "project", project: "bank" }, dryRun: false })).toHaveLength(1);
  expect(() => run(home, { scope: { is: "one", project: null, name: "nope" }, dryRun: false })).toThrow(
    "no codebase nope",
  );
  removeCodebase(home, { project: "bank", name: "api" });
  expect(run(home, { scope: { is: "one", project: null, name: "api" }, dryRun: false })).toHaveLength(1);
  expect(() => addCodebase(home, { project: "shop", name: "../x", path: "/x" })).toThrow("codebase: expected");
  expect(() => addCodebase(home, { project: "shop", name: "api", path: "/x" })).toThrow("already exists");
});

test("the user's own template", () => {
  const { home, add, write, read } = setUp();
  add("shop", "api");
  write(".orchestra/templates/AGENTS.md", "{{name}} of {{project}} at {{path}}\n{{nothing}}\n");
  run(home, { scope: { is: "all" }, dryRun: false });
  expect(read("code/shop/api/AGENTS.md")).toContain(`api of shop at ${home}/code/shop/api\n{{nothing}}\n`);
  expect(read("code/shop/api/CLAUDE.md")).toContain("# api\n");
});

test("the region comes after any existing text", () => {
  expect(withRegion(null, { region: "x\n", file: "f" })).toMatch(
    /^<!-- orchestra:begin \w{16} -->\nx\n<!-- orchestra:end -->\n$/,
  );
  expect(withRegion("a", { region: "x\n", file: "f" })).toStartWith("a\n\n<!--");
  expect(withRegion("a\n\n", { region: "x\n", file: "f" })).toStartWith("a\n\n<!--");
  const once = withRegion("a\n", { region: "x\n", file: "f" });
  expect(withRegion(once, { region: "x\n", file: "f" })).toBe(once);
});
