/** How a child of Bun's ended, with the signal always as a name. */
import { constants } from "node:os";

export interface EndStatus {
  code: number | null;
  /** `SIGTERM` …; a real-time signal is `SIG34` …. */
  signal: string | null;
}

export function statusOf(child: { exitCode: number | null; signalCode: string | number | null }): EndStatus {
  const { exitCode, signalCode } = child;
  if (typeof signalCode !== "number") return { code: exitCode, signal: signalCode };
  const name = Object.entries(constants.signals).find(([, number]) => number === signalCode)?.[0];
  return { code: exitCode, signal: name ?? `SIG${signalCode}` };
}
