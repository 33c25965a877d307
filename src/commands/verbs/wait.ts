/**
 * `dt wait`: waits until keys are ready, have ended, or are stopped. Changes of the run directory wake it, and state
 * decides. Runs no plugin code. A plugin stands for its keys that have run; before any has, for all its managed
 * commands.
 */
import { existsSync, watch } from "node:fs";
import { beginLook, keysOf, lookAt } from "../../inspect/look.ts";
import type { KeyReport } from "../../inspect/types.ts";
import { managedOf } from "../../manifest/model/find.ts";
import { formatLines } from "../../output/lines.ts";
import { tellLastLines } from "../../runners/parts/tell.ts";
import { isLiving } from "../../state/view.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { shellCode } from "../../sys/base/status.ts";
import { print } from "../../sys/stdio/stdio.ts";
import type { Selection } from "../../values/key.ts";
import type { DtContext } from "../context/types.ts";
import { meantBy, usage } from "../context/usage.ts";
import { refuseOneshots, selectionOf } from "../names/select.ts";
import { durationFlag } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";

/** A process that ends without a host writes nothing. Its end is seen at most this late. */
const LOOK_EVERY_MS = 250;

const GOALS = ["ready", "exit", "stopped"] as const;
type Goal = (typeof GOALS)[number];
type Verdict = "there" | "notYet" | "never";

/** Pure. What is known of a key (null: nothing), judged by the goal. */
function judgeWait(
  goal: Goal,
  { report, isUnknown }: { report: Pick<KeyReport, "state" | "host"> | null; isUnknown: boolean },
): Verdict {
  const { state = null, host = null } = report ?? {};
  if (state === "ready" || state === "running") return goal === "ready" && !isUnknown ? "there" : "notYet";
  // While its host lives, the host is about to write down how it ended, or to start it again.
  if (state !== null && (isLiving(state) || host?.alive === true)) return "notYet";
  if (goal !== "ready") return "there";
  return state === "failed" || state === "exited" ? "never" : "notYet";
}

export default defineVerb({
  args: {
    for: { type: "string", description: "ready (the default), exit or stopped", valueHint: "ready" },
    timeout: { type: "string", description: "Exit 124 after this time. Default: no limit", valueHint: "30s" },
    _: {
      type: "positional",
      required: false,
      description: "Keys, words of one, a plugin or a group",
      valueHint: "key …",
    },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const goal = goalOf(args.for ?? "ready");
    if (args._.length === 0) throw usage("dt wait needs to know what to wait for.", "dt wait <key …>");
    const timeoutMs = durationFlag("--timeout", args.timeout) ?? Number.POSITIVE_INFINITY;
    const ground = context.ground();
    const selection = await selectionOf(context, { words: args._ });
    const named = await awaitedOf(context, selection);
    if (goal === "ready") await refuseOneshots(context, { keys: named, what: "does not become ready" });
    const deadline = performance.now() + timeoutMs;
    const tellUnknown = once((key) =>
      context.talk.say(`${key}: its host is gone, so nothing probes it until the next start gives it another`),
    );
    for (;;) {
      const look = beginLook(ground, () => null);
      const keys = named.length > 0 ? named : keysOf(look.ground, selection);
      const seen = keys.map((key) => ({ key, report: lookAt(look, key) }));
      const judged = seen.map((one) => {
        const isUnknown = isReadinessUnknown(ground, one.report);
        if (isUnknown) tellUnknown(one.key);
        return { ...one, verdict: judgeWait(goal, { report: one.report, isUnknown }) };
      });
      const never = judged.find((one) => one.verdict === "never");
      if (never !== undefined) {
        tellLastLines(context.runner(), { key: never.key, log: never.report?.log ?? "" });
        throw new DtError("never-ready", `${never.key} has ${never.report?.state}, so it will not become ready.`, {
          hint: `dt why ${never.key}`,
        });
      }
      // If nothing is known of a plugin yet, nothing of it is ready, and nothing runs.
      const left =
        keys.length === 0 && goal === "ready"
          ? [...args._]
          : judged.filter((one) => one.verdict === "notYet").map((one) => one.key);
      if (left.length === 0) {
        const shown = seen.map(({ key, report }) => ({
          key,
          state: report?.state ?? "stopped",
          exit: report?.exit ?? null,
        }));
        print(
          context.globals.json
            ? `${JSON.stringify(shown)}\n`
            : formatLines(shown.map((one) => `${one.key} ${one.state}`)),
        );
        return goal === "exit" && shown.length === 1 && shown[0] !== undefined ? codeOf(shown[0]) : EXIT.done;
      }
      if (performance.now() >= deadline)
        throw new DtError("timeout", `Not ${goal === "ready" ? "ready" : "ended"} in time: ${left.join(", ")}.`, {
          status: EXIT.timeout,
          details: { keys: left },
        });
      await change(ground.store.directory, Math.max(0, Math.min(LOOK_EVERY_MS, deadline - performance.now())));
    }
  },
});

/** What ended unseen, since its host was gone, has no exit: it failed all the same. */
function codeOf({ state, exit }: { state: string; exit: KeyReport["exit"] }): number {
  if (exit !== null) return shellCode(exit);
  return state === "failed" ? EXIT.failed : EXIT.done;
}

/** It runs, and its host was gone before it had found out whether it is ready. */
function isReadinessUnknown({ store }: Ground, report: KeyReport | null): boolean {
  if (report?.state !== "running" || report.host?.alive !== false) return false;
  const record = store.record(report.key);
  return record.is === "there" && record.value.probed;
}

/** Says it once for each key. */
function once(say: (key: string) => void): (key: string) => void {
  const said = new Set<string>();
  return (key) => {
    if (!said.has(key)) say(key);
    said.add(key);
  };
}

function goalOf(text: string): Goal {
  const goal = GOALS.find((one) => one === text);
  if (goal !== undefined) return goal;
  throw usage(`--for takes ready, exit or stopped, not "${text}".`, meantBy(text, GOALS));
}

/**
 * The keys of a plugin that have run, else those that its name starts. Empty only if its manifest cannot be read now.
 */
async function awaitedOf(context: DtContext, selection: Selection): Promise<string[]> {
  const keys = keysOf(context.ground(), selection);
  if (keys.length > 0) return keys;
  const name = selection.is === "plugin" ? selection.plugin : "The group";
  const { index } = await context.glance();
  const declared = selection.is === "plugin" ? managedOf(index, selection.plugin) : [];
  if (declared.length > 0 || (selection.is === "plugin" && !Object.hasOwn(index.plugins, selection.plugin)))
    return declared;
  throw usage(`${name} has no managed command, so there is nothing to wait for.`, "`dt list` shows what there is.");
}

function change(directory: string, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const watcher = existsSync(directory) ? watch(directory, { recursive: true }, () => done()) : null;
    const timer = setTimeout(() => done(), ms);
    const done = () => {
      clearTimeout(timer);
      watcher?.close();
      resolve();
    };
  });
}
