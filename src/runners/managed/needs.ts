/**
 * Starts what a command needs first, in order, where it is not up already; one-shots among the needs run to their end.
 */
import { faultsOf } from "../../manifest/model/faults.ts";
import { closureOf, dependentsOf, type GraphNode, shortKey, showPath } from "../../manifest/model/graph.ts";
import type { Condition, ManifestIndex } from "../../manifest/model/resolved.ts";
import type { Asker, ExitRecord } from "../../state/types.ts";
import { isStopped } from "../../state/view.ts";
import { startDetached } from "../../supervisor/hosts/caller.ts";
import { describeAsker } from "../../supervisor/launch/exit.ts";
import type { LaunchSpec, Ticket } from "../../supervisor/launch/types.ts";
import { runTask } from "../../supervisor/oneshot/task.ts";
import { awaitSettled, settledNow } from "../../supervisor/run/settle.ts";
import {
  dropTicket,
  isCalledOff,
  isHeldElsewhere,
  takeTicket,
  watchTicket,
  whoCalledOff,
} from "../../supervisor/ticket/pending.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { parseKey } from "../../values/key.ts";
import { tellEvent, tellLastLines } from "../parts/tell.ts";
import type { RunnerContext } from "../parts/types.ts";

/** The command whose needs are started. */
export interface Needy {
  key: string;
  env: Record<string, string>;
  asker: Asker;
  lockTimeoutMs: number;
  ticket?: Ticket;
}

type Need = GraphNode & { until: Condition; dependents: string[]; ticket: Ticket };

/**
 * `cancel`: Ctrl-C, which ends a launch that is being started. `off`: the start is called off,
 * and its needs stay as they are.
 */
interface Ends {
  cancel: AbortSignal;
  off: AbortSignal;
}

/** All that a command needs, directly or not; what others need comes first. */
export function orderNeeds(
  index: ManifestIndex,
  key: string,
): (GraphNode & { until: Condition; dependents: string[] })[] {
  const { nodes, missing } = closureOf(index, [key]);
  const path = missing[0];
  if (path !== undefined) {
    const failure = index.failures.find((one) => one.plugin === path.at(-1)?.split(":")[0]);
    const [fault, ...lines] = failure === undefined ? [] : faultsOf(failure);
    const why =
      fault === undefined
        ? `no manifest${index.root === undefined ? "" : ` in ${index.root}`} declares the last of these`
        : `that plugin could not be loaded: ${fault}`;
    throw new DtError("needs", `${showPath(path)}: ${why}`, {
      lines,
      status: EXIT.usage,
      hint: "Correct the manifest, or start without its needs: --no-needs",
      details: { path },
    });
  }
  const edges = nodes.flatMap((node) => node.needs);
  return nodes
    .filter((node) => node.key !== key)
    .map((node) => {
      const asked = edges.filter((edge) => edge.key === node.key).map((edge) => edge.condition);
      return {
        ...node,
        dependents: dependentsOf(nodes, node.key),
        until: asked.find((condition) => condition !== "started") ?? "started",
      };
    });
}

/**
 * Starts the needs in order. Throws when one of them does not become as needed, and when one of them, or the command
 * itself, is stopped in the meantime.
 */
export async function startNeeds(
  context: RunnerContext,
  index: ManifestIndex,
  needy: Needy,
  cancel: AbortSignal,
  off: AbortSignal,
): Promise<void> {
  const { ground } = context;
  // Takes all tickets at once: a stop also counts for needs whose turn comes later.
  const needs = orderNeeds(index, needy.key).map((need) => ({
    ...need,
    ticket: takeTicket(context, need.key, needy.asker),
  }));
  context.announced?.close();
  try {
    for (const need of needs) {
      await meetNeed(context, index, needy, need, { cancel, off });
      if (cancel.aborted) return;
      off.throwIfAborted();
      dropTicket(ground, need);
    }
  } finally {
    // A need that its own host is starting goes on there, and that host drops the ticket.
    for (const need of needs) if (!off.aborted || !isHeldElsewhere(ground, need)) dropTicket(ground, need);
  }
}

async function meetNeed(
  context: RunnerContext,
  index: ManifestIndex,
  needy: Needy,
  need: Need,
  ends: Ends,
): Promise<void> {
  const refuse = () => {
    const by = whoCalledOff(context.ground, need);
    if (by !== null) throw stoppedNeed(needy, need, `was stopped meanwhile${describeAsker(by)}`);
  };
  refuse();
  const why =
    need.settings.kind === "oneshot"
      ? await runNeed(context, index, needy, need, ends)
      : await bringUp(context, needy, need, ends).catch((error: unknown) => {
          if (isCalledOff(error)) refuse();
          throw error;
        });
  if (ends.cancel.aborted || why === null) return;
  ends.off.throwIfAborted();
  refuse();
  throw new DtError("need-failed", `${needy.key} was not started: it needs ${need.key}, which ${why}.`, {
    hint: `dt logs ${need.key}`,
    details: { need: need.key },
  });
}

