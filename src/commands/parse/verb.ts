/** A verb's definition in citty's form. citty itself is loaded only when there are flags to read (args.ts). */
import type { ArgsDef, CommandDef } from "citty";

export function defineVerb<const T extends ArgsDef = ArgsDef>(verb: CommandDef<T>): CommandDef<T> {
  return verb;
}
