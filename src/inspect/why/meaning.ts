/** What an exit code or a signal means, where it means more than its number. */
import { signalName } from "../../sys/base/signals.ts";

const OUT_OF_MEMORY =
  "SIGKILL cannot be caught: a user or program sent it (`kill -9`), or the kernel's out-of-memory killer did (`dmesg` or `journalctl -k` would say so).";

const SIGNALS: Readonly<Record<string, string>> = {
  SIGKILL: OUT_OF_MEMORY,
  SIGSEGV: "SIGSEGV means that it crashed: it accessed memory that is not its own.",
  SIGBUS: "SIGBUS means that it crashed: there was no memory behind an address (a truncated file, a full /dev/shm).",
  SIGILL:
    "SIGILL means that it crashed: this processor does not know one of its instructions (built for another one?).",
  SIGFPE: "SIGFPE means that it crashed in arithmetic, such as a division by zero.",
  SIGABRT: "SIGABRT means that it aborted itself: a failed assertion, or memory that could not be allocated.",
  SIGTRAP: "SIGTRAP means that it ran into a trap of its own, as a program does that finds itself broken.",
  SIGSYS: "SIGSYS means that it made a forbidden system call (a sandbox, a container's filter).",
  SIGPIPE: "SIGPIPE means that it wrote to a pipe or connection whose reader was gone.",
  SIGXFSZ: "SIGXFSZ means that a file grew beyond the limit of this session (`ulimit -f`).",
  SIGXCPU: "SIGXCPU means that it used more processor time than the limit of this session (`ulimit -t`).",
  SIGTERM: "SIGTERM asks a program to end; it did not come from dt.",
  SIGINT: "SIGINT is what Ctrl-C sends; it did not come from dt.",
  SIGHUP: "SIGHUP is what a closing terminal sends; it did not come from dt.",
  SIGQUIT: "SIGQUIT is what Ctrl-\\ sends; it did not come from dt.",
};

const CODES: Readonly<Record<number, string>> = {
  126: "126 is what a shell returns when a command was found but cannot be executed (its mode, its format).",
  127: "127 is what a shell returns when a command was not found (its name, PATH).",
};

/** A shell reports a child that a signal ended as 128 + the number of the signal. */
const SHELL_SIGNAL = 128;
const LAST_SIGNAL = 64;

/** One sentence, or null when the number alone says it all. For an end that dt was not asked for. */
export function meaningOf({ code, signal }: { code: number | null; signal: string | null }): string | null {
  if (signal !== null) return SIGNALS[signal] ?? null;
  if (code === null) return null;
  const number = code - SHELL_SIGNAL;
  if (number < 1 || number > LAST_SIGNAL) return CODES[code] ?? null;
  const name = signalName(number);
  const more = name === "SIGKILL" ? ` ${OUT_OF_MEMORY}` : "";
  return `${code} is ${SHELL_SIGNAL} + ${number}: what a shell returns when ${name} ended a program that it ran.${more}`;
}
