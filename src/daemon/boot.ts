/**
 * Starts the commands marked `boot: true` in registered roots, when the daemon begins or a root is registered with one
 * that runs. After a boot of the machine all of them are started. Later, a command that a person stopped or that ended
 * by itself stays as it is, so that a daemon that was killed and started again changes nothing.
 */
import { seeKey } from "../inspect/seen.ts";
import type { Log } from "../jobs/types.ts";
import { declaredIn } from "../manifest/model/find.ts";
import type { Want } from "../state/types.ts";
import { isLiving } from "../state/view.ts";
import { groundOf, type World } from "../supervisor/ground/ground.ts";
import type { Ground } from "../supervisor/launch/types.ts";
import { messageOf } from "../sys/base/error.ts";
import { type FileRead, readJson } from "../sys/files/fileread.ts";
import { writeJson } from "../sys/files/filewrite.ts";
import { FLAG } from "../sys/text/flags.ts";
import type { Dt } from "./dt.ts";
import { indexOf } from "./roots/project.ts";
import type { DaemonPaths } from "./socket/paths.ts";

const LIMIT_MS = 15 * 60_000;

interface Booted {
  version: 1;
  bootId: string;
}

export interface BootContext {
  world: World;
  paths: DaemonPaths;
  dt: Dt;
  log: Log;
}

export async function startAtBoot(context: BootContext, roots: readonly string[]): Promise<void> {
  const { world, paths, log } = context;
  const before = readJson(paths.booted, (value) => value as Booted);
  const bootId = world.table.bootId();
  const isNewBoot = before.is !== "there" || before.value.bootId !== bootId;
  await Promise.all(roots.map((root) => startIn(context, { root, isNewBoot })));
  if (!isNewBoot) return;
  try {
    writeJson(paths.booted, { version: 1, bootId } satisfies Booted);
  } catch (error) {
    log("warn", messageOf(error));
  }
}

async function startIn(
  { world, dt, log }: BootContext,
  { root, isNewBoot }: { root: string; isNewBoot: boolean },
): Promise<void> {
  try {
    const index = await indexOf(world, root);
    for (const { message } of index.failures) log("warn", message, { root });
    const ground = groundOf(world, root);
    const keys = declaredIn(index)
      .filter(({ settings }) => settings.kind === "managed" && settings.boot)
      .map(({ key }) => key)
      .filter((key) => isToStart(ground, { key, isNewBoot }));
    if (keys.length === 0) return;
    log("info", "starting the commands marked boot", { root, keys });
    const { code, stderr } = await dt.run(["up", ...keys, FLAG.detach], { root, limitMs: LIMIT_MS });
    if (code === 0) log("info", "the commands marked boot run", { root, keys });
    else log("error", `not all commands marked boot could be started (${code}): ${stderr.trim()}`, { root, keys });
  } catch (error) {
    log("error", messageOf(error), { root });
  }
}

function isToStart(ground: Ground, { key, isNewBoot }: { key: string; isNewBoot: boolean }): boolean {
  const { state } = seeKey(ground, { key });
  if (state !== null && isLiving(state)) return false;
  if (isNewBoot) return true;
  const want = thereOrNull(ground.store.want(key));
  if (want?.want === "stopped") return false;
  const exit = thereOrNull(ground.store.exit(key));
  // It ended by itself, with a code: it stays ended.
  return exit === null || exit.code === null || ground.store.record(key).is === "there";
}

function thereOrNull<T extends Want | object>(read: FileRead<T>): T | null {
  return read.is === "there" ? read.value : null;
}
