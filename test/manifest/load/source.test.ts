/** Where a field stands in a manifest that is code. */
import { expect, test } from "bun:test";
import { locatorOf } from "../../../src/manifest/load/source.ts";

/** The line that the comment `@NAME` stands in. */
function lineOf(source: string, name: string): number {
  return source.split("\n").findIndex((line) => line.includes(`@${name}`)) + 1;
}

const SOURCE = `
import { definePlugin } from "@dialtone/dt";
const other = { commands: { dev: { port: "no" } } }; // export default { name: "no" }
export default definePlugin({
  name: "a", // @name
  "description": "x, { [ y", // @description
  commands: {
    /* dev: { port: 1 }, */
    dev: { // @dev
      run: ["sh", \`\${[1, 2].map((n) => \`{\${n}\`)}\`, "}"], // @run
      ready: { log: "a" }, // @ready
      match: /[/}]{1,2}"/.source,
      async handler({ exec }) { if (exec) { return { port: 1 }; } }, // @handler
      needs: [
        "a:b", // @need0
        { key: "c:d" }, // @need1
      ],
      'port': 3, // @port
    },
    ...other.commands,
    twice: 1,
    twice: { env: { A: 1 } }, // @twice
  },
} satisfies object);
`;

test("names are found in keys, quoted keys, lists and methods, but not in comments, strings, templates and patterns", () => {
  const locate = locatorOf(SOURCE);
  const rows: [string, (string | number)[]][] = [
    ["name", ["name"]],
    ["description", ["description"]],
    ["dev", ["commands", "dev"]],
    ["run", ["commands", "dev", "run"]],
    ["run", ["commands", "dev", "run", 2]],
    ["ready", ["commands", "dev", "ready", "log"]],
    ["handler", ["commands", "dev", "handler"]],
    ["need0", ["commands", "dev", "needs", 0]],
    ["need1", ["commands", "dev", "needs", 1, "key"]],
    ["port", ["commands", "dev", "port"]],
    ["twice", ["commands", "twice", "env", "A"]],
  ];
  for (const [name, path] of rows) expect([path, locate(path)?.line]).toEqual([path, lineOf(SOURCE, name)]);
  expect(locate(["name"])).toEqual({ line: 5, column: 3 });
  for (const path of [["commands", "dev", "absent"], ["commands", "computed"], ["groups"], ["name", "x"]])
    expect(locate(path)).toBeNull();
});

test("names are found in a named object and in CommonJS, but not where they are computed", () => {
  expect(locatorOf('const plugin: Plugin = {\n  name: "a",\n};\nexport default plugin;\n')(["name"])?.line).toBe(2);
  expect(locatorOf('const plugin = definePlugin({\n\n  name: "a" });\nexport default plugin')(["name"])?.line).toBe(3);
  expect(locatorOf("module.exports = {\n  commands: {} }")(["commands"])?.line).toBe(2);
  for (const source of [
    "export default make({ name: 1 });",
    "export { default } from './x';",
    "",
    "export default {",
    "`${",
  ])
    expect(locatorOf(source)(["name"])).toBeNull();
});
