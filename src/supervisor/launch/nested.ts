/** Refuses to end or replace a launch from inside it. */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { keyParts } from "../../values/key.ts";
import type { Ground } from "./types.ts";

export function nestedError(key: string, verb: string): DtError {
  const { plugin, command } = keyParts(key);
  return new DtError("nested", `This runs inside ${key} itself, so it cannot ${verb} it from here.`, {
    status: EXIT.usage,
    hint: `Run \`dt ${verb === "replace" ? `${plugin} ${command}` : `${verb} ${key}`}\` from outside of it, or end the command by exiting.`,
  });
}

/** A dt that replaces or stops the launch it runs in would end itself halfway. Throws `nested`. */
export function refuseNested(
  { ground, env }: { ground: Pick<Ground, "root">; env: Record<string, string> },
  { key, verb }: { key: string; verb: string },
): void {
  if (env.DIALTONE_KEY === key && env.DIALTONE_ROOT === ground.root) throw nestedError(key, verb);
}
