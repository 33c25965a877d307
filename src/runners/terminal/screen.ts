/** What runs show on standard output, and the state that leaves the terminal in. */
import { followFile } from "../../logs/follow.ts";
import { makeModes } from "../../logs/modes.ts";
import { makeStripper } from "../../logs/strip.ts";
import { findTail } from "../../logs/tail.ts";
import type { LaunchRecord } from "../../state/types.ts";
import type { Attachment } from "../../supervisor/terminal/client.ts";
import { statOf } from "../../sys/base/stat.ts";
import { openPatiently } from "../../sys/stdio/patient.ts";
import { isReaderGone, isTerminal } from "../../sys/stdio/stdio.ts";

const NEWLINE = 0x0a;

export type Screen = ReturnType<typeof makeScreen>;

interface RunToShow {
  attachment: Attachment;
  scrollback: number | null;
  onGone: () => void;
}

/** `impatient`: once aborted, output that the terminal does not accept is given up. */
export function makeScreen(impatient: AbortSignal) {
  const modes = makeModes();
  const drawn = isTerminal(1);
  const output = openPatiently(1);
  let atLineStart = true;
  const write = (bytes: Uint8Array): boolean | Promise<boolean> => {
    if (bytes.length === 0) return true;
    modes.feed(bytes);
    atLineStart = bytes.at(-1) === NEWLINE;
    const outcome = output.write(bytes, impatient);
    return typeof outcome === "string" ? outcome !== "closed" : outcome.then((one) => one !== "closed");
  };
  return {
    show(log: string, { attachment: { welcome, redraw }, scrollback, onGone }: RunToShow) {
      const stop = new AbortController();
      let from = 0;
      let before = 0;
      if (scrollback !== null) {
        if (drawn) output.offer(Buffer.from(welcome.modes));
        modes.feed(Buffer.from(welcome.modes));
        if (drawn && welcome.alternate) {
          from = welcome.offset;
          redraw();
        } else {
          const tail = findTail(log, scrollback);
          from = tail?.from ?? 0;
          before = drawn ? (tail?.to ?? 0) : 0;
        }
      }
      // Queries that the program once sent to its terminal must not be sent again.
      const plain = makeStripper(true);
      const show = (bytes: Uint8Array, offset: number) => {
        const past = Math.min(Math.max(0, before - offset), bytes.length);
        if (past === 0) return write(bytes);
        return write(Buffer.concat([plain.push(bytes.subarray(0, past)), bytes.subarray(past)]));
      };
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
        async onBytes(bytes, offset) {
          return (await show(bytes, offset)) || leave();
        },
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
    /** Shows a run that is over, unless the next one has taken its place by now. */
    async showAll({ log, logFile }: Pick<LaunchRecord, "log" | "logFile">): Promise<void> {
      if (logFile !== null && statOf(log)?.ino !== logFile.ino) return;
      const from = findTail(log, Number.POSITIVE_INFINITY)?.from ?? 0;
      await followFile({ path: log, from, oneRun: true, onBytes: write, signal: AbortSignal.abort() });
    },
    restore() {
      if (!drawn) return;
      const undo = Buffer.from(modes.undo());
      modes.feed(undo);
      output.offer(undo);
      if (!atLineStart) output.offer(Buffer.from("\r\n"));
      atLineStart = true;
    },
  };
}
