/**
 * Names on the command line: one that nothing knows is an error with the nearest names for every verb, and a true one
 * never is.
 */
import { expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type RunOptions, TestRoot, within } from "../../kit.ts";

const SHOP = {
  name: "shop",
  groups: { backend: ["shop:web", "shop:slow"], tools: ["shop:x"] },
  commands: {
    web: { kind: "managed", run: ["sleep", "1000"], variants: { blue: {} } },
    slow: { kind: "managed", run: ["sleep", "1000"] },
    x: { kind: "oneshot", run: ["true"] },
  },
};
const JSON_SHOP = { "manifests/shop.json": JSON.stringify(SHOP) };
/** Tells by a file that it was evaluated. */
const CODE_SHOP = {
  "manifests/shop.ts": `import { appendFileSync } from "node:fs";
    appendFileSync("evaluated", "x");
    export default ${JSON.stringify(SHOP)};`,
};

/** Every verb that takes names, as it is asked for some. */
const VERBS: readonly (readonly string[])[] = [
  ["stop"],
  ["stop", "--dry-run"],
  ["clear"],
  ["restart"],
  ["restart", "--dry-run"],
  ["wait", "--timeout", "5s"],
  ["wait", "--for", "stopped"],
  ["logs"],
  ["logs", "-f"],
  ["logs", "--path"],
  ["status"],
  ["why"],
  ["ps"],
  ["ps", "--all"],
  ["attach"],
  ["up"],
  ["up", "--dry-run"],
  ["down"],
  ["down", "--dry-run"],
];

/** What is typed, and what is meant. */
const UNKNOWN: readonly [typed: string[], near: string | null][] = [
  [["shpo"], "shop"],
  [["backedn"], "backend"],
  [["wbe"], "shop:web"],
  [["web"], "shop:web"],
  [["NOSUCH"], null],
  [["shop", "slwo"], "shop:slow"],
  [["shop:slwo"], "shop:slow"],
  [["shop:web:bleu"], "shop:web:blue"],
  [["shpo:web"], "shop:web"],
  [["nosuch:web"], null],
  [["shop:nosuch"], null],
];

const evaluations = (root: TestRoot) =>
  readdirSync(root.dir).includes("evaluated") ? root.read("evaluated").length : 0;

for (const [state, files] of [
  ["of which nothing was loaded yet", JSON_SHOP],
  ["that were loaded", CODE_SHOP],
] as const) {
  test(`every verb names what is nearest to an unknown name, by manifests ${state}`, () =>
    within(TestRoot.create(files), async (root) => {
      if (files === CODE_SHOP) await root.dt(["list"]);
      const before = evaluations(root);
      // Of code the kinds of names are enough, and each verb without its flags.
      const names = files === CODE_SHOP ? UNKNOWN.filter((_, at) => at % 3 === 0) : UNKNOWN;
      const verbs = files === CODE_SHOP ? VERBS.filter((verb) => verb.length === 1) : VERBS;
      const cases = verbs.flatMap((verb) => names.map((one) => [verb, ...one] as const));
      // In turns, as many at once as are quick.
      for (let at = 0; at < cases.length; at += 8)
        await Promise.all(
          cases.slice(at, at + 8).map(async ([verb, typed, near]) => {
            const what = `dt ${[...verb, ...typed].join(" ")}`;
            const { code, stdout, stderr } = await root.dt([...verb, ...typed], { timeoutMs: 15_000 });
            expect([what, code, stdout]).toEqual([what, 2, ""]);
            expect(stderr).toStartWith("dt: There is no ");
            if (near === null) expect(stderr).not.toContain("mean");
            else expect(stderr.split("\n")[1]).toBe(`    Did you mean ${near}?`);
            expect([what, stderr.split("\n")[0]]).toEqual([what, expect.stringContaining(` in ${root.dir}`)]);
          }),
        );
      expect(evaluations(root)).toBe(before);
      expect(
        readdirSync(root.dir).includes(".dialtone") && readdirSync(join(root.dir, ".dialtone")).includes("run"),
      ).toBe(false);
    }));
}

