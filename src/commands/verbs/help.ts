/** `dt help [verb | plugin]`: only its flags. It is run by commands/dispatch.ts, which can load any verb. */
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: { _: { type: "positional", required: false, description: "A verb or a plugin", valueHint: "verb or plugin" } },
});
