/**
 * `dt gc`: lists launches that are left over, since their owner, root or manifest is gone, in all roots of the user;
 * with `--yes` it stops them. Runs no plugin code.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beginLook, lookAt } from "../../inspect/look.ts";
import { glanceIndex } from "../../manifest/glance.ts";
import { settingsOf } from "../../manifest/model/find.ts";
import { mayDeclareMore } from "../../manifest/model/graph.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { formatTable } from "../../output/table.ts";
import { makePaint } from "../../output/talk.ts";
import { describeAsker } from "../../state/asker.ts";
import { listRootsIn } from "../../state/roots.ts";
import { openStore } from "../../state/store.ts";
import { isTrusted } from "../../state/trust.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { isLiving } from "../../state/view.ts";
import { stopKey } from "../../supervisor/end/stopkey.ts";
import { LOCK_TIMEOUT_MS } from "../../supervisor/launch/lock.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { findStrays, type Stray, stopStray } from "../../supervisor/tree/stray.ts";
import { makeWhereabouts, type Whereabouts } from "../../supervisor/tree/whereabouts.ts";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import { statOf } from "../../sys/base/stat.ts";
import { cacheDirectoryOf, homeDirectory, runDirectoryOf } from "../../sys/places/paths.ts";
import { otherOwnerOf } from "../../sys/places/root.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { formatDuration } from "../../values/duration.ts";
import { pluginOf } from "../../values/key.ts";
import type { DtContext } from "../context/types.ts";
import { spanOf } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";

interface Leftover {
  root: string;
  key: string;
  pid: number | null;
  why: string;
  stop(): Promise<unknown>;
}

export default defineVerb({
  args: {
    yes: { type: "boolean", description: "Stop them" },
    idle: {
      type: "string",
      description: "Also launches started longer ago than this whose log was not read since",
      valueHint: "48h",
    },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const table = makeProcessTable();
    const where = makeWhereabouts({ table, home: homeDirectory(context.env), env: context.env });
    const listed = await leftInRoots(context, table, spanOf("--idle", args.idle));
    const isListed = ({ pids }: Stray) => listed.some(({ pid }) => pid !== null && pids.includes(pid));
    const found = [
      ...listed,
      ...findStrays(where).flatMap((stray) => (isListed(stray) ? [] : [ofStray(table, where, stray)])),
      ...(await leftStacks(context, where)),
    ];
    const shown = found.map(({ root, key, pid, why }) => ({ root, key, pid, why }));
    const paint = makePaint(context.colored());
    if (context.globals.json)
      print(`${JSON.stringify(shown.map((one) => ({ ...one, stopped: args.yes === true })))}\n`);
    else if (shown.length === 0) print("Nothing is left over.\n");
    else
      print(
        formatTable([
          ["KEY", "PID", "ROOT", "WHY"].map(paint.bold),
          ...shown.map(({ root, key, pid, why }) => [key, String(pid ?? "-"), root, why]),
        ]),
      );
    if (args.yes !== true || context.globals.dryRun) {
      if (shown.length > 0) context.talk.say("dt gc --yes stops them");
      return EXIT.done;
    }
    // Processes before containers: else a process that follows containers would see them end.
    const ends = [
      ...(await Promise.allSettled(found.filter((one) => one.pid !== null).map((one) => one.stop()))),
      ...(await Promise.allSettled(found.filter((one) => one.pid === null).map((one) => one.stop()))),
    ];
    const failed = ends.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
    if (failed[0] !== undefined) throw failed[0];
    if (found.length > 0) context.talk.say(`${found.length} stopped`);
    return EXIT.done;
  },
});

/** The engine knows the containers, whatever became of their root. */
async function leftStacks(context: DtContext, where: Whereabouts): Promise<Leftover[]> {
  const home = homeDirectory(context.env);
  if (home === null) return [];
  const ground = { home, env: context.env };
  const { endStrayStack, strayStacks } = await import("../../supervisor/end/stack.ts");
  return (await strayStacks(ground, where)).map((one) => ({
    root: one.root,
    key: one.key,
    pid: null,
    why: one.why,
    stop: () => endStrayStack(ground, one),
  }));
}

