/** Finds the function of a `handler` command by importing its manifest into this process, just before it runs. */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { DEFAULT_VARIANT } from "../../values/key.ts";
import type { Handler, Plugin } from "../model/types.ts";
import { API, prepareEvaluation } from "./evaluate.ts";
import { explainJson } from "./jsonfault.ts";
import { explainThrown } from "./thrown.ts";

export interface HandlerRequest {
  /** The manifest, absolute. */
  file: string;
  command: string;
  /** For messages only: a variant has no handler of its own. */
  variant: string;
  root: string;
}

/** Throws a DtError when the manifest no longer loads or no longer has the handler. */
export async function loadHandler({ file, command, variant }: HandlerRequest): Promise<Handler> {
  let plugin: Partial<Plugin> | null | undefined;
  try {
    plugin = (await prepareEvaluation(file).run()) as Partial<Plugin> | null | undefined;
  } catch (error) {
    const { code, message, hint } =
      (await explainJson(error, { file })) ?? explainThrown(error, { file, exported: Object.keys(API) });
    throw new DtError(code, message, { status: EXIT.usage, cause: error, ...(hint === null ? {} : { hint }) });
  }
  const commands = plugin?.commands ?? {};
  const entry = Object.hasOwn(commands, command) ? commands[command] : undefined;
  const handler = entry?.kind === "oneshot" ? entry.handler : undefined;
  if (typeof handler === "function") return handler;
  const name = variant === DEFAULT_VARIANT ? command : `${command} ${variant}`;
  throw new DtError("no-handler", `${file}: the command "${name}" no longer has a \`handler\` function.`, {
    status: EXIT.usage,
    hint: "Run `dt list` to see what the manifest declares now.",
  });
}
