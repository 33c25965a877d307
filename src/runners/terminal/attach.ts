/**
 * Attaches to the terminal of a launch, from the first run shown to the end of the last: follows the
 * program's output in its log, passes keys and window size to its host, and follows restarts. However it
 * ends, the user's terminal is left usable.
 */
import type { ExitRecord, LaunchRecord } from "../../state/types.ts";
import { exitClause } from "../../supervisor/launch/exit.ts";
import { isKeyLocked } from "../../supervisor/launch/lock.ts";
import { awaitRecord } from "../../supervisor/run/settle.ts";
import { attachToRun } from "../../supervisor/terminal/client.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { signalNumber } from "../../sys/base/signals.ts";
import { shellCode } from "../../sys/base/status.ts";
import { presenceOf, sameIdentity } from "../../sys/process/identity.ts";
import { hasRoom, isTerminal, writeBytes } from "../../sys/stdio/stdio.ts";
import { FLAG } from "../../sys/text/flags.ts";
import { formatDuration } from "../../values/duration.ts";
import { typedKey } from "../../values/key.ts";
import type { RunnerContext } from "../parts/types.ts";
import { type Left, openPerson, type Person, sizeOfPerson, type TerminalOwner } from "./person.ts";
import { makeScreen, type Screen } from "./screen.ts";

export interface AttachOptions {
  readOnly: boolean;
  /** How many earlier lines to show; null: all output unchanged, of a run that has just begun. */
  scrollback: number | null;
  /**
   * Set by the dt that started the launch, and called when the launch has to end with this
   * terminal; null for `dt attach`.
   */
  owner: TerminalOwner | null;
}

const LOOK_EVERY_MS = 20;

export async function attachTo(
  context: RunnerContext,
  { key, ...options }: { key: string } & AttachOptions,
): Promise<number> {
  const impatient = new AbortController();
  const screen = makeScreen(impatient.signal);
  const person = openPerson(options, () => impatient.abort());
  /** Gives the terminal back to the user: dt's own messages can be read on it from here on. */
  const close = () => {
    screen.restore();
    person.close();
  };
  try {
    const conclude = await follow(context, { key, ...options, screen, person });
    close();
    return conclude();
  } catch (error) {
    close();
    throw error;
  }
}

interface Follow extends AttachOptions {
  key: string;
  screen: Screen;
  person: Person;
}

/** Shows one run after another. Returns what is left to say, as a function to call once the terminal is given back. */
async function follow(
  context: RunnerContext,
  { key, readOnly, scrollback, owner, screen, person }: Follow,
): Promise<() => number> {
  const { ground } = context;
  let last: LaunchRecord | null = null;
  let told: string | null = null;
  for (let first = true; ; ) {
    const record = await Promise.race([awaitRecord(ground, key), person.left.then(() => null)]);
    if (person.hasLeft()) return leaving(context, { key, person });
    if (record === null && last === null) {
      const exit = ground.store.exit(key);
      if (owner === null || exit.is !== "there") throw notRunning(context, key);
      // The dt that started it has reported its beginning, so its output is shown even when it is over.
      person.take();
      await screen.showAll({ log: exit.value.log, logFile: null });
      return () => tellExit(context, exit.value);
    }
    if (isOver(context, { record, last, hasOwner: owner !== null })) {
      const ended = last ?? (record as LaunchRecord);
      return () => conclude(context, ended);
    }
    const now = record as LaunchRecord;
    if (!now.tty) throw noTerminal(key);
    if (last === null && now.phase === "backoff") last = now;
    if (now.token === last?.token || now.leader === null || now.phase === "backoff") {
      told = tellBackoff(context, { record: now, told });
    } else {
      // Takes every key as it is pressed from now on, so that the user can leave a host that does not answer.
      person.take();
      const size = readOnly ? null : sizeOfPerson();
      const joining = attachToRun(ground, { record: now, readOnly, size });
      const joined = await Promise.race([joining, person.left.then(() => null)]);
      if (person.hasLeft()) {
        joining.catch(() => {}); // no longer awaited
        return leaving(context, { key, person });
      }
      last = now;
      if (joined !== null) {
        if (!first) say(context, `${key} runs again  pid ${now.leader.pid}`);
        const shown = screen.show(now.log, {
          attachment: joined,
          scrollback: first ? scrollback : null,
          onGone: person.lost,
        });
        person.join(joined);
        await Promise.race([joined.over, person.left]);
        await shown.end();
        person.join(null);
        joined.leave();
        screen.restore();
        first = false;
      } else if (!first || scrollback === null) await screen.showAll(now); // over before it could be joined
    }
    if (person.hasLeft()) return leaving(context, { key, person });
    await Promise.race([Bun.sleep(LOOK_EVERY_MS), person.left]);
  }
}

async function leaving(
  context: RunnerContext,
  { key, person }: { key: string; person: Person },
): Promise<() => number> {
  const why = await person.left;
  return () => tellLeft(context, { key, why });
}

function tellLeft({ talk }: RunnerContext, { key, why }: { key: string; why: Left }): number {
  if (why.is === "signal") return 128 + (signalNumber(why.signal) as number);
  // A terminal that accepts no output would block dt.
  if (why.is === "asked" && hasRoom(2)) talk.say(`left ${key} running; dt attach ${key} joins it again`);
  return EXIT.done;
}

/** Whether there is nothing more to wait for. */
function isOver(
  { ground }: RunnerContext,
  { record, last, hasOwner }: { record: LaunchRecord | null; last: LaunchRecord | null; hasOwner: boolean },
): boolean {
  if (record === null) return true;
  // The dt that stops or replaces it has yet to record that.
  if (record.phase === "stopping" && isKeyLocked(ground, record.key)) return false;
  // Its host no longer serves it, so it will not be restarted. Its terminal went with the
  // host, even if the program lives on.
  if (presenceOf(ground.table, record.host) !== "alive" && !isKeyLocked(ground, record.key)) return true;
  // Another dt replaced it: the dt that started the old launch is done, while `dt attach` goes on with the new one.
  return hasOwner && last !== null && !sameIdentity(record.host, last.host);
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

/** Reports each wait once. */
function tellBackoff(
  context: RunnerContext,
  { record, told }: { record: LaunchRecord; told: string | null },
): string | null {
  if (record.backoff === undefined || record.phase !== "backoff" || told === record.backoff.nextAt) return told;
  const inMs = Math.max(0, Date.parse(record.backoff.nextAt) - Date.now());
  say(context, `${record.key} ${record.backoff.because}; starting it again in ${formatDuration(inMs)}`);
  return record.backoff.nextAt;
}

/** A raw terminal needs a carriage return as well. */
function say({ talk }: RunnerContext, text: string): void {
  talk.say(text);
  if (isTerminal(2)) writeBytes(2, Buffer.from("\r"));
}

function notRunning({ ground }: RunnerContext, key: string): DtError {
  const exit = ground.store.exit(key);
  const how = exit.is === "there" ? `: it ${exitClause(exit.value).replace(/\.$/, "")}` : "";
  return new DtError("not-running", `${key} is not running${how}.`, {
    status: EXIT.notRunning,
    hint: `Start it: dt ${typedKey(key)}`,
  });
}

function noTerminal(key: string): DtError {
  return new DtError("no-terminal", `${key} has no terminal to attach to: its manifest does not say \`tty: true\`.`, {
    hint: `dt logs ${key} ${FLAG.follow} follows what it prints.`,
  });
}
