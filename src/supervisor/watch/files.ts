/**
 * What a host does for `restartOn`: follows the declared files as long as its launch lives, over all its runs, and
 * opens another watch when the settings change or the project's folder is moved. openfiles.ts opens one, changes.ts
 * judges what it reports. Where no files are declared, neither is loaded and nothing is watched.
 */
import type { ResolvedRestartOn } from "../../manifest/model/resolved.ts";
import { messageOf } from "../../sys/base/error.ts";
import type { Host, HostedRun } from "../run/types.ts";
import { beginRounds, type FileState, type FileWatch, noteFiles } from "./filestate.ts";

export interface FileWatcher {
  /** Follows a new run, with its settings as they are now. */
  follow(run: HostedRun): void;
  /** Resolves when the one-shot before a restart has ended too. */
  close(): Promise<void>;
}

export function watchForRestart(host: Host): FileWatcher {
  const over = new AbortController();
  const state: FileState = { host, over: over.signal, run: null, current: null, note: null, first: null, moved: null };
  let watched = "null";
  let open: Promise<FileWatch | null> = Promise.resolve(null);

  function follow(next: HostedRun): void {
    state.run = next;
    const on = next.spec.settings.restartOn;
    const now = JSON.stringify(on && [on, next.record.log]);
    if (now === watched) {
      goOn(state, next);
      return;
    }
    watched = now;
    state.note = null;
    open = open.then((before) => {
      before?.close();
      state.current = null;
      return on === null || over.signal.aborted
        ? null
        : openOrReport(state, { on, log: next.record.log, onMoved: watchAgain });
    });
  }

  function watchAgain(): void {
    watched = "null";
    if (state.run !== null) follow(state.run);
  }

  return {
    follow,
    async close() {
      over.abort();
      void open.then((watch) => watch?.close());
      await state.first;
    },
  };
}

/** The watch stays for the next run, since its settings are the same. */
function goOn(state: FileState, run: HostedRun): void {
  if (run.record.startedBy.by !== "policy") {
    state.current?.rounds.forget();
    delete state.note?.held;
  }
  if (state.current !== null) beginRounds(state.current.rounds, run);
  noteFiles(state, {});
}

async function openOrReport(
  state: FileState,
  { on, log, onMoved }: { on: ResolvedRestartOn; log: string; onMoved: () => void },
): Promise<FileWatch | null> {
  try {
    const { openFiles } = await import("./openfiles.ts");
    return await openFiles(state, { on, log, onMoved });
  } catch (error) {
    const { host, run } = state;
    host.report({ is: "note", text: `${run?.record.key}: files are not watched: ${messageOf(error)}` });
    return null;
  }
}
