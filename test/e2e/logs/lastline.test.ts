/** A line without an end: a follower shows it whole when its run is over, and no sooner. */
import { afterEach, expect, test } from "bun:test";
import { stays, TestRoot, until } from "../../kit.ts";

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

function rootOf(commands: Record<string, object>): TestRoot {
  const managed = Object.fromEntries(
    Object.entries(commands).map(([name, one]) => [name, { kind: "managed", ...one }]),
  );
  const groups = { default: Object.keys(commands).map((name) => `a:${name}`) };
  const root = TestRoot.create({ "manifests/a.json": JSON.stringify({ name: "a", groups, commands: managed }) });
  roots.push(root);
  return root;
}

/** What a call writes to standard output, as it comes. */
function listen(root: TestRoot, words: string[]) {
  const child = root.spawn(words);
  const heard = { text: "" };
  const done = (async () => {
    for await (const chunk of child.stdout) heard.text += new TextDecoder().decode(chunk);
  })();
  return {
    heard,
    lines: () => heard.text.split("\n").slice(0, -1),
    end: async () => {
      child.kill("SIGINT");
      await done;
      return child.exited;
    },
  };
}

const GOOD = { run: ["sleep", "1000"], stop: { timeout: "300ms" } };

test("dt up in the foreground shows the last words of a failed launch while the rest runs on", async () => {
  const root = rootOf({ bad: { run: 'printf "first\\nfatal: no "; sleep 0.4; printf license; exit 3' }, good: GOOD });
  const up = listen(root, ["up"]);
  await until("it is shown", () => up.lines().some((line) => line.endsWith("fatal: no license")), 5000);
  expect(up.lines()).toEqual(["a:bad  │ first", "a:bad  │ fatal: no license"]);
  await up.end();
  expect(up.lines()).toHaveLength(2);
});

test("dt up shows a run to its end before the policy's next run", async () => {
  const root = rootOf({
    bad: { run: 'printf "run of $$"; exit 3', restart: { policy: "on-failure", delay: "3s", maxDelay: "3s" } },
    good: GOOD,
  });
  const up = listen(root, ["up"]);
  await until("the first is shown", () => up.lines().length === 1, 2500);
  await until("the second is shown", () => up.lines().length === 2, 8000);
  const [first, second] = up.lines();
  expect(first).toMatch(/^a:bad {2}│ run of \d+$/);
  expect(second).not.toBe(first as string);
  await up.end();
});

test("dt logs -f of several keys, or with --grep, shows no unfinished line before its run is over", async () => {
  const root = rootOf({
    one: { run: 'printf "one is "; while ! [ -e go ]; do sleep 0.05; done; printf over; exit 3' },
    two: { run: 'printf "two asks? "; exec sleep 1000', stop: { timeout: "300ms" } },
  });
  await root.dt(["up", "-d"]);
  const all = listen(root, ["logs", "-f", "--json"]);
  const matching = listen(root, ["logs", "a", "one", "-f", "--grep", "over"]);
  // As long as it runs, the rest of the line may still come. A follower looks every 100 ms and
  // leaves no trace of a look.
  await stays("neither shows a part of a line", () => all.heard.text + matching.heard.text === "", 500);
  root.write("go", "");
  await until("both show it", () => all.lines().length === 1 && matching.lines().length === 1, 5000);
  expect(JSON.parse(all.lines()[0] as string)).toMatchObject({ key: "a:one:default", line: "one is over" });
  expect(matching.lines()).toEqual(["one is over"]);
  await root.dt(["stop", "a", "two"]);
  await until("the question is shown", () => all.lines().length === 2, 5000);
  const { cursor, line } = JSON.parse(all.lines()[1] as string);
  expect(line).toBe("two asks? ");
  expect(await all.end()).toBe(130);
  expect(await matching.end()).toBe(130);
  expect((await root.dt(["logs", "--json", "--after", cursor])).stdout).toBe("");
});
