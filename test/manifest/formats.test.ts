import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createProject, removeProjects } from "./kit.ts";

afterEach(removeProjects);

async function outcomeOf(name: string, text: string) {
  const project = createProject({ [`manifests/${name}`]: text });
  const { outcome } = await project.loadOne(`manifests/${name}`);
  const plain = JSON.stringify(outcome).replaceAll(project.path(`manifests/${name}`), "{file}");
  return JSON.parse(plain) as typeof outcome;
}

const WANTED = {
  is: "plugin",
  plugin: {
    name: "site",
    commands: {
      dev: {
        kind: "managed",
        variants: { default: { run: ["serve"], port: 3000, env: { A: "1" } }, v2: { port: 3001 } },
      },
    },
  },
};

test.each([
  [
    "a.json",
    '\ufeff{"$schema": "./x.json", "name": "site", "commands": {"dev": {"kind": "managed", "run": ["serve"], "port": 3000, "env": {"A": "1"}, "variants": {"v2": {"port": 3001}}}}}',
  ],
  [
    "a.yaml",
    "$schema: ./x.json\nname: site\nbase: &base\n".replace("base: &base\n", "") +
      "commands:\n  dev:\n    kind: managed\n    run: [serve]\n    port: 3000\n    env: &e {A: '1'}\n    variants:\n      v2: {port: 3001, env: {<<: *e}}\n",
  ],
  [
    "a.yml",
    "name: site\ncommands: {dev: {kind: managed, run: [serve], port: 3000, env: {A: '1'}, variants: {v2: {port: 3001}}}}\n",
  ],
  [
    "a.toml",
    '"$schema" = "./x.json"\nname = "site"\n[commands.dev]\nkind = "managed"\nrun = ["serve"]\nport = 3000\nenv.A = "1"\n[commands.dev.variants.v2]\nport = 3001\n',
  ],
])("%s gives the same plugin", async (name, text) => {
  expect(await outcomeOf(name, text)).toMatchObject(WANTED as never);
});