test("a declared name that does not run is not reported as unknown", () =>
  within(TestRoot.create(JSON_SHOP), async (root) => {
    const said = async (...args: string[]) => {
      const { code, stdout, stderr } = await root.dt(args);
      return [code, stdout, stderr];
    };
    expect(await said("stop", "shop", "web")).toEqual([0, "", "dt: shop:web:default is not running\n"]);
    expect(await said("stop", "shop:web:blue")).toEqual([0, "", "dt: shop:web:blue is not running\n"]);
    expect(await said("stop", "shop")).toEqual([0, "", "dt: nothing of shop runs here\n"]);
    expect(await said("stop", "tools")).toEqual([0, "", "dt: nothing to stop\n"]);
    expect(await said("restart", "shop")).toEqual([0, "", "dt: nothing of shop runs here\n"]);
    expect(await said("down", "backend")).toEqual([0, "", "dt: nothing to stop\n"]);
    expect(await said("down", "shop", "web")).toEqual([0, "", "dt: nothing to stop\n"]);
    expect(await said("status", "shop", "web")).toEqual([3, "shop:web:default  never ran here\n", ""]);
    expect(await said("why", "backend")).toMatchObject([
      0,
      expect.stringContaining("shop:slow:default has never run"),
      "",
    ]);
    expect(await said("why", "shop")).toEqual([3, "", "dt: nothing of shop has run here\n"]);
    expect(await said("ps", "shop")).toEqual([0, "Nothing runs here.\n", ""]);
    expect((await said("logs", "shop", "web"))[0]).toBe(1);
    expect((await said("attach", "shop", "web"))[0]).toBe(3);
    expect((await said("stop", "shop:x"))[2]).toContain("shop:x:default is a one-shot");
    const restarted = await said("restart", "shop:x");
    expect([restarted[0], restarted[2]]).toEqual([2, expect.stringContaining("one-shot")]);
  }));

test("a plugin or group of which nothing ever ran is not ready, and counts as stopped", () =>
  within(TestRoot.create(JSON_SHOP), async (root) => {
    for (const [name, keys] of [
      ["shop", "shop:web:default, shop:slow:default"],
      ["backend", "shop:web:default, shop:slow:default"],
      ["shop:web", "shop:web:default"],
    ] as const) {
      const late = await root.dt(["wait", name, "--timeout", "200ms"]);
      expect([name, late.code, late.stderr]).toEqual([name, 124, `dt: Not ready in time: ${keys}.\n`]);
      expect((await root.dt(["wait", name, "--for", "stopped"])).code).toBe(0);
    }
    expect((await root.dt(["wait", "tools"])).code).toBe(2);
    await root.dt(["shop", "web", "-d"]);
    expect((await root.dt(["wait", "shop"])).code).toBe(0);
    const one = await root.dt(["wait", "backend", "--timeout", "200ms"]);
    expect([one.code, one.stderr]).toEqual([124, "dt: Not ready in time: shop:slow:default.\n"]);
    await root.dt(["shop", "slow", "-d"]);
    expect((await root.dt(["wait", "backend"])).code).toBe(0);
  }));

test("dt stop with several names stops the known ones, and the unknown ones are an error all the same", () =>
  within(TestRoot.create(JSON_SHOP), async (root) => {
    await root.dt(["shop", "web", "-d"]);
    const both = await root.dt(["stop", "shop:wbe", "shop:web", "nosuch:a", "--json"]);
    expect(both.code).toBe(2);
    expect(both.stderr).toContain("shop:web:default stopped");
    expect(both.stderr).not.toContain("shop:wbe:default is not running");
    expect(JSON.parse(both.stdout)).toMatchObject({
      error: {
        code: "unknown",
        status: 2,
        details: {
          names: ["shop:wbe:default", "nosuch:a:default"],
          nearest: ["shop:web"],
          root: root.dir,
          results: [{ key: "shop:web:default", stopped: true }],
        },
      },
    });
    // A restart, which also starts, is refused before anything is touched.
    const { pid } = JSON.parse((await root.dt(["shop", "web", "-d", "--json"])).stdout);
    expect((await root.dt(["restart", "shop:web", "shop:wbe"])).code).toBe(2);
    expect(JSON.parse((await root.dt(["status", "shop:web", "--json"])).stdout).pid).toBe(pid);
  }));

for (const [what, change] of [
  ["removed", (root: TestRoot) => rmSync(join(root.dir, "manifests/shop.json"))],
  ["broken", (root: TestRoot) => root.write("manifests/shop.json", `{"name":`)],
  [
    "another plugin's",
    (root: TestRoot) => root.write("manifests/shop.json", JSON.stringify({ ...SHOP, name: "store" })),
  ],
] as const) {
  for (const seen of [false, true]) {
    test(`a launch whose manifest is ${what} is found by its name${seen ? ", also when that is known" : ""}`, () =>
      within(TestRoot.create(JSON_SHOP), async (root) => {
        await root.dt(["shop", "web", "-d"]);
        change(root);
        if (seen) await root.dt(["list"]);
        for (const name of [["shop"], ["shop", "web"], ["shop:web"]]) {
          const of = (verb: string, ...more: string[]) => root.dt([verb, ...name, ...more]);
          expect(await of("wait", "--timeout", "5s")).toMatchObject({ code: 0, stderr: "" });
          expect(await of("logs")).toMatchObject({ code: 0, stderr: "" });
          expect(await of("status")).toMatchObject({ code: 0, stderr: "" });
          expect(await of("why")).toMatchObject({ code: 0, stderr: "" });
          expect((await of("ps")).stdout).toContain("shop:web:default");
          expect((await of("down", "--dry-run")).stdout).toContain("shop:web:default");
        }
        expect(await root.dt(["stop", "shop", "web"])).toMatchObject({
          code: 0,
          stderr: expect.stringMatching(/^dt: shop:web:default stopped/),
        });
        expect(await root.dt(["stop", "shop", "web"])).toMatchObject({
          code: 0,
          stderr: "dt: shop:web:default is not running\n",
        });
        expect(await root.dt(["stop", "shop"])).toMatchObject({ code: 0, stderr: "dt: nothing of shop runs here\n" });
        expect((await root.dt(["logs", "shop", "web"])).code).toBe(0);
        expect((await root.dt(["restart", "shop:web"])).code).toBe(2);
      }));
  }
}

