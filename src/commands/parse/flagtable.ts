/** Flags as help and the reference show them, from the definitions that are parsed. */
import type { ArgsDef } from "citty";
import { formatTable } from "../../output/table.ts";

export function formatFlags(args: ArgsDef): string {
  return formatTable(rowsOfFlags(args));
}

/** One row for each flag: how it is written, and what it means. */
export function rowsOfFlags(args: ArgsDef): string[][] {
  return Object.entries(args).flatMap(([name, arg]): string[][] => {
    if (arg.type === "positional") return [];
    const aliases = "alias" in arg && arg.alias !== undefined ? [arg.alias].flat().map((alias) => `-${alias}, `) : [];
    const negative =
      "negativeDescription" in arg && arg.negativeDescription ? [[`  --no-${name}`, arg.negativeDescription]] : [];
    const value = arg.type === "string" ? ` ${("valueHint" in arg && arg.valueHint) || "VALUE"}` : "";
    return [[`  ${aliases.join("")}--${name}${value}`, arg.description ?? ""], ...negative];
  });
}