function stoppedNeed(needy: Needy, need: Need, how: string): DtError {
  return new DtError("called-off", `${needy.key} was not started: it needs ${need.key}, which ${how}.`, {
    status: EXIT.interrupted,
    details: { need: need.key },
  });
}

async function runNeed(
  context: RunnerContext,
  index: ManifestIndex,
  { key, env, asker }: Needy,
  need: Need,
  { cancel, off }: Ends,
): Promise<string | null> {
  const parts = parseKey(need.key) as NonNullable<ReturnType<typeof parseKey>>;
  if (need.settings.kind !== "oneshot") throw new Error(`${need.key} is no one-shot`);
  const { file = "" } = index.plugins[parts.plugin] ?? {};
  const onBegin = () => context.talk.say(`${key} needs ${shortKey(need.key)}: running it`);
  const onReason = (why: string) => context.talk.say(`${shortKey(need.key)} is not skipped: ${why}`);
  const { settings, dependents } = need;
  const task = { key: need.key, ...parts, file, settings, env, asker, dependents, force: false, onReason, onBegin };
  const own = watchTicket(context.ground, need);
  const end = await runTask(context.ground, task, AbortSignal.any([cancel, off, own.signal])).finally(own.close);
  if (end.is === "unchanged")
    context.talk.say(`${key} needs ${shortKey(need.key)}: its inputs are unchanged since ${end.since}, skipped`);
  if (end.is === "unchanged" || end.exit.code === 0) return null;
  if (off.aborted || own.signal.aborted) return end.exit.text;
  tellLastLines(context, need.key, end.exit.log);
  return end.exit.text;
}

async function bringUp(context: RunnerContext, needy: Needy, need: Need, ends: Ends): Promise<string | null> {
  const now = settledNow(context.ground, need.key);
  const signal = AbortSignal.any([ends.cancel, ends.off]);
  const settled = now ?? (await awaitSettled(context.ground, need.key, { signal }));
  if (settled.is === "ready" || settled.is === "running") return null;
  // Another caller's start that was awaited in vain is not repeated: its user may be inspecting the launch.
  if (now === null && settled.is === "unhealthy") return notInTime(settled.why);
  const started = await startNeed(context, needy, need, ends);
  return started.is === "replaced" ? awaitAnother(context, need, started.exit, signal) : started.why;
}

/**
 * Waits for the launch by which another dt replaced the need before it was up. Null when that is up, otherwise why not.
 */
async function awaitAnother(
  { ground, talk }: RunnerContext,
  { key }: Need,
  replaced: ExitRecord,
  signal: AbortSignal,
): Promise<string | null> {
  talk.say(`${key} was ${replaced.text}: waiting for that launch`);
  const settled = await awaitSettled(ground, key, { signal });
  if (settled.is === "unhealthy") return notInTime(settled.why);
  return settled.is === "ended" ? (settled.exit ?? replaced).text : null;
}

type Started = { is: "there"; why: string | null } | { is: "replaced"; exit: ExitRecord };

/** `why`: null when it is up, otherwise why not. */
async function startNeed(context: RunnerContext, spec: Needy, need: Need, { cancel, off }: Ends): Promise<Started> {
  const parts = parseKey(need.key) as NonNullable<ReturnType<typeof parseKey>>;
  context.talk.say(`${spec.key} needs ${need.key}: starting it`);
  if (need.settings.kind !== "managed") throw new Error(`${need.key} is not managed`);
  const { env, asker, lockTimeoutMs } = spec;
  const own: LaunchSpec = {
    ...parts,
    key: need.key,
    settings: need.settings,
    env,
    asker,
    lockTimeoutMs,
    ticket: need.ticket,
    dependents: need.dependents,
    args: [],
    readyTimeoutMs: null,
    ensure: true, // of two commands that need it at once, the second leaves the first one's launch alone
    detached: true,
  };
  const last = await Promise.race([
    startDetached(
      context.ground,
      own,
      need.until === "started" ? "spawned" : "ready",
      (event) => tellEvent(context, event),
      cancel,
    ),
    rejectedBy(off),
  ]);
  if (last.is === "ended" && last.exit.reason === "replaced") return { is: "replaced", exit: last.exit };
  if (last.is === "ended" && isStopped(last.exit)) throw stoppedNeed(spec, need, `was ${last.exit.text}`);
  const failed = last.is === "ended" ? last.exit : last.is === "unhealthy" ? last.line : null;
  if (failed !== null && context.talk.onCi) tellLastLines(context, need.key, failed.log);
  if (last.is === "ended") return { is: "there", why: last.exit.text };
  return { is: "there", why: last.is === "unhealthy" ? notInTime(last.why) : null };
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason));
  });
}

function notInTime(why: string): string {
  return `is not ready in time: ${why}`;
}