test("a manifest that cannot be loaded makes no valid name an error, and is named", () =>
  within(TestRoot.create({ ...JSON_SHOP, "manifests/other.json": `{"name":"other","commands":{}}` }), async (root) => {
    await root.dt(["list"]);
    root.write("manifests/shop.json", `{"name":`);
    // Known as it was when it was last read.
    expect(await root.dt(["stop", "shop", "slow"])).toMatchObject({
      code: 0,
      stderr: "dt: shop:slow:default is not running\n",
    });
    expect((await root.dt(["stop", "backend"])).code).toBe(0);
    for (const [name, hint] of [
      ["slwo", "Did you mean shop:slow?"],
      ["nosuch", "Known: slow web x"],
    ] as const) {
      const { code, stderr } = await root.dt(["stop", "shop", name]);
      expect([code, stderr]).toEqual([2, expect.stringContaining("manifests/shop.json could not be loaded")]);
      expect(stderr).toContain(hint);
    }
    // By now nothing is known of it but its file's name.
    await root.dt(["list"]);
    const perhaps = await root.dt(["stop", "shop", "slow"]);
    expect([perhaps.code, perhaps.stderr]).toEqual([
      0,
      expect.stringContaining("manifests/shop.json could not be loaded"),
    ]);
    expect(perhaps.stderr).toContain("shop:slow:default is not running");
    expect((await root.dt(["wait", "shop:slow", "--timeout", "50ms"])).code).toBe(124);
    expect((await root.dt(["wait", "shop", "--timeout", "50ms"])).code).toBe(124);
    expect((await root.dt(["logs", "shop", "slow"])).code).toBe(1);
    expect((await root.dt(["status", "shop", "slow"])).code).toBe(3);
    expect((await root.dt(["down", "shop"])).code).toBe(0);
    // A command of a plugin that was read is in no other manifest; anything else may be.
    const certain = await root.dt(["stop", "other", "slow"]);
    expect([certain.code, certain.stderr.includes("could not be loaded")]).toEqual([2, false]);
    for (const words of [["backend"], ["nosuch"], ["nosuch", "slow"]]) {
      const unknown = await root.dt(["stop", ...words]);
      expect([unknown.code, unknown.stderr]).toEqual([
        2,
        expect.stringContaining("manifests/shop.json could not be loaded"),
      ]);
    }
    for (const verb of ["up", "restart"]) {
      const refused = await root.dt([verb, "shop:slow"]);
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("Not valid JSON")]);
    }
  }));

test("no code is run to look up a name: what a manifest may declare by now counts as declared", () =>
  within(TestRoot.create(CODE_SHOP), async (root) => {
    for (const [env, why] of [
      [{}, "was not read yet"],
      [{ DIALTONE_TRUST: undefined }, "is code of a root that is not trusted yet"],
    ] as [NonNullable<RunOptions["env"]>, string][]) {
      const stop = await root.dt(["stop", "shop", "slow"], { env });
      expect(stop).toMatchObject({ code: 0, stderr: expect.stringContaining(`manifests/shop.ts ${why}`) });
      expect((await root.dt(["wait", "shop", "--timeout", "50ms"], { env })).code).toBe(124);
      expect((await root.dt(["stop", "nosuch"], { env })).code).toBe(2);
    }
    expect(evaluations(root)).toBe(0);
    await root.dt(["list"]);
    expect(evaluations(root)).toBe(1);
    expect((await root.dt(["stop", "shop", "nwe"])).code).toBe(2);
    root.write(
      "manifests/shop.ts",
      root.read("manifests/shop.ts").replace(`"slow":`, `"new":{"kind":"oneshot","run":["true"]},"slow":`),
    );
    const mistyped = await root.dt(["stop", "shop", "slwo"]);
    expect([mistyped.code, mistyped.stderr]).toEqual([2, expect.stringContaining("manifests/shop.ts has changed")]);
    expect(mistyped.stderr).toContain("Did you mean shop:slow?");
    const added = await root.dt(["stop", "shop", "new"]);
    expect(added).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("manifests/shop.ts has changed since it was read"),
    });
    expect(evaluations(root)).toBe(1);
    // A verb that starts something reads it.
    expect((await root.dt(["restart", "shop", "nwe"])).stderr).toContain("Did you mean shop:new");
    expect(evaluations(root)).toBe(2);
  }));

