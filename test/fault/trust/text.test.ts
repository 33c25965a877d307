/**
 * Every verb of the table, in a world where each name, description, argument, path, branch, record, job, process and
 * message is hostile: what dt prints holds no control character, no override of direction, nothing invisible, and no
 * line that a name made. A new verb is walked by itself, without and with words, flags, `--json`, `--dry-run` and help,
 * with colours and without.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { VERBS, type VerbName } from "../../../src/commands/parse/verbs.ts";
import { freePort } from "../../e2e/kit/launch.ts";
import type { TestRoot } from "../../kit.ts";
import { EVIL, faultsOf } from "./hidden.kit.ts";
import { makeCode, makeWorld } from "./text.kit.ts";

const PORT = freePort();
const COLORS: [what: string, env: Record<string, string>, colored: boolean][] = [
  ["plain", {}, false],
  ["coloured", { FORCE_COLOR: "1" }, true],
];
/** What each verb is asked. */
const COMMON: string[][] = [
  [],
  [EVIL],
  ["--", EVIL, EVIL],
  [`--${EVIL}`],
  [`-${EVIL}`],
  ["--help"],
  ["-C", EVIL],
  ["a:m", "--verbose", "--dry-run"],
  ["f", "--verbose"],
  ["f:ex", "f:broken", "f:backoff", "f:stopping", "f:stack", "f:lock", "a:dies", "f:version", "f:want"],
  ["a:noisy", "--json"],
];
/** What only one of them can be asked. */
const MORE: Partial<Record<VerbName, string[][]>> = {
  ps: [["--all"], ["--tree"], ["--all-roots"], ["--all", "--all-roots", "--json"], ["a:listens", "--tree", "--json"]],
  status: [["a:listens"], ["a:dies"], ["--json"]],
  why: [["a:dies"], ["a:noisy"], ["a:nowhere"], ["needs:x"], ["a:dies", "--json", "--verbose"]],
  logs: [
    ["--path"],
    ["--path", "--json"],
    ["--grep", `(${EVIL}`],
    ["a:noisy", "--json"],
    ["--since", EVIL],
    ["a:dies", "--previous", "9"],
  ],
  attach: [["a:m"], ["a:dies"]],
  restart: [["a:nowhere"], ["a:gone"], ["field:x"]],
  wait: [
    ["a:dies", "--for", "ready", "--timeout", "1s"],
    ["a:m", "--for", EVIL],
    ["a:m", "--timeout", EVIL],
  ],
  up: [
    ["a:never", "-d"],
    ["a:needy", "-d"],
    ["a:nowhere", "-d"],
    ["a:gone", "-d", "--json"],
    ["--dry-run", "g"],
  ],
  down: [["--dry-run"], ["--dry-run", "--json"]],
  stop: [
    ["f:ready", "f:stopping", "f:stack", "f:broken"],
    ["--all", "--dry-run"],
  ],
  port: [[String(PORT)], [String(PORT), "--json"]],
  gc: [
    ["--idle", "0s"],
    ["--idle", "0s", "--json"],
  ],
  doctor: [["--fix"], ["--json"]],
  init: [["plugin", EVIL], ["plugin", "a"], ["--json"]],
  boot: [["add"], ["list"], ["list", "--json"], ["add", EVIL], ["remove", EVIL]],
  daemon: [
    ["start"],
    ["status"],
    ["status", "--json"],
    ["logs"],
    ["logs", "--json"],
    ["start", "--manager", EVIL],
    ["install", "--dry-run"],
    ["stop"],
  ],
  jobs: [["--all-roots"], ["--json"], ["zz"]],
  watch: [["a"], ["--events", `${EVIL}/**`], ["field"]],
  list: [["--refresh"], ["--refresh", "--json"]],
};
/** Commands of plugins. */
const COMMANDS: string[][] = [
  [],
  [EVIL],
  ["a"],
  ["a", EVIL],
  ["a", "m", EVIL],
  ["a", "m", "--help"],
  ["a", "m", `--${EVIL}`],
  ["a", "m", "-d", "--port", EVIL],
  ["--dry-run", "a", "m", "--", EVIL],
  ["--dry-run", "--json", "a", "noisy"],
  ["--dry-run", "a", "fails", EVIL],
  ["--verbose", "a", "fails", EVIL],
  ["--verbose", "--capture", "a", "fails", EVIL],
  ["--verbose", "a", "m", "-d", "--", EVIL],
  ["a", "dies", "--wait"],
  ["a", "dies", "--wait", "--json"],
  ["a", "never", "-d"],
  ["a", "needy", "-d"],
  ["a", "nowhere"],
  ["a", "gone", "-d"],
  ["a", "gone"],
  ["a", "spawns"],
  ["a", "listens", "-d", "--owner", EVIL],
  ["field", "x"],
  ["needs", "x"],
  [`--${EVIL}`],
  [`-C${EVIL}`],
  ["-C", EVIL, "ps"],
];

let root: TestRoot;
beforeAll(async () => {
  root = await makeWorld(PORT);
});
afterAll(async () => {
  await root.dt(["daemon", "stop"]);
  await root.dispose();
});

/** What does not end by itself is looked at until here. */
const LIMIT_MS = 2500;
const AT_ONCE = 6;

async function faults(words: string[], env: Record<string, string>, colored: boolean): Promise<string[]> {
  const result = await root.dt(words, { env, timeoutMs: LIMIT_MS });
  // The lines of a log are its command's own, and asked for.
  const isRaw = words[0] === "logs" && !words.includes("--json") && !words.includes("--path");
  const found = faultsOf(isRaw ? { ...result, stdout: "" } : result, colored);
  const json = words.includes("--json") && !words.includes("--help") ? notJson(result.stdout) : [];
  return [...found, ...json].map((fault) => `dt ${words.map((word) => JSON.stringify(word)).join(" ")}: ${fault}`);
}

function notJson(stdout: string): string[] {
  try {
    for (const line of stdout.split("\n")) if (line !== "") JSON.parse(line);
    return [];
  } catch {
    return stdout.trim() === "" ? [] : [`not JSON: ${JSON.stringify(stdout.slice(0, 200))}`];
  }
}

for (const [what, env, colored] of COLORS) {
  describe(what, () => {
    for (const [verb, there] of Object.entries(VERBS)) {
      if (there === null) continue;
      test(`dt ${verb}`, async () => {
        const found = await Promise.all(COMMON.map((words) => faults([verb, ...words], env, colored)));
        // One after the other: a daemon is started before it is asked.
        for (const words of MORE[verb as VerbName] ?? []) found.push(await faults([verb, ...words], env, colored));
        expect(found.flat()).toEqual([]);
      });
    }

    test("the commands of plugins print visible text", async () => {
      const found: string[] = [];
      for (let at = 0; at < COMMANDS.length; at += AT_ONCE)
        found.push(
          ...(await Promise.all(COMMANDS.slice(at, at + AT_ONCE).map((words) => faults(words, env, colored)))).flat(),
        );
      expect(found).toEqual([]);
    });
  });
}

test("manifests that are code and fail in their own words print visible text", async () => {
  const code = makeCode();
  for (const words of [["list"], ["throws", "x"], ["prints", "x"], ["imports", "x"], ["up", "throws"], ["doctor"]]) {
    const result = await code.dt(words, { env: { FORCE_COLOR: "1", DIALTONE_TRUST: "1" } });
    expect([words, faultsOf(result, true)]).toEqual([words, []]);
  }
  await code.dispose();
});
