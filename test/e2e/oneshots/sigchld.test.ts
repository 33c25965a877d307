/**
 * dt started with SIGCHLD ignored (by a shell's `trap '' CHLD`, by some supervisors): the kernel would keep no exit
 * status of a child.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { DT, REPOSITORY, TestRoot } from "../../kit.ts";
import { execute, onTerminal } from "../kit/oneshot.ts";

const IGNORING = [
  "python3",
  "-c",
  "import os,signal,sys; signal.signal(17, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])",
];
const ignoredBy = (status: string) => BigInt(`0x${/^SigIgn:\s*(\w+)$/m.exec(status)?.[1]}`);
const SIGCHLD = 1n << 16n;

let root: TestRoot;

beforeAll(() => {
  root = TestRoot.create({
    "manifests/a.json": JSON.stringify({
      name: "a",
      commands: {
        one: { kind: "oneshot", run: ["sh", "-c", "exit 3"] },
        status: { kind: "oneshot", run: ["cat", "/proc/self/status"] },
        kept: { kind: "oneshot", capture: true, run: ["sh", "-c", "cat /proc/self/status; exit 4"] },
        fails: { kind: "managed", run: "exit 7" },
        tty: { kind: "managed", tty: true, run: "exit 8" },
        dep: {
          kind: "managed",
          run: ["sh", "-c", "cat /proc/self/status; exec sleep 1000"],
          ready: { exec: ["true"] },
        },
        up: {
          kind: "managed",
          run: ["sleep", "1000"],
          needs: ["a:dep"],
          before: ["a:fine"],
          ready: { exec: ["true"] },
        },
        fine: { kind: "oneshot", run: ["true"] },
        refused: { kind: "managed", run: ["sleep", "1000"], before: ["a:one"] },
        never: { kind: "managed", run: ["sleep", "1000"], ready: { exec: ["false"], timeout: "300ms" } },
      },
    }),
    "manifests/b.ts": `import { execSync } from "node:child_process";
const word = execSync("echo loaded").toString().trim();
export default { name: "b", commands: {
  word: { kind: "oneshot", run: ["echo", word] },
  code: { kind: "oneshot", async handler({ exec }: any) {
    if (execSync("echo x").toString() !== "x\\n") return 90;
    await exec("true", []);
    await exec("sh", ["-c", "exit 5"]);
  } },
} };`,
  });
});

afterAll(() => root.dispose());

const dt = (...words: string[]) => execute(root, [...IGNORING, DT, ...words]);

describe("the code is the command's own:", () => {
  for (const [words, code] of [
    ["a one", 3],
    ["a kept", 4],
    ["a fails", 7],
    ["a up -d", 0],
    ["a refused -d", 1],
    ["a never -d", 124],
    ["up -d a:up", 0],
    ["restart a:up", 0],
    ["stop --all", 0],
    ["b word", 0],
    ["b code", 5],
  ] as const)
    test(`dt ${words}`, async () => {
      const result = await dt(...words.split(" "));
      expect({ code: result.code, stderr: result.stderr }).toEqual({ code, stderr: expect.any(String) });
    });
});

test("with SIGCHLD ignored, captured and managed commands on a terminal keep their codes", async () => {
  for (const [words, code] of [
    ["a kept", 4],
    ["a tty", 8],
  ] as const) {
    const terminal = onTerminal(root, [...IGNORING, DT, ...words.split(" ")]);
    expect([words, await terminal.child.exited]).toEqual([words, code]);
    await terminal.close();
  }
});

test("a one-shot ignores SIGCHLD as its caller does; commands whose parent dt stays do not", async () => {
  const status = await dt("a", "status");
  expect(ignoredBy(status.stdout) & SIGCHLD).toBe(SIGCHLD);
  expect(ignoredBy((await dt("a", "kept")).stdout) & SIGCHLD).toBe(0n);
  await dt("a", "dep", "-d");
  expect(ignoredBy((await root.dt(["logs", "a:dep"])).stdout) & SIGCHLD).toBe(0n);
  expect(ignoredBy((await root.dt(["a", "status"])).stdout) & SIGCHLD).toBe(0n);
});

test("with SIGCHLD ignored the wrapper reports that its build failed", async () => {
  const checkout = `${root.base}/checkout`;
  mkdirSync(`${checkout}/node_modules/.bin`, { recursive: true });
  copyFileSync(`${REPOSITORY}/dialtone.sh`, `${checkout}/dialtone.sh`);
  writeFileSync(`${checkout}/build.ts`, "");
  writeFileSync(`${checkout}/node_modules/.bin/bun`, '#!/bin/sh\n[ "$1" = --version ] || exit 6\n', { mode: 0o755 });
  const { code, stderr } = await execute(root, [...IGNORING, "sh", `${checkout}/dialtone.sh`, "--version"]);
  expect({ code, stderr }).toEqual({ code: 125, stderr: expect.stringContaining("dt could not be built") });
});
