/** Every example of README.md, run; every link of it, followed as far as this repository goes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { DT, REPOSITORY, TestRoot } from "../../kit.ts";
import { type Block, normalize, parseBlocks, readBlocks, stepsOf } from "../kit/readme.ts";

const blocks = readBlocks("README.md");
const isFile = (block: Block) => block.file !== undefined;
const isSession = (block: Block) => block.language === "console";

describe("the README's sessions", () => {
  let root: TestRoot;
  beforeAll(() => {
    root = TestRoot.create();
    for (const { file, lines } of blocks.filter(isFile)) root.write(file as string, `${lines.join("\n")}\n`);
    mkdirSync(join(root.base, "bin"));
    symlinkSync(DT, join(root.base, "bin/dt"));
  });
  afterAll(() => root.dispose());

  // In order: one project, one story.
  for (const { command, output, line } of blocks.filter(isSession).flatMap(stepsOf)) {
    test(`line ${line}: ${command}`, async () => {
      const child = Bun.spawn(["sh", "-c", `exec 2>&1\n${command}`], {
        cwd: root.dir,
        // No Bun on PATH, as on a user's machine.
        env: { ...root.env, PATH: `${root.base}/bin:/usr/bin:/bin` },
        stdin: "ignore",
        stdout: "pipe",
      });
      expect(normalize(await child.stdout.text())).toBe(normalize(output));
    });
  }
});

test("each example of the README is tested", () => {
  const others = blocks.filter((block) => !isFile(block) && !isSession(block)).map(({ name }) => name);
  // `serve` is run by clone.test.ts, `test` by .ci/run.
  expect(others).toEqual(["serve", "test"]);
  const line = (name: string) => blocks.find((block) => block.name === name)?.lines;
  expect(line("serve")).toEqual(["./dialtone.sh www dev"]);
  expect(readFileSync(join(REPOSITORY, ".ci/run"), "utf8")).toContain(`count_tests "${line("test")?.join("\n")}"`);
});

test("the README's links lead somewhere", () => {
  const targets = [...readFileSync(join(REPOSITORY, "README.md"), "utf8").matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(
    ([, path]) => path as string,
  );
  expect(targets.length).toBeGreaterThan(5);
  for (const path of targets) expect(existsSync(join(REPOSITORY, path)), path).toBe(true);
});

describe("reading examples", () => {
  const session = "text\n\n```console\n$ a 1\nout\n\nmore\n$ b\n```\n\n```ts file=x/y.ts\nconst z = 1;\n```\n";
  test("blocks, files, typed lines and printed lines are read from Markdown", () => {
    const [first, second] = parseBlocks(session);
    expect(stepsOf(first as Block)).toEqual([
      { command: "a 1", output: "out\n\nmore\n", line: 4 },
      { command: "b", output: "", line: 8 },
    ]);
    expect(second).toEqual({ language: "ts", file: "x/y.ts", name: undefined, lines: ["const z = 1;"], line: 11 });
  });
  test("only text that differs from run to run is levelled", () => {
    expect(normalize("a:b:c   ready  4711  3m 5s  4000  bun x\n")).toBe(normalize("a:b:c ready 9 51ms 4000 bun x\n"));
    expect(normalize("exit code 7")).not.toBe(normalize("exit code 8"));
    expect(normalize("http://localhost:4000")).not.toBe(normalize("http://localhost:4001"));
  });
});
