/** A launch that is asked to end, or to be replaced, by what runs inside of it. */
import { DtError, EXIT } from "../sys/error.ts";

export function nestedError(key: string, verb: string): DtError {
  return new DtError("nested", `This runs inside ${key} itself, so it cannot ${verb} it from here.`, {
    status: EXIT.usage,
    hint: `Run \`dt ${verb === "replace" ? key.split(":").slice(0, 2).join(" ") : `${verb} ${key}`}\` from outside of it, or end the command by exiting.`,
  });
}