test("a mistyped word, flag or flag value is answered with the nearest one", () =>
  within(TestRoot.create(JSON_SHOP), async (root) => {
    for (const [words, hint] of [
      [["stpo"], "Did you mean stop?"],
      [["lgos"], "Did you mean logs?"],
      [["resart"], "Did you mean restart?"],
      [["Status"], "Did you mean status?"],
      [["shpo", "web"], "Did you mean shop?"],
      [["shop", "wbe"], "Did you mean web?"],
      [["shop", "web", "bleu"], "Did you mean blue?"],
      [["shop", "web", "--detch"], "Did you mean --detach?"],
      [["--versoin"], "Did you mean --version?"],
      [["stop", "--al"], "Known flags: "],
      [["wait", "shop", "--for", "redy"], "Did you mean ready?"],
      [["daemon", "stauts"], "Did you mean status?"],
      [["boot", "ad"], "dt boot add | remove | list"],
      [["watch", "shpo"], "Did you mean shop?"],
      [["help", "shpo"], "Did you mean shop?"],
    ] as const) {
      const { code, stderr } = await root.dt([...words]);
      expect([words, code, stderr.split("\n")[1]]).toEqual([words, 2, expect.stringContaining(hint)]);
    }
    for (const word of ["db", "qa", "x", "bogus", "web1234", "k8s", "docker", "run", "dev", "api", "💥"]) {
      const { code, stderr } = await root.dt([word]);
      expect([word, code, stderr.includes("mean"), stderr.includes(root.dir)]).toEqual([word, 2, false, true]);
    }
  }));

test("an impossible name or value is wrong usage that says so, and nothing happens", () =>
  within(TestRoot.create(JSON_SHOP), async (root) => {
    await root.dt(["shop", "web", "-d"]);
    const long = "a".repeat(300);
    const none = [
      "",
      " ",
      "a/b",
      "../x:y",
      "a\u001b[31m\nb",
      long,
      `${long}:x`,
      "::",
      ":",
      "shop:",
      ":web",
      "a:b:c:d",
      "ünï:web",
      "shop:💥",
    ];
    const ofObjects = ["constructor", "__proto__:x", "shop:constructor", "shop:web:toString", "shop:web:default:"];
    const refused: string[][] = [
      ...[...none, ...ofObjects].flatMap((word) => [
        ["stop", word],
        ["wait", word],
        ["logs", "-f", word],
        ["up", word],
        ["down", word],
        ["shop", word],
      ]),
      ...none.slice(0, 7).flatMap((word) => [
        ["attach", word],
        ["why", word],
        ["ps", word],
        ["status", word],
        ["restart", word],
        ["port", word],
        ["help", word],
      ]),
      ...["trust", "untrust", "jobs", "watch", "daemon", "init"].map((verb) => [verb, ""]),
      ...["add", "remove"].map((action) => ["boot", action, ""]),
      ...["nope", "-5s", "5", "", " ", "NaN", "99999999999h"].flatMap((time) => [
        ["stop", "shop:web", "--timeout", time],
        ["wait", "shop:web", "--timeout", time],
      ]),
      ["wait", "shop:web", "--for"],
      ["wait", "shop:web", "--for", "nonsense"],
      ["wait"],
      ["stop"],
      ["stop", "--all", "shop"],
      ["restart", "--all", "shop"],
      ["stop", "--", "--all"],
      ["stop", "--", "shop:web", "--"],
      ["stop", "shop:web", "shop"],
      ["stop", "shop", "web", "blue", "x"],
      ["stop", "shop:web", "--force"],
      ["shop", "web", "nope", "-d"],
    ];
    for (let at = 0; at < refused.length; at += 8)
      await Promise.all(
        refused.slice(at, at + 8).map(async (words) => {
          const { code, stdout, stderr } = await root.dt(words, { timeoutMs: 15_000 });
          expect([words, code, stdout]).toEqual([words, 2, ""]);
          expect([words, stderr]).toEqual([words, expect.stringMatching(/^dt: .+\n( {4}.+\n)*$/)]);
          expect(stderr).not.toContain("\u001b");
        }),
      );
    expect((await root.dt(["status", "shop:web"])).code).toBe(0);
  }));
