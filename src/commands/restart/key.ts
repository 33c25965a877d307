/** One key restarted: by its living host, else by a new host that is detached. */
import { formatTruth } from "../../output/truth.ts";
import { runDetached } from "../../runners/managed/detached.ts";
import { showPlan } from "../../runners/managed/dryrun.ts";
import { needsSomething, startNeeded } from "../../runners/managed/needed.ts";
import { tellLastLines } from "../../runners/parts/tell.ts";
import type { RunnerContext } from "../../runners/parts/types.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { isStopped } from "../../state/view.ts";
import { askRestart } from "../../supervisor/host/request.ts";
import { lineOf } from "../../supervisor/launch/line.ts";
import { TICKET_MARK } from "../../supervisor/launch/marks.ts";
import type { LaunchSpec, Ticket } from "../../supervisor/launch/types.ts";
import { awaitRecord, awaitSettled } from "../../supervisor/run/settle.ts";
import { leaveTicket, takeTicket } from "../../supervisor/ticket/ticket.ts";
import { EXIT } from "../../sys/base/error.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { rememberRoot } from "../context/rememberroot.ts";
import type { DtContext } from "../context/types.ts";
import { restartCallOf, restartSpecOf } from "./spec.ts";

interface RestartOptions {
  timeoutMs: number | null;
  withNeeds: boolean;
}

export async function restartKey(
  context: DtContext,
  { key, timeoutMs, withNeeds, ticket }: { key: string; ticket: Ticket | undefined } & RestartOptions,
): Promise<number> {
  const { index, begin, asStranger } = await restartCallOf(context, key);
  const runner = context.runner(asStranger);
  const { ground } = runner;
  const record = await awaitRecord(ground, key);
  const spec: LaunchSpec = { ...restartSpecOf(context, { index, key, record, timeoutMs }), isStrange: asStranger };
  if (runner.dryRun) return showPlan(runner, spec);
  begin();
  spec.ticket = ticket ?? takeTicket(runner, { key, asker: spec.asker, handed: context.ownEnv[TICKET_MARK] });
  // The manifest as it is now counts: it may need something that the previous launch did not. Such a need gets its
  // tickets later (runners/managed/needs.ts).
  const isNeedy = withNeeds && needsSomething(spec.settings);
  if (!isNeedy) runner.announced?.close();
  try {
    const cancelled = isNeedy ? await startNeeded(runner, { index, spec }) : null;
    if (cancelled !== null) return cancelled;
    return await restartBy(context, { runner, record, spec });
  } finally {
    leaveTicket(ground, spec);
  }
}

async function restartBy(
  context: DtContext,
  { runner, record, spec }: { runner: RunnerContext; record: LaunchRecord | null; spec: LaunchSpec },
): Promise<number> {
  const { ground } = runner;
  const { key } = spec;
  rememberRoot(context); // also if the host does the rest: the root may have been moved since
  if (record !== null && presenceOf(ground.table, record.host) === "alive") {
    const outcome = await askRestart(ground, { record, spec });
    if (outcome === "restarted" || outcome === "joined")
      return tellRestarted(context, { outcome, oldToken: record.token, key });
    if (outcome === "no-answer")
      context.talk.say(`${key}: its host (pid ${record.host.pid}) does not answer; starting it with a new one`);
  }
  return runDetached(runner, { spec, noWait: false });
}

/** The host has restarted the launch and finds out whether it is ready; this reports it. */
async function tellRestarted(
  context: DtContext,
  { outcome, oldToken, key }: { outcome: "restarted" | "joined"; oldToken: string; key: string },
): Promise<number> {
  const { globals, talk } = context;
  const runner = context.runner();
  // A launch that was joined may be the one whose record was read before.
  const notToken = outcome === "joined" ? undefined : oldToken;
  const settled = await awaitSettled(context.ground(), { key, notToken });
  if (settled.is === "ended" && settled.exit !== null && isStopped(settled.exit)) {
    talk.say(`${key} was ${settled.exit.text} before it was ready`);
    return EXIT.interrupted;
  }
  if (settled.is === "ended") {
    const { exit } = settled;
    const now = context.ground().store.record(key);
    const isGoingOn = now.is === "there" && now.value.phase === "backoff";
    talk.fail(`${key} ${exit?.text ?? "ended"} right after its restart${isGoingOn ? "; its policy goes on" : ""}`);
    if (talk.onCi && exit !== null) tellLastLines(runner, { key, log: exit.log });
    if (globals.json) print(`${JSON.stringify({ key, state: isGoingOn ? "backoff" : "failed", pid: null, exit })}\n`);
    return EXIT.failed;
  }
  const line = lineOf(settled.record, settled.is);
  talk.say(outcome === "joined" ? `${key} was restarted meanwhile` : `${key} restarted`);
  if (settled.is === "unhealthy") {
    talk.fail(`${key} is not ready in time: ${settled.why}. It runs on, as unhealthy.`);
    if (talk.onCi) tellLastLines(runner, { key, log: line.log });
  }
  print(globals.json ? `${JSON.stringify(line)}\n` : formatTruth(context.root(), line));
  return settled.is === "unhealthy" ? EXIT.timeout : EXIT.done;
}
