import { afterEach, expect, test } from "bun:test";
import { loadHandler } from "../../../src/manifest/load/handler.ts";
import type { HandlerContext } from "../../../src/manifest/model/types.ts";
import { rejection } from "../../kit/failure.ts";
import { createProject, removeProjects } from "../kit.ts";

afterEach(removeProjects);

const HANDLERS = `
import { definePlugin } from "@dialtone/dt";
import { answer } from "../lib/answer";
export default definePlugin({
  name: "a",
  commands: {
    stamp: { kind: "oneshot", handler: async (context) => answer + context.args.length, variants: { v: {} } },
    run: { kind: "oneshot", run: "x" },
    serve: { kind: "managed", run: "x" },
  },
});`;

function request(command: string, text = HANDLERS) {
  const project = createProject({ "manifests/a.ts": text, "lib/answer.ts": "export const answer: number = 40;" });
  return { file: project.path("manifests/a.ts"), command, variant: "default", root: project.root };
}

test("a handler is the manifest's own function, with its imports", async () => {
  const handler = await loadHandler(request("stamp"));
  expect(await handler({ args: ["a", "b"] } as unknown as HandlerContext)).toBe(42);
});

test.each(["run", "serve", "gone", "constructor"])("`%s` has no handler, which is reported", async (command) => {
  const asked = request(command);
  const error = await rejection(loadHandler(asked));
  expect(error).toMatchObject({ code: "no-handler", status: 2 });
  expect(error.message).toBe(`${asked.file}: the command "${command}" no longer has a \`handler\` function.`);
});

test.each([
  ["a syntax error", "export default {", "syntax", ":1:17: Unexpected token."],
  ["a throw", '\nthrow new Error("no");', "throws", ":2: Error: no."],
  ["no plugin any longer", "export const a = 1;", "no-handler", 'the command "stamp" no longer has a `handler`'],
])("a manifest that has %s since the index was made is an error of its handler", async (_, text, code, message) => {
  const error = await rejection(loadHandler(request("stamp", text)));
  expect(error).toMatchObject({ code, status: 2 });
  expect(error.message).toContain(message);
});
