/**
 * What an evaluation read is what the cache is asked by: by each way of reading that there is, and what cannot be known
 * is not kept.
 */
import { afterEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadManifest } from "../../../src/manifest/load/load.ts";
import { countLines, createProject, plugin, removeProjects } from "../kit.ts";

afterEach(removeProjects);

interface Way {
  /** Statements that come first, and the expression that is the plugin's description. */
  head?: string;
  value: string;
  before?: Record<string, string>;
  after?: Record<string, string>;
  env?: Record<string, string>;
  /** The file's ending. Default: ts. */
  ending?: string;
}

const FS = 'import * as fs from "node:fs";';
const text = { before: { "d/NAME/t": "old" }, after: { "d/NAME/t": "new" } };
const absent = { after: { "d/NAME/t": "new" } };
const folder = { before: { "d/NAME/one": "" }, after: { "d/NAME/two": "" } };
const deep = { before: { "d/NAME/a/one": "" }, after: { "d/NAME/b/two": "" } };
const zone = { env: { TZ: "Asia/Tokyo" } };
const variable = (name: string) => ({ env: { [name]: "new" } });

/** NAME stands for the way's own. */
const WAYS: Record<string, Way> = {
  readsync: { head: 'import { readFileSync } from "node:fs";', value: 'readFileSync("d/NAME/t", "utf8")', ...text },
  plainname: { head: 'import { readFileSync } from "fs";', value: 'readFileSync("d/NAME/t", "utf8")', ...text },
  defaultimport: { head: 'import fs from "fs";', value: 'fs.readFileSync("d/NAME/t", "utf8")', ...text },
  byrequire: { value: 'require("fs").readFileSync("d/NAME/t", "utf8")', ...text },
  byurl: { head: FS, value: 'fs.readFileSync(new URL("../d/NAME/t", import.meta.url), "utf8")', ...text },
  bydynamic: { value: '(await import("node:fs")).readFileSync("d/NAME/t", "utf8")', ...text },
  bycomputed: { value: '(await import(["node", "fs"].join(":"))).readFileSync("d/NAME/t", "utf8")', ...text },
  bybuiltin: { value: 'process.getBuiltinModule("fs").readFileSync("d/NAME/t", "utf8")', ...text },
  bycreated: {
    head: 'import { createRequire } from "node:module";',
    value: 'createRequire(import.meta.url)("node:fs").readFileSync("d/NAME/t", "utf8")',
    ...text,
  },
  callback: {
    head: FS,
    value: 'await new Promise((done) => fs.readFile("d/NAME/t", "utf8", (_, t) => done(t)))',
    ...text,
  },
  promises: {
    head: 'import { readFile } from "node:fs/promises";',
    value: 'await readFile("d/NAME/t", "utf8")',
    ...text,
  },
  fspromises: {
    head: 'import { promises } from "node:fs";',
    value: 'await promises.readFile("d/NAME/t", "utf8")',
    ...text,
  },
  handle: {
    head: 'import { open } from "node:fs/promises";',
    value:
      'await open("d/NAME/t").then(async (h) => { const t = await h.readFile("utf8"); await h.close(); return t; })',
    ...text,
  },
  descriptor: { head: FS, value: 'fs.readFileSync(fs.openSync("d/NAME/t", "r"), "utf8")', ...text },
  stream: {
    head: FS,
    value:
      'await new Promise((done) => { let t = ""; fs.createReadStream("d/NAME/t").on("data", (c) => (t += c)).on("end", () => done(t)); })',
    ...text,
  },
  bunfile: { value: 'await Bun.file("d/NAME/t").text()', ...text },
  bunimport: { head: 'import { file } from "bun";', value: 'await file("d/NAME/t").text()', ...text },
  bunexists: { value: 'await Bun.file("d/NAME/t").exists()', ...absent },
  bunsize: { value: 'Bun.file("d/NAME/t").size', before: { "d/NAME/t": "old" }, after: { "d/NAME/t": "newer" } },
  bunglob: { value: '[...new Bun.Glob("*").scanSync("d/NAME")].sort()', ...folder },
  bunglobasync: { value: '(await Array.fromAsync(new Bun.Glob("**").scan({ cwd: "d/NAME" }))).sort()', ...deep },
  nodeglob: { head: FS, value: 'fs.globSync("d/NAME/**").sort()', ...deep },
  existssync: { head: FS, value: 'fs.existsSync("d/NAME/t")', ...absent },
  access: { head: FS, value: 'await fs.promises.access("d/NAME/t").then(() => 1, () => 0)', ...absent },
  statabsent: { head: FS, value: 'fs.statSync("d/NAME/t", { throwIfNoEntry: false }) === undefined', ...absent },
  statsize: {
    head: FS,
    value: 'fs.statSync("d/NAME/t").size',
    before: { "d/NAME/t": "o" },
    after: { "d/NAME/t": "new" },
  },
  statsizelater: {
    head: FS,
    value: '(await fs.promises.stat("d/NAME/t")).size',
    before: { "d/NAME/t": "o" },
    after: { "d/NAME/t": "new" },
  },
  readdir: { head: FS, value: 'fs.readdirSync("d/NAME").sort()', ...folder },
  readdirpromise: { head: FS, value: '(await fs.promises.readdir("d/NAME")).sort()', ...folder },
  readdirdeep: { head: FS, value: 'fs.readdirSync("d/NAME", { recursive: true }).sort()', ...deep },
  opendir: {
    head: FS,
    value: 'fs.opendirSync("d/NAME").readSync() === null',
    before: { "d/NAME2/x": "" },
    after: { "d/NAME/t": "" },
  },
  json: {
    head: 'import t from "../d/NAME/t.json";',
    value: "t.a",
    before: { "d/NAME/t.json": '{"a":"old"}' },
    after: { "d/NAME/t.json": '{"a":"new"}' },
  },
  toml: {
    head: 'import t from "../d/NAME/t.toml";',
    value: "t.a",
    before: { "d/NAME/t.toml": 'a="old"' },
    after: { "d/NAME/t.toml": 'a="new"' },
  },
  textimport: {
    head: 'import t from "../d/NAME/t.txt" with { type: "text" };',
    value: "t",
    before: { "d/NAME/t.txt": "old" },
    after: { "d/NAME/t.txt": "new" },
  },
  requirejson: {
    value: 'require("../d/NAME/t.json").a',
    before: { "d/NAME/t.json": '{"a":"old"}' },
    after: { "d/NAME/t.json": '{"a":"new"}' },
  },
  computedrequire: {
    value: 'require("../d/NAME/" + ["t"].join())',
    before: { "d/NAME/t.js": 'module.exports = "old"' },
    after: { "d/NAME/t.js": 'module.exports = "new"' },
  },
  helper: {
    head: 'import { t } from "../d/NAME/helper";',
    value: "t",
    before: {
      "d/NAME/helper.mjs": 'import { readFileSync } from "node:fs"; export const t = readFileSync("d/NAME/t", "utf8");',
      "d/NAME/t": "old",
    },
    after: { "d/NAME/t": "new" },
  },
  script: {
    head: 'const { readFileSync } = require("fs");',
    value: 'readFileSync("d/NAME/t", "utf8")',
    ending: "cjs.js",
    ...text,
  },
  esmodule: {
    head: 'import { readFileSync } from "fs";',
    value: 'readFileSync("d/NAME/t", "utf8")',
    ending: "mjs",
    ...text,
  },
  packagefile: {
    head: 'import t from "NAME";',
    value: "t",
    before: {
      "node_modules/NAME/package.json": '{"main":"i.js"}',
      "node_modules/NAME/i.js": 'module.exports = require("fs").readFileSync("d/NAME/t", "utf8")',
      "d/NAME/t": "old",
    },
    after: { "d/NAME/t": "new" },
  },
  packagemodule: {
    head: 'import t from "NAME";',
    value: "t",
    before: {
      "node_modules/NAME/package.json": '{"type":"module","main":"i.js"}',
      "node_modules/NAME/i.js": 'import { readFileSync } from "fs"; export default readFileSync("d/NAME/t", "utf8");',
      "d/NAME/t": "old",
    },
    after: { "d/NAME/t": "new" },
  },
  packageofpackage: {
    head: 'import t from "NAME";',
    value: "t",
    before: {
      "node_modules/NAME/package.json": '{"main":"i.js"}',
      "node_modules/NAME/i.js": 'module.exports = require("NAME-2")',
      "node_modules/NAME-2/package.json": '{"main":"i.js"}',
      "node_modules/NAME-2/i.js": 'module.exports = "old"',
    },
    after: { "node_modules/NAME-2/i.js": 'module.exports = "new"' },
  },
  packageappears: {
    value: '(() => { try { return require("NAME"); } catch { return "none"; } })()',
    after: { "node_modules/NAME/index.js": 'module.exports = "new"' },
  },
  commonjs: {
    head: 'import made from "../d/NAME/made.cjs";',
    value: "made.t",
    before: {
      "d/NAME/made.cjs": 'module.exports = { t: require("fs").readFileSync("d/NAME/t", "utf8") }',
      "d/NAME/t": "old",
    },
    after: { "d/NAME/t": "new" },
  },
  commonjsplain: {
    head: 'import t from "../d/NAME/t.js";',
    value: "t.t",
    before: { "d/NAME/t.js": 'exports.t = "old"' },
    after: { "d/NAME/t.js": 'exports.t = "new"' },
  },
  createdfile: {
    head: 'import { createRequire } from "node:module";',
    value: 'createRequire(import.meta.url)("../d/NAME/t.cjs")',
    before: { "d/NAME/t.cjs": 'module.exports = "old"' },
    after: { "d/NAME/t.cjs": 'module.exports = "new"' },
  },
  packageloads: {
    head: 'import load from "NAME";',
    value: 'await load(process.cwd() + "/d/NAME/t.mjs")',
    before: {
      "node_modules/NAME/package.json": '{"type":"module","main":"i.js"}',
      "node_modules/NAME/i.js": "export default async (path) => (await import(path)).default",
      "d/NAME/t.mjs": 'export default "old"',
    },
    after: { "d/NAME/t.mjs": 'export default "new"' },
  },
  packageloadsimported: {
    head: 'import load from "NAME"; import t from "../d/NAME/t.mjs";',
    value: 't + (await load(process.cwd() + "/d/NAME/t.mjs"))',
    before: {
      "node_modules/NAME/package.json": '{"type":"module","main":"i.js"}',
      "node_modules/NAME/i.js": "export default async (path) => (await import(path)).default",
      "d/NAME/t.mjs": 'export default "old"',
    },
    after: { "d/NAME/t.mjs": 'export default "new"' },
  },
  packagerequires: {
    head: 'import load from "NAME";',
    value: 'load(process.cwd() + "/d/NAME/t.js")',
    before: {
      "node_modules/NAME/package.json": '{"main":"i.js"}',
      "node_modules/NAME/i.js": "module.exports = (path) => require(path)",
      "d/NAME/t.js": 'module.exports = "old"',
    },
    after: { "d/NAME/t.js": 'module.exports = "new"' },
  },
  packagemetaenv: {
    head: 'import t from "NAME";',
    value: "t",
    before: {
      "node_modules/NAME/package.json": '{"type":"module","main":"i.js"}',
      "node_modules/NAME/i.js": "export default import.meta.env.V_NAME",
    },
    ...variable("V_NAME"),
  },
  metaenvquoted: { value: 'import.meta["env"].V_NAME', ...variable("V_NAME") },
  babelenv: { value: "process.env.BABEL_NAME", ...variable("BABEL_NAME") },
  builtinbun: { value: 'process.getBuiltinModule("bun").env.V_NAME', ...variable("V_NAME") },
  realnative: {
    head: FS,
    value: '(() => { try { return fs.realpathSync.native("d/NAME/t"); } catch { return "none"; } })()',
    ...absent,
  },
  processenv: { value: "process.env.V_NAME", ...variable("V_NAME") },
  envofprocess: { head: 'import { env } from "node:process";', value: "env.V_NAME", ...variable("V_NAME") },
  bunenv: { value: "Bun.env.V_NAME", ...variable("V_NAME") },
  bunenvtaken: { head: "const { env } = Bun;", value: 'env["V_" + "NAME"]', ...variable("V_NAME") },
  bunenvimport: { head: 'import { env } from "bun";', value: "env.V_NAME", ...variable("V_NAME") },
  metaenv: { value: "import.meta.env.V_NAME", ...variable("V_NAME") },
  envspread: { value: "({ ...process.env }).V_NAME", ...variable("V_NAME") },
  envkeys: { value: 'Object.keys(process.env).filter((name) => name === "V_NAME").length', ...variable("V_NAME") },
  envset: {
    head: 'process.env.SET_BY_ITSELF = "x";',
    value: "`${process.env.SET_BY_ITSELF}${process.env.V_NAME}`",
    ...variable("V_NAME"),
  },
  processnamed: {
    head: 'import { cwd, env, version } from "process";',
    value: "`${cwd()}${version}${env.V_NAME}`",
    ...variable("V_NAME"),
  },
  computedabsent: {
    value: '(() => { try { return require(["..", "d", "NAME", "t"].join("/")); } catch { return "none"; } })()',
    after: { "d/NAME/t.js": 'module.exports = "new"' },
  },
  optionalimport: {
    value: '(await import("../d/NAME/t").catch(() => ({ default: "none" }))).default',
    after: { "d/NAME/t.ts": 'export default "new"' },
  },
  modified: {
    value: 'Bun.file("d/NAME/t").lastModified > 0 ? Bun.file("d/NAME/t").lastModified : 0',
    after: { "d/NAME/t": "" },
  },
  fstat: {
    head: FS,
    value: 'fs.fstatSync(fs.openSync("d/NAME/t", "r")).size',
    before: { "d/NAME/t": "o" },
    after: { "d/NAME/t": "new" },
  },
  link: { head: FS, value: 'fs.readdirSync("d/NAME", { withFileTypes: true }).map((one) => one.isFile())', ...folder },
  homemade: {
    head: 'import { make } from "../d/NAME/make.cjs";',
    value: "make()",
    before: {
      "d/NAME/make.cjs": 'const fs = require("fs"); exports.make = () => fs.readdirSync("d/NAME/in").length;',
      "d/NAME/in/one": "",
    },
    after: { "d/NAME/in/two": "" },
  },
  envin: { value: '"V_NAME" in process.env', ...variable("V_NAME") },
  zoneoffset: { value: "new Date(0).getTimezoneOffset()", ...zone },
  zonename: { value: "Intl.DateTimeFormat().resolvedOptions().timeZone", ...zone },
  zonehours: { value: "new Date(0).getHours()", ...zone },
  zonetext: { value: "new Date(0)", ...zone },
  zonelocale: { value: "new Date(0).toLocaleTimeString()", ...zone },
  zoneformat: { value: "new Intl.DateTimeFormat('en', { timeStyle: 'full' }).format(0)", ...zone },
  zonerange: { value: "new Intl.DateTimeFormat('en', { timeStyle: 'full' }).formatRange(0, 1)", ...zone },
  zoneread: { value: 'new Date("2026-01-01T00:00").getTime()', ...zone },
  zoneparse: { value: 'Date.parse("2026-01-01T00:00")', ...zone },
  zonenumbers: { value: "new Date(2026, 0, 1).toISOString()", ...zone },
  zoneset: { value: "new Date(0).setHours(1)", ...zone },
  zoneinstant: { value: "Temporal.Instant.fromEpochMilliseconds(0).toLocaleString()", ...zone },
  zonecron: { value: 'Bun.cron.parse("0 5 * * *", 0).getTime()', ...zone },
  zonefile: { head: FS, value: 'fs.statSync("manifests/zonefile.ts").mtime', ...zone },
  homedir: { head: 'import { homedir } from "node:os";', value: "homedir()", env: { HOME: "/new" } },
  which: { value: 'Bun.which("tool-NAME", { PATH: process.cwd() + "/d/NAME" })', after: { "d/NAME/tool-NAME": "#!x" } },
  fromglobal: {
    value: 'globalThis.Bun.file("d/NAME/t").text ? await globalThis.Bun.file("d/NAME/t").text() : ""',
    ...text,
  },
  realpath: {
    head: FS,
    value: '(() => { try { return fs.realpathSync("d/NAME/t"); } catch { return "none"; } })()',
    ...absent,
  },
};

