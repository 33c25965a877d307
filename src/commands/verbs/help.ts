/** `dt help [verb | plugin]`: what it takes. commands/dispatch.ts runs it, which can load any verb. */
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: { _: { type: "positional", required: false, description: "A verb or a plugin", valueHint: "verb or plugin" } },
});
