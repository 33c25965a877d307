/**
 * From what was asked to what is executed: the environment's order, the argument vector, the hash that drift is seen
 * by.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { HOST_MARK } from "../../../src/supervisor/launch/marks.ts";
import { buildArgv } from "../../../src/supervisor/prepare/command.ts";
import { type EnvironmentRequest, prepareEnvironment } from "../../../src/supervisor/prepare/environment.ts";
import { hashSpec } from "../../../src/supervisor/prepare/launch.ts";
import { makeScratch } from "../../kit/scratch.ts";

const scratch = makeScratch();
const LAUNCH = { key: "www:dev:default", token: "a".repeat(32), port: 3000 };

function prepare(more: Partial<EnvironmentRequest>) {
  return prepareEnvironment({
    inherited: { PATH: "/usr/bin" },
    root: "/r",
    cwd: "/r",
    envFile: [],
    env: {},
    shims: null,
    launch: null,
    ...more,
  });
}

describe("the environment", () => {
  const root = scratch();
  writeFileSync(join(root, "one.env"), 'A=one\nB=one\n# comment\nQUOTED="a b"\nTOKEN_LIKE=$A\n');
  writeFileSync(join(root, "two.env"), "B=two\nPORT=1\n");
  const files = { root, cwd: root };

  const order: [what: string, request: Partial<EnvironmentRequest>, env: Record<string, string | undefined>][] = [
    ["inherited", { inherited: { A: "in" } }, { A: "in" }],
    [
      "a file before inherited",
      { ...files, inherited: { A: "in" }, envFile: ["one.env"] },
      { A: "one", QUOTED: "a b" },
    ],
    ["a later file before an earlier one", { ...files, envFile: ["one.env", "two.env"] }, { A: "one", B: "two" }],
    [
      "the manifest before files",
      { ...files, inherited: { B: "in" }, envFile: ["one.env"], env: { B: "manifest" } },
      { A: "one", B: "manifest" },
    ],
    ["null takes away what was inherited", { inherited: { A: "in" }, env: { A: null } }, { A: undefined }],
    [
      "null takes away what a file said",
      { ...files, envFile: ["one.env"], env: { A: null } },
      { A: undefined, B: "one" },
    ],
    ["an empty value is a value", { inherited: { A: "in" }, env: { A: "" } }, { A: "" }],
    [
      "dt's own before all",
      {
        ...files,
        inherited: { DIALTONE_KEY: "in", DIALTONE_TOKEN: "in", DIALTONE_ROOT: "in", PORT: "1" },
        envFile: ["two.env"],
        env: { DIALTONE_KEY: "m", DIALTONE_TOKEN: "m", DIALTONE_ROOT: "m", PORT: "2" },
        launch: LAUNCH,
      },
      { DIALTONE_KEY: LAUNCH.key, DIALTONE_TOKEN: LAUNCH.token, DIALTONE_ROOT: root, PORT: "3000" },
    ],
    ["no port: PORT is the person's", { inherited: { PORT: "1" }, launch: { ...LAUNCH, port: null } }, { PORT: "1" }],
    [
      "a one-shot inside a launch stays part of it",
      { inherited: { DIALTONE_KEY: "k", DIALTONE_TOKEN: "t" } },
      { DIALTONE_KEY: "k", DIALTONE_TOKEN: "t", DIALTONE_ROOT: "/r" },
    ],
    [
      "what would make a command something else is not inherited",
      { inherited: { BUN_BE_BUN: "1", [HOST_MARK]: "/r" } },
      { BUN_BE_BUN: undefined, [HOST_MARK]: undefined },
    ],
    ["but a manifest may say it", { inherited: {}, env: { BUN_BE_BUN: "1" } }, { BUN_BE_BUN: "1" }],
    [
      "hints for a file that people read",
      { inherited: {}, launch: LAUNCH },
      { PYTHONUNBUFFERED: "1", FORCE_COLOR: "1", CLICOLOR_FORCE: "1" },
    ],
    ["none for a one-shot", { inherited: {} }, { PYTHONUNBUFFERED: undefined, FORCE_COLOR: undefined }],
    ["no colours in CI", { inherited: { CI: "1" }, launch: LAUNCH }, { PYTHONUNBUFFERED: "1", FORCE_COLOR: undefined }],
    [
      "nor in a CI that says so by a name of its own",
      { inherited: { TF_BUILD: "True" }, launch: LAUNCH },
      { FORCE_COLOR: undefined },
    ],
    ...["NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"].map((name): (typeof order)[number] => [
      `a person's ${name} is left alone`,
      { inherited: { [name]: "0" }, launch: LAUNCH },
      { NO_COLOR: undefined, FORCE_COLOR: undefined, CLICOLOR: undefined, CLICOLOR_FORCE: undefined, [name]: "0" },
    ]),
    [
      "a person's PYTHONUNBUFFERED, too",
      { inherited: { PYTHONUNBUFFERED: "" }, launch: LAUNCH },
      { PYTHONUNBUFFERED: "" },
    ],
    ["the manifest before hints", { env: { FORCE_COLOR: null }, launch: LAUNCH }, { FORCE_COLOR: undefined }],
  ];
  for (const [what, request, env] of order) {
    test(what, () => {
      expect(prepare(request).env).toMatchObject(
        Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)),
      );
      for (const [name, value] of Object.entries(env))
        expect([name, prepare(request).env[name]]).toEqual([name, value]);
    });
  }

  test("PATH holds the plugin's programs, the project's, the shims, then the inherited entries, each once", () => {
    const base = scratch();
    const [cwd, pluginBin, rootBin] = [
      join(base, "plugin"),
      join(base, "plugin", "node_modules", ".bin"),
      join(base, "node_modules", ".bin"),
    ];
    for (const directory of [pluginBin, rootBin]) mkdirSync(directory, { recursive: true });
    const PATH = `/usr/bin:${rootBin}:/bin`;
    expect(prepare({ root: base, cwd, shims: "/shims", inherited: { PATH } }).env.PATH).toBe(
      `${pluginBin}:${rootBin}:/shims:/usr/bin:/bin`,
    );
    expect(prepare({ root: base, cwd: base, inherited: { PATH } }).env.PATH).toBe(`${rootBin}:/usr/bin:/bin`);
    expect(prepare({ inherited: {} }).env.PATH).toBe("/usr/local/bin:/usr/bin:/bin");
    expect(prepare({ env: { PATH: "/mine" }, shims: "/s" }).env.PATH).toBe("/s:/mine");
    expect(prepare({ env: { PATH: null } }).env.PATH).toBe("/usr/local/bin:/usr/bin:/bin");
  });

  test("a missing environment file is refused unless its name ends in `?`; an unreadable one always is", () => {
    expect(prepare({ ...files, envFile: ["nothing.env?", "one.env?"] }).env.A).toBe("one");
    mkdirSync(join(root, "folder"), { recursive: true });
    for (const [name, say] of [
      ["nothing.env", "does not exist"],
      ["folder", "cannot be read"],
      ["folder?", "cannot be read"],
    ] as const) {
      expect(() => prepare({ ...files, envFile: [name] })).toThrow(say);
    }
  });

  test("declared variables are those of manifest and files; added ones differ from what was inherited", () => {
    const { declared, added } = prepare({
      ...files,
      inherited: { PATH: "/usr/bin", A: "one", GONE: "x" },
      envFile: ["two.env"],
      env: { GONE: null, A: "one" },
    });
    expect(declared).toEqual({ B: "two", PORT: "1", GONE: null, A: "one" });
    expect(added).toEqual({ B: "two", PORT: "1", GONE: null, DIALTONE_ROOT: root });
  });
});

describe("buildArgv", () => {
  const script = (run: string, args: string[] = ["x"]) => buildArgv(run, args)[2];

  test("arguments follow a `run` that is a list", () => {
    expect(buildArgv(["a", "b"], ["c", "--", ""])).toEqual(["a", "b", "c", "--", ""]);
  });

  test("a script gets the arguments as its own, and at its end when it does not name them", () => {
    expect(buildArgv("make all", ["-j", "2"])).toEqual(["sh", "-c", 'make all "$@"', "sh", "-j", "2"]);
    expect(buildArgv("make all", [])).toEqual(["sh", "-c", "make all", "sh"]);
    expect(script("a\nb\n\n")).toBe('a\nb "$@"\n\n');
  });

  test("a script that names its arguments keeps its text", () => {
    for (const run of ['f "$@"', "f $*", "f $1", "f ${2:-x}", 'f "a $1"', "test $# = 0 && f", 'f "${@}"', "f 'a' $1"])
      expect([run, script(run)]).toEqual([run, run]);
  });

  test("text that the shell does not expand names no arguments", () => {
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

  const P = "printf '<%s>'";
  test.each([
    ["a comment", `${P} one # note`, "<one><two three>"],
    ["a comment of its own line, with a quote", `${P} one\n# don't`, "<one><two three>"],
    ["a semicolon", `${P} one;`, "<one><two three>"],
    ["what is before it", `true; cd / && ${P} one`, "<one><two three>"],
    ["a pipe", `echo one | xargs ${P}`, "<two three><one>"],
    ["an alternative", `false || ${P} one`, "<one><two three>"],
    ["a redirection", `${P} one 2>/dev/null`, "<one><two three>"],
    ["one that comes first", `2>/dev/null ${P} one`, "<one><two three>"],
    ["an assignment before it", `A=1 ${P} one`, "<one><two three>"],
    ["a line that goes on", `${P} \\\n  one \\\n`, "<one><two three>"],
    ["quotes and a number sign in a word", `${P} 'a # b' "c ' d" e#f`, "<a # b><c ' d><e#f><two three>"],
    ["substitutions", `${P} "$(printf '%s)' "a b")" \`echo c\` \${X:-d e}`, "<a b)><c><d><e><two three>"],
    ["arithmetic", `${P} $((1 + (2)))`, "<3><two three>"],
    ["a function of its own arguments", `f() { ${P} "$1"; }\nf`, "<two three>"],
    [
      "a compound before it",
      `if true; then A=x; fi; for i in 1; do :; done; case a in (a|b) :;; esac; ${P} $A`,
      "<x><two three>",
    ],
    ["a here-document before it", `cat <<'E' >/dev/null\n$1 it's\nE\n${P} one`, "<one><two three>"],
    ["the text of a shell that is named", `sh -c '${P.replaceAll("'", '"')} one "$@"' name`, "<one><two three>"],
    ["a program behind exec", `exec ${P} one`, "<one><two three>"],
    ["a shell's script, and flags of others", `sh -e -c 'true' x; sh() { ${P} one "$1"; }; sh`, "<one><two three>"],
    ["named in a comment alone", `${P} one # "$@"`, "<one><two three>"],
    ["named", `${P} "$@" one`, "<two three><one>"],
    ["named in a group", `{ ${P} "$@"; }`, "<two three>"],
    ["a loop over them", `for x; do ${P} "$x"; done`, "<two three>"],
    ["shifted", `shift; ${P} one`, "<one>"],
    ["another program's $1 in backquotes", `${P} \`echo a b | awk '{print $1}'\``, "<a><two three>"],
    ["their number in braces", `${P} one \${#}`, "<one><1>"],
    ["dt's pid and a number", `${P} $$1 >/dev/null; ${P} one`, "<one><two three>"],
    ["one command redirected whole, and another", `true &>/dev/null\n${P} one`, "<one><two three>"],
  ])("a text with %s gets them as words", (_, run, out) => {
    const [file, ...rest] = buildArgv(run, ["two three"]);
    expect(Bun.spawnSync([file, ...rest]).stdout.toString()).toBe(out);
  });

  test.each([
    ["if true; then echo one; fi", "compound"],
    ["while false; do :; done", "compound"],
    ["for i in 1; do echo $i; done > /dev/null", "compound"],
    ["case x in x) echo one;; esac", "compound"],
    ["{ echo one; }", "compound"],
    ["(echo one)", "compound"],
    ["(echo one) &", "compound"],
    ["f() { echo one; }", "compound"],
    ["cat <<E\none\nE\n", "here-document"],
    ["cat <<-'E'\n\tone\n\tE", "here-document"],
    ["A=1", "assignment"],
    ["echo one; > file", "redirection"],
    ["[ -f x ]", "test"],
    ["echo one &> file", "not a redirection in every"],
    ["echo one &>>file", "not a redirection in every"],
    ["echo one || true", "ends in `true`"],
    ["echo one & wait", "ends in `wait`"],
    ["echo one; exit 0", "ends in `exit`"],
    ["echo one; cd /", "ends in `cd`"],
    ["eval echo one", "ends in `eval`"],
    ["export A=1", "ends in `export`"],
    ["echo one; exec 2>&1", "`exec` without a program"],
    ["sh -c 'echo one'", "text of a `sh -c`"],
    ["exec env A=1 /bin/bash -euc 'echo one'", "text of a `sh -c`"],
    ["docker exec box sh -c 'echo one' 2>&1", "text of a `sh -c`"],
    ["bash -e -o pipefail -c 'echo one'", "text of a `sh -c`"],
    ["sh -c -- 'echo one'", "text of a `sh -c`"],
    ["echo one \\", "backslash"],
    ["echo 'one", "quote"],
    ['echo "one', "quote"],
    ["echo $(date", "not closed"],
    ["if true; then echo", "not closed"],
    ["echo one; }", "closes nothing"],
    ["# only a comment", "no command"],
  ])("%p refuses them, and says why", (run, why) => {
    expect(() => buildArgv(run, ["x"])).toThrow(why);
    expect(buildArgv(run, [])).toEqual(["sh", "-c", run, "sh"]);
  });

  test("property: arguments arrive unchanged, through sh as well", () => {
    const word = fc.string({ unit: "binary", maxLength: 10 }).map((text) => text.replaceAll(/[\0\ud800-\udfff]/g, ""));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (args) => {
        const [file, ...rest] = buildArgv("printf '%s\\0'", args);
        expect(Bun.spawnSync([file, ...rest]).stdout.toString()).toBe(args.map((one) => `${one}\0`).join(""));
      }),
      { numRuns: 60 },
    );
  });
});

test("a command's hash changes with what is executed, and with nothing else", () => {
  const spec = (more: Record<string, unknown>, declared: Record<string, string | null> = { A: "1", B: null }) => ({
    argv: ["a"] as [string],
    cwd: "/r",
    environment: { env: {}, declared, added: {}, notes: [] },
    ...more,
  });
  const base = hashSpec(spec({}), { port: 3000 });
  expect(hashSpec(spec({}, { B: null, A: "1" }), { port: 3000 })).toBe(base);
  expect(
    hashSpec(spec({ environment: { env: { X: "1" }, declared: { A: "1", B: null }, added: { X: "1" } } }), {
      port: 3000,
    }),
  ).toBe(base);
  const others = [
    hashSpec(spec({ argv: ["a", "b"] }), { port: 3000 }),
    hashSpec(spec({ argv: ["a b"] }), { port: 3000 }),
    hashSpec(spec({ cwd: "/other" }), { port: 3000 }),
    hashSpec(spec({}, { A: "2", B: null }), { port: 3000 }),
    hashSpec(spec({}, { A: "1", B: "" }), { port: 3000 }),
    hashSpec(spec({}, { A: "1" }), { port: 3000 }),
    hashSpec(spec({}), { port: 3001 }),
    hashSpec(spec({}), { port: null }),
  ];
  expect(new Set([base, ...others]).size).toBe(others.length + 1);
});
