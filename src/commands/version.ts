/** `dt version`: version and commit of this binary. */
import { EXIT } from "../sys/error.ts";
import { print } from "../sys/stdio.ts";
import { COMMIT, VERSION } from "../sys/version.ts";
import type { DtContext } from "./types.ts";
import { defineVerb } from "./verb.ts";

export default defineVerb({
  run({ data }) {
    const { globals } = data as DtContext;
    print(
      globals.json
        ? `${JSON.stringify({ version: VERSION, commit: COMMIT })}\n`
        : `dt ${VERSION}${COMMIT === "" ? "" : ` (${COMMIT})`}\n`,
    );
    return EXIT.done;
  },
});
