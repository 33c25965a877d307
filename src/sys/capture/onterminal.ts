/**
 * Runs a captured command on a pseudo-terminal of its own, behind the user's terminal. Keys are passed on unchanged,
 * the window size is kept in step, and the settings that the command made decide what Ctrl-C, Ctrl-Z and Ctrl-\ mean.
 * When the command stops, dt stops with its whole process group, so that the user's shell notices; when dt continues,
 * so does the command. In the background dt touches the user's terminal as little as the command could. Input typed
 * ahead that the command left unread is put back into the user's terminal, if the kernel allows that.
 *
 * Standard input or errors that are not a terminal stay what they are. If standard input is not a terminal, the user's
 * terminal still turns Ctrl-C and its like into signals, for the rest of the pipeline, and dt passes them on as keys.
 */
import { closeSync } from "node:fs";
import { signalName } from "../base/signals.ts";
import type { EndStatus } from "../base/status.ts";
import { makePipe } from "../ffi/pipe.ts";
import { posix } from "../ffi/posix.ts";
import { isTerminal } from "../stdio/stdio.ts";
import { makeKernelPresses } from "../terminal/presses.ts";
import { type characterOf, copySize, isForeground, openPty, type Pty, writeModes } from "../terminal/pty.ts";
import { type Captured, type CapturePlan, letGoOfInput } from "./plan.ts";
import type { Watched } from "./relay.ts";
import { readSessionMessage, TOLD } from "./sessionwire.ts";
import { block, heldSignals, openSignals, SIGNAL, type SignalFile, unblock } from "./signalfd.ts";
import { releaseSession, type Session, startSession } from "./startsession.ts";
import type { RelaySource } from "./stream.ts";
import { makeTypedKeys, pressKey, returnKeys, type TypedKeys, watchPassed, watchTyped } from "./typedkeys.ts";
import { giveBackUserTerminal, openUserTerminal, takeUserTerminal, type UserTerminal } from "./userterminal.ts";

/** How often dt checks whether a shell has put it into the foreground or the background. */
const LOOK_MS = 100;

interface OnTerminal {
  readonly pty: Pty;
  /** Null when there is no terminal to type at. */
  readonly user: UserTerminal | null;
  readonly keys: TypedKeys;
  readonly session: Session;
  readonly presses: ReturnType<typeof makeKernelPresses>;
  /** Null until the command has ended. */
  status: EndStatus | null;
  /** The last signal that dt passed on or that the terminal sent. */
  signalled: number | null;
  /** Whether the command's output still has a reader. */
  shown: boolean;
}

/** Null when no pseudo-terminal is available. Throws the system's error when the command cannot be started. */
export function captureOnTerminal(plan: CapturePlan): Captured | null {
  const pty = openPty();
  if (pty === null) return null;
  const user = openUserTerminal();
  // In the background these may be the modes a shell has set for its own line editing.
  if (user !== null && user.first !== null && isForeground(user.fd)) writeModes(pty.slave, user.first);
  copySize(1, pty.master);

  const errors = isTerminal(2) ? null : makePipe();
  const signals = openSignals(heldSignals(true));
  const session = startSession({ plan, slave: pty.slave, errors: errors?.writing ?? null, user });
  if (!user?.isInput) letGoOfInput(signals.fd);

  const state: OnTerminal = {
    pty,
    user,
    keys: makeTypedKeys(user, pty),
    session,
    presses: makeKernelPresses(),
    status: null,
    signalled: null,
    shown: true,
  };
  takeOver(state);
  const sources: RelaySource[] = [{ from: pty.master, to: 1 }];
  if (errors !== null) sources.push({ from: errors.reading, to: 2 });
  return {
    sources,
    // Session first, so that no signal is sent to the command's pid after it has ended.
    watched: [
      watchSession(state),
      watchSignals(state, signals),
      watchTyped(state.keys, () => state.status === null),
      watchPassed(state.keys, () => state.shown && state.status === null),
    ],
    lost: (source) => loseReader(state, source),
    longest() {
      if (user === null) return -1;
      takeOver(state);
      return LOOK_MS;
    },
    status: () => state.status,
    signalled: () => state.signalled,
    close() {
      giveBack(state);
      releaseSession(session);
      signals.close();
    },
  };
}

/** Makes the user's terminal raw while dt is in its foreground and the command runs. */
function takeOver({ user, status }: OnTerminal): void {
  if (user !== null && status === null) takeUserTerminal(user);
}

function giveBack({ user }: OnTerminal): void {
  if (user !== null) giveBackUserTerminal(user);
}

/** The reader of the command's terminal has gone, which hangs up the command. */
function loseReader(state: OnTerminal, { from }: RelaySource): void {
  if (from !== state.pty.master) return;
  state.shown = false;
  if (state.status === null) posix().kill(-state.session.pid, SIGNAL.HUP);
}

function watchSession(state: OnTerminal): Watched {
  return {
    fd: state.session.told,
    wants: () => (state.status === null ? "input" : "nothing"),
    ready() {
      const message = readSessionMessage(state.session.told);
      if (message?.what === TOLD.stopped) return stopToo(state);
      if (message === null)
        state.status = { code: null, signal: "SIGHUP" }; // its session was killed, which hangs up the command
      else if (message.what === TOLD.exited) state.status = { code: message.number, signal: null };
      else state.status = { code: null, signal: signalName(message.number) };
      returnKeys(state.keys);
      // Held open until now: a terminal that no process has open is gone, though the command may open it again.
      closeSync(state.pty.slave);
    },
  };
}

/**
 * The command has stopped: dt stops too, with its group, as on a terminal. The kernel does not stop a group that no
 * process could continue.
 */
function stopToo(state: OnTerminal): void {
  giveBack(state);
  unblock([SIGNAL.TSTP]);
  posix().kill(0, SIGNAL.TSTP);
  block([SIGNAL.TSTP]);
  takeOver(state);
  copySize(1, state.pty.master);
  posix().kill(-state.session.pid, SIGNAL.CONT);
}

function watchSignals(state: OnTerminal, signals: SignalFile): Watched {
  return {
    fd: signals.fd,
    wants: () => "input",
    ready() {
      for (const { signal, fromKernel } of signals.read()) hear(state, { signal, fromKernel });
    },
  };
}

type Key = Parameters<typeof characterOf>[1];

/** The signals that the user's terminal makes of keys. */
const KEYS: Partial<Record<number, Key>> = {
  [SIGNAL.INT]: "interrupt",
  [SIGNAL.QUIT]: "quit",
  [SIGNAL.TSTP]: "suspend",
};

function hear(state: OnTerminal, { signal, fromKernel }: { signal: number; fromKernel: boolean }): void {
  if (signal === SIGNAL.WINCH) copySize(1, state.pty.master);
  else if (signal === SIGNAL.CONT) takeOver(state);
  else if (!NOT_PASSED.includes(signal) && state.status === null) passOn(state, { signal, fromKernel });
}

/** The session process looks after the command; when dt may use the terminal is checked every `LOOK_MS`. */
const NOT_PASSED: readonly number[] = [SIGNAL.CHLD, SIGNAL.TTIN, SIGNAL.TTOU];

function passOn(state: OnTerminal, { signal, fromKernel }: { signal: number; fromKernel: boolean }): void {
  if (state.presses.isHandedOn(signal, fromKernel)) return;
  if (signal !== SIGNAL.TSTP) state.signalled = signal;
  const key = fromKernel ? KEYS[signal] : undefined;
  if (key !== undefined) pressKey(state.keys, key);
  else posix().kill(state.session.pid, signal);
}
