/**
 * Being in the terminal of a launch, from the first run shown to the last one's end: what the program writes is followed in its log, what
 * is typed goes to its host, the size follows. A restart is followed. However it ends, the person's terminal is one that works.
 */
import { followFile } from "../logs/follow.ts";
import { makeModes } from "../logs/modes.ts";
import { makeStripper } from "../logs/strip.ts";
import { readTail } from "../logs/tail.ts";
import { formatDuration } from "../output/time.ts";
import type { ExitRecord, LaunchRecord } from "../state/types.ts";
import { type Attachment, attachToRun } from "../supervisor/attachclient.ts";
import { awaitRecord, isChanging } from "../supervisor/settle.ts";
import { DtError, EXIT } from "../sys/error.ts";
import { type ProcessIdentity, presenceOf, sameIdentity } from "../sys/identity.ts";
import { openKeyboard, sizeOfTerminal } from "../sys/keyboard.ts";
import { isIgnored } from "../sys/limits.ts";
import { signalNumber } from "../sys/signals.ts";
import { statOf } from "../sys/stat.ts";
import { shellCode } from "../sys/status.ts";
import { isReaderGone, isTerminal, readInput, writeAll } from "../sys/stdio.ts";
import type { RunnerContext } from "./context.ts";
import { findLeaveKey, hasInterrupt } from "./leavekey.ts";

export interface AttachOptions {
  readOnly: boolean;
  /** Lines of what was written before; null: all of it as it was, of a run that just began. */
  scrollback: number | null;
  /** Whoever started the launch here: asked when it is to end with this terminal. Null: somebody who looks in. */
  owner: Owner | null;
}

export interface Owner {
  /** SIGINT, SIGTERM, SIGHUP and the terminal's closing; the second one is told as well. */
  end(signal: NodeJS.Signals): void;
}

type Left = { is: "asked" } | { is: "typed" } | { is: "signal"; signal: NodeJS.Signals } | { is: "closed" };

/** After the last of piped keys, what the program answers at once is still shown. */
const ANSWER_MS = 200;
const LOOK_EVERY_MS = 20;
const NEWLINE = 0x0a;
const MOST_EARLY = 4096;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

export async function attachTo(context: RunnerContext, key: string, options: AttachOptions): Promise<number> {
  const { ground, talk } = context;
  const { readOnly, owner } = options;
  const screen = makeScreen();
  const left = Promise.withResolvers<Left>();
  let attachment: Attachment | null = null;
  let isLeft = false;
  let early = Buffer.alloc(0);
  left.promise.then(() => {
    isLeft = true;
  });

  const hear = (signal: NodeJS.Signals) => {
    if (owner !== null) owner.end(signal);
    else left.resolve({ is: "signal", signal });
  };
  /** What is typed before the program is there, it gets when it is; so does a terminal. */
  const type = (keys: Uint8Array) => {
    if (attachment !== null) attachment.type(keys);
    else if (early.length < MOST_EARLY) early = Buffer.concat([early, keys]);
  };
  const onKeys = (bytes: Uint8Array) => {
    const leave = findLeaveKey(bytes);
    const keys = leave === null ? bytes : bytes.subarray(0, leave);
    // Between two runs, and for who only looks, there is nobody that Ctrl-C could be meant for but dt.
    if ((readOnly || attachment === null) && hasInterrupt(keys)) hear("SIGINT");
    else if (!readOnly) type(keys);
    if (leave !== null) left.resolve({ is: "asked" });
  };
  const onClosed = () => {
    if (owner !== null) owner.end("SIGHUP");
    else left.resolve({ is: "closed" });
  };
  const keyboard = openKeyboard(onKeys, onClosed);
  const onSize = () => {
    const size = sizeOfTerminal(1) ?? sizeOfTerminal(0);
    if (size !== null && !readOnly) attachment?.resize(size);
  };
  const onContinue = () => keyboard?.take();
  const listeners = SIGNALS.filter((name) => !isIgnored(signalNumber(name) as number)).map(
    (name) => [name, () => hear(name)] as const,
  );
  for (const [name, listener] of listeners) process.on(name, listener);
  process.on("SIGWINCH", onSize);
  process.on("SIGCONT", onContinue);

  /** The terminal is the person's again; what dt says is said after this. */
  const close = () => {
    screen.restore();
    keyboard?.close();
    for (const [name, listener] of listeners) process.off(name, listener);
    process.off("SIGWINCH", onSize);
    process.off("SIGCONT", onContinue);
  };

  const typePiped = async (to: Attachment) => {
    for await (const bytes of readInput()) {
      to.type(bytes);
      await to.typed();
    }
    await Bun.sleep(ANSWER_MS);
    left.resolve({ is: "typed" });
  };

  try {
    let last: LaunchRecord | null = null;
    let told: string | null = null;
    for (let first = true; ; ) {
      const record = await awaitRecord(ground, key);
      if (last === null && record === null) {
        const exit = ground.store.exit(key);
        if (owner === null || exit.is !== "there") throw notRunning(context, key);
        // Whoever started it has seen that it began.
        keyboard?.take();
        screen.showAll({ log: exit.value.log, logFile: null });
        close();
        return tellExit(context, exit.value);
      }
      if (isOver(context, record, last, owner !== null)) {
        close();
        return conclude(context, last ?? (record as LaunchRecord));
      }
      const now = record as LaunchRecord;
      if (!now.tty) throw noTerminal(key);
      if (last === null && now.phase === "backoff") last = now;
      if (now.token !== last?.token && now.leader !== null && now.phase !== "backoff") {
        const size = readOnly ? null : (sizeOfTerminal(1) ?? sizeOfTerminal(0));
        attachment = await attachToRun(ground, now, { readOnly, size });
        if (attachment !== null) {
          const joined = attachment;
          if (!first) say(context, `${key} runs anew  pid ${now.leader.pid}`);
          keyboard?.take();
          joined.type(early);
          early = Buffer.alloc(0);
          const shown = screen.show(now.log, joined, first ? options.scrollback : null, onClosed);
          if (first && keyboard === null && !readOnly && owner === null && !isTerminal(0)) void typePiped(joined);
          first = false;
          last = now;
          await Promise.race([joined.over, left.promise]);
          await shown.end();
          screen.restore();
          joined.leave();
          attachment = null;
        } else {
          // It was over before it could be joined.
          keyboard?.take();
          if (!first || options.scrollback === null) screen.showAll(now);
          last = now;
        }
      } else told = tellBackoff(context, now, told);
      if (isLeft) break;
      await Promise.race([Bun.sleep(LOOK_EVERY_MS), left.promise]);
    }
  } catch (error) {
    close();
    throw error;
  }
  close();
  const why = await left.promise;
  if (why.is === "signal") return 128 + (signalNumber(why.signal) as number);
  if (why.is === "asked") talk.say(`left ${key} running; dt attach ${key} joins it again`);
  return EXIT.done;
}

