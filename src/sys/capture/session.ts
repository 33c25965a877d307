/**
 * The session leader between dt and a command that is captured on a pseudo-terminal (`dt __session`). Ctrl-Z can stop a
 * command only if its parent is in the same session, and only a session has a terminal of its own. So this process
 * leads the session, starts the command in a foreground group, and reports to dt how it stops and ends. When dt is
 * gone, it restores the modes of the user's terminal and ends; its own terminal ends with it, and the kernel sends
 * SIGHUP to the processes left in the foreground.
 */
import { closeSync, readSync, writeSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { signalNumber } from "../base/signals.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { posix } from "../ffi/posix.ts";
import { readModes, takeTerminal, writeModes } from "../terminal/pty.ts";
import { lookAtChild, spawnChild } from "./child.ts";
import { BYE, formatSessionMessage, readSessionRequest, type SessionRequest, TOLD } from "./sessionwire.ts";
import { openSignals, parseMask, SIGNAL } from "./signalfd.ts";

/** From <poll.h>, poll(2). */
const POLLIN = 1;

interface Command {
  pid: number;
  /** Where dt reads its messages. */
  status: number;
  /** Whether it has not yet been stopped for using the terminal before it was in the foreground. */
  early: boolean;
}

/** Returns when dt releases it, or is gone. */
export function runSession(lifeline: number, status: number): void {
  const { request, strings } = readSessionRequest(lifeline);
  const signals = openSignals([SIGNAL.CHLD]);
  takeTerminal(request.slave);
  const pid = startCommand(request, { strings, status });
  if (pid === null) return;
  posix().tcsetpgrp(request.slave, pid);
  // From here on only the command has the terminal open, so its output ends when the last of its processes does.
  for (const fd of new Set([...request.streams.filter((one) => one > 2), request.slave, ...request.descriptors]))
    closeSync(fd);
  posix().dup2(status, 0);
  tell(status, { what: TOLD.started, number: pid });

  const command: Command = { pid, status, early: true };
  const polls = new Int32Array([lifeline, POLLIN, signals.fd, POLLIN]);
  for (look(command); ; ) {
    polls[1] = POLLIN;
    polls[3] = POLLIN;
    libc().poll(ptr(polls), 2, -1);
    if ((polls[1] as number) > POLLIN) {
      if (readByte(lifeline) !== BYE) giveBack(request);
      return;
    }
    signals.read();
    look(command);
  }
}

/** The command's pid; null when it cannot be started, which dt has been told. */
function startCommand(
  request: SessionRequest,
  { strings, status }: { strings: readonly string[]; status: number },
): number | null {
  try {
    return spawnChild({
      ...request,
      words: strings.slice(0, request.words),
      environment: strings.slice(request.words),
      mask: parseMask(request.mask),
      apart: "group",
      terminal: request.slave,
    });
  } catch (error) {
    const { errno } = (require("node:os") as typeof import("node:os")).constants;
    tell(status, { what: TOLD.failed, number: (errno as Record<string, number>)[errnoOf(error) ?? ""] ?? 0 });
    return null;
  }
}

function tell(status: number, { what, number }: { what: number; number: number }): void {
  try {
    writeSync(status, formatSessionMessage({ what, number }));
  } catch {
    // dt is gone, which the lifeline shows as well
  }
}

/** Reports to dt what happened to the command since the last look. */
function look(command: Command): void {
  const { pid, status } = command;
  const state = lookAtChild(pid);
  if (state === null) return;
  if (state.is === "ended") {
    if (state.signal === null) tell(status, { what: TOLD.exited, number: state.code ?? 0 });
    else
      tell(status, {
        what: TOLD.killed,
        number: signalNumber(state.signal) ?? Number(state.signal.replace("SIG", "")),
      });
  } else if (command.early && (state.signal === SIGNAL.TTIN || state.signal === SIGNAL.TTOU)) {
    // It used the terminal before it was in the foreground.
    command.early = false;
    posix().kill(-pid, SIGNAL.CONT);
  } else tell(status, { what: TOLD.stopped, number: state.signal });
}

/** Restores the modes only while they are those that dt set: a shell may have set its own since. */
function giveBack({ person }: SessionRequest): void {
  if (person === null) return;
  const now = readModes(person.terminal);
  if (now?.equals(Buffer.from(person.raw, "base64"))) writeModes(person.terminal, Buffer.from(person.modes, "base64"));
}

function readByte(fd: number): string {
  const byte = Buffer.alloc(1);
  return byte.toString("latin1", 0, readSync(fd, byte, 0, 1, null));
}
