/**
 * `dt init`, and that a plugin it makes runs at once: the real binary in fresh directories, on a PATH without Bun and
 * Node.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DT, REPOSITORY, type RunOptions, TestRoot } from "../../kit.ts";
import { execute } from "../kit/oneshot.ts";
import { type Block, readBlocks, type Step, stepsOf } from "../kit/readme.ts";

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

/** A directory with nothing in it, and a machine with a shell and neither Bun nor Node nor dt on PATH. */
function emptyPlace() {
  const root = TestRoot.create();
  roots.push(root);
  rmSync(join(root.dir, "manifests"), { recursive: true });
  const PATH = join(root.base, "bin");
  mkdirSync(PATH);
  for (const tool of ["sh", "env"]) symlinkSync(Bun.which(tool) as string, join(PATH, tool));
  const dt = (args: string[], options: RunOptions = {}) => root.dt(args, { ...options, env: { PATH, ...options.env } });
  return { root, dt, files: () => filesIn(root.dir) };
}

/** Every file below a directory, but for what dt keeps there itself. */
function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((path) => !/^\.(dialtone|git)\//.test(path))
    .sort();
}

const SHOP = [
  "manifests/dialtone.d.ts",
  "manifests/shop.ts",
  "manifests/tsconfig.json",
  "plugins/shop/.gitignore",
  "plugins/shop/bun.d.ts",
  "plugins/shop/page.test.ts",
  "plugins/shop/page.ts",
  "plugins/shop/smoke.ts",
  "plugins/shop/src/server.ts",
  "plugins/shop/src_v2/server.ts",
  "plugins/shop/tsconfig.json",
];

const isSession = (block: Block) => block.language === "console";
const TSC = join(REPOSITORY, "node_modules", "typescript", "bin", "tsc");

async function typecheck(root: TestRoot, folder: string) {
  const { code, stdout } = await execute(root, [process.execPath, TSC, "-p", folder], {
    env: { PATH: "/usr/bin:/bin" },
  });
  return { code, errors: stdout.trim() };
}

