/** What is shown of runs on standard output, and what that has done to the terminal. */
import { followFile } from "../logs/follow.ts";
import { makeModes } from "../logs/modes.ts";
import { makeStripper } from "../logs/strip.ts";
import { readTail } from "../logs/tail.ts";
import type { LaunchRecord } from "../state/types.ts";
import type { Attachment } from "../supervisor/attachclient.ts";
import { statOf } from "../sys/stat.ts";
import { isReaderGone, isTerminal, writeBytes } from "../sys/stdio.ts";

const NEWLINE = 0x0a;

export type Screen = ReturnType<typeof makeScreen>;

export function makeScreen() {
  const modes = makeModes();
  const drawn = isTerminal(1);
  let atLineStart = true;
  const write = (bytes: Uint8Array) => {
    if (bytes.length === 0) return true;
    modes.feed(bytes);
    atLineStart = bytes.at(-1) === NEWLINE;
    return writeBytes(1, bytes) !== "closed";
  };
  return {
    show(log: string, { welcome, redraw }: Attachment, scrollback: number | null, onGone: () => void) {
      const stop = new AbortController();
      let from = 0;
      if (scrollback !== null) {
        if (drawn) write(Buffer.from(welcome.modes));
        if (drawn && welcome.alternate) {
          from = welcome.offset;
          redraw();
        } else {
          // Questions that the program once asked its terminal are not asked again.
          const plain = makeStripper(true);
          from = readTail(log, scrollback, (bytes) => write(drawn ? plain.push(bytes) : bytes)) ?? 0;
        }
      }
      let gone = false;
      const leave = () => {
        if (!gone) onGone();
        gone = true;
        return false;
      };
      const done = followFile({
        path: log,
        from,
        oneRun: true,
        onBytes: (bytes) => write(bytes) || leave(),
        isGone: () => gone || (isReaderGone(1) && !leave()),
        signal: stop.signal,
      });
      return {
        async end() {
          stop.abort();
          await done;
        },
      };
    },
    /** A run that is over, unless the next one has its place by now. */
    showAll({ log, logFile }: Pick<LaunchRecord, "log" | "logFile">) {
      if (logFile === null || statOf(log)?.ino === logFile.ino) readTail(log, Number.POSITIVE_INFINITY, write);
    },
    restore() {
      if (!drawn) return;
      const undo = Buffer.from(modes.undo());
      modes.feed(undo);
      writeBytes(1, undo);
      if (!atLineStart) writeBytes(1, Buffer.from("\r\n"));
      atLineStart = true;
    },
  };
}
