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
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { HIDDEN } from "../base/hidden.ts";
import { signalName } from "../base/signals.ts";
import type { EndStatus } from "../base/status.ts";
import { libc } from "../ffi/libc.ts";
import { makePipe } from "../ffi/pipe.ts";
import { posix } from "../ffi/posix.ts";
import { errorOf } from "../spawn/exec.ts";
import { isTerminal } from "../stdio/stdio.ts";
import { makeKernelPresses } from "../terminal/presses.ts";
import {
  copySize,
  isForeground,
  keyOf,
  type Modes,
  openPty,
  rawModes,
  readModes,
  takeUnread,
  typeInto,
  writeModes,
} from "../terminal/pty.ts";
import { reap, spawnChild } from "./child.ts";
import { type Captured, type CapturePlan, letGoOfInput } from "./plan.ts";
import type { Source } from "./relay.ts";
import { BYE, formatRequest, MESSAGE_BYTES, type SessionRequest, TOLD } from "./session.ts";
import { block, formatMask, heldSignals, maskOf, openSignals, SIGNAL, unblock } from "./signalfd.ts";

/** How often dt checks whether a shell has put it into the foreground or the background. */
const LOOK_MS = 100;
const F_DUPFD = 0;
const FIRST_BEYOND_STANDARD = 3;
const KEYS_AT_ONCE = 4096;
/** Keys written to a pseudo-terminal can be read a moment later. */
const ARRIVES_MS = 5;

