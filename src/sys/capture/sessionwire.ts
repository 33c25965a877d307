/**
 * What dt and its session process (`dt __session`) say to each other. dt sends one request and, at the end, a byte that
 * releases the process; the process sends messages of a fixed size.
 */
import { readSync } from "node:fs";
import { bytesOf, rawText } from "../base/rawbytes.ts";
import type { ChildPlan } from "./child.ts";

export interface SessionRequest extends Omit<ChildPlan, "words" | "environment" | "mask" | "apart"> {
  slave: number;
  /** A signal mask, in hexadecimal. */
  mask: string;
  words: number;
  /** The user's terminal, its modes and those dt gives it, in base64; null when dt does not change it. */
  person: { terminal: number; modes: string; raw: string } | null;
}

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

/** Throws when dt is gone before the request is whole. */
export function readSessionRequest(fd: number): { request: SessionRequest; strings: string[] } {
  const body = readExactly(fd, readExactly(fd, 4).readUInt32LE(0));
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf(0, at);
    parts.push(body.subarray(at, end));
    at = end + 1;
  }
  return {
    request: JSON.parse((parts[0] as Buffer).toString()) as SessionRequest,
    strings: parts.slice(1).map(rawText),
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

/** One message to dt: its kind, then a number (a pid, an errno, a signal or an exit code). */
export interface SessionMessage {
  what: number;
  number: number;
}

export const TOLD = { started: 1, failed: 2, stopped: 3, exited: 4, killed: 5 } as const;
const MESSAGE_BYTES = 8;

export function formatSessionMessage({ what, number }: SessionMessage): Buffer {
  const message = Buffer.alloc(MESSAGE_BYTES);
  message.writeInt32LE(what, 0);
  message.writeInt32LE(number, 4);
  return message;
}

/** Null when the session process is gone. */
export function readSessionMessage(fd: number): SessionMessage | null {
  const message = Buffer.alloc(MESSAGE_BYTES);
  return readSync(fd, message, 0, MESSAGE_BYTES, null) === MESSAGE_BYTES
    ? { what: message.readInt32LE(0), number: message.readInt32LE(4) }
    : null;
}

/** The byte that releases the session process. */
export const BYE = "q";
