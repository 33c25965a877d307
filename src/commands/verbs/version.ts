/** `dt version`: version and commit of this binary. */
import { EXIT } from "../../sys/base/error.ts";
import { COMMIT, VERSION } from "../../sys/base/version.ts";
import { print } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { defineVerb } from "../parse/verb.ts";

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
