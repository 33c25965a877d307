/** Where a shell's `run` takes the added arguments. */
import { expect, test } from "bun:test";
import { buildArgv } from "../../src/supervisor/prepare.ts";

const script = (run: string, args: string[] = ["x"]) => buildArgv(run, args)[2];

test("an argument vector is followed by them", () => {
  expect(buildArgv(["a", "b"], ["c", "--", ""])).toEqual(["a", "b", "c", "--", ""]);
});

test("a script gets them as its own, and at its end where it does not name them", () => {
  expect(buildArgv("make all", ["-j", "2"])).toEqual(["sh", "-c", 'make all "$@"', "sh", "-j", "2"]);
  expect(buildArgv("make all", [])).toEqual(["sh", "-c", "make all", "sh"]);
  expect(script("a\nb\n\n")).toBe('a\nb "$@"');
});

test("a script that names them keeps its text", () => {
  for (const run of ['f "$@"', "f $*", "f $1", "f ${2:-x}", 'f "a $1"', "test $# = 0 && f", 'f "${@}"', "f 'a' $1"])
    expect([run, script(run)]).toEqual([run, run]);
});

test("what is not for the shell does not name them", () => {
  for (const run of [
    "awk '{ print $1 }'",
    "echo \\$1",
    'echo "\\$1"',
    "echo $HOME ${x} $$ $? $0",
    "echo 'it is $@' \"quoted\"",
  ]) {
    expect(script(run)).toBe(`${run} "$@"`);
  }
});