describe("dt init plugin", () => {
  test("makes a plugin whose commands all work, twice in one project, side by side", async () => {
    const { root, dt, files } = emptyPlace();
    const made = await dt(["init", "plugin", "shop"]);
    expect(made.code).toBe(0);
    expect(files()).toEqual(SHOP);
    expect(
      made.stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.replace(/^wrote {2}/, ""))
        .sort(),
    ).toEqual(SHOP);
    expect(made.stderr).toContain(`${root.dir} is one now`);
    expect(made.stderr).toContain("dt shop dev");

    const ready = /^shop:dev:(\w+) ready pid \d+ (http:\/\/localhost:\d+) log (\S+)\n$/;
    const first = ready.exec((await dt(["shop", "dev", "-d"])).stdout) ?? [];
    const second = ready.exec((await dt(["shop", "dev", "src_v2", "-d"])).stdout) ?? [];
    expect([first[1], first[3], second[1], second[3]]).toEqual([
      "default",
      "plugins/shop/dev.log",
      "src_v2",
      "plugins/shop/dev_v2.log",
    ]);
    expect(await (await fetch(first[2] as string)).text()).toContain("<h1>Hello</h1>");
    expect(await (await fetch(second[2] as string)).text()).toContain("<code>shop:dev:src_v2</code>");
    expect((await fetch(`${first[2]}/health`)).status).toBe(404);
    expect(await (await fetch(`${second[2]}/health`)).json()).toEqual({ ok: true });
    expect(root.read("plugins/shop/dev_v2.log")).toContain("GET /health");

    for (const words of ["build", "build src_v2", "lint", "test", "smoke", "smoke src_v2"]) {
      const { code, stdout, stderr } = await dt(["shop", ...words.split(" ")]);
      expect({ words, code, said: `${stdout}${stderr}` }).toMatchObject({ words, code: 0 });
    }
    expect(existsSync(join(root.dir, "plugins/shop/dist/server.js"))).toBe(true);
    expect(existsSync(join(root.dir, "plugins/shop/dist/src_v2/server.js"))).toBe(true);

    expect((await dt(["init", "plugin", "cart"])).code).toBe(0);
    expect((await dt(["cart", "dev", "-d"])).code).toBe(0);
    const running = JSON.parse((await dt(["ps", "--json"])).stdout) as {
      key: string;
      state: string;
      ports: number[];
    }[];
    expect(running.map(({ key, state }) => `${key} ${state}`)).toEqual([
      "cart:dev:default ready",
      "shop:dev:default ready",
      "shop:dev:src_v2 ready",
    ]);
    expect(new Set(running.flatMap(({ ports }) => ports)).size).toBe(3);
  });

  test("prints what docs/plugins.md shows", async () => {
    const { dt } = emptyPlace();
    const [{ command, output }] = readBlocks("docs/plugins.md").filter(isSession).flatMap(stepsOf) as [Step];
    const [, ...words] = command.split(" ");
    expect((await dt(words)).stdout).toBe(output);
  });

  test("a new plugin's checks fail on a wrong type, a failing test and a page that does not answer", async () => {
    const { root, dt } = emptyPlace();
    await dt(["init", "plugin", "shop"]);
    expect((await dt(["shop", "check"])).code).toBe(0);
    // what smoke started, it stopped
    expect((await dt(["status", "shop:dev"])).code).toBe(3);

    const breakIn = async (path: string, from: string, to: string, command: string) => {
      const text = root.read(path);
      expect(text).toContain(from);
      root.write(path, text.replace(from, to));
      const { code, stdout, stderr } = await dt(["shop", command]);
      const check = await dt(["shop", "check"]);
      root.write(path, text);
      return { code, said: stdout + stderr, check: check.code };
    };
    const lint = await breakIn("plugins/shop/src/server.ts", "makePage(GREETING,", "makePage(1,", "lint");
    expect(lint).toMatchObject({ code: 1, check: 1 });
    expect(lint.said).toContain("src/server.ts(13,34): error TS2345");
    const tested = await breakIn("plugins/shop/page.ts", "Bun.escapeHTML(text)", "text", "test");
    expect(tested).toMatchObject({ code: 1, check: 1 });
    const smoke = await breakIn("plugins/shop/src/server.ts", "DIALTONE_KEY),", '"nobody"),', "smoke");
    expect(smoke).toMatchObject({ code: 1, check: 1 });
    expect(smoke.said).toContain("to answer 200 with shop:dev:default in its page");
    const build = await breakIn("plugins/shop/src/server.ts", "../page.ts", "../nowhere.ts", "build");
    expect(build).toMatchObject({ code: 1, check: 1 });
  });

  test("a new plugin is clean for tsc with nothing installed, and a wrong field is an error", async () => {
    const { root, dt } = emptyPlace();
    // What a project has of its own is none of the plugin's business.
    root.write(
      "tsconfig.json",
      '{ "compilerOptions": { "lib": ["ES2020"], "types": [], "module": "nodenext" }, "files": [] }',
    );
    await dt(["init", "plugin", "shop"]);
    for (const folder of ["manifests", "plugins/shop"])
      expect(await typecheck(root, folder)).toEqual({ code: 0, errors: "" });
    const manifest = root.read("manifests/shop.ts");
    for (const [from, to, error] of [
      ['port: "auto"', 'prot: "auto"', "'prot' does not exist in type 'ManagedCommand'"],
      ['port: "auto"', 'port: "any"', 'not assignable to type \'number | "auto"'],
      ['ready: { http: "/"', 'ready: { htpp: "/"', "'htpp'"],
      ["exec(", "execute(", "'execute'"],
    ] as const) {
      expect(manifest).toContain(from);
      root.write("manifests/shop.ts", manifest.replaceAll(from, to));
      const { code, errors } = await typecheck(root, "manifests");
      expect([to, code === 0]).toEqual([to, false]);
      expect(errors).toContain("manifests/shop.ts(");
      if (to !== "execute(") expect(errors).toContain(error);
    }
  });

  test("dt init plugin uses the plugin's name everywhere, whatever characters it has", async () => {
    const { root, dt } = emptyPlace();
    for (const name of ["a.b-c_d", "9", `x${"y".repeat(63)}`, "template"]) {
      expect((await dt(["init", "plugin", name])).code).toBe(0);
      expect((await dt([name, "smoke"])).stdout).toContain(`${name}:dev:default answers`);
    }
    const copy = filesIn(join(root.dir, "plugins/9")).map((path) => root.read(`plugins/9/${path}`));
    for (const text of [...copy, root.read("manifests/9.ts")]) expect(text).not.toContain("template");
    // under its own name it is the plugin of this repository
    const own = (path: string) => Bun.file(join(REPOSITORY, path)).text();
    expect(root.read("manifests/template.ts")).toBe(await own("manifests/template.ts"));
    expect(root.read("plugins/template/smoke.ts")).toBe(await own("plugins/template/smoke.ts"));
  });

  test("dt init plugin refuses invalid names and names that are taken", async () => {
    const { root, dt, files } = emptyPlace();
    const refused = async (words: string[], ...sentences: string[]) => {
      const { code, stdout, stderr } = await dt(["init", ...words]);
      expect({ words, code, stdout }).toEqual({ words, code: 2, stdout: "" });
      for (const sentence of sentences) expect(stderr).toContain(sentence);
    };
    for (const name of ["ümlaut", "a/b", "../x", ".x", "a b", "x".repeat(65), "_x", ""])
      await refused(["plugin", name], `cannot be named ${JSON.stringify(name)}`, "letters, digits");
    await refused(["plugin", "-x"], "-x");
    await refused(["plugin", "x.d"], "a type declaration file");
    await refused(["plugin", "ps"], "built-in verb");
    await refused(["plugin", "attach"], "built-in verb");
    await refused(["plugin", "bun"], 'a built-in plugin named "bun"');
    await refused(["plugin"], "needs a name");
    await refused(["shop"], 'not "shop"', "dt init plugin shop");
    expect(files()).toEqual([]);
    expect(existsSync(join(root.dir, ".dialtone"))).toBe(false);

    root.write("manifests/other.json", '{ "name": "shop", "commands": {} }');
    root.write("manifests/broken.json", '{ "name": "half", "commands": { "x": {} } }');
    await refused(["plugin", "shop"], join(root.dir, "manifests/other.json"));
    await refused(["plugin", "half"], join(root.dir, "manifests/broken.json"));
    expect(files()).toEqual(["manifests/broken.json", "manifests/other.json"]);
  });

  test("dt init plugin refuses the name of a plugin in the user's home, also before there is a project", async () => {
    const { root, dt, files } = emptyPlace();
    root.write(join(root.home, ".dialtone/manifests/mine.json"), '{ "name": "shop", "commands": {} }');
    const { code, stderr } = await dt(["init", "plugin", "shop"]);
    expect([code, files()]).toEqual([2, []]);
    expect(stderr).toContain("mine.json");
  });

  test("dt init plugin overwrites no file, and writes none when it would have to", async () => {
    const { root, dt, files } = emptyPlace();
    const cases: [string, () => void][] = [
      ["manifests/shop.ts", () => root.write("manifests/shop.ts", "export const helper = 1;\n")],
      [
        "manifests/shop.ts",
        () => {
          mkdirSync(join(root.dir, "manifests"));
          symlinkSync("nowhere", join(root.dir, "manifests/shop.ts"));
        },
      ],
      ["plugins/shop", () => root.write("plugins/shop/page.ts", "mine\n")],
      ["plugins/shop", () => root.write("plugins/shop", "a file\n")],
    ];
    for (const [named, prepare] of cases) {
      prepare();
      const before = files();
      const { code, stdout, stderr } = await dt(["init", "plugin", "shop"]);
      expect([named, code, stdout]).toEqual([named, 2, ""]);
      expect(stderr).toContain(named);
      expect(files()).toEqual(before);
      for (const folder of ["manifests", "plugins"]) rmSync(join(root.dir, folder), { recursive: true, force: true });
    }
    // an empty folder blocks nothing; existing types stay as they are
    mkdirSync(join(root.dir, "plugins/shop"), { recursive: true });
    root.write("manifests/dialtone.d.ts", "// mine\n");
    expect((await dt(["init", "plugin", "shop"])).code).toBe(0);
    expect(root.read("manifests/dialtone.d.ts")).toBe("// mine\n");
  });

  test("of many calls of dt init plugin at once one makes the plugin, and the others leave it whole", async () => {
    const { root, dt, files } = emptyPlace();
    const codes = (await Promise.all(Array.from({ length: 6 }, () => dt(["init", "plugin", "shop"])))).map(
      ({ code }) => code,
    );
    expect(codes.filter((code) => code === 0)).toHaveLength(1);
    expect(codes.filter((code) => code === 2)).toHaveLength(5);
    expect(files()).toEqual(SHOP);
    expect((await dt(["shop", "lint"])).code).toBe(0);
    for (const folder of ["manifests", "plugins"]) rmSync(join(root.dir, folder), { recursive: true });
    const names = ["a", "b", "c", "d"];
    const all = await Promise.all(names.map((name) => dt(["init", "plugin", name])));
    expect(all.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0, 0]);
    for (const name of names) expect((await dt([name, "lint"])).code).toBe(0);
    await dt(["init", "plugin", "shop"]);
    expect(statSync(join(root.dir, "manifests/shop.ts")).mode & 0o022).toBe(0);
  });

  test("dt init plugin --dry-run writes nothing, and --json says what was written", async () => {
    const { root, dt, files } = emptyPlace();
    const dry = await dt(["init", "plugin", "shop", "--dry-run"]);
    expect([dry.code, dry.stdout.match(/^would write {2}/gm)?.length, files()]).toEqual([0, SHOP.length, []]);
    expect(readdirSync(root.dir)).toEqual([]);
    const json = await dt(["--json", "--dry-run", "init", "plugin", "shop"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ root: root.dir, plugin: "shop", dryRun: true });
    expect(readdirSync(root.dir)).toEqual([]);
    const { written, ...rest } = JSON.parse((await dt(["init", "plugin", "shop", "--json"])).stdout);
    expect(rest).toEqual({ root: root.dir, plugin: "shop", dryRun: false, changed: [] });
    expect(written.sort()).toEqual(SHOP);
    const again = await dt(["init", "plugin", "shop", "--json", "--dry-run"]);
    expect([again.code, JSON.parse(again.stdout).error.code]).toEqual([2, "exists"]);
  });

  test("dt init plugin finds the project from below, through a link and by -C", async () => {
    const { root, dt } = emptyPlace();
    mkdirSync(join(root.dir, "manifests"));
    mkdirSync(join(root.dir, "deep/er"), { recursive: true });
    const link = join(root.base, "link");
    symlinkSync(root.dir, link);
    const below = await dt(["init", "plugin", "one"], { cwd: join(root.dir, "deep/er") });
    expect(below.stderr).toContain(`the project is ${root.dir}`);
    expect((await execute(root, ["sh", "-c", `cd ${link} && "$DT" init plugin two`])).code).toBe(0);
    expect((await dt(["-C", link, "init", "plugin", "three"], { cwd: root.base })).code).toBe(0);
    expect(readdirSync(join(root.dir, "plugins")).sort()).toEqual(["one", "three", "two"]);
    const nowhere = await dt(["-C", "nowhere", "init", "plugin", "four"]);
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining("nowhere")]);
    // what once ran above makes no project of it
    mkdirSync(join(root.base, ".dialtone/run"), { recursive: true });
    // a directory that is in no project becomes one
    const fresh = join(root.base, "fresh");
    mkdirSync(fresh);
    expect((await dt(["-C", fresh, "init", "plugin", "five"])).code).toBe(0);
    expect(existsSync(join(fresh, "manifests/five.ts"))).toBe(true);
  });

  const setpriv = process.getuid?.() === 0 ? Bun.which("setpriv") : null;
  test.skipIf(setpriv === null)("dt init plugin says where it may not write, and leaves nothing", async () => {
    const { root } = emptyPlace();
    const uid = 54321;
    const dt = join(root.base, "dt");
    cpSync(DT, dt);
    for (const directory of [root.base, root.dir]) chmodSync(directory, 0o755);
    const as = (...words: string[]) =>
      execute(
        root,
        [setpriv as string, "--reuid", String(uid), "--regid", String(uid), "--clear-groups", dt, ...words],
        {
          env: { HOME: undefined, DIALTONE_HOME: undefined, TMPDIR: undefined },
        },
      );
    for (const words of [["init", "plugin", "shop"], ["init"]]) {
      const { code, stdout, stderr } = await as(...words);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(`Cannot write ${root.dir}/${words.length > 1 ? "plugins" : "manifests"}/`);
      expect(stderr).toContain("Nothing was written.");
      expect(stderr).toContain("Check who owns the directory");
    }
    // half-way: plugins/ may be written to, manifests/ may not
    for (const folder of ["manifests", "plugins"]) mkdirSync(join(root.dir, folder));
    chownSync(join(root.dir, "plugins"), uid, uid);
    const half = await as("init", "plugin", "shop");
    expect([half.code, readdirSync(join(root.dir, "plugins")), filesIn(root.dir)]).toEqual([1, [], []]);
    expect(half.stderr).toContain(`Cannot write ${root.dir}/manifests/`);
    chownSync(join(root.dir, "manifests"), uid, uid);
    // the project's own file
    for (const path of [".git/HEAD", ".gitignore"]) root.write(path, "x\n");
    const ignore = await as("init");
    expect([ignore.code, ignore.stdout, root.read(".gitignore")]).toEqual([1, "", "x\n"]);
    expect(ignore.stderr).toContain(`Cannot write ${root.dir}/.gitignore`);
    expect(ignore.stderr).toContain("everything before it was written");
    expect(ignore.stderr).not.toContain("DIALTONE_RUN_DIR");
    for (const path of [".gitignore", "manifests/dialtone.d.ts", "manifests/tsconfig.json"])
      rmSync(join(root.dir, path));
    // dt never runs what belongs to another user, so nothing is put there
    const foreign = await root.dt(["init", "plugin", "shop"]);
    expect([foreign.code, filesIn(root.dir)]).toEqual([2, []]);
    expect(foreign.stderr).toContain(`belongs to uid ${uid}`);
    expect((await root.dt(["init"])).code).toBe(2);
  });
});

