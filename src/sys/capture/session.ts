/**
 * The session leader between dt and a command that is captured on a pseudo-terminal (`dt __session`). Ctrl-Z can stop a
 * command only if its parent is in the same session, and only a session has a terminal of its own. So this process
 * leads the session, starts the command in a foreground group, and reports to dt how it stops and ends. When dt is
 * gone, it restores the modes of the user's terminal and ends; its own terminal ends with it, and the kernel sends
 * SIGHUP to the processes left in the foreground.
 */
import { closeSync, readSync, writeSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { bytesOf, textOf } from "../base/rawbytes.ts";
import { signalNumber } from "../base/signals.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { posix } from "../ffi/posix.ts";
import { readModes, takeTerminal, writeModes } from "../terminal/pty.ts";
import type { ChildPlan } from "./child.ts";
import { lookAtChild, spawnChild } from "./child.ts";
import { openSignals, parseMask, SIGNAL } from "./signalfd.ts";

export interface SessionRequest extends Omit<ChildPlan, "words" | "environment" | "mask" | "apart"> {
  slave: number;
  /** A signal mask, in hexadecimal. */
  mask: string;
  words: number;
  /** The user's terminal, its modes and those dt gives it, in base64; null when dt does not change it. */
  person: { terminal: number; modes: string; raw: string } | null;
}

/** One message to dt: its kind, then a number. */
export const TOLD = { started: 1, failed: 2, stopped: 3, exited: 4, killed: 5 } as const;
export const MESSAGE_BYTES = 8;
export const BYE = "q";

const POLLIN = 1;

/** The request is a length, then JSON up to a NUL, then every word and variable, each followed by a NUL. */
export function formatRequest(request: SessionRequest, strings: readonly string[]): Buffer {
  const nul = Buffer.alloc(1);
  const body = Buffer.concat([
    Buffer.from(JSON.stringify(request)),
    nul,
    ...strings.flatMap((one) => [bytesOf(one), nul]),
  ]);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

/** Returns when dt releases it, or is gone. */
export function runSession(lifeline: number, status: number): void {
  const { request, strings } = readRequest(lifeline);
  const tell = (what: number, number: number) => {
    const message = Buffer.alloc(MESSAGE_BYTES);
    message.writeInt32LE(what, 0);
    message.writeInt32LE(number, 4);
    try {
      writeSync(status, message);
    } catch {
      // dt is gone, which the lifeline shows as well
    }
  };
  const signals = openSignals([SIGNAL.CHLD]);
  takeTerminal(request.slave);
  let pid: number;
  try {
    pid = spawnChild({
      ...request,
      words: strings.slice(0, request.words),
      environment: strings.slice(request.words),
      mask: parseMask(request.mask),
      apart: "group",
      terminal: request.slave,
    });
  } catch (error) {
    const { errno } = (require("node:os") as typeof import("node:os")).constants;
    tell(TOLD.failed, (errno as Record<string, number>)[errnoOf(error) ?? ""] ?? 0);
    return;
  }
  posix().tcsetpgrp(request.slave, pid);
  // From here on only the command has the terminal open, so its output ends when the last of its processes does.
  for (const fd of new Set([...request.streams.filter((one) => one > 2), request.slave, ...request.descriptors]))
    closeSync(fd);
  posix().dup2(status, 0);
  tell(TOLD.started, pid);

  let early = true;
  const look = () => {
    const state = lookAtChild(pid);
    if (state === null) return;
    if (state.is === "ended") {
      if (state.signal === null) tell(TOLD.exited, state.code ?? 0);
      else tell(TOLD.killed, signalNumber(state.signal) ?? Number(state.signal.replace("SIG", "")));
    } else if (early && (state.signal === SIGNAL.TTIN || state.signal === SIGNAL.TTOU)) {
      // It used the terminal before it was in the foreground.
      early = false;
      posix().kill(-pid, SIGNAL.CONT);
    } else tell(TOLD.stopped, state.signal);
  };
  const polls = new Int32Array([lifeline, POLLIN, signals.fd, POLLIN]);
  for (look(); ; ) {
    polls[1] = POLLIN;
    polls[3] = POLLIN;
    libc().poll(ptr(polls), 2, -1);
    if ((polls[1] as number) > POLLIN) {
      if (readByte(lifeline) !== BYE) giveBack(request);
      return;
    }
    signals.read();
    look();
  }
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

function readRequest(fd: number): { request: SessionRequest; strings: string[] } {
  const body = readExactly(fd, readExactly(fd, 4).readUInt32LE(0));
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf(0, at);
    parts.push(body.subarray(at, end));
    at = end + 1;
  }
  return {
    request: JSON.parse((parts[0] as Buffer).toString()) as SessionRequest,
    strings: parts.slice(1).map(textOf),
  };
}

function readExactly(fd: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const count = readSync(fd, bytes, at, length - at, null);
    if (count === 0) throw new Error("dt is gone");
    at += count;
  }
  return bytes;
}