async function leftInRoots(context: DtContext, table: Ground["table"], idleMs: number | null): Promise<Leftover[]> {
  const home = homeDirectory(context.env);
  if (home === null) return [];
  const all: Leftover[] = [];
  for (const { root } of listRootsIn(join(home, "roots"))) {
    const directory = runDirectoryOf(root, context.env);
    if (!existsSync(directory)) continue;
    try {
      all.push(...(await leftInRoot(context, table, home, root, directory, idleMs)));
    } catch (error) {
      context.talk.warn(`${root}: ${messageOf(error)}`);
    }
  }
  return all;
}

async function leftInRoot(
  context: DtContext,
  table: Ground["table"],
  home: string,
  root: string,
  directory: string,
  idleMs: number | null,
): Promise<Leftover[]> {
  const cache = cacheDirectoryOf(root, context.env);
  const store = openStore({ directory, home, table });
  const ground: Ground = {
    table,
    store,
    root,
    home,
    env: context.env,
    cache,
    self: [],
    openFiles: null,
    lockBackend: undefined,
  };
  const { env } = context;
  const reading = isTrusted({ home, env }, root) ? "all" : "data";
  const place = { root, home, cacheDir: cache, env, reading, owner: otherOwnerOf(root, env) } as const;
  const { index, unsure } = await glanceIndex(place);
  const look = beginLook(ground, () => null);
  const by = describeAsker("user", context.argv);
  return store.keys().flatMap((key): Leftover[] => {
    const report = lookAt(look, key);
    const record = store.record(key);
    if (report === null || record.is !== "there" || !isLiving(report.state)) return [];
    const { owner } = record.value;
    const why =
      owner !== undefined && presenceOf(table, owner) === "gone"
        ? `its owner has gone: ${owner.command} (pid ${owner.pid})`
        : !existsSync(join(root, "manifests"))
          ? "its root has no manifests any more"
          : unsure.length === 0 && settingsOf(index.plugins, key) === undefined && !isFailed(index, key)
            ? "no manifest declares it any more"
            : idleMs !== null && isIdle(record.value, idleMs)
              ? `its log was not read for ${formatDuration(idleMs)}`
              : null;
    const request = { key, by, lockTimeoutMs: LOCK_TIMEOUT_MS, timeoutMs: null };
    return why === null ? [] : [{ root, key, pid: report.pid, why, stop: () => stopKey(ground, request, () => {}) }];
  });
}

/**
 * The file system notes when a log is read: on most at most once a day, and with `noatime` never, so that a launch
 * looks idle.
 */
function isIdle({ log, startedAt }: LaunchRecord, idleMs: number): boolean {
  const read = statOf(log)?.atimeMs ?? 0;
  return Date.now() - Math.max(read, Date.parse(startedAt)) > idleMs;
}

/**
 * Whether a manifest that could not be loaded, or was not read, may declare it: it may be loaded again once it is
 * mended.
 */
function isFailed(index: Pick<ManifestIndex, "failures" | "unread" | "isPartial">, key: string): boolean {
  return (
    mayDeclareMore(index) ||
    index.failures.some((one) => one.plugin === pluginOf(key) || (one.plugin == null && one.code !== "no-plugin"))
  );
}

function ofStray(table: Ground["table"], where: Whereabouts, stray: Stray): Leftover {
  return {
    root: stray.root,
    key: stray.key,
    pid: stray.pids[0] ?? null,
    why: "its root is gone",
    async stop() {
      const { survivors } = await stopStray(table, where, stray);
      if (survivors.length === 0) return;
      throw new DtError(
        "survivors",
        `${stray.key} of ${stray.root} was stopped, but not all of it is known to be gone.`,
        {
          status: EXIT.survivors,
          details: { key: stray.key, survivors },
        },
      );
    },
  };
}
