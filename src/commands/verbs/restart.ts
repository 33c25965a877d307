/**
 * `dt restart`: a living host restarts its launch itself, so its terminal keeps streaming; without one, a detached host
 * is started.
 */
import { existsSync } from "node:fs";
import { keysOf } from "../../inspect/look.ts";
import { faultsOf } from "../../manifest/model/faults.ts";
import { findFailure, settingsOf } from "../../manifest/model/find.ts";
import type { ManagedSettings, ManifestIndex } from "../../manifest/model/resolved.ts";
import { formatTruth } from "../../output/truth.ts";
import { runDetached } from "../../runners/managed/detached.ts";
import { showPlan } from "../../runners/managed/dryrun.ts";
import { needsSomething, startNeeded } from "../../runners/managed/needed.ts";
import { tellLastLines } from "../../runners/parts/tell.ts";
import type { RunnerContext } from "../../runners/parts/types.ts";
import { describeAsker } from "../../state/asker.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { isUnderWay } from "../../supervisor/end/underway.ts";
import { askRestart } from "../../supervisor/host/request.ts";
import { lineOf } from "../../supervisor/launch/line.ts";
import { TICKET_MARK } from "../../supervisor/launch/marks.ts";
import { refuseNested } from "../../supervisor/launch/nested.ts";
import { makeLaunchSpec } from "../../supervisor/launch/spec.ts";
import type { LaunchSpec, Ticket } from "../../supervisor/launch/types.ts";
import { awaitRecord, awaitSettled } from "../../supervisor/run/settle.ts";
import { dropTicket, takeTicket } from "../../supervisor/ticket/ticket.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { rememberRoot } from "../context/rememberroot.ts";
import { pluginOf } from "../../values/key.ts";
import { rememberRoot } from "../context/context.ts";
import type { Acting, DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { unknownName } from "../parse/named.ts";
import { hasLeft, selectionOf } from "../parse/select.ts";
import { wordsOfUnread } from "../parse/unread.ts";
import { durationOf } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";
import { isOfHome, refuseOfRoot } from "../root/strangers.ts";

export default defineVerb({
  args: {
    all: { type: "boolean", alias: "a", description: "Every launch of this root" },
    needs: {
      type: "boolean",
      description: "Start what they need and is not healthy (the default)",
      negativeDescription: "Do not start what they need",
    },
    timeout: { type: "string", description: "Time to become ready, instead of the manifest's", valueHint: "30s" },
    _: { type: "positional", required: false, description: "Keys, words of one, or a plugin", valueHint: "key …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    if (args._.length === 0 && !args.all)
      throw usage(
        "dt restart needs to know what to restart.",
        "dt restart <plugin> <command> [variant], keys, a plugin, or --all",
      );
    if (args._.length > 0 && args.all) throw usage("dt restart takes either names or --all.");
    const runner = context.runner();
    const selection = await selectionOf(context, args._, { unchecked: true });
    const keys = keysOf(runner.ground, selection).filter(
      (key) => selection.is === "keys" || isUnderWay(runner.ground, key),
    );
    if (keys.length === 0)
      context.talk.say(selection.is === "plugin" ? `nothing of ${selection.plugin} runs` : "nothing runs");
    // A key that cannot be restarted is reported before any other is restarted.
    if (keys.length > 1) for (const key of keys) settingsFor(context, (await callOf(context, key)).index, key);
    const options = { timeoutMs: durationOf("--timeout", args.timeout), withNeeds: args.needs !== false };
    let status: number = EXIT.done;
    // Of several keys the later ones wait for their turn, and a stop meanwhile counts for them too.
    const asker = describeAsker("user", context.argv);
    const several = keys.length > 1 && !context.globals.dryRun;
    const tickets = new Map(keys.map((key) => [key, several ? takeTicket(context.runner(), key, asker) : undefined]));
    context.runner().announced?.close();
    try {
      for (const key of keys) {
        refuseNested(runner, key, "restart");
        status = (await restartKey(context, key, options, tickets.get(key))) || status;
      }
    } finally {
      for (const [key, ticket] of tickets)
        dropTicket(runner.ground, { key, ...(ticket === undefined ? {} : { ticket }) });
    }
    return status;
  },
});

interface RestartOptions {
  timeoutMs: number | null;
  withNeeds: boolean;
}

async function restartKey(
  context: DtContext,
  key: string,
  { timeoutMs, withNeeds }: RestartOptions,
  ticket: Ticket | undefined,
): Promise<number> {
  const { index, begin, asStranger } = await callOf(context, key);
  const runner = context.runner(asStranger);
  const { ground } = runner;
  const record = await awaitRecord(ground, key);
  const spec: LaunchSpec = { ...makeSpec(context, index, key, record, timeoutMs), isStrange: asStranger };
  if (runner.dryRun) return showPlan(runner, spec);
  begin();
  spec.ticket = ticket ?? takeTicket(runner, key, spec.asker, context.ownEnv[TICKET_MARK]);
  // The manifest as it is now counts: it may need something that the previous launch did not. Such a need gets its
  // tickets later (needs.ts).
  const isNeedy = withNeeds && needsSomething(spec.settings);
  if (!isNeedy) runner.announced?.close();
  try {
    const cancelled = isNeedy ? await startNeeded(runner, index, spec) : null;
    if (cancelled !== null) return cancelled;
    return await restartBy(context, runner, record, spec);
  } finally {
    dropTicket(ground, spec);
  }
}

async function restartBy(
  context: DtContext,
  runner: RunnerContext,
  record: LaunchRecord | null,
  spec: LaunchSpec,
): Promise<number> {
  const { ground } = runner;
  const { key } = spec;
  rememberRoot(context); // also if the host does the rest: the root may have been moved since
  if (record !== null && presenceOf(ground.table, record.host) === "alive") {
    if ((await askRestart(ground, record, spec)) === "restarted") return tellRestarted(context, record.token, key);
    context.talk.say(`${key}: its host (pid ${record.host.pid}) does not answer; starting it with a new one`);
  }
  return runDetached(runner, spec, false);
}

/**
 * A restart is a start by words, as in commands/plugin.ts: it trusts the root, unless it is a dry run or the command is
 * the user's own.
 */
async function callOf(context: DtContext, key: string): Promise<Acting & { asStranger: boolean }> {
  const begin = () => {};
  const isStrange = context.isStranger();
  if (context.globals.dryRun) return { index: await context.index(), begin, asStranger: isStrange };
  if (isStrange) {
    const index = await context.index();
    if (isOfHome(index, key)) {
      refuseOfRoot(index, context.root(), key);
      return { index, begin, asStranger: true };
    }
  }
  // Where nothing ever ran, the name is most likely wrong, and should leave nothing on disk.
  const hasRun = existsSync(context.store().directory);
  return { ...(await context.act(undefined, hasRun)), asStranger: false };
}

/** Throws if the key is not declared, or not as a managed command. */
function settingsFor(context: DtContext, index: ManifestIndex, key: string): ManagedSettings {
  const settings = settingsOf(index.plugins, key);
  if (settings?.kind === "managed") return settings;
  const plugin = pluginOf(key);
  const failure = Object.hasOwn(index.plugins, plugin) ? undefined : findFailure(index, plugin);
  const [fault, ...lines] = failure === undefined ? [] : faultsOf(failure);
  const places = { root: context.root(), index, onDisk: [] };
  if (settings === undefined && fault === undefined && !hasLeft(context.store(), key)) throw unknownName(places, key);
  const why =
    fault ??
    (settings === undefined ? `no manifest of ${places.root} declares it now` : "it is a one-shot, which is run");
  throw new DtError("unknown-command", `${key} cannot be restarted: ${why}${fault === undefined ? "." : ""}`, {
    lines,
    status: EXIT.usage,
    hint: index.unread.length === 0 ? "`dt list` shows what there is." : wordsOfUnread(index.unread),
  });
}

function makeSpec(
  context: DtContext,
  index: ManifestIndex,
  key: string,
  record: LaunchRecord | null,
  timeoutMs: number | null,
): LaunchSpec {
  const settings = settingsFor(context, index, key);
  return makeLaunchSpec({
    key,
    settings,
    args: record?.args ?? [],
    readyTimeoutMs: timeoutMs,
    env: context.env,
    asker: describeAsker("user", context.argv),
    off: (record?.stack?.off ?? []).filter((name) => Object.hasOwn(settings.compose?.toggles ?? {}, name)),
  });
}

/** The host has restarted the launch and finds out whether it is ready; this reports it. */
async function tellRestarted(context: DtContext, oldToken: string, key: string): Promise<number> {
  const { globals, talk } = context;
  const runner = context.runner();
  const settled = await awaitSettled(context.ground(), key, { notToken: oldToken });
  if (settled.is === "ended") {
    talk.fail(`${key} ${settled.exit?.text ?? "ended"} right after its restart`);
    if (talk.onCi && settled.exit !== null) tellLastLines(runner, key, settled.exit.log);
    return EXIT.failed;
  }
  const line = lineOf(settled.record, settled.is);
  talk.say(`${key} restarted`);
  if (settled.is === "unhealthy") {
    talk.fail(`${key} is not ready in time: ${settled.why}. It keeps running, as unhealthy.`);
    if (talk.onCi) tellLastLines(runner, key, line.log);
  }
  print(globals.json ? `${JSON.stringify(line)}\n` : formatTruth(context.root(), line));
  return settled.is === "unhealthy" ? EXIT.timeout : EXIT.done;
}
