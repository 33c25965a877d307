/** Where `dt trust` and `dt untrust` remember trust. */
import { DtError, EXIT } from "../../sys/base/error.ts";
import type { DtContext } from "../context/types.ts";

/** DIALTONE_HOME. Throws `no-home` when there is none. */
export function trustHomeOf(context: DtContext): string {
  const home = context.home();
  if (home !== null) return home;
  throw new DtError("no-home", "Trust is remembered in your home of dt, but this user has no home directory.", {
    status: EXIT.usage,
    hint: "Set DIALTONE_HOME to a directory of yours, or DIALTONE_TRUST=1 for one call.",
  });
}