/**
 * A helper with an alias: what its tsconfig.json is, and what that comes to be. The alias leads to the folder `one` or
 * `two`.
 */
function aliased(before: Record<string, string>, after: Record<string, string>, specifier = "@/t"): Way {
  const inFolder = (files: Record<string, string>) =>
    Object.fromEntries(Object.entries(files).map(([path, content]) => [`d/NAME/${path}`, content]));
  return {
    head: 'import t from "../d/NAME/in/helper";',
    value: "t",
    before: inFolder({
      "in/helper.ts": `import t from "${specifier}"; export default t;`,
      "one/t.ts": 'export default "one";',
      "two/t.ts": 'export default "two";',
      ...before,
    }),
    after: inFolder(after),
  };
}

const leadsTo = (...targets: string[]) =>
  JSON.stringify({ compilerOptions: { paths: { "@/*": targets.map((one) => `./${one}/*`) } } });

const ALIASES: Record<string, Way> = {
  tspaths: aliased({ "tsconfig.json": leadsTo("one") }, { "tsconfig.json": leadsTo("two") }),
  tspathsfile: aliased({ "tsconfig.json": leadsTo("one") }, { "one/t.ts": 'export default "new";' }),
  tsfirst: aliased({ "tsconfig.json": leadsTo("none", "two") }, { "none/t.ts": 'export default "new";' }),
  tsextended: aliased(
    { "tsconfig.json": '{ // as one writes it\n "extends": "./base.json" }', "base.json": leadsTo("one") },
    { "base.json": leadsTo("two") },
  ),
  tsbase: aliased(
    { "tsconfig.json": '{"compilerOptions":{"baseUrl":"one"}}' },
    { "tsconfig.json": '{"compilerOptions":{"baseUrl":"two"}}' },
    "t",
  ),
  jsconfig: aliased({ "jsconfig.json": leadsTo("one") }, { "jsconfig.json": leadsTo("two") }),
  tsoverjs: aliased({ "jsconfig.json": leadsTo("one") }, { "tsconfig.json": leadsTo("two") }),
  tsnearer: aliased({ "tsconfig.json": leadsTo("one") }, { "in/tsconfig.json": leadsTo("../two") }),
  tscomputed: {
    ...aliased({ "tsconfig.json": leadsTo("one") }, { "tsconfig.json": leadsTo("two") }),
    before: {
      "d/NAME/in/helper.ts": 'export default require(["@", "t"].join("/")).default;',
      "d/NAME/one/t.ts": 'export default "one";',
      "d/NAME/two/t.ts": 'export default "two";',
      "d/NAME/tsconfig.json": leadsTo("one"),
    },
  },
  tspackage: {
    head: 'import t from "NAME";',
    value: "t",
    before: {
      "node_modules/NAME/package.json": '{"main":"i.js"}',
      "node_modules/NAME/i.js": 'module.exports = require("@/t")',
      "node_modules/NAME/one/t.js": 'module.exports = "one"',
      "node_modules/NAME/two/t.js": 'module.exports = "two"',
      "node_modules/NAME/tsconfig.json": leadsTo("one"),
    },
    after: { "node_modules/NAME/tsconfig.json": leadsTo("two") },
  },
};

