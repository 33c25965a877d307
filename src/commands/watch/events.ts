/** `dt watch --events`: changes of files as lines of JSON, for programs that watch files, until the reader is gone. */
import { existsSync } from "node:fs";
import { orUncaught } from "../../runners/oneshot/uncaught.ts";
import { DtError } from "../../sys/base/error.ts";
import { resolveFrom, workingDirectory } from "../../sys/base/here.ts";
import { isReaderGone, print } from "../../sys/stdio/stdio.ts";
import { watchTrees } from "../../sys/watch/trees.ts";
import type { DtContext } from "../context/types.ts";
import { untilEnded } from "../context/until.ts";
import { usage } from "../context/usage.ts";

const STDOUT = 1;
/** How often to check whether the reader is still there: without one, this process would stay for ever. */
const READER_MS = 1000;

/** Resolves with the exit code. */
export function watchEvents(context: DtContext, patterns: readonly string[]): Promise<number> {
  // Printing may fail as files change, on a full disk for example.
  return orUncaught(() => watchUntilEnded(context, patterns));
}

async function watchUntilEnded({ env }: DtContext, patterns: readonly string[]): Promise<number> {
  if (patterns.length === 0)
    throw usage(
      "dt watch --events needs to know what to watch.",
      "Name files, directories or patterns: dt watch --events 'notes/**/*.md' '~/logs'",
    );
  if (patterns.every((pattern) => pattern.startsWith("!")))
    throw usage(
      'Every pattern begins with "!", which only excludes files.',
      "Name first what to watch: dt watch --events '**/*.md' '!drafts'",
    );
  const ended = untilEnded();
  const tell = (event: object) => {
    if (!print(`${JSON.stringify(event)}\n`)) ended.resolve(0);
  };
  const trees = await watchTrees({
    root: resolveFrom(workingDirectory(), "."),
    env,
    patterns,
    ignore: [],
    leaveOut: [],
    git: false,
    onChange: (path) => tell({ path, exists: existsSync(path) }),
    onTrouble: (trouble) => tell({ trouble }),
  }).catch((error: Error) => {
    throw new DtError("watched", `Nothing can be watched: ${error.message}`);
  });
  for (const path of trees.initial) tell({ path, exists: true, initial: true });
  tell({ ready: true, files: trees.initial.size });
  const timer = setInterval(() => {
    if (isReaderGone(STDOUT)) ended.resolve(0);
  }, READER_MS);
  const code = await ended.promise;
  clearInterval(timer);
  trees.close();
  return code;
}
