/**
 * After `--` a word is a name, for every verb of the table: never a flag, never a question for help. A plugin's command
 * gets it as before.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { VERBS } from "../../../src/commands/parse/verbs.ts";
import { TestRoot } from "../../kit.ts";

const MANAGED = { kind: "managed", run: ["sleep", "1000"] };
const MANIFEST = { name: "a", commands: { b: MANAGED, c: MANAGED, say: { kind: "oneshot", run: ["echo"] } } };
/** Flags of verbs, of dt, and for help. */
const WORDS = ["-a", "--all", "--yes", "-f", "--json", "--help", "-h", "--quiet", "-C", "--"];

let root: TestRoot;
beforeAll(async () => {
  root = TestRoot.create({ "manifests/a.json": JSON.stringify(MANIFEST) });
  for (const command of ["b", "c"]) await root.dt(["a", command, "-d"]);
});
afterAll(() => root.dispose());

const running = async () =>
  (JSON.parse((await root.dt(["ps", "--json"])).stdout) as { key: string }[]).map(({ key }) => key).sort();

describe("what could be a flag", () => {
  for (const [verb, there] of Object.entries(VERBS)) {
    if (there === null) continue;
    test(`a flag is no flag behind dt ${verb} --`, async () => {
      const results = await Promise.all(WORDS.map((word) => root.dt([verb, "--", word], { timeoutMs: 20_000 })));
      // An error each time, and neither help nor an answer: no launch, plugin, directory or job is called that.
      const answers = results.map(({ code, stdout }, at) => ({ word: WORDS[at], refused: code !== 0, stdout }));
      expect(answers).toEqual(WORDS.map((word) => ({ word, refused: true, stdout: "" })));
      expect(await running()).toEqual(["a:b:default", "a:c:default"]);
    });
  }
});

test("a verb takes only as many words as it declares, wherever they stand", async () => {
  const { code, stderr } = await root.dt(["port", "3000", "--", "4000"]);
  expect([code, stderr]).toEqual([2, 'dt: dt port expects at most 1 argument, got 2: unexpected "4000".\n']);
  expect((await root.dt(["list", "--", "x"])).code).toBe(2);
});

test("a word behind -- is a name, with flags before it", async () => {
  const { code, stdout } = await root.dt(["status", "--json", "--", "a", "b"]);
  expect([code, (JSON.parse(stdout) as { key: string }).key]).toEqual([0, "a:b:default"]);
  expect((await root.dt(["help", "--", "ps"])).stdout).toStartWith("dt ps");
});

test("a plugin's command gets what stands behind --, and dt -- NAME is a plugin's", async () => {
  expect((await root.dt(["a", "say", "--", "--help", "-a"])).stdout).toBe("--help -a\n");
  expect((await root.dt(["--", "a", "say", "x"])).stdout).toBe("x\n");
  expect((await root.dt(["--quiet", "--", "a", "say", "--", "--all"])).stdout).toBe("--all\n");
  const verb = await root.dt(["--", "ps"]);
  expect([verb.code, verb.stdout, verb.stderr.startsWith('dt: There is no plugin or verb named "ps" in /')]).toEqual([
    2,
    "",
    true,
  ]);
  expect((await root.dt(["--"])).code).toBe(2);
});
