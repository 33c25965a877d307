/** `dt schema`: the JSON Schema of a manifest, for editors. */
import { EXIT } from "../sys/error.ts";
import { print } from "../sys/stdio.ts";
import { defineVerb } from "./verb.ts";

export default defineVerb({
  async run() {
    const { manifestJsonSchema } = await import("../manifest/jsonschema.ts");
    print(`${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
    return EXIT.done;
  },
});
