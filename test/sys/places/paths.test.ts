/** Where the root is, where state is kept, and which directories are not to be trusted. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import {
  cacheDirectoryOf,
  homeDirectory,
  noRootError,
  rootSlug,
  runDirectoryOf,
} from "../../../src/sys/places/paths.ts";
import { checkPrivateDirectory, ignoreInGit, makePrivateDirectory } from "../../../src/sys/places/privatedirectory.ts";
import { findRoot } from "../../../src/sys/places/root.ts";
import { failure } from "../../kit/failure.ts";
import { makeScratch } from "../../kit/scratch.ts";

const scratch = makeScratch();

describe("findRoot", () => {
  const base = scratch();
  for (const path of ["a/manifests", "a/in/deep", "a/in/b/manifests", "a/in/b/deep", "bare/deep"]) {
    mkdirSync(join(base, path), { recursive: true });
  }
  mkdirSync(join(base, "filed"));
  writeFileSync(join(base, "filed", "manifests"), "a file is no project");
  symlinkSync(join(base, "a"), join(base, "link"));
  mkdirSync(join(base, "linked"));
  symlinkSync(join(base, "a", "manifests"), join(base, "linked", "manifests"));

  const cases: [
    what: string,
    ask: { directory?: string; cwd: string; env?: Record<string, string> },
    root: string | null,
  ][] = [
    ["the working directory itself", { cwd: "a" }, "a"],
    ["the nearest above it", { cwd: "a/in/deep" }, "a"],
    ["the inner of two", { cwd: "a/in/b/deep" }, "a/in/b"],
    ["none", { cwd: "bare/deep" }, null],
    ["a file of that name is none", { cwd: "filed" }, null],
    ["a link to the directory is one", { cwd: "linked" }, "linked"],
    ["through a link: the real path", { cwd: "link/in/deep" }, "a"],
    ["-C before the working directory", { directory: "a/in/b", cwd: "a" }, null],
    ["-C relative to the working directory", { directory: "in/b", cwd: "a" }, "a/in/b"],
    ["-C below a root", { directory: "deep", cwd: "a/in/b" }, "a/in/b"],
    ["the nearest before DIALTONE_ROOT", { cwd: "a", env: { DIALTONE_ROOT: "a/in/b" } }, "a"],
    ["DIALTONE_ROOT where there is none", { cwd: "bare", env: { DIALTONE_ROOT: "a" } }, "a"],
    ["DIALTONE_ROOT below a root", { cwd: "bare", env: { DIALTONE_ROOT: "a/in/deep" } }, "a"],
    ["an empty DIALTONE_ROOT is none", { cwd: "bare", env: { DIALTONE_ROOT: "" } }, null],
    ["DIALTONE_ROOT that names nothing", { cwd: "bare", env: { DIALTONE_ROOT: "nothing" } }, null],
  ];
  for (const [what, { directory, cwd, env }, root] of cases) {
    test(what, () => {
      const absolute = Object.fromEntries(
        Object.entries(env ?? {}).map(([name, value]) => [name, value === "" ? "" : join(base, value)]),
      );
      const ask = () => findRoot({ directory, cwd: join(base, cwd), env: absolute });
      if (what.startsWith("-C before")) expect(failure(ask)).toMatchObject({ code: "no-root", status: 2 });
      else expect(ask()).toBe(root === null ? null : join(base, root));
    });
  }

  test("-C decides alone: from a directory without a root nothing else is tried", () => {
    expect(
      findRoot({ directory: join(base, "bare"), cwd: join(base, "a"), env: { DIALTONE_ROOT: join(base, "a") } }),
    ).toBeNull();
  });

  for (const name of ["nothing", "filed/manifests", "filed/manifests/below", "x".repeat(300)]) {
    test(`-C ${name.slice(0, 30)}: refused as wrong usage`, () => {
      const error = failure(() => findRoot({ directory: name, cwd: base, env: {} }));
      expect(error).toMatchObject({ code: "no-root", status: 2 });
      expect(error.message).toContain("is not a directory");
    });
  }

  test("another tool's manifests folder is skipped and named; one that may be dt's counts when nothing above does", () => {
    const top = scratch();
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(top, path)), { recursive: true });
      writeFileSync(join(top, path), text);
    };
    write("k8s/manifests/a.yaml", "# a service\napiVersion: v1\nkind: Service\n");
    write("k8s/manifests/values.yaml", "replicas: 1\n");
    write("json/manifests/a.json", '{"apiVersion":"v1","kind":"ConfigMap","data":{"commands":"x"}}');
    write("extension/manifests/chrome.json", '{"manifest_version": 3, "name": "x", "commands": {}}');
    write("puppet/manifests/init.pp", "class x {}");
    write("broken/manifests/a.toml", 'name = "x"\ncomands = {}');
    write("mixed/manifests/a.yaml", "apiVersion: v1\nkind: Service\n");
    write("mixed/manifests/b.toml", 'name = "b"\n[commands.x]\nkind = "oneshot"\n');
    write("code/manifests/a.ts", 'export { default } from "@dialtone/dt-x"; // commands');
    const env = '"env":{"apiVersion":"v1"}';
    write("env/manifests/a.json", `{"name":"a","commands":{"x":{"kind":"oneshot","run":"true",${env}}}}`);
    write("flow/manifests/a.yaml", `name: a\ncommands:\n  x: {kind: oneshot, run: "true", ${env}}\n`);
    write("here/manifests/a.toml", `name = "a"\n[commands.x]\nrun = """\ncat <<E\napiVersion: v1\nE\n"""\n`);
    mkdirSync(join(top, "empty/manifests"), { recursive: true });
    const ask = (name: string) => {
      const passed: string[] = [];
      const found = findRoot({ cwd: join(top, name), env: {}, onPassed: (text) => passed.push(text) });
      return [found === null ? null : found.slice(top.length + 1), passed.join()];
    };
    const own = ["mixed", "code", "empty", "env", "flow", "here"];
    for (const name of own) expect(ask(name)).toEqual([name, ""]);
    for (const name of ["puppet", "broken"]) expect(ask(name)).toEqual([name, ""]);
    for (const name of ["k8s", "json", "extension"])
      expect(ask(name)).toEqual([
        null,
        expect.stringContaining(`${top}/${name}/manifests is skipped: it belongs to another tool`),
      ]);
    write("manifests/shop.yaml", "name: shop\ncommands: {}\n");
    for (const name of own) expect(ask(name)).toEqual([name, ""]);
    for (const name of ["k8s", "json", "extension", "puppet", "broken"])
      expect(ask(name)).toEqual(["", expect.stringContaining(`${top}/${name}/manifests is skipped`)]);
  });

  test("the error for a missing root names the directory and three ways out", () => {
    expect(noRootError("/here")).toMatchObject({ status: 2, hint: expect.stringContaining("-C DIR") });
    expect(noRootError("/here").message).toContain("/here");
  });
});

describe("places", () => {
  test("a run directory is below the root, or below DIALTONE_RUN_DIR with one folder a root", () => {
    expect(runDirectoryOf("/r", {})).toBe("/r/.dialtone/run");
    expect(cacheDirectoryOf("/r", {})).toBe("/r/.dialtone/cache");
    expect(runDirectoryOf("/r", { DIALTONE_RUN_DIR: "" })).toBe("/r/.dialtone/run");
    const [one, other] = ["/a/r", "/b/r"].map((root) => runDirectoryOf(root, { DIALTONE_RUN_DIR: "/run/dt" }));
    expect(one).toStartWith("/run/dt/r-");
    expect(one).not.toBe(other as string);
    expect(cacheDirectoryOf("/a/r", { DIALTONE_RUN_DIR: "/run/dt" })).toBe(`${one}.cache`);
  });

  test("a relative DIALTONE_RUN_DIR means the same from every directory of the project", () => {
    expect(runDirectoryOf("/r", { DIALTONE_RUN_DIR: "state" })).toBe(join("/r/state", rootSlug("/r")));
    expect(cacheDirectoryOf("/r", { DIALTONE_RUN_DIR: "state" })).toBe(join("/r/state", `${rootSlug("/r")}.cache`));
  });

  test("a slug is a short, safe and stable file name, different for each root", () => {
    for (const root of ["/", "/a b/ü:x", `/${"long".repeat(50)}`, "/..", "/a/-x"]) {
      expect(rootSlug(root)).toMatch(/^[A-Za-z0-9_.-]{0,32}-[0-9a-f]{12}$/);
      expect(rootSlug(root)).toBe(rootSlug(root));
    }
    expect(rootSlug("/a/r")).not.toBe(rootSlug("/b/r"));
  });

  test("homeDirectory: DIALTONE_HOME, HOME, the user database", () => {
    expect(homeDirectory({ DIALTONE_HOME: "/d", HOME: "/h" })).toBe("/d");
    expect(homeDirectory({ DIALTONE_HOME: "", HOME: "/h" })).toBe("/h/.dialtone");
    const own = homeDirectory({});
    expect(own === null || /^\/.+\/\.dialtone$/.test(own)).toBe(true);
    expect(homeDirectory({ HOME: "" })).toBe(own);
  });

  test("a uid without an entry has no home directory", () => {
    if (process.getuid?.() !== 0) {
      console.error("skipped: only root can become another user");
      return;
    }
    const script = `
      const { homeDirectory } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/places/paths.ts"))});
      process.setgid(54321);
      process.setuid(54321);
      console.log(homeDirectory({}), homeDirectory({ HOME: "/h" }));`;
    const { PATH = "" } = process.env;
    expect(Bun.spawnSync([process.execPath, "-e", script], { env: { PATH } }).stdout.toString()).toBe(
      "null /h/.dialtone\n",
    );
  });
});

describe("private directories", () => {
  test("private directories are made with mode 0700, with those above; one that others may read is closed", () => {
    const directory = join(scratch(), "a", "b");
    makePrivateDirectory(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    chmodSync(directory, 0o755);
    makePrivateDirectory(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test("looking at a missing private directory is no error, also below a file", () => {
    const directory = scratch();
    writeFileSync(join(directory, "f"), "");
    checkPrivateDirectory(join(directory, "nothing"));
    checkPrivateDirectory(join(directory, "f", "below"));
  });

  test.each(["run", "cache", "run/jobs"])("a project's folder is never made for its .dialtone/%s", (state) => {
    const root = join(scratch(), "removed");
    const path = join(root, ".dialtone", state);
    expect(failure(() => makePrivateDirectory(path))).toMatchObject({
      code: "cannot-write",
      details: { path: join(root, ".dialtone"), errno: "ENOENT" },
    });
    expect(existsSync(root)).toBe(false);
    mkdirSync(root);
    makePrivateDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test("a private directory that cannot be made is an error that names it", () => {
    const directory = scratch();
    writeFileSync(join(directory, "f"), "");
    const path = join(directory, "f", "below");
    expect(failure(() => makePrivateDirectory(path))).toMatchObject({ code: "cannot-write", details: { path } });
  });

  const refused: [what: string, make: (directory: string) => string, say: string | null][] = [
    [
      "a link",
      (at) => {
        mkdirSync(join(at, "real"));
        symlinkSync("real", join(at, "run"));
        return join(at, "run");
      },
      "is a symbolic link",
    ],
    [
      "a dangling link",
      (at) => {
        symlinkSync("nowhere", join(at, "run"));
        return join(at, "run");
      },
      "is a symbolic link",
    ],
    [
      "a file",
      (at) => {
        writeFileSync(join(at, "run"), "");
        return join(at, "run");
      },
      "should be a directory, but is a file",
    ],
    [
      "another user's",
      (at) => {
        mkdirSync(join(at, "run"));
        if (process.getuid?.() === 0) chownSync(join(at, "run"), 54321, 54321);
        return join(at, "run");
      },
      process.getuid?.() === 0 ? "belongs to uid 54321, not to you (uid 0)" : null,
    ],
  ];
  for (const [what, make, say] of refused) {
    test(`${what} is refused`, () => {
      if (say === null) {
        console.error("skipped: only root can make another user's directory");
        return;
      }
      const path = make(scratch());
      const error = failure(() => makePrivateDirectory(path));
      expect(error).toMatchObject({ code: "unsafe-directory", hint: expect.any(String) });
      expect(error.message).toContain(say);
    });
  }

  test("a foreign .gitignore with other content is overwritten", () => {
    const directory = scratch();
    ignoreInGit(directory);
    expect(readFileSync(join(directory, ".gitignore"), "utf8")).toBe("*\n");
    writeFileSync(join(directory, ".gitignore"), "mine\n");
    ignoreInGit(directory);
    expect(readFileSync(join(directory, ".gitignore"), "utf8")).toBe("*\n");
    ignoreInGit(join(directory, "nothing"));
  });
});
