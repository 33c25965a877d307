/** `dt logs` line by line: of several keys, with a condition, from a cursor or as JSON. */
import { type Entry, entriesOf, lastOf, mergeByTime } from "../../logs/entries.ts";
import { followKeys, type LogTarget } from "../../logs/followkeys.ts";
import { type Filter, makeFilter } from "../../logs/match.ts";
import { listRuns } from "../../logs/runs.ts";
import { EXIT } from "../../sys/base/error.ts";
import { isReaderGone, printBytes } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { abortOnSignal } from "../context/until.ts";
import { makeLineFormat } from "./format.ts";
import type { LogsRequest } from "./parse.ts";
import { everyOf, piecesOf, toLastLine } from "./pieces.ts";

/** `targets` is asked again while it follows, for keys that start later. */
export async function showLines(
  context: DtContext,
  { targets, request, single }: { targets: () => LogTarget[]; request: LogsRequest; single: boolean },
): Promise<number> {
  const found = targets();
  const filters = new Map<string, Filter<Entry> | null>();
  const filterOf = (key: string) => {
    if (!filters.has(key))
      filters.set(
        key,
        request.matcher === null ? null : makeFilter<Entry>(request.matcher(context.talk.warn), request.context),
      );
    return filters.get(key) ?? null;
  };
  const { write, flush, isOpen } = makeWriter(makeLineFormat(context, { keys: found.map((one) => one.key), single }));
  const shownTo = new Map<string, number>();
  const sources = found.flatMap((target) => {
    if (!single && listRuns(target.log, target.times).length === 0) return [];
    const pieces = piecesOf(context, { target, request }).map((piece) => (request.follow ? toLastLine(piece) : piece));
    shownTo.set(target.key, pieces.find(({ run }) => run.age === 0)?.to ?? 0);
    return [entriesOf({ key: target.key, pieces, lines: request.lines, filter: filterOf(target.key) })];
  });
  everyOf(lastOf(mergeByTime(sources), request.lines), write);
  if (!flush() || !request.follow) return EXIT.done;
  const { signal, status } = abortOnSignal();
  await followKeys({
    targets,
    shownTo,
    filterOf,
    onEntry: write,
    onNewRun: (key) => context.talk.say(`${key} has a new run`),
    isGone: () => !isOpen() || isReaderGone(1),
    signal,
  });
  flush();
  return status();
}

/** How many bytes are collected before they are written: a system call for each line would take most of the time. */
const BATCH = 64 * 1024;

interface Writer {
  /** False when the reader is gone, or nothing can be written. */
  write(entry: Entry): boolean;
  /** Writes what was collected; the same result. Throws when earlier lines could not be written. */
  flush(): boolean;
  isOpen(): boolean;
}

/** Lines that arrive together are written together, in the next microtask at the latest. */
function makeWriter(format: (entry: Entry) => Uint8Array): Writer {
  let waiting: Uint8Array[] = [];
  let size = 0;
  let open = true;
  let failure: unknown = null;
  const pass = () => {
    try {
      if (size > 0) open = printBytes(Buffer.concat(waiting)) && open;
    } catch (error) {
      // No caller waits for a later write: the next flush throws the error.
      failure = error;
      open = false;
    }
    waiting = [];
    size = 0;
    return open;
  };
  return {
    isOpen: () => open,
    flush() {
      pass();
      if (failure !== null) throw failure;
      return open;
    },
    write(entry) {
      if (size === 0) queueMicrotask(pass);
      const bytes = format(entry);
      waiting.push(bytes);
      size += bytes.length;
      return size < BATCH ? open : pass();
    },
  };
}