describe("dt init", () => {
  test("dt init makes a project, and changes nothing the second time", async () => {
    const { root, dt, files } = emptyPlace();
    const first = await dt(["init"]);
    expect([first.code, first.stdout]).toEqual([
      0,
      "wrote  manifests/\nwrote  manifests/tsconfig.json\nwrote  manifests/dialtone.d.ts\n",
    ]);
    expect(first.stderr).toContain("dt init plugin");
    expect(files()).toEqual(["manifests/dialtone.d.ts", "manifests/tsconfig.json"]);
    expect((await dt(["list"])).stderr).toBe("");
    const again = await dt(["init", "--json"]);
    expect(JSON.parse(again.stdout)).toEqual({ root: root.dir, plugin: null, dryRun: false, written: [], changed: [] });

    // a manifest written by hand has its types
    const manifest = (field: string) =>
      `import { definePlugin } from "@dialtone/dt";\nexport default definePlugin({ name: "x", commands: { y: { kind: "oneshot", ${field} } } });\n`;
    root.write("manifests/x.ts", manifest('run: ["true"]'));
    expect(await typecheck(root, "manifests")).toEqual({ code: 0, errors: "" });
    root.write("manifests/x.ts", manifest('runs: ["true"]'));
    expect((await typecheck(root, "manifests")).errors).toContain("'runs' does not exist in type 'OneshotCommand'");

    // types of another dt are brought up to date, a file of the user's own is not
    const types = root.read("manifests/dialtone.d.ts");
    root.write("manifests/dialtone.d.ts", types.replace("definePlugin", "defineOldPlugin"));
    expect((await dt(["init"])).stdout).toBe("changed  manifests/dialtone.d.ts\n");
    expect(root.read("manifests/dialtone.d.ts")).toBe(types);
    root.write("manifests/dialtone.d.ts", "// mine\n");
    expect((await dt(["init"])).stdout).toBe("");
    expect(root.read("manifests/dialtone.d.ts")).toBe("// mine\n");
  });

  test("dt init makes git ignore .dialtone/ once, and only in a checkout", async () => {
    const { root, dt } = emptyPlace();
    const git = (...words: string[]) => execute(root, ["git", ...words], { env: { GIT_CONFIG_GLOBAL: "/dev/null" } });
    await git("init", "-q");
    await dt(["init"]);
    expect(root.read(".gitignore")).toBe(".dialtone/\n");
    for (const [before, after] of [
      ["node_modules", "node_modules\n.dialtone/\n"],
      ["a\r\nb\r\n", "a\r\nb\r\n.dialtone/\r\n"],
      ["", ".dialtone/\n"],
      ["/.dialtone\nx\n", "/.dialtone\nx\n"],
      ["# .dialtone/ is not ignored\n", "# .dialtone/ is not ignored\n.dialtone/\n"],
    ] as const) {
      root.write(".gitignore", before);
      expect((await dt(["init", "--dry-run"])).stdout).toBe(before === after ? "" : "would change  .gitignore\n");
      expect(root.read(".gitignore")).toBe(before);
      await dt(["init"]);
      await dt(["init"]);
      expect(root.read(".gitignore")).toBe(after);
    }
    // a project in a folder of the checkout
    const inner = join(root.dir, "apps/web");
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(root.dir, ".gitignore"), ".dialtone/\n");
    await dt(["-C", inner, "init"]);
    expect(existsSync(join(inner, ".gitignore"))).toBe(false);
    writeFileSync(join(root.dir, ".gitignore"), "/.dialtone/\n");
    await dt(["-C", inner, "init"]);
    expect(root.read("apps/web/.gitignore")).toBe(".dialtone/\n");
  });

  test("dt init below a project says so, unless the folder is named", async () => {
    const { root, dt } = emptyPlace();
    await dt(["init"]);
    const folder = join(root.dir, "plugins");
    mkdirSync(folder);
    const refused = await dt(["init"], { cwd: folder });
    expect([refused.code, readdirSync(folder)]).toEqual([2, []]);
    expect(refused.stderr).toContain(`is in a project already: ${root.dir}`);
    expect(refused.stderr).toContain("dt -C . init");
    expect((await dt(["-C", ".", "init"], { cwd: folder })).code).toBe(0);
    expect(existsSync(join(folder, "manifests"))).toBe(true);
  });

  test("dt init adds no types where the project knows @dialtone/dt by itself", async () => {
    const { root, dt, files } = emptyPlace();
    root.write("tsconfig.json", '{ "compilerOptions": { "paths": { "@dialtone/dt": ["./src/index.ts"] } } }');
    expect((await dt(["init"])).stdout).toBe("wrote  manifests/\n");
    expect(files()).toEqual(["tsconfig.json"]);
    rmSync(join(root.dir, "tsconfig.json"));
    root.write("node_modules/@dialtone/dt/package.json", "{}");
    expect((await dt(["init"])).stdout).toBe("wrote  manifests/tsconfig.json\n");
  });
});