/** Whether there is nothing more to wait for. */
function isOver(
  { ground }: RunnerContext,
  record: LaunchRecord | null,
  last: LaunchRecord | null,
  owner: boolean,
): boolean {
  if (record === null) return true;
  // Whoever stops or replaces it has not written down yet that it did.
  if (record.phase === "stopping" && isChanging(ground, record.key)) return false;
  const gone = (one: ProcessIdentity) => presenceOf(ground.table, one) !== "alive";
  // Its host does not serve it any more, and so cannot start it again.
  if (gone(record.host) && (record.leader === null || gone(record.leader))) return true;
  // Replaced by another dt: whoever started the old one is done. Who looks in goes on with the new one.
  return owner && last !== null && !sameIdentity(record.host, last.host);
}

function conclude(context: RunnerContext, last: LaunchRecord): number {
  const { ground, talk } = context;
  const exit = ground.store.exit(last.key);
  if (exit.is === "there" && exit.value.token === last.token) return tellExit(context, exit.value);
  talk.fail(`${last.key}: its host (pid ${last.host.pid}) has gone, and with it the terminal`);
  return EXIT.failed;
}

function tellExit({ talk }: RunnerContext, exit: ExitRecord): number {
  talk.say(`${talk.paint.bold(exit.key)} ${exit.text}`);
  return exit.reason === "interrupted" ? EXIT.interrupted : shellCode(exit);
}

/** Once for each wait. */
function tellBackoff(context: RunnerContext, record: LaunchRecord, told: string | null): string | null {
  if (record.backoff === undefined || record.phase !== "backoff" || told === record.backoff.nextAt) return told;
  const inMs = Math.max(0, Date.parse(record.backoff.nextAt) - Date.now());
  say(context, `${record.key} ${record.backoff.because}; starting it again in ${formatDuration(inMs)}`);
  return record.backoff.nextAt;
}

/** In a raw terminal a line ends with both. */
function say({ talk }: RunnerContext, text: string): void {
  talk.say(text);
  if (isTerminal(2)) writeAll(2, "\r");
}

/** Shows runs on standard output, and knows what that has done to the terminal. */
function makeScreen() {
  const modes = makeModes();
  const drawn = isTerminal(1);
  let atLineStart = true;
  const write = (bytes: Uint8Array) => {
    if (bytes.length === 0) return true;
    modes.feed(bytes);
    atLineStart = bytes.at(-1) === NEWLINE;
    return writeAll(1, bytes) !== "closed";
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
      writeAll(1, undo);
      if (!atLineStart) writeAll(1, "\r\n");
      atLineStart = true;
    },
  };
}

function notRunning({ ground }: RunnerContext, key: string): DtError {
  const [plugin, command, variant] = key.split(":");
  const exit = ground.store.exit(key);
  return new DtError("not-running", `${key} does not run${exit.is === "there" ? `: ${exit.value.text}` : ""}.`, {
    status: EXIT.notRunning,
    hint: `Start it: dt ${plugin} ${command}${variant === "default" ? "" : ` ${variant}`}`,
  });
}

function noTerminal(key: string): DtError {
  return new DtError("no-terminal", `${key} has no terminal to attach to: its manifest does not say \`tty: true\`.`, {
    hint: `dt logs ${key} -f follows what it prints.`,
  });
}
