/** The flags of a verb or a command, as they are written: from citty's definitions to a table by name. */
import type { ArgsDef } from "citty";
import type { DtError } from "../../sys/base/error.ts";
import { meantBy, usage } from "../context/usage.ts";
import { GLOBAL_FLAGS } from "./globals.ts";

/** A flag that may be given several times: its values are joined by `separator`. */
interface Joined {
  separator?: string;
}

export interface Flag {
  name: string;
  type: "boolean" | "string";
  negated: boolean;
  /** `[1]`: the flag may stand alone, which means 1; else a number follows. */
  hint: string;
  separator: string | undefined;
}

export function flagsOf(args: ArgsDef): Map<string, Flag> {
  const flags = new Map<string, Flag>();
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === "positional") continue;
    const type = arg.type === "boolean" ? "boolean" : "string";
    const hint = ("valueHint" in arg && arg.valueHint) || "VALUE";
    const flag: Flag = { name, type, negated: false, hint, separator: (arg as Joined).separator };
    const aliases = "alias" in arg && arg.alias !== undefined ? [arg.alias].flat() : [];
    flags.set(`--${name}`, flag);
    for (const alias of aliases) flags.set(alias.length === 1 ? `-${alias}` : `--${alias}`, flag);
    if (type === "boolean" && "negativeDescription" in arg && arg.negativeDescription)
      flags.set(`--no-${name}`, { ...flag, negated: true });
  }
  return flags;
}

export function unknownFlag(what: string, { name, known }: { name: string; known: Iterable<string> }): DtError {
  const names = [...known, ...Object.keys(GLOBAL_FLAGS)];
  // The old form of `tail -5`.
  const lines = /^-\d+$/.test(name) && names.includes("-n") ? `Did you mean -n${name.slice(1)}?` : undefined;
  return usage(
    `${what} has no flag ${name}.`,
    lines ?? meantBy(name, names) ?? `Known flags: ${[...new Set(names)].sort().join(" ")}`,
  );
}