const UNKNOWN: Record<string, string> = {
  execsync: '(await import("node:child_process")).execSync("cat d/t").toString()',
  execfile: 'await new Promise((done) => require("child_process").execFile("cat", ["d/t"], (_, t) => done(t)))',
  promisified: '(await require("util").promisify(require("child_process").exec)("cat d/t")).stdout',
  spawnsync: 'Bun.spawnSync(["cat", "d/t"]).stdout.toString()',
  spawn: 'await new Response(Bun.spawn(["cat", "d/t"]).stdout).text()',
  shell: "await Bun.$`cat d/t`.text()",
  shellimport: '(await import("bun")).$`cat d/t`.text()',
  now: "Date.now()",
  newdate: "new Date().getTime()",
  intl: 'new Intl.DateTimeFormat("en", { timeStyle: "medium" }).format()',
  intlparts: "Intl.DateTimeFormat().formatToParts().length",
  intltaken: "[undefined].map(Intl.DateTimeFormat().format)",
  temporal: "Temporal.Now.instant()",
  temporalzoned: "Temporal.Now.zonedDateTimeISO()",
  cron: 'Bun.cron.parse("0 5 * * *").getTime()',
  csrf: "Bun.CSRF.generate()",
  hrtime: "process.hrtime.bigint()",
  uptime: "process.uptime()",
  origin: "performance.timeOrigin",
  timing: "JSON.stringify(performance)",
  mark: 'performance.mark("a").startTime',
  event: 'new Event("a").timeStamp',
  performance: "performance.now()",
  hooks: '(await import("node:perf_hooks")).performance.now()',
  random: "Math.random()",
  uuid: "crypto.randomUUID()",
  nodeuuid: 'require("node:crypto").randomUUID()',
  fetch: 'await fetch("http://127.0.0.1:9/").catch(() => "none")',
  bunfetch: 'await Bun.fetch("http://127.0.0.1:9/").catch(() => "none")',
  http: 'await new Promise((done) => require("node:http").get("http://127.0.0.1:9/").on("error", () => done(1)))',
  createdhttp: 'require("module").createRequire(import.meta.url)("node:perf_hooks").performance.now()',
  builtinhooks: 'process.getBuiltinModule("perf_hooks").performance.now()',
  free: '(await import("os")).freemem()',
};

