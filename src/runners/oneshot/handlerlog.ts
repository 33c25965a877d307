/** `log` of a handler. */
import { createConsola, type LogType } from "consola/core";
import type { HandlerContext } from "../../manifest/model/types.ts";
import { quoteLine } from "../../output/quoted.ts";
import type { Talk } from "../../output/talk.ts";

/**
 * The full interface of consola for handlers, printed as dt prints: whole lines, on standard error, coloured as wanted.
 */
export function makeLog({ say, warn, paint, colored }: Talk): HandlerContext["log"] {
  const tell: Partial<Record<LogType, Talk["say"]>> = {
    success: (text, lines) => say(paint.green(text), lines),
    warn,
    error: (text, lines) => warn(paint.red(text), lines),
    fatal: (text, lines) => warn(paint.red(text), lines),
  };
  return createConsola({
    reporters: [
      {
        log({ type, args }) {
          const text = args.map((arg) => (typeof arg === "string" ? arg : Bun.inspect(arg))).join(" ");
          const [first = "", ...lines] = text.split("\n").map((line) => quoteLine(line, colored));
          (tell[type] ?? say)(first, lines);
        },
      },
    ],
  });
}
