/** Standard streams as they come in real life: slow readers, readers that leave, full devices. */
import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { isReaderGone, isTerminal, writeText } from "../../../src/sys/stdio/stdio.ts";
import { makeScratch } from "../../kit/scratch.ts";

const scratch = makeScratch();
const STDIO = JSON.stringify(join(import.meta.dir, "../../../src/sys/stdio/stdio.ts"));
const ERROR = JSON.stringify(join(import.meta.dir, "../../../src/sys/base/error.ts"));

function run(shell: string, script: string) {
  const child = Bun.spawnSync(["sh", "-c", shell, "sh", process.execPath, script]);
  return { stdout: child.stdout.toString(), stderr: child.stderr.toString() };
}

test("all output arrives through a slow non-blocking pipe", () => {
  // `O_NONBLOCK` is set on the pipe itself, as a neighbour on the same pipe may do at any time.
  const script = `
    const { writeText } = await import(${STDIO});
    const { libc } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/ffi/libc.ts"))});
    const FCNTL = { x64: 72, arm64: 25 }[process.arch];
    libc().syscall(FCNTL, 1, 4, 0x800, 0, 0);
    const text = Array.from({ length: 40_000 }, (_, at) => "line " + at + "\\n").join("");
    process.exitCode = writeText(1, text) === "written" ? 0 : 1;`;
  const { stdout, stderr } = run(`"$1" -e "$2" | { sleep 0.2; sha256sum; }`, script);
  const text = Array.from({ length: 40_000 }, (_, at) => `line ${at}\n`).join("");
  expect(stderr).toBe("");
  expect(stdout.split(" ")[0]).toBe(new Bun.CryptoHasher("sha256").update(text).digest("hex"));
});

test("a reader that leaves is `closed`; printing to it is no error", () => {
  const script = `
    const { writeText, print } = await import(${STDIO});
    const text = "x".repeat(1_000_000);
    const outcome = writeText(1, text);
    print(text);
    writeText(2, outcome);`;
  expect(run(`"$1" -e "$2" | head -c 10`, script)).toEqual({ stdout: "x".repeat(10), stderr: "closed" });
});

test("a full device is `failed`; printing to it is an error", () => {
  const script = `
    const { writeText, print } = await import(${STDIO});
    let code = "none";
    try { print("text"); } catch (error) { code = error.code; }
    writeText(2, writeText(1, "text") + " " + code);`;
  expect(run(`"$1" -e "$2" > /dev/full`, script).stderr).toBe("failed cannot-print");
});

test("a stream that is not there is `closed`", () => {
  const fd = openSync(join(scratch(), "f"), "w");
  closeSync(fd);
  expect(writeText(fd, "text")).toBe("closed");
  expect(writeText(1, "")).toBe("written");
});

describe("isReaderGone, without writing", () => {
  const look = `
    const { isReaderGone, writeText } = await import(${STDIO});
    while (!isReaderGone(1)) Bun.sleepSync(1);
    writeText(2, "gone");`;
  const now = `
    const { isReaderGone, writeText } = await import(${STDIO});
    writeText(2, String(isReaderGone(1)));`;
  test("isReaderGone sees that a pipe's reader left", () => {
    expect(run(`"$1" -e "$2" | sleep 0.1`, look).stderr).toBe("gone");
  });
  for (const [what, shell, gone] of [
    ["a pipe with a reader", `"$1" -e "$2" | { cat >/dev/null; }`, false],
    ["a file", `"$1" -e "$2" > "$(mktemp -u)"`, false],
    ["/dev/null", `"$1" -e "$2" > /dev/null`, false],
  ] as const) {
    test(what, () => {
      const directory = scratch();
      const child = Bun.spawnSync(["sh", "-c", shell, "sh", process.execPath, now], {
        env: { PATH: process.env.PATH ?? "", TMPDIR: directory },
      });
      expect(child.stderr.toString()).toBe(String(gone));
    });
  }
  test("isReaderGone sees a closed descriptor", () => {
    const fd = openSync(join(scratch(), "f"), "w");
    closeSync(fd);
    expect(isReaderGone(fd)).toBe(true);
  });
});

test("neither a file nor /dev/null nor a closed descriptor is a terminal", () => {
  for (const path of [join(scratch(), "f"), "/dev/null"]) {
    const fd = openSync(path, "w");
    expect(isTerminal(fd)).toBe(false);
    closeSync(fd);
    expect(isTerminal(fd)).toBe(false);
  }
});

describe("a terminal is told", () => {
  const script = `
    const { openSync, constants } = require("node:fs");
    const { isTerminal, writeText } = await import(${STDIO});
    const open = (path) => openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    writeText(1, [isTerminal(open("/dev/ptmx")), isTerminal(open("/dev/null"))].join(" "));`;

  test("a terminal is recognised by the C library", () => {
    expect(run(`"$1" -e "$2"`, script)).toEqual({ stdout: "true false", stderr: "" });
  });

  test("a terminal is recognised where no C function can be called", () => {
    expect(run(`BUN_JSC_useJIT=0 "$1" -e "$2"`, script)).toEqual({ stdout: "true false", stderr: "" });
  });
});

test("a printed error has code, hint and status", async () => {
  const { DtError, EXIT, errnoOf, messageOf } = (await import(
    JSON.parse(ERROR)
  )) as typeof import("../../../src/sys/base/error.ts");
  const error = new DtError("some-code", "A sentence.", { hint: "Do that.", details: { a: 1 }, cause: new Error("x") });
  expect(error).toMatchObject({ name: "DtError", code: "some-code", status: EXIT.failed, hint: "Do that." });
  expect([errnoOf({ code: "ENOENT" }), errnoOf({ code: 5 }), errnoOf(null), errnoOf("x")]).toEqual([
    "ENOENT",
    undefined,
    undefined,
    undefined,
  ]);
  expect([messageOf(new Error("m")), messageOf("s"), messageOf(null)]).toEqual(["m", "s", "null"]);
});
