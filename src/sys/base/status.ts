/** How a child process of Bun ended, with the signal always as a name. */
import { signalName, signalNumber } from "./signals.ts";

export interface EndStatus {
  code: number | null;
  /** `SIGTERM` …; a real-time signal is `SIG34` …. */
  signal: string | null;
}

export function endStatusOf(child: { exitCode: number | null; signalCode: string | number | null }): EndStatus {
  const { exitCode, signalCode } = child;
  return { code: exitCode, signal: typeof signalCode === "number" ? signalName(signalCode) : signalCode };
}

/** The exit code a shell would show. */
export function shellCode({ code, signal }: EndStatus): number {
  return signal === null ? (code ?? 1) : 128 + numberOf(signal);
}

function numberOf(name: string): number {
  return signalNumber(name) ?? Number(name.replace("SIG", ""));
}
