/** What a command line would execute, and why it cannot be. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executionError } from "../../../src/sys/spawn/exec.ts";
import { checkWorkingDirectory, findExecutable, missingInterpreter } from "../../../src/sys/spawn/executable.ts";
import { failure } from "../../kit/failure.ts";
import { makeScratch } from "../../kit/scratch.ts";

const base = makeScratch()();
for (const directory of ["one", "two", "two/tool-dir", "closed"]) mkdirSync(join(base, directory));
function program(path: string, text = "#!/bin/sh\n", mode = 0o755): void {
  writeFileSync(join(base, path), text);
  chmodSync(join(base, path), mode);
}
program("one/first");
program("two/first");
program("two/second");
program("one/plain", "text", 0o644);
program("two/plain");
program("one/only-plain", "text", 0o644);
program("here");
mkdirSync(join(base, "one", "tool-dir"));
symlinkSync("first", join(base, "one", "linked"));
symlinkSync("nowhere", join(base, "one", "dangling"));
writeFileSync(join(base, "file"), "");
const PATH = `${join(base, "one")}:${join(base, "two")}`;

describe("findExecutable", () => {
  const found: [what: string, name: string, path: string, file: string][] = [
    ["the first on PATH", "first", PATH, "one/first"],
    ["one that is only in the second", "second", PATH, "two/second"],
    ["past a file of that name that cannot be executed", "plain", PATH, "two/plain"],
    ["through a link", "linked", PATH, "one/linked"],
    ["with a slash: relative to the working directory, not on PATH", "two/second", "", "two/second"],
    ["with a dot", "./here", PATH, "here"],
    ["absolute", join(base, "here"), "", "here"],
    ["an empty element of PATH is the working directory", "here", `${join(base, "one")}:`, "here"],
    ["a relative element of PATH", "second", "one:two", "two/second"],
    ["a PATH element that is a file is passed over", "first", `${join(base, "file")}:${PATH}`, "one/first"],
    ["a PATH element that is no possible name", "first", `${"/x".repeat(3000)}:${PATH}`, "one/first"],
    ["a PATH element that is missing", "first", `/nowhere:${PATH}`, "one/first"],
  ];
  for (const [what, name, path, file] of found) {
    test(what, () => {
      expect(findExecutable(name, { path, cwd: base })).toBe(join(base, file));
    });
  }

  const refused: [what: string, name: string, code: string, status: number, say: string][] = [
    ["missing", "nothing", "not-found", 127, `not on PATH (${PATH})`],
    ["a dangling link", "dangling", "not-found", 127, "not on PATH"],
    ["missing, with a slash", "./nothing", "not-found", 127, `${join(base, "nothing")} does not exist`],
    ["below a file", "file/x", "not-found", 127, "does not exist"],
    ["an empty name", "", "not-found", 127, "empty"],
    ["a directory", "tool-dir", "not-executable", 126, "it is a directory"],
    ["no permission", "only-plain", "not-executable", 126, "not executable"],
  ];
  for (const [what, name, code, status, say] of refused) {
    test(`refused: ${what}`, () => {
      const error = failure(() => findExecutable(name, { path: PATH, cwd: base }));
      expect(error).toMatchObject({ code, status });
      expect(error.message).toContain(say);
    });
  }

  test("a PATH entry that may not be searched is skipped", () => {
    if (process.getuid?.() !== 0) {
      console.error("skipped: only root can become another user");
      return;
    }
    chmodSync(join(base, "closed"), 0o700);
    const script = `
      const { findExecutable } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/spawn/executable.ts"))});
      process.setgid(54321);
      process.setuid(54321);
      console.log(findExecutable("sh", { path: ${JSON.stringify(`${join(base, "closed")}:/bin`)}, cwd: "/" }));`;
    expect(Bun.spawnSync([process.execPath, "-e", script]).stdout.toString()).toBe("/bin/sh\n");
  });
});

test("checkDirectory names the directory, not the command", () => {
  checkWorkingDirectory(base);
  for (const [path, say] of [
    [join(base, "nothing"), "does not exist"],
    [join(base, "file"), "is not a directory"],
    [join(base, "file", "below"), "does not exist"],
  ] as const) {
    const error = failure(() => checkWorkingDirectory(path));
    expect(error).toMatchObject({ code: "bad-directory", status: 127 });
    expect(error.message).toBe(`The working directory ${path} ${say}.`);
  }
});

test("a missing interpreter is named", () => {
  const cases: [text: string, missing: string | null][] = [
    ["#!/no/such/interpreter -x\n", "/no/such/interpreter"],
    ["#! /no/such/one\n", "/no/such/one"],
    ["#!/bin/sh\n", null],
    ["no script", null],
    ["", null],
  ];
  for (const [text, missing] of cases) {
    program("script", text);
    expect(missingInterpreter(join(base, "script"))).toBe(missing);
  }
  expect(missingInterpreter(join(base, "nothing"))).toBeNull();
  program("script", "#!/no/such/interpreter\n");
  expect(executionError(join(base, "script"), new Error("x"))).toMatchObject({ code: "not-found", status: 127 });
  program("script");
  const tooLong = Object.assign(new Error("x"), { code: "E2BIG" });
  expect(executionError(join(base, "script"), tooLong).message).toContain("too long for this system");
});
