/** The small promises: how a child ended, holes in files, names near to a mistyped one, signals by name. */
import { describe, expect, test } from "bun:test";
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { ensureShims } from "../../src/supervisor/prepare/shims.ts";
import { lazy } from "../../src/sys/base/lazy.ts";
import { signalName, signalNumber } from "../../src/sys/base/signals.ts";
import { statOf } from "../../src/sys/base/stat.ts";
import { endStatusOf, shellCode } from "../../src/sys/base/status.ts";
import { dataStart, releaseHead } from "../../src/sys/files/holes.ts";
import { nearestNames } from "../../src/sys/text/nearest.ts";
import { makeScratch } from "../kit/scratch.ts";

const scratch = makeScratch();

describe("status", () => {
  const cases: [what: string, script: string, code: number | null, signal: string | null, shell: number][] = [
    ["success", "exit 0", 0, null, 0],
    ["a code", "exit 3", 3, null, 3],
    ["the highest code", "exit 255", 255, null, 255],
    ["SIGTERM", "kill -TERM $$", null, "SIGTERM", 143],
    ["SIGKILL", "kill -KILL $$", null, "SIGKILL", 137],
    ["a real-time signal", "kill -34 $$", null, "SIG34", 162],
  ];
  for (const [what, script, code, signal, shell] of cases) {
    test(what, async () => {
      const child = Bun.spawn(["bash", "-c", script], { stdio: ["ignore", "ignore", "ignore"] });
      await child.exited;
      const status = endStatusOf(child);
      expect(status).toEqual({ code, signal });
      expect(shellCode(status)).toBe(shell);
    });
  }

  test("an unknown exit status is no success", () => {
    expect(shellCode({ code: null, signal: null })).toBe(1);
  });
});

test("signals by name and number", () => {
  expect([signalNumber("SIGTERM"), signalNumber("SIGNOT"), signalNumber("toString")]).toEqual([
    15,
    undefined,
    undefined,
  ]);
  expect([signalName(9), signalName(34)]).toEqual(["SIGKILL", "SIG34"]);
});

describe("holes", () => {
  test("a hole frees whole blocks of a file's head; offsets and the rest stay", () => {
    const path = join(scratch(), "f");
    writeFileSync(path, Buffer.alloc(100_000, "x"));
    const fd = openSync(path, "r+");
    try {
      expect([releaseHead(fd, 0), releaseHead(fd, 4095), dataStart(fd)]).toEqual([0, 0, 0]);
      const reached = releaseHead(fd, 50_000);
      if (reached === null) {
        console.error("skipped: this file system has no holes");
        return;
      }
      expect(reached).toBe(49_152);
      expect(dataStart(fd)).toBe(reached);
      expect(fstatSync(fd).size).toBe(100_000);
      const bytes = readFileSync(path);
      expect(bytes.subarray(0, reached).every((byte) => byte === 0)).toBe(true);
      expect(bytes.subarray(reached).every((byte) => byte === 120)).toBe(true);
    } finally {
      closeSync(fd);
    }
  });

  test("an empty file, or one that is only a hole, begins at 0", () => {
    const fd = openSync(join(scratch(), "f"), "w+");
    expect(dataStart(fd)).toBe(0);
    ftruncateSync(fd, 1_000_000);
    expect(dataStart(fd)).toBe(0);
    closeSync(fd);
  });
});

