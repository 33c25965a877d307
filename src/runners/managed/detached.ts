/** A detached start as its caller sees it: until the launch is up, or is not, and the line of truth then. */
import { formatCursor } from "../../logs/cursor.ts";
import { runIdOf } from "../../logs/runs.ts";
import { formatTruth } from "../../output/truth.ts";
import { isStopped } from "../../state/view.ts";
import { startDetached } from "../../supervisor/callers/caller.ts";
import { describeRepeated } from "../../supervisor/launch/streak.ts";
import type { LaunchEvent, LaunchLine, LaunchSpec } from "../../supervisor/launch/types.ts";
import { EXIT } from "../../sys/base/error.ts";
import { statOf } from "../../sys/base/stat.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { FLAG } from "../../sys/text/flags.ts";
import { showCommand } from "../../values/commandline.ts";
import { typedKey } from "../../values/key.ts";
import { cancelOnPress } from "../parts/cancelling.ts";
import { tellEvent, tellLastLines } from "../parts/tell.ts";
import type { RunnerContext } from "../parts/types.ts";

export async function runDetached(
  context: RunnerContext,
  { spec, noWait }: { spec: LaunchSpec; noWait: boolean },
): Promise<number> {
  const cancel = new AbortController();
  cancelOnPress(cancel);
  const { ground } = context;
  const report = (event: LaunchEvent) => tellEvent(context, event);
  const until = noWait ? "spawned" : "ready";
  let last = await startDetached({ ground, spec, until, report, cancel: cancel.signal });
  if (last.is === "ended" && last.exit.reason === "replaced") {
    const { awaitSuccessor } = await import("./successor.ts");
    last = await awaitSuccessor(ground, { ended: last, spec, report, signal: cancel.signal });
  }
  if (cancel.signal.aborted && last.is === "ended") return EXIT.interrupted;
  return concludeDetached(context, { last, isStack: spec.settings.compose !== null });
}

/** Prints the line of truth, or why there is none. */
function concludeDetached(context: RunnerContext, { last, isStack }: { last: LaunchEvent; isStack: boolean }): number {
  const { ground, talk, json } = context;
  switch (last.is) {
    case "spawned":
    case "joined":
    case "ready":
    case "unchanged":
    case "unhealthy": {
      const line =
        (last.is === "spawned" || last.is === "joined") && last.probed
          ? { ...last.line, state: "starting" }
          : last.line;
      if (last.is === "unhealthy" && talk.onCi) tellLastLines(context, { key: line.key, log: line.log });
      const more = last.is === "unchanged" ? { unchanged: true } : {};
      print(
        json
          ? `${JSON.stringify({ ...line, ...more, cursor: cursorOf(context, line) })}\n`
          : formatTruth(ground.root, line),
      );
      return last.is === "unhealthy" ? EXIT.timeout : EXIT.done;
    }
    case "ended": {
      const { exit } = last;
      if (isStopped(exit)) {
        talk.say(`${exit.key} was ${exit.text} before it was ready`);
        if (json) print(`${JSON.stringify({ key: exit.key, state: "stopped", pid: null, exit })}\n`);
        return EXIT.interrupted;
      }
      if (json) print(`${JSON.stringify({ key: exit.key, state: "failed", pid: null, exit })}\n`);
      talk.fail(
        isStack
          ? `${typedKey(exit.key)}: start: \`${showCommand(exit.argv)}\` ${exit.text}`
          : `${exit.key} ${exit.text} before it was ready`,
      );
      tellLastLines(context, { key: exit.key, log: exit.log });
      if (isStack)
        talk.say(`Run \`dt ${typedKey(exit.key)}\` without ${FLAG.detach} to see everything Compose prints.`);
      return EXIT.failed;
    }
    case "restarting": {
      const { key } = last;
      const record = ground.store.record(key);
      if (json) print(`${JSON.stringify({ key, state: "backoff", pid: null })}\n`);
      talk.fail(`${key} is not up: it ${describeRepeated(last.because)}`);
      if (record.is === "there") tellLastLines(context, { key, log: record.value.log });
      return EXIT.failed;
    }
    default:
      return EXIT.internal;
  }
}

/**
 * A cursor at the current end of its log: `dt logs --after` shows what follows. Null when the launch is gone already.
 */
function cursorOf({ ground }: RunnerContext, { key, log }: LaunchLine): string | null {
  const record = ground.store.record(key);
  if (record.is !== "there") return null;
  return formatCursor({ key, run: runIdOf(record.value.token), offset: statOf(log)?.size ?? 0 });
}
