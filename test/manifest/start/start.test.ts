/** What `dt init` copies is what this repository holds; its files are all there in the end, or none is. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { collectStartFiles } from "../../../generate/collect.ts";
import { DECLARED, makeDeclarations } from "../../../generate/declare.ts";
import { bundleModule } from "../../../generate/modulebundle.ts";
import * as api from "../../../src/index.ts";
import { API } from "../../../src/manifest/load/evaluate.ts";
import start from "../../../src/manifest/start/files.json" with { type: "json" };
import { writeNewFiles } from "../../../src/manifest/start/write.ts";
import packaged from "../../../src/supervisor/prepare/module.json" with { type: "json" };
import { failure } from "../../kit/failure.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { REPOSITORY } from "../../kit.ts";

const AGAIN = "stale: run `bun run generate`";
const read = (path: string) => readFileSync(join(REPOSITORY, path), "utf8");

const emptyDirectory = makeScratch();

describe("the generated files", () => {
  const declarations = read("docs/dialtone.d.ts");

  test("the generated files are up to date", async () => {
    expect(declarations, AGAIN).toBe(makeDeclarations((path) => read(`src/${path}`)));
    expect(packaged, AGAIN).toEqual(await bundleModule(REPOSITORY));
    expect(start as unknown, AGAIN).toEqual(collectStartFiles(REPOSITORY));
    expect(start.types, AGAIN).toBe(declarations);
  });

  test("files that running the plugin leaves are not copied", () => {
    const repository = emptyDirectory();
    for (const folder of ["docs", "manifests", "plugins/template/dist", "plugins/template/src"])
      mkdirSync(join(repository, folder), { recursive: true });
    for (const path of [
      "docs/dialtone.d.ts",
      "manifests/template.ts",
      "plugins/template/src/logs.ts",
      "plugins/template/.gitignore",
    ])
      writeFileSync(join(repository, path), "");
    for (const path of ["dev.log", "dev.log.1", "src/x.log", "dist/server.js"])
      writeFileSync(join(repository, "plugins/template", path), "");
    expect(Object.keys(collectStartFiles(repository).plugin)).toEqual([
      "plugins/template/.gitignore",
      "plugins/template/src/logs.ts",
      "manifests/template.ts",
    ]);
  });

  test("the declarations hold every export of src/index.ts with its documentation, and import nothing", () => {
    const declared = [...declarations.matchAll(/^export (?:type|interface|function) (\w+)/gm)].map(([, name]) => name);
    const types = [...read("src/index.ts").matchAll(/export type \{([^}]*)\}/g)].map(([, names]) => names).join();
    const exported = [...types.matchAll(/\w+/g)].map(([name]) => name);
    expect(declared.sort()).toEqual([...exported, ...Object.keys(api)].sort());
    expect(declarations).not.toMatch(/\bimport\b|\brequire\b|\/\/\/ </);
    const comments = (text: string) => [...text.matchAll(/\/\*\*.*?\*\//gs)].map(([comment]) => comment);
    for (const path of DECLARED.types)
      for (const comment of comments(read(`src/${path}`)).slice(1)) expect(declarations).toContain(comment);
  });

  test("a manifest may import exactly what src/index.ts exports", () => {
    expect(Object.keys(API).sort()).toEqual(Object.keys(api).sort());
  });
});

describe("new files", () => {
  const files = ["a/b/1", "a/2", "c/3", "4"].map((path) => ({ path, text: `${path}\n` }));
  const namesIn = (directory: string) => readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();

  const failureIn = (root: string) => failure(() => writeNewFiles(root, { files, env: {} }));

  test("new files are written whole, with the folders above them, and leave no temporary file", () => {
    const root = emptyDirectory();
    writeNewFiles(root, { files, env: {} });
    expect(namesIn(root)).toEqual(["4", "a", "a/2", "a/b", "a/b/1", "c", "c/3"]);
    for (const { path, text } of files) expect(readFileSync(join(root, path), "utf8")).toBe(text);
  });

  test("when the last new file cannot be made, the others and their folders are removed, and older files stay", () => {
    const root = emptyDirectory();
    mkdirSync(join(root, "a"));
    writeFileSync(join(root, "a", "before"), "");
    writeFileSync(join(root, "4"), "mine");
    const error = failureIn(root);
    expect([error.code, error.status, error.message]).toEqual([
      "exists",
      2,
      `${join(root, "4")} already exists. Nothing was written.`,
    ]);
    expect(namesIn(root)).toEqual(["4", "a", "a/before"]);
    expect(readFileSync(join(root, "4"), "utf8")).toBe("mine");
  });

  test("new files are not written through a link to nowhere, and a file in place of a folder is reported", () => {
    const root = emptyDirectory();
    symlinkSync(join(root, "elsewhere"), join(root, "4"));
    expect(failureIn(root).code).toBe("exists");
    expect(namesIn(root)).toEqual(["4"]);
    rmSync(join(root, "4"));
    writeFileSync(join(root, "c"), "");
    const error = failureIn(root);
    expect([error.code, error.status]).toEqual(["unsafe-place", 2]);
    expect(error.message).toContain(`${join(root, "c")} should be a directory, but is a file`);
    expect(namesIn(root)).toEqual(["c"]);
    // Also one that comes to be a link after all places were looked at.
    rmSync(join(root, "c"));
    mkdirSync(join(root, "elsewhere"));
    symlinkSync("elsewhere", join(root, "c"));
    expect(failureIn(root).message).toContain(`${join(root, "c")} should be a directory, but is a link to "elsewhere"`);
    expect(namesIn(root)).toEqual(["c", "elsewhere"]);
  });

  test("a shared new file may exist by then", () => {
    const root = emptyDirectory();
    writeFileSync(join(root, "s"), "another's");
    writeNewFiles(root, { files: [{ path: "s", text: "mine", shared: true }, ...files], env: {} });
    expect(readFileSync(join(root, "s"), "utf8")).toBe("another's");
    expect(namesIn(root)).toContain("4");
  });

  test("only the owner may write to new files, whatever the umask", () => {
    const root = emptyDirectory();
    chmodSync(root, 0o700);
    const code = `process.umask(0); (await import(${JSON.stringify(join(REPOSITORY, "src/manifest/start/write.ts"))})).writeNewFiles(${JSON.stringify(root)}, { files: [{ path: "a/b", text: "" }], env: {} });`;
    expect(Bun.spawnSync([process.execPath, "-e", code]).exitCode).toBe(0);
    const { stdout } = Bun.spawnSync(["stat", "-c", "%a", join(root, "a"), join(root, "a/b")]);
    expect(stdout.toString()).toBe("755\n644\n");
  });
});