function put(
  project: { write(path: string, text: string): void },
  name: string,
  files: Record<string, string> = {},
): void {
  for (const [path, content] of Object.entries(files))
    project.write(path.replaceAll("NAME", name), content.replaceAll("NAME", name));
}

function source(log: string, name: string, { head = "", value, ending = "" }: Way): string {
  const exported = ending.startsWith("cjs") ? "module.exports =" : "export default";
  const note = `process.getBuiltinModule("fs").appendFileSync(${JSON.stringify(`${log}-${name}`)}, "x\\n");`;
  return `${head}\n${note}\n${exported} { name: "${name}", commands: {}, description: String(${value}) };\n`.replaceAll(
    "NAME",
    name,
  );
}

test(
  "a manifest is evaluated again when what it read has changed, by every way of reading, and not otherwise",
  () => checkWays(WAYS),
  120_000,
);

test(
  "a manifest is evaluated again when a file that a tsconfig.json leads to has changed",
  () => checkWays(ALIASES),
  60_000,
);

async function checkWays(ways: Record<string, Way>): Promise<void> {
  const project = createProject({});
  const log = join(project.base, "loads");
  const counts = () => Object.fromEntries(Object.keys(ways).map((name) => [name, countLines(`${log}-${name}`)]));
  for (const [name, way] of Object.entries(ways)) {
    mkdirSync(join(project.root, "d", name), { recursive: true });
    put(project, name, way.before);
    project.write(`manifests/${name}.${way.ending ?? "ts"}`, source(log, name, way));
  }
  const first = await project.load();
  expect(first.failures).toEqual([]);
  const kept = await project.load();
  expect(kept).toEqual(first);
  const loads = counts();
  // Taken whole, the environment may differ; a module that Bun loads itself is not looked into.
  for (const [name, count] of Object.entries(loads))
    if (name !== "packagemodule") expect([name, count]).toEqual([name, 1]);
  for (const [name, way] of Object.entries(ways)) put(project, name, way.after);
  if (ways.which !== undefined) chmodSync(join(project.root, "d/which/tool-which"), 0o755);
  const env = Object.fromEntries(
    Object.entries(ways).flatMap(([name, way]) =>
      Object.entries(way.env ?? {}).map(([variable, value]) => [variable.replaceAll("NAME", name), value]),
    ),
  );
  const later = await project.load({ env: { ...project.env, ...env } });
  expect(later.failures).toEqual([]);
  for (const name of Object.keys(ways))
    expect([name, later.plugins[name]?.description]).not.toEqual([name, first.plugins[name]?.description]);
}