describe("errors with line and column", () => {
  test.each([
    [
      "json: duplicate key",
      "a.json",
      '{\n  "name": "a",\n  "commands": {},\n  "name": "b"\n}',
      'syntax {file}:4:3: Duplicate key "name".',
    ],
    [
      "json: duplicate key inside",
      "a.json",
      '{"name": "a", "commands": {"x": {}, "x": {}}}',
      'syntax {file}:1:37: Duplicate key "x".',
    ],
    [
      "json: comment",
      "a.json",
      '{\n  // no\n  "name": "a"}',
      "syntax {file}:2:3: Not valid JSON: comments are not allowed in JSON.",
    ],
    ["json: trailing comma", "a.json", '{"name": "a",\n}', "syntax {file}:2:1: Not valid JSON: "],
    ["json: empty", "a.json", "", "syntax {file}:1:1: Not valid JSON: expected a value."],
    [
      "json: more after the end",
      "a.json",
      '{"name": "a"}\n{}',
      "syntax {file}:2:1: Not valid JSON: expected the end of the file.",
    ],
    ["json: single quotes", "a.json", "{'name': 1}", "syntax {file}:1:2: Not valid JSON: "],
    ["json: unclosed", "a.json", '{"name": "a', "syntax {file}:1:10: Not valid JSON: a string is not closed."],
    [
      "json: a wrong value",
      "a.json",
      '{\n  "name": "a",\n  "commands": {"d": {"kind": "managed",\n    "run": "x", "port": 0}}}',
      'invalid {file}:4:25: commands.d.port: expected a port from 1 to 65535 or "auto", found 0.',
    ],
    [
      "json: an unknown field",
      "a.json",
      '{"name": "a", "commands": {},\n "bogus": 1}',
      "invalid {file}:2:11: bogus: is not a field of a plugin",
    ],
    [
      "json: __proto__",
      "a.json",
      '{"name": "a", "commands": {"__proto__": {"kind": "oneshot", "run": "x"}}}',
      "invalid {file}:1:41: commands.__proto__: expected a name",
    ],
    [
      "json: handler",
      "a.json",
      '{"name": "a", "commands": {"b": {"kind": "oneshot", "handler": "x"}}}',
      'commands.b.handler: expected a function, found "x".',
    ],
    [
      "json: $schema a number",
      "a.json",
      '{"$schema": 1, "name": "a", "commands": {}}',
      "invalid {file}:1:13: $schema: is not a field of a plugin",
    ],
    [
      "json: nested too deeply",
      "a.json",
      `{"name":\n"[", "commands": ${"[".repeat(100_000)}`,
      "syntax {file}:2:100017: Nested too deeply: 100001 levels.",
    ],
    ["yaml: nested too deeply", "a.yaml", "[".repeat(100_000), ": Nested too deeply."],
    ["yaml: duplicate key", "a.yaml", "name: a\ncommands: {}\nname: b\n", 'syntax {file}:3:1: Duplicate key "name".'],
    ["yaml: unclosed list", "a.yaml", "name: [\n", "syntax {file}:2:1: Not valid YAML: "],
    ["yaml: tab", "a.yaml", "name: a\ncommands:\n\tx: 1\n", "syntax {file}:3:1: Not valid YAML: "],
    ["yaml: two documents", "a.yaml", "name: a\ncommands: {}\n---\nname: b\n", "syntax {file}:3:1: Not valid YAML: "],
    ["yaml: unknown tag", "a.yaml", "name: !!python/object x\ncommands: {}\n", "syntax {file}:1:7: Not valid YAML: "],
    ["yaml: unknown alias", "a.yaml", "name: *x\ncommands: {}\n", "syntax {file}:1:7: Not valid YAML: "],
    [
      "yaml: an unquoted number",
      "a.yaml",
      "name: a\ncommands:\n  d: {kind: oneshot, run: x, env: {PORT: 3000}}\n",
      'invalid {file}:3:42: commands.d.env.PORT: expected text or null, found 3000; write it in quotes: "3000".',
    ],
    [
      "yaml: an unquoted boolean",
      "a.yaml",
      "name: a\ncommands:\n  d:\n    kind: oneshot\n    run: x\n    env:\n      A: true\n",
      "invalid {file}:7:10: commands.d.env.A: ",
    ],
    ["toml: duplicate key", "a.toml", 'name = "a"\nname = "b"\n', "syntax {file}:2:1: Not valid TOML: "],
    ["toml: syntax", "a.toml", 'name = "a"\ncommands = \n', "syntax {file}:2:12: Not valid TOML: "],
    [
      "toml: a date",
      "a.toml",
      'name = "a"\ndescription = 2020-01-01\n[commands]\n',
      "invalid {file}: description: expected one line of text, found a Date.",
    ],
  ])("%s", async (_, name, text, sentence) => {
    const outcome = await outcomeOf(name, text);
    if (outcome.is !== "failure") throw new Error(JSON.stringify(outcome));
    expect(`${outcome.failure.code} ${outcome.failure.message}`).toContain(sentence);
    expect(outcome.failure.message).not.toInclude("undefined");
  });

  test("YAML aliases that multiply without end are an error", async () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 12; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    expect(await outcomeOf("a.yaml", `name: a\n${lines.join("\n")}\n`)).toMatchObject({
      is: "failure",
      failure: { code: "syntax" },
    });
  });

  test("a manifest that is not UTF-8 is an error", async () => {
    const project = createProject();
    writeFileSync(project.path("manifests/a.json"), new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]));
    expect((await project.loadOne("manifests/a.json")).outcome).toMatchObject({
      failure: { code: "syntax", message: `${project.path("manifests/a.json")}: is not UTF-8 text.` },
    });
  });

  test("endless nesting is a failure, not a crash", async () => {
    const outcome = await outcomeOf("a.json", `{"name": "a", "commands": ${"[".repeat(200_000)}`);
    expect(outcome.is).toBe("failure");
  });
});
