/** The user in front of a launch's terminal: keys, signals, window size, and when they leave. */
import type { Attachment } from "../../supervisor/terminal/client.ts";
import { signalNumber } from "../../sys/base/signals.ts";
import { isIgnored } from "../../sys/spawn/limits.ts";
import { isTerminal, readInput } from "../../sys/stdio/stdio.ts";
import { openKeyboard, sizeOfTerminal } from "../../sys/terminal/keyboard.ts";
import type { TerminalSize } from "../../sys/terminal/leaderterminal.ts";
import { findLeaveKey, hasInterrupt } from "./leavekey.ts";

export interface TerminalOwner {
  /** Called for SIGINT, SIGTERM, SIGHUP and the terminal's closing, and for each repetition. */
  end(signal: NodeJS.Signals): void;
}

export type Left =
  /** By ctrl-]. */
  | { is: "asked" }
  /** All piped input has been typed. */
  | { is: "typed" }
  | { is: "signal"; signal: NodeJS.Signals }
  /** The user's terminal, or the reader of standard output, has gone. */
  | { is: "closed" };

export interface Person {
  left: Promise<Left>;
  hasLeft(): boolean;
  /** Takes over the user's terminal: every key goes to the program. */
  take(): void;
  /** Sets the receiver of keys; null: none for now. */
  join(attachment: Attachment | null): void;
  /** Reports that the output has lost its reader. */
  lost(): void;
  /** Gives the terminal back to the user. */
  close(): void;
}

/** How long the program's immediate answer to the last piped keys is still shown. */
const ANSWER_MS = 200;
const MOST_EARLY = 4096;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

export function sizeOfPerson(): TerminalSize | null {
  return sizeOfTerminal(1) ?? sizeOfTerminal(0);
}

/** `onEnding` is called as soon as the user leaves or asks for the end, however long that takes. */
export function openPerson(
  { readOnly, owner }: { readOnly: boolean; owner: TerminalOwner | null },
  onEnding: () => void,
): Person {
  const left = Promise.withResolvers<Left>();
  let hasLeft = false;
  let attachment: Attachment | null = null;
  let early = Buffer.alloc(0);
  let pipes = !readOnly && owner === null && !isTerminal(0);
  const leave = (why: Left) => {
    onEnding();
    hasLeft = true;
    left.resolve(why);
  };
  const hear = (signal: NodeJS.Signals) => {
    onEnding();
    if (owner !== null) owner.end(signal);
    else leave({ is: "signal", signal });
  };
  const lost = () => {
    if (owner !== null) owner.end("SIGHUP");
    else leave({ is: "closed" });
  };
  /** Keys that are typed before the program is there are kept for it, as a terminal keeps them. */
  const type = (keys: Uint8Array) => {
    if (attachment !== null) attachment.type(keys);
    else if (early.length < MOST_EARLY) early = Buffer.concat([early, keys]);
  };
  const onKeys = (bytes: Uint8Array) => {
    const at = findLeaveKey(bytes);
    const keys = at === null ? bytes : bytes.subarray(0, at);
    // Between two runs, and for a read-only user, only dt can be meant by Ctrl-C.
    if ((readOnly || attachment === null) && hasInterrupt(keys)) hear("SIGINT");
    else if (!readOnly) type(keys);
    if (at !== null) leave({ is: "asked" });
  };
  const typePiped = async (to: Attachment) => {
    for await (const bytes of readInput()) {
      to.type(bytes);
      await to.typed();
    }
    await Bun.sleep(ANSWER_MS);
    leave({ is: "typed" });
  };
  const keyboard = openKeyboard(onKeys, lost);
  const onSize = () => {
    const size = sizeOfPerson();
    if (size !== null && !readOnly) attachment?.resize(size);
  };
  const onContinue = () => keyboard?.take();
  const listeners = [
    ...SIGNALS.filter((name) => !isIgnored(signalNumber(name) as number)).map(
      (name) => [name, () => hear(name)] as const,
    ),
    ["SIGWINCH", onSize],
    ["SIGCONT", onContinue],
  ] as const;
  for (const [name, listener] of listeners) process.on(name, listener);
  return {
    left: left.promise,
    hasLeft: () => hasLeft,
    take: () => keyboard?.take(),
    join(to) {
      attachment = to;
      if (to === null) return;
      to.type(early);
      early = Buffer.alloc(0);
      if (pipes) void typePiped(to);
      pipes = false;
    },
    lost,
    close() {
      keyboard?.close();
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}