test("an evaluation that read what cannot be asked again is not kept", async () => {
  const project = createProject({ "d/t": "text" });
  const log = join(project.base, "loads");
  for (const [name, value] of Object.entries(UNKNOWN))
    project.write(`manifests/${name}.ts`, source(log, name, { value }));
  project.write(
    "manifests/calm.ts",
    source(log, "calm", { value: 'new Date(0).getTime() + require("os").EOL.length' }),
  );
  expect((await project.load()).failures).toEqual([]);
  await project.load();
  for (const name of Object.keys(UNKNOWN)) expect([name, countLines(`${log}-${name}`)]).toEqual([name, 2]);
  expect(countLines(`${log}-calm`)).toBe(1);
  const peeked = project.peek();
  expect(Object.keys(peeked?.plugins ?? {})).toContain("now");
  expect(peeked?.unkept?.map(({ file }) => file.slice(project.root.length + 11, -3)).sort()).toEqual(
    Object.keys(UNKNOWN).sort(),
  );
  expect(peeked?.unkept?.find(({ file }) => file.endsWith("/execsync.ts"))?.why).toBe("runs a program");
}, 120_000);

test("an evaluation that read the time zone depends on it, also on the machine's; the locale does not count, since Bun's never changes", async () => {
  const project = createProject({
    "manifests/a.ts": plugin("a", "{}", ", description: String(new Date(0))"),
    "manifests/b.ts": plugin("b", "{}", ", description: new Date(0).toISOString() + (1234.5).toLocaleString('en')"),
    "manifests/c.ts": plugin("c", "{}", ", description: (1234.5).toLocaleString() + 'ä'.localeCompare('z', undefined)"),
  });
  const a = await project.loadOne("manifests/a.ts");
  expect(a.envRead).toEqual({ TZ: null });
  expect(Object.keys(a.seen)).toContain("real /etc/localtime");
  expect((await project.loadOne("manifests/b.ts")).envRead).toEqual({});
  const plain = await project.loadOne("manifests/c.ts");
  const foreign = { ...project.options, env: { ...project.env, LC_ALL: "de_DE.UTF-8", LANG: "de_DE.UTF-8" } };
  expect((await loadManifest(project.path("manifests/c.ts"), foreign)).outcome).toEqual(plain.outcome);
});

