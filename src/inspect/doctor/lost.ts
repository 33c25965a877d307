/**
 * Processes whose environment names a launch of this root that no record knows. Their run directory was removed, and
 * their host is gone.
 */
import { commandOf } from "../../manifest/model/find.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { Asker } from "../../state/types.ts";
import { stopLost } from "../../supervisor/end/lost.ts";
import { HOST_MARK } from "../../supervisor/launch/marks.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { isOfRunDirectory } from "../../supervisor/tree/evidence.ts";
import { isSpared } from "../../supervisor/tree/spare.ts";
import { descendsFrom, isOver, type ProcessEntry } from "../../sys/process/identity.ts";
import { parseKey } from "../../values/key.ts";
import { FIX, makeFinding } from "./finding.ts";
import type { Finding, Repaired } from "./types.ts";

const TOKEN = /^[0-9a-f]{32}$/;
const LOCK_WAIT_MS = 2000;

interface Carrier {
  entry: ProcessEntry;
  key: string;
  token: string;
}

/** A living host writes a lost record again within half a second; this waits longer. */
const HOST_RESTORES_MS = 1500;
const LOOK_EVERY_MS = 50;

export async function checkLost(
  ground: Ground,
  { index, by }: { index: ManifestIndex | null; by: Asker },
): Promise<Finding[]> {
  const deadline = performance.now() + HOST_RESTORES_MS;
  let lost = findLost(ground);
  while (lost.length > 0 && performance.now() < deadline) {
    await Bun.sleep(LOOK_EVERY_MS);
    lost = findLost(ground);
  }
  return [...Map.groupBy(lost, ({ key }) => key)].map(([key, found]) =>
    describeLost(ground, { index, key, found, by }),
  );
}

function findLost(ground: Ground): Carrier[] {
  const { table, store } = ground;
  // Processes first, then records: a launch that starts in between is not seen at all, rather than taken for lost.
  const carriers = table.list().flatMap((entry) => carrierOf(ground, entry) ?? []);
  const records = new Map(carriers.map(({ key }) => [key, store.record(key)]));
  const tokens = new Set(
    store.keys().flatMap((key) => {
      const record = store.record(key);
      return record.is === "there" ? [record.value.token] : [];
    }),
  );
  return carriers.filter(({ key, token, entry }) => {
    if (tokens.has(token) || records.get(key)?.is === "unreadable") return false;
    const now = table.entry(entry.pid);
    return now !== null && !isOver(now) && now.startTime === entry.startTime;
  });
}

function carrierOf({ table, root, store }: Ground, entry: ProcessEntry): Carrier | null {
  if (entry.pid === process.pid || isOver(entry) || table.environmentOf(entry.pid, "DIALTONE_ROOT") !== root)
    return null;
  const key = table.environmentOf(entry.pid, "DIALTONE_KEY");
  const token = table.environmentOf(entry.pid, "DIALTONE_TOKEN");
  if (typeof key !== "string" || typeof token !== "string" || !TOKEN.test(token) || parseKey(key) === null) return null;
  if (typeof table.environmentOf(entry.pid, HOST_MARK) === "string") return null;
  return isOfRunDirectory(table, { pid: entry.pid, root, runDirectory: store.directory })
    ? { entry, key, token }
    : null;
}

interface Lost {
  index: ManifestIndex | null;
  key: string;
  found: readonly Carrier[];
  by: Asker;
}

function describeLost(ground: Ground, { index, key, found, by }: Lost): Finding {
  const { table, store } = ground;
  const spare = spareOf(index, key);
  const processes = found.map(({ entry }) => ({
    pid: entry.pid,
    command: table.commandLineOf(entry.pid),
    spared: isSpared(table, { entry, names: spare }),
  }));
  const named = processes.map((one) => `pid ${one.pid} (${one.command})`).join(", ");
  const details = { processes };
  if (processes.every((one) => one.spared)) {
    const text = `An earlier launch of ${key} left processes that its \`stop.spare\` names: ${named}.`;
    return makeFinding("lost-processes", { level: "note", text, key, details });
  }
  const text = `${named} ${found.length === 1 ? "claims" : "claim"} to belong to ${key}, but no record says so.`;
  if (isInside(ground, found))
    return makeFinding("lost-processes", {
      level: "attention",
      text: `${text} This dt runs inside it.`,
      key,
      details,
      hint: `Run \`${FIX}\` from outside it.`,
    });
  if (store.record(key).is === "there")
    return makeFinding("lost-processes", {
      level: "attention",
      text: `${text} Its record is of another launch.`,
      key,
      details,
      hint: "Look at these processes, and end them yourself if they are yours.",
    });
  return makeFinding("lost-processes", {
    level: "attention",
    text,
    key,
    details,
    hint: `${FIX} (stops them)`,
    repair: () => stopThem(ground, { key, spare, by }),
  });
}

async function stopThem(
  ground: Ground,
  { key, spare, by }: { key: string; spare: string[]; by: Asker },
): Promise<Repaired> {
  const stopped = await stopLost(ground, { key, by, lockTimeoutMs: LOCK_WAIT_MS, timeoutMs: null, spare });
  if (stopped === null) return { done: true, text: `${key} has a record again, so nothing was stopped` };
  return { done: true, text: `stopped what was left of ${key}` };
}

/** What any variant spares: the variant may have been renamed, and that must not end a shared server. */
function spareOf(index: ManifestIndex | null, key: string): string[] {
  const parts = parseKey(key);
  const command =
    parts === null || index === null
      ? undefined
      : commandOf(index.plugins, { plugin: parts.plugin, command: parts.command });
  return Object.values(command?.variants ?? {}).flatMap((one) => (one.kind === "managed" ? one.stop.spare : []));
}

function isInside({ table }: Ground, found: readonly Carrier[]): boolean {
  return descendsFrom(
    table,
    found.map(({ entry }) => entry.pid),
  );
}
