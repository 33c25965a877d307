/** Imports that lead nowhere, and JSON that is none: named where they are, with what helps. */
import { afterEach, expect, test } from "bun:test";
import { chmodSync, existsSync } from "node:fs";
import { createProject, failureOf, removeProjects } from "./kit.ts";

afterEach(removeProjects);

test("a missing import is reported as an alias or as a package to install", async () => {
  const specifiers: [string, string, string][] = [
    ["@/lib/x", "an alias that no tsconfig.json defines", "relative to the importing file"],
    ["~/lib/x", "an alias that no tsconfig.json defines", "relative"],
    ["$lib/x", "an alias that no tsconfig.json defines", "relative"],
    ["#lib/x", "an alias, but {root}/package.json maps it to no file in `imports`", "Correct `imports` there"],
    ["@app/x", "an alias that {root}/base.json maps to no file", "Correct `paths`"],
    ["src/x", "an alias that {root}/tsconfig.json maps to no file", "Correct `paths` or `baseUrl`"],
    ["lodash/fp", "which was not found", "npm install lodash`"],
    ["@scope/pkg/sub", "which was not found", "npm install @scope/pkg`"],
    ["node:nope", "which this runtime does not have", "Correct the name"],
    ["./nope", "which was not found", "Check the path"],
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

test("an alias of a tsconfig.json that does not apply is reported with the one that does", async () => {
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
      `${project.root}/${name}/h.ts:1:15: imports "@/t", an alias of ${project.root}/base.json, which ${project.root}/${name}/tsconfig.json does not extend.`,
    );
    expect(hint).toStartWith(`Write \`"extends": "../base.json"\` in ${project.root}/${name}/tsconfig.json, or `);
  }
});

test("a tsconfig.json that every user may write to is ignored", async () => {
  const project = createProject({
    "lib/t.ts": 'export default "t";',
    "tsconfig.json": '{"compilerOptions":{"paths":{"@/*":["./lib/*"]}}}',
    "manifests/a.ts": 'import t from "@/t"; export default { name: "a", commands: {}, description: t };',
  });
  chmodSync(project.path("tsconfig.json"), 0o666);
  expect(failureOf((await project.load()).failures, "/a.ts")).toMatchObject({
    code: "permission",
    message: expect.stringContaining(`${project.root}/tsconfig.json: may be changed by every user`),
  });
});

const importing = (specifier: string) =>
  `\nimport a from "${specifier}";\nexport default { name: "x", commands: {}, description: String(a) };`;

/** Where a file system takes other capitals for the same name, such an import finds its file. */
const tellsCapitals = !existsSync(import.meta.path.toUpperCase());

test.if(tellsCapitals)("an import in the wrong capitals fails and names the file that exists", async () => {
  const files: [string, string][] = [
    ["../lib/up", "lib/Up.ts"],
    ["../lib/up.js", "lib/Up.ts"],
    ["../Lib/Up", "lib/Up.ts"],
    ["../lib/folder", "lib/Folder"],
    ["../lib/Folder/Index", "lib/Folder/index.ts"],
    ["@/up", "lib/Up.ts"],
    ["Pack", "node_modules/pack"],
  ];
  const project = createProject({
    "lib/Up.ts": "export default 1;",
    "lib/Folder/index.ts": "export default 1;",
    "node_modules/pack/index.js": "module.exports = 1;",
    "tsconfig.json": '{"compilerOptions":{"paths":{"@/*":["./lib/*"]}}}',
    "lib/helper.ts": importing("./up"),
    "manifests/helped.ts": importing("../lib/helper"),
    "manifests/later.ts": 'export default await import(\n"../lib/up");',
    "manifests/made.ts": 'export default require(["..", "lib", "up"].join("/"));',
    "manifests/read.ts": 'import { readFileSync } from "node:fs";\nreadFileSync("lib/up.ts");',
  });
  for (const [at, [specifier]] of files.entries()) project.write(`manifests/p${at}.ts`, importing(specifier));
  const { failures } = await project.load();
  const told = (file: string, message: string, there: string) =>
    expect(failureOf(failures, `/${file}.ts`)).toMatchObject({
      message: expect.stringContaining(`${project.root}/${message}`),
      hint: `${project.root}/${there} exists: use the same capitals.`,
    });
  for (const [at, [specifier, there]] of files.entries())
    told(`p${at}`, `manifests/p${at}.ts:2:15: imports ${JSON.stringify(specifier)}, which was not found.`, there);
  told("helped", 'lib/helper.ts:2:15: imports "./up", which was not found.', "lib/Up.ts");
  told("later", 'manifests/later.ts:2:1: imports "../lib/up", which was not found.', "lib/Up.ts");
  told("made", "manifests/made.ts:1: Error: ENOENT", "lib/Up.ts");
  const { message, hint } = failureOf(failures, "/read.ts");
  expect(message).toStartWith(`${project.root}/manifests/read.ts:2: Error: ENOENT`);
  expect(hint).toContain("lib/Up.ts exists");
});

test("an installed package that exports nothing is named with its fault", async () => {
  const packages: Record<string, [string | null, string]> = {
    broken: ['{"name":"broken"', "but {file} is not valid: JSON Parse error"],
    list: ["[]", "but {file} is not valid: it is not an object."],
    gone: ['{"main":"gone.js"}', 'but the main file of {file}, "gone.js", does not exist.'],
    nameless: ["{}", "but {file} names no main file, and there is no index.js beside it."],
    bare: [null, "but {file} does not exist, nor does index.js beside it."],
    exported: ['{"exports":{".":"./gone.js"}}', 'but "./gone.js", which {file} exports for it, does not exist.'],
    other: ['{"exports":{"./a":"./a.js"}}', 'but {file} does not export ".".'],
    "sub/path": ['{"exports":{".":"./i.js","./b/*":"./i.js"}}', 'but {file} does not export "./path".'],
    "plain/path": ['{"main":"i.js"}', "but {folder}/path does not exist."],
    browser: [
      '{"exports":{"browser":"./i.js"}}',
      'but {file} exports "." only under conditions that do not apply to a manifest.',
    ],
    "@scope/name/path": ['{"exports":"./i.js"}', 'but {file} does not export "./path".'],
  };
  const project = createProject({});
  const folderOf = (specifier: string) => project.path(`node_modules/${specifier.replace(/\/path$/, "")}`);
  for (const [specifier, [json]] of Object.entries(packages)) {
    project.write(`${folderOf(specifier)}/i.js`, "module.exports = 1;");
    if (json !== null) project.write(`${folderOf(specifier)}/package.json`, json);
    project.write(`manifests/p-${specifier.replaceAll("/", "-")}.ts`, importing(specifier));
  }
  const { failures } = await project.load();
  for (const [specifier, [, words]] of Object.entries(packages)) {
    const { message, hint } = failureOf(failures, `/p-${specifier.replaceAll("/", "-")}.ts`);
    const folder = folderOf(specifier);
    const said = words.replace("{file}", `${folder}/package.json`).replace("{folder}", folder);
    expect(message).toContain(`.ts:2:15: imports ${JSON.stringify(specifier)}, ${said}`);
    expect(hint).not.toContain("npm install");
  }
});

test("a fault in data that a manifest imports or reads is reported with its position", async () => {
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