test("what dt itself asks when it checks a schedule is not what the evaluation read", async () => {
  const commands = '{ c: { kind: "oneshot", run: ["true"], schedule: "0 3 * * *" } }';
  const project = createProject({ "manifests/a.ts": plugin("a", commands), "manifests/b.ts": plugin("b", "{}") });
  const [a, b] = [await project.loadOne("manifests/a.ts"), await project.loadOne("manifests/b.ts")];
  expect(a.outcome.is).toBe("plugin");
  expect([a.unknown, a.envRead, Object.keys(a.seen).length]).toEqual([b.unknown, {}, Object.keys(b.seen).length]);
});

test("a removed tsconfig.json no longer leads anywhere", async () => {
  const project = createProject({
    "lib/t.ts": 'export default "t";',
    "tsconfig.json": '{"compilerOptions":{"paths":{"@/*":["./lib/*"]}}}',
    "manifests/a.ts": 'import t from "@/t"; export default { name: "a", commands: {}, description: t };',
  });
  expect((await project.load()).plugins.a?.description).toBe("t");
  rmSync(project.path("tsconfig.json"));
  expect((await project.load()).failures.map(({ code }) => code)).toEqual(["import"]);
});

test("a link in manifests resolves from where it leads, and its target counts", async () => {
  const project = createProject({
    "elsewhere/lib.ts": 'export { t } from "./beside";',
    "elsewhere/beside.ts": 'export const t = "old";',
    "real/a.ts": 'import { t } from "./lib"; export default { name: "a", commands: {}, description: t };',
  });
  mkdirSync(join(project.root, "manifests"), { recursive: true });
  symlinkSync("../real/a.ts", join(project.root, "manifests/a.ts"));
  symlinkSync("../elsewhere/lib.ts", join(project.root, "real/lib.ts"));
  expect((await project.load()).plugins.a?.description).toBe("old");
  project.write("elsewhere/beside.ts", 'export const t = "new";');
  expect((await project.load()).plugins.a?.description).toBe("new");
});

test("a linked package is followed to its files", async () => {
  const project = createProject({
    "packages/lib/package.json": '{"name":"lib","type":"module","exports":"./i.js"}',
    "packages/lib/i.js":
      'import { readFileSync } from "node:fs"; export default readFileSync(new URL("./t", import.meta.url), "utf8");',
    "packages/lib/t": "old",
    "manifests/a.ts": 'import t from "lib"; export default { name: "a", commands: {}, description: t };',
  });
  const link = join(project.root, "node_modules/lib");
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync("../packages/lib", link);
  expect((await project.load()).plugins.a?.description).toBe("old");
  project.write("packages/lib/t", "new");
  expect((await project.load()).plugins.a?.description).toBe("new");
  rmSync(link);
  expect((await project.load()).failures.map(({ code }) => code)).toEqual(["import"]);
});
