/** `dt schema`: the JSON Schema of a manifest, for editors. */
import { EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  async run() {
    const { manifestJsonSchema } = await import("../../manifest/schema/jsonschema.ts");
    print(`${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
    return EXIT.done;
  },
});
