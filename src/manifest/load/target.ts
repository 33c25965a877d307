/**
 * Finds the `target` function of a watch by importing its manifest into this process, a child that does nothing else.
 */
import { DtError } from "../../sys/base/error.ts";
import type { Plugin, TargetOf } from "../model/types.ts";
import { API, prepareEvaluation } from "./evaluate.ts";
import { explainJson } from "./jsonfault.ts";
import { explainThrown } from "./thrown.ts";

export async function loadTarget(file: string, index: number): Promise<TargetOf> {
  let plugin: Partial<Plugin> | null | undefined;
  try {
    plugin = (await prepareEvaluation(file).run()) as Partial<Plugin> | null | undefined;
  } catch (error) {
    const { code, message } =
      (await explainJson(error, { file })) ?? explainThrown(error, { file, exported: Object.keys(API) });
    throw new DtError(code, message, { cause: error });
  }
  const target = plugin?.watch?.[index]?.target;
  if (typeof target === "function") return target;
  throw new DtError("no-target", "it is no longer a function");
}