describe("nearestNames", () => {
  const NAMES = [
    "ps",
    "start",
    "stop",
    "status",
    "restart",
    "logs",
    "list",
    "why",
    "doctor",
    "port",
    "web",
    "slow",
    "build",
  ];
  const cases: [word: string, near: string[]][] = [
    ["stpo", ["stop"]],
    ["STOP", ["stop"]],
    ["sta", ["start", "status"]],
    ["log", ["logs"]],
    ["lgos", ["logs"]],
    ["wbe", ["web"]],
    ["webb", ["web"]],
    ["slwo", ["slow"]],
    ["slwo ", []],
    ["buidl", ["build"]],
    ["Status", ["status"]],
    ["statsu", ["status"]],
    ["resart", ["restart"]],
    ["restrat", ["restart"]],
    ["retsrat", ["restart"]],
    ["sotp", ["stop"]],
    ["stauts", ["status"]],
    ["staruts", ["start", "status"]],
    ["stip", ["stop"]],
    ["sp", ["ps"]],
    ["re-start", ["restart"]],
    ["re_start", ["restart"]],
    // No typing error makes these out of a name.
    ["zzzzzz", []],
    ["bogus", []],
    ["k8s", []],
    ["db", []],
    ["pa", []],
    ["p", []],
    ["pss", ["ps"]],
    ["x", []],
    ["wet", []],
    ["docker", []],
    ["prod", []],
    ["start-all", []],
    ["", []],
    ["--", []],
    ["s".repeat(300), []],
    ["💥", []],
  ];
  for (const [word, near] of cases) {
    test(`${word}: ${near.join(" ") || "none"}`, () => {
      expect(nearestNames(word, NAMES)).toEqual(near);
    });
  }
  test("names near a flag or field are found by letters, without its dashes and case", () => {
    const flags = ["--detach", "-d", "--no-wait", "--timeout", "-C"];
    expect(nearestNames("--detch", flags)).toEqual(["--detach"]);
    expect(nearestNames("-detach", flags)).toEqual(["--detach"]);
    expect(nearestNames("--nowait", flags)).toEqual(["--no-wait"]);
    expect(nearestNames("-c", flags)).toEqual(["-C"]);
    expect(nearestNames("-x", flags)).toEqual([]);
    expect(nearestNames("--x", flags)).toEqual([]);
    expect(nearestNames("restart_on", ["restart", "restartOn"])).toEqual(["restartOn"]);
  });
  test("at most three near names are given, each once, and none for no names", () => {
    expect(nearestNames("abc", ["abcd", "abce", "abcf", "abcg", "abcd"])).toEqual(["abcd", "abce", "abcf"]);
    expect(nearestNames("a", [])).toEqual([]);
  });
  test("a name with a letter left out or typed twice is found", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{4,20}$/);
    fc.assert(
      fc.property(name, fc.nat(), (word, seed) => {
        const at = seed % word.length;
        const without = word.slice(0, at) + word.slice(at + 1);
        const twice = word.slice(0, at) + word.slice(at, at + 1) + word.slice(at);
        expect(nearestNames(without, [word])).toEqual([word]);
        expect(nearestNames(twice, [word])).toEqual([word]);
      }),
    );
  });
});

test("lazy makes its value once, also when it is undefined", () => {
  let made = 0;
  const value = lazy(() => {
    made++;
    return undefined;
  });
  expect([value(), value(), made]).toEqual([undefined, undefined, 1]);
});

test("statOf: what cannot be seen is not there", () => {
  const directory = scratch();
  writeFileSync(join(directory, "f"), "");
  expect(statOf(join(directory, "f"))?.isFile()).toBe(true);
  for (const path of [join(directory, "n"), join(directory, "f", "x"), "x".repeat(5000), ""]) {
    expect(statOf(path)).toBeUndefined();
  }
});

describe("shims", () => {
  test("shims are made once, below the first writable place, and run what they are named after", () => {
    const directory = scratch();
    writeFileSync(join(directory, "file"), "");
    const self = [process.execPath, join(directory, "it's me.ts")];
    writeFileSync(self[1] as string, "console.log(process.env.BUN_BE_BUN ?? 'unset', ...process.argv.slice(2));");
    const made = ensureShims([join(directory, "file"), directory], { self });
    expect(made).toStartWith(join(directory, "shims"));
    expect(ensureShims([directory], { self })).toBe(made);
    expect(ensureShims([join(directory, "file")], { self })).toBeNull();
    const shim = join(made as string, "dt");
    expect(statSync(shim).mode & 0o777).toBe(0o755);
    const env = { PATH: process.env.PATH ?? "", BUN_BE_BUN: "1" };
    expect(Bun.spawnSync([shim, "a b", "$c"], { env }).stdout.toString()).toBe("unset a b $c\n");
    const asBun = Bun.spawnSync([join(made as string, "bun"), "-e", "console.log(process.env.BUN_BE_BUN)"], { env });
    expect(asBun.stdout.toString()).toBe("1\n");
  });

  test("shims that came with the place are not run: one with other text, a link, or a link for their folder", () => {
    const directory = scratch();
    const self = ["/bin/true"];
    const made = ensureShims([directory], { self }) as string;
    const shim = join(made, "bun");
    const right = readFileSync(shim, "utf8");
    writeFileSync(shim, "#!/bin/sh\necho planted\n");
    expect(ensureShims([directory], { self })).toBe(made);
    expect(readFileSync(shim, "utf8")).toBe(right);

    const planted = join(directory, "planted");
    writeFileSync(planted, right, { mode: 0o755 });
    rmSync(shim);
    symlinkSync(planted, shim);
    expect(ensureShims([directory], { self })).toBe(made);
    expect(lstatSync(shim).isFile()).toBe(true);

    const elsewhere = scratch();
    rmSync(join(directory, "shims"), { recursive: true });
    symlinkSync(elsewhere, join(directory, "shims"));
    expect(ensureShims([directory], { self })).toBeNull();
    expect(readdirSync(elsewhere)).toEqual([]);
    const other = scratch();
    expect(ensureShims([directory, other], { self })).toStartWith(other);
  });
});
