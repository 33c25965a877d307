/**
 * What `dt gc` lists, in all roots of the user: launches whose owner, root or manifest is gone, or that are idle;
 * processes of roots that are gone; and containers of those.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beginLook, lookAt } from "../../inspect/look.ts";
import { glanceIndex } from "../../manifest/glance.ts";
import { settingsOf } from "../../manifest/model/find.ts";
import { mayDeclareMore } from "../../manifest/model/graph.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { askerOf } from "../../state/asker.ts";
import { listRootsIn } from "../../state/roots.ts";
import { openStore } from "../../state/store.ts";
import { isTrusted } from "../../state/trust.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { isLiving } from "../../state/view.ts";
import { stopKey } from "../../supervisor/end/stopkey.ts";
import { LOCK_TIMEOUT_MS } from "../../supervisor/launch/lock.ts";
import type { Site } from "../../supervisor/launch/types.ts";
import { findStrays, type Stray, stopStray } from "../../supervisor/tree/stray.ts";
import type { Whereabouts } from "../../supervisor/tree/whereabouts.ts";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import { statOf } from "../../sys/base/stat.ts";
import { cacheDirectoryOf, homeDirectory, runDirectoryOf } from "../../sys/places/paths.ts";
import { otherOwnerOf } from "../../sys/places/root.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { formatDuration } from "../../values/duration.ts";
import { pluginOf } from "../../values/key.ts";
import type { DtContext } from "../context/types.ts";

export interface Leftover {
  root: string;
  key: string;
  /** Null for containers without a process. */
  pid: number | null;
  why: string;
  stop(): Promise<unknown>;
}

export interface LeftoverSearch {
  table: Site["table"];
  where: Whereabouts;
  /** A launch whose log was not read for this long is left over too; null: none is for that. */
  idleMs: number | null;
}

export async function findLeftovers(context: DtContext, { table, where, idleMs }: LeftoverSearch): Promise<Leftover[]> {
  const listed = await leftInRoots(context, { table, idleMs });
  const isListed = ({ pids }: Stray) => listed.some(({ pid }) => pid !== null && pids.includes(pid));
  return [
    ...listed,
    ...findStrays(where).flatMap((stray) => (isListed(stray) ? [] : [ofStray(table, { where, stray })])),
    ...(await leftStacks(context, where)),
  ];
}

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

async function leftInRoots(
  context: DtContext,
  { table, idleMs }: { table: Site["table"]; idleMs: number | null },
): Promise<Leftover[]> {
  const home = homeDirectory(context.env);
  if (home === null) return [];
  const all: Leftover[] = [];
  for (const { root } of listRootsIn(join(home, "roots"))) {
    const directory = runDirectoryOf(root, context.env);
    if (!existsSync(directory)) continue;
    try {
      all.push(...(await leftInRoot(context, { table, home, root, directory, idleMs })));
    } catch (error) {
      context.talk.warn(`${root}: ${messageOf(error)}`);
    }
  }
  return all;
}

interface RootSearch {
  table: Site["table"];
  home: string;
  root: string;
  /** The root's run directory. */
  directory: string;
  idleMs: number | null;
}

async function leftInRoot(
  context: DtContext,
  { table, home, root, directory, idleMs }: RootSearch,
): Promise<Leftover[]> {
  const cache = cacheDirectoryOf(root, context.env);
  const store = openStore({ directory, home, table });
  const { env } = context;
  const site: Site = { table, store, root, home, env };
  const reading = isTrusted({ home, env }, root) ? "all" : "data";
  const place = { root, home, cacheDir: cache, env, reading, owner: otherOwnerOf(root, env) } as const;
  const { index, unsure } = await glanceIndex(place);
  const look = beginLook(site, () => null);
  const by = askerOf("user", context.argv);
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
    return why === null
      ? []
      : [{ root, key, pid: report.pid, why, stop: () => stopKey(site, { ...request, report: () => {} }) }];
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

function ofStray(table: Site["table"], { where, stray }: { where: Whereabouts; stray: Stray }): Leftover {
  return {
    root: stray.root,
    key: stray.key,
    pid: stray.pids[0] ?? null,
    why: "its root is gone",
    async stop() {
      const { survivors } = await stopStray(table, { where, stray });
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
