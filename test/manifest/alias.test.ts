/** Imports that lead nowhere, and JSON that is none: named where they are, with what helps. */
import { afterEach, expect, test } from "bun:test";
import { createProject, failureOf, removeProjects } from "./kit.ts";

afterEach(removeProjects);

test("an alias is reported as one, a package as what can be installed", async () => {
  const specifiers: [string, string, string][] = [
    ["@/lib/x", "an alias that no tsconfig.json has", "relative to the importing one"],
    ["~/lib/x", "an alias that no tsconfig.json has", "relative"],
    ["$lib/x", "an alias that no tsconfig.json has", "relative"],
    ["#lib/x", "an alias, and {root}/package.json leads it to no file by `imports`", "Correct `imports` there"],
    ["@app/x", "an alias, and {root}/base.json leads it to no file", "Correct `paths`"],
    ["src/x", "an alias, and {root}/tsconfig.json leads it to no file", "Correct `paths` or `baseUrl`"],
    ["lodash/fp", "which is not there", "npm install lodash`"],
    ["@scope/pkg/sub", "which is not there", "npm install @scope/pkg`"],
    ["node:nope", "which this runtime does not have", "Correct the name"],
    ["./nope", "which is not there", "Check the path"],
  ];
  const project = createProject({
    "tsconfig.json": '{ // as one writes it\n "extends": "./base.json", "compilerOptions": { "baseUrl": "." } }',
    "base.json": '{"compilerOptions":{"paths":{"@app/*":["src/*"]}}}',
    "package.json": '{"imports":{"#ok":"./src/ok.js"}}',
    "src/ok.js": 'export default "ok";',
    "manifests/ok.ts": 'import text from "#ok"; export default { name: "ok", commands: {}, description: text };',
  });
  for (const [at, [specifier]] of specifiers.entries())
    project.write(
      `manifests/p${at}.ts`,
      `import { a } from "${specifier}";\nexport default { name: "p${at}", commands: {}, description: a };`,
    );
  const { plugins, failures } = await project.load();
  expect(plugins.ok?.description).toBe("ok");
  for (const [at, [specifier, message, hint]] of specifiers.entries()) {
    const failure = failureOf(failures, `/p${at}.ts`);
    const place = `${project.root}/manifests/p${at}.ts:1:19: imports ${JSON.stringify(specifier)}, `;
    expect(failure.message).toStartWith(place + message.replace("{root}", project.root));
    expect(failure.hint).toContain(hint);
  }
});

test("an alias of a tsconfig.json that does not count here is told with the one that does", async () => {
  const paths = '{"compilerOptions":{"paths":{"@/*":["./lib/*"]}}}';
  const of = (name: string, specifier: string) =>
    `import t from "${specifier}"; export default { name: "${name}", commands: {}, description: t };`;
  const project = createProject({
    "lib/t.ts": 'export default "t";',
    "listed/tsconfig.json": '{"extends":["../base.json"]}',
    "listed/h.ts": 'import t from "@/t"; export default t;',
    "near/tsconfig.json": "{",
    "near/h.ts": 'import t from "@/t"; export default t;',
    "base.json": paths,
    "tsconfig.json": '{"extends":"./base.json"}',
    "manifests/ok.ts": of("ok", "@/t"),
    "manifests/listed.ts": of("listed", "../listed/h"),
    "manifests/near.ts": of("near", "../near/h"),
  });
  const { plugins, failures } = await project.load();
  expect(plugins.ok?.description).toBe("t");
  for (const name of ["listed", "near"]) {
    const { message, hint } = failureOf(failures, `/${name}.ts`);
    expect(message).toBe(
      `${project.root}/${name}/h.ts:1:15: imports "@/t", which is an alias of ${project.root}/base.json, and ${project.root}/${name}/tsconfig.json counts here, which does not extend that.`,
    );
    expect(hint).toContain("extend");
  }
});

test("data that is imported or read, and is wrong, is named with the position", async () => {
  const of = (head: string) => `${head}\nexport default { name: "x", commands: {}, description: String(x) };`;
  const project = createProject({
    "lib/bad.json": '{\n  "a": 1,\n}\n',
    "lib/bad.toml": "a = 1\nb = \n",
    "lib/good.json": "{}",
    "lib/helper.ts": 'import bad from "./bad.json"; export const x = bad;',
    "manifests/a.ts": of('import o from "../lib/good.json"; import p from "../lib/bad.json"; const x = [o, p];'),
    "manifests/b.ts": of('const x = require("../lib/bad.json");'),
    "manifests/c.ts": of(
      'import { readFileSync } from "node:fs"; const x = JSON.parse(readFileSync("lib/bad.json", "utf8"));',
    ),
    "manifests/d.ts": of('import { x } from "../lib/helper";'),
    "manifests/e.ts": of('import x from "../lib/bad.toml";'),
  });
  const { failures } = await project.load();
  for (const name of ["a", "b", "c", "d"]) {
    const { message, hint } = failureOf(failures, `/${name}.ts`);
    expect([name, message]).toEqual([
      name,
      expect.stringContaining(`${project.root}/lib/bad.json:3:1: Not valid JSON`),
    ]);
    expect(hint).toContain(`manifests/${name}.ts reads it`);
  }
  expect(failureOf(failures, "/e.ts").message).toStartWith(`${project.root}/lib/bad.toml:2:`);
});
