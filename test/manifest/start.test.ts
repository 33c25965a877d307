/** What `dt init` copies is what this repository holds; its files are all there in the end, or none is. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectStartFiles } from "../../generate/collect.ts";
import { DECLARED, makeDeclarations } from "../../generate/declare.ts";
import { bundleModule } from "../../generate/modulebundle.ts";
import * as api from "../../src/index.ts";
import { API } from "../../src/manifest/load/evaluate.ts";
import start from "../../src/manifest/start/files.json" with { type: "json" };
import { writeNewFiles } from "../../src/manifest/start/write.ts";
import packaged from "../../src/supervisor/prepare/module.json" with { type: "json" };
import { DtError } from "../../src/sys/base/error.ts";
import { REPOSITORY } from "../kit.ts";

const AGAIN = "stale: run `bun run generate`";
const read = (path: string) => readFileSync(join(REPOSITORY, path), "utf8");

const bases: string[] = [];
afterEach(() => {
  for (const base of bases.splice(0)) rmSync(base, { recursive: true, force: true });
});

function emptyDirectory(): string {
  const base = mkdtempSync(join(tmpdir(), "dt-start-"));
  bases.push(base);
  return base;
}

describe("the generated files", () => {
  const declarations = read("docs/dialtone.d.ts");

  test("are what would be generated now", async () => {
    expect(declarations, AGAIN).toBe(makeDeclarations((path) => read(`src/${path}`)));
    expect(packaged, AGAIN).toEqual(await bundleModule(REPOSITORY));
    expect(start as unknown, AGAIN).toEqual(collectStartFiles(REPOSITORY));
    expect(start.types, AGAIN).toBe(declarations);
  });

  test("what running the plugin leaves is not copied", () => {
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

  test("the declarations are all that src/index.ts exports, with every sentence, and import nothing", () => {
    const declared = [...declarations.matchAll(/^export (?:type|interface|function) (\w+)/gm)].map(([, name]) => name);
    const types = [...read("src/index.ts").matchAll(/export type \{([^}]*)\}/g)].map(([, names]) => names).join();
    const exported = [...types.matchAll(/\w+/g)].map(([name]) => name);
    expect(declared.sort()).toEqual([...exported, ...Object.keys(api)].sort());
    expect(declarations).not.toMatch(/\bimport\b|\brequire\b|\/\/\/ </);
    const comments = (text: string) => [...text.matchAll(/\/\*\*.*?\*\//gs)].map(([comment]) => comment);
    for (const path of DECLARED.types)
      for (const comment of comments(read(`src/${path}`)).slice(1)) expect(declarations).toContain(comment);
  });

  test("what a manifest may import is what src/index.ts exports", () => {
    expect(Object.keys(API).sort()).toEqual(Object.keys(api).sort());
  });
});

describe("new files", () => {
  const files = ["a/b/1", "a/2", "c/3", "4"].map((path) => ({ path, text: `${path}\n` }));
  const namesIn = (directory: string) => readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();

  function failureOf(root: string): DtError {
    try {
      writeNewFiles(root, files, {});
    } catch (error) {
      if (error instanceof DtError) return error;
      throw error;
    }
    throw new Error("it did not fail");
  }

  test("are whole, with the folders above them, and no temporary stays", () => {
    const root = emptyDirectory();
    writeNewFiles(root, files, {});
    expect(namesIn(root)).toEqual(["4", "a", "a/2", "a/b", "a/b/1", "c", "c/3"]);
    for (const { path, text } of files) expect(readFileSync(join(root, path), "utf8")).toBe(text);
  });

  test("the last one cannot be made: the others and their folders are gone again, what was there before is not", () => {
    const root = emptyDirectory();
    mkdirSync(join(root, "a"));
    writeFileSync(join(root, "a", "before"), "");
    writeFileSync(join(root, "4"), "mine");
    const error = failureOf(root);
    expect([error.code, error.status, error.message]).toEqual([
      "exists",
      2,
      `${join(root, "4")} already exists. Nothing was written.`,
    ]);
    expect(namesIn(root)).toEqual(["4", "a", "a/before"]);
    expect(readFileSync(join(root, "4"), "utf8")).toBe("mine");
  });

  test("a link to nowhere is not written through, a file in place of a folder is told", () => {
    const root = emptyDirectory();
    symlinkSync(join(root, "elsewhere"), join(root, "4"));
    expect(failureOf(root).code).toBe("exists");
    expect(namesIn(root)).toEqual(["4"]);
    rmSync(join(root, "4"));
    writeFileSync(join(root, "c"), "");
    const error = failureOf(root);
    expect([error.code, error.status]).toEqual(["unsafe-place", 2]);
    expect(error.message).toContain(`${join(root, "c")} should be a directory, but is a file`);
    expect(namesIn(root)).toEqual(["c"]);
    // Also one that comes to be a link after all places were looked at.
    rmSync(join(root, "c"));
    mkdirSync(join(root, "elsewhere"));
    symlinkSync("elsewhere", join(root, "c"));
    expect(failureOf(root).message).toContain(`${join(root, "c")} should be a directory, but is a link to "elsewhere"`);
    expect(namesIn(root)).toEqual(["c", "elsewhere"]);
  });

  test("one that is shared may be there by then", () => {
    const root = emptyDirectory();
    writeFileSync(join(root, "s"), "another's");
    writeNewFiles(root, [{ path: "s", text: "mine", shared: true }, ...files], {});
    expect(readFileSync(join(root, "s"), "utf8")).toBe("another's");
    expect(namesIn(root)).toContain("4");
  });

  test("nobody but the owner may write to them, whatever the umask", () => {
    const root = emptyDirectory();
    chmodSync(root, 0o700);
    const code = `process.umask(0); (await import(${JSON.stringify(join(REPOSITORY, "src/manifest/start/write.ts"))})).writeNewFiles(${JSON.stringify(root)}, [{ path: "a/b", text: "" }], {});`;
    expect(Bun.spawnSync([process.execPath, "-e", code]).exitCode).toBe(0);
    const { stdout } = Bun.spawnSync(["stat", "-c", "%a", join(root, "a"), join(root, "a/b")]);
    expect(stdout.toString()).toBe("755\n644\n");
  });
});