/** Null when no pseudo-terminal is available. Throws the system's error when the command cannot be started. */
export function startOnTerminal(plan: CapturePlan): Captured | null {
  const pty = openPty();
  if (pty === null) return null;
  const { master, slave } = pty;
  const person = openKeyboard();
  const ownInput = isTerminal(0);
  const modes = person === null ? null : readModes(person);
  const raw = modes === null ? null : rawModes(modes, !ownInput);
  // In the background these may be the modes a shell has set for its own line editing.
  if (person !== null && modes !== null && isForeground(person)) writeModes(slave, modes);
  copySize(1, master);

  const errors = isTerminal(2) ? null : makePipe();
  const signals = openSignals(heldSignals(true));
  const [lifeline, told] = [makePipe(), makePipe()];
  const streams: SessionRequest["streams"] = [ownInput ? slave : 0, slave, errors === null ? slave : errors.writing];
  const persons = person === null ? null : libc().fcntl(person, F_DUPFD, FIRST_BEYOND_STANDARD);
  const session = spawnChild({
    file: plan.self[0] as string,
    words: [...plan.self, HIDDEN.session, String(lifeline.reading), String(told.writing)],
    // No variable that steers Bun; DIALTONE_ROOT shows to which root this process belongs.
    environment: plan.environment.filter((one) => typeof one === "string" && one.startsWith("DIALTONE_ROOT=")),
    // None of them is a terminal: Bun would restore its modes at the end, maybe over those a shell has set by then.
    streams: [ownInput ? lifeline.reading : 0, lifeline.reading, lifeline.reading],
    mask: maskOf(heldSignals(true)),
    descriptors: [
      ...plan.descriptors,
      lifeline.reading,
      told.writing,
      slave,
      ...(errors === null ? [] : [errors.writing]),
      ...(persons === null ? [] : [persons]),
    ],
    apart: "session",
  });
  const request: SessionRequest = {
    file: plan.file,
    slave,
    streams,
    mask: formatMask(plan.mask),
    descriptors: [...plan.descriptors],
    words: plan.words.length,
    person:
      persons === null || modes === null || raw === null
        ? null
        : { terminal: persons, modes: modes.toString("base64"), raw: raw.toString("base64") },
  };
  for (const fd of [lifeline.reading, told.writing, persons, errors?.writing, ...plan.descriptors])
    if (fd !== null && fd !== undefined) closeSync(fd);
  writeWhole(lifeline.writing, formatRequest(request, [...plan.words, ...plan.environment]));
  const first = readMessage(told.reading);
  if (first?.what !== TOLD.started) {
    reap(session);
    throw errorOf(first?.number ?? 0);
  }
  const pid = first.number;
  if (!ownInput) letGoOfInput(signals.fd);

  let status: EndStatus | null = null;
  let last: number | null = null;
  let isRaw: Modes | null = null;
  const pressed = makeKernelPresses();
  let keys = Buffer.alloc(0);
  let typing = person !== null;
  let typedAt = Number.NEGATIVE_INFINITY;
  const mine = () => person !== null && isForeground(person);

  /** Makes the user's terminal raw while dt is in its foreground. */
  const take = () => {
    if (person === null || isRaw !== null || status !== null || !mine()) return;
    isRaw = readModes(person);
    if (isRaw !== null) writeModes(person, rawModes(isRaw, !ownInput));
  };
  const giveBack = () => {
    if (person !== null && isRaw !== null && mine()) writeModes(person, isRaw);
    isRaw = null;
  };
  const press = (key: "interrupt" | "quit" | "suspend") => {
    const now = readModes(master);
    if (now !== null) keys = Buffer.concat([keys, Buffer.from([keyOf(now, key)])]);
  };
  /**
   * The command has stopped: dt stops too, with its group, as on a terminal. The kernel does not stop a group that no
   * process could continue.
   */
  const stopToo = () => {
    giveBack();
    unblock([SIGNAL.TSTP]);
    posix().kill(0, SIGNAL.TSTP);
    block([SIGNAL.TSTP]);
    take();
    copySize(1, master);
    posix().kill(-pid, SIGNAL.CONT);
  };
  const ofKernel: Record<number, () => void> = {
    [SIGNAL.INT]: () => press("interrupt"),
    [SIGNAL.QUIT]: () => press("quit"),
    [SIGNAL.TSTP]: () => press("suspend"),
  };
  const hear = (signal: number, fromKernel: boolean) => {
    if (signal === SIGNAL.WINCH) return copySize(1, master);
    if (signal === SIGNAL.CONT) return take();
    if (signal === SIGNAL.CHLD || signal === SIGNAL.TTIN || signal === SIGNAL.TTOU || status !== null) return;
    if (pressed.isHandedOn(signal, fromKernel)) return;
    if (signal !== SIGNAL.TSTP) last = signal;
    const own = fromKernel ? ofKernel[signal] : undefined;
    if (own !== undefined) own();
    else posix().kill(pid, signal);
  };
  /** Input that the command did not read goes to the next reader of the terminal, as it would without dt. */
  const returnKeys = () => {
    if (person === null || !ownInput || isRaw === null || !mine()) return;
    if (performance.now() - typedAt < ARRIVES_MS) Bun.sleepSync(ARRIVES_MS);
    typeInto(person, Buffer.concat([takeUnread(slave), keys]));
    keys = Buffer.alloc(0);
  };
  const listen = () => {
    const message = readMessage(told.reading);
    if (message?.what === TOLD.stopped) return stopToo();
    if (message === null)
      status = { code: null, signal: "SIGHUP" }; // its session was killed, which hangs up the command
    else if (message.what === TOLD.exited) status = { code: message.number, signal: null };
    else status = { code: null, signal: signalName(message.number) };
    returnKeys();
    // Held open until now: a terminal that no process has open is gone, though the command may open it again.
    closeSync(slave);
  };

  take();
  const sources: Source[] = [{ from: master, to: 1 }];
  if (errors !== null) sources.push({ from: errors.reading, to: 2 });
  let open = true;
  return {
    sources,
    watched: [
      // First, so that no signal is sent to the command's pid after it has ended.
      { fd: told.reading, wants: () => (status === null ? "input" : "nothing"), ready: listen },
      {
        fd: signals.fd,
        wants: () => "input",
        ready() {
          for (const { signal, fromKernel } of signals.read()) hear(signal, fromKernel);
        },
      },
      {
        fd: person ?? -1,
        wants: () => (typing && isRaw !== null && keys.length === 0 && status === null && mine() ? "input" : "nothing"),
        ready() {
          const bytes = readKeys(person as number);
          if (bytes === null) typing = false;
          else keys = Buffer.concat([keys, bytes]);
        },
      },
      {
        fd: master,
        wants: () => (open && keys.length > 0 && status === null ? "room" : "nothing"),
        ready() {
          try {
            keys = keys.subarray(writeSync(master, keys));
            typedAt = performance.now();
          } catch (error) {
            if (errnoOf(error) !== "EAGAIN") keys = Buffer.alloc(0);
          }
        },
      },
    ],
    /** The user's terminal has gone. */
    lost(source) {
      if (source.from !== master) return;
      open = false;
      if (status === null) posix().kill(-pid, SIGNAL.HUP);
    },
    longest() {
      if (person === null) return -1;
      if (isRaw === null) take();
      return LOOK_MS;
    },
    status: () => status,
    signalled: () => last,
    close() {
      giveBack();
      try {
        writeSync(lifeline.writing, BYE);
      } catch {
        // it is gone
      }
      reap(session);
      for (const fd of [lifeline.writing, told.reading]) closeSync(fd);
      signals.close();
    },
  };
}

/**
 * Where the user types: standard input or, if that is not a terminal, the session's terminal; null when there is
 * neither.
 */
function openKeyboard(): number | null {
  if (isTerminal(0)) return 0;
  try {
    return openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return null;
  }
}

/** Null when no more keys will come. */
function readKeys(fd: number): Buffer | null {
  const bytes = Buffer.alloc(KEYS_AT_ONCE);
  try {
    const length = readSync(fd, bytes, 0, KEYS_AT_ONCE, null);
    return length === 0 ? null : bytes.subarray(0, length);
  } catch (error) {
    return errnoOf(error) === "EAGAIN" ? Buffer.alloc(0) : null;
  }
}

/** Null when the session process is gone. */
function readMessage(fd: number): { what: number; number: number } | null {
  const message = Buffer.alloc(MESSAGE_BYTES);
  return readSync(fd, message, 0, MESSAGE_BYTES, null) === MESSAGE_BYTES
    ? { what: message.readInt32LE(0), number: message.readInt32LE(4) }
    : null;
}

function writeWhole(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
