/** `dt <plugin> <command>` of a one-shot: its variant and words, its needs, and then its runner. */
import type { ManifestIndex, ResolvedCommand, Settings } from "../../manifest/model/resolved.ts";
import { runOneshot } from "../../runners/oneshot/exec.ts";
import { askerOf } from "../../state/asker.ts";
import { NEEDS_MET } from "../../supervisor/launch/marks.ts";
import { DEFAULT_VARIANT, formatKey } from "../../values/key.ts";
import { rememberRoot } from "../context/rememberroot.ts";
import type { DtContext } from "../context/types.ts";
import type { Called } from "../names/called.ts";
import { refuseStranger, tellUnservedPlugin } from "./before.ts";

interface CalledOneshot {
  called: Called;
  command: ResolvedCommand;
  words: readonly string[];
  descriptors: readonly number[];
}

/**
 * All words go to the command untouched, except that a first word that names a variant selects it; `--` in its place
 * prevents that.
 */
export async function runCalledOneshot(
  context: DtContext,
  { called: { is, index, plugin, begin }, command, words, descriptors }: CalledOneshot,
): Promise<number> {
  const [first] = words;
  const named =
    first !== undefined && first !== "--" && first !== DEFAULT_VARIANT && Object.hasOwn(command.variants, first);
  const variant = named ? (first as string) : DEFAULT_VARIANT;
  const args = named || first === "--" ? words.slice(1) : words;
  const settings = command.variants[variant] as Settings;
  if (settings.kind !== "oneshot") throw new Error("a one-shot's variant is a one-shot");
  const key = formatKey({ plugin: plugin.name, command: command.name, variant });
  if (is === "stranger" && !context.globals.dryRun) await refuseStranger(index, { root: context.root(), key });
  if (!context.globals.dryRun) {
    begin();
    await tellUnservedPlugin(context, { plugin, once: true });
  }
  const asStranger = is !== "run";
  const isNeedy = settings.needs.length > 0 && !areNeedsMet(context, key);
  const cancelled = isNeedy ? await meetNeeds(context, { index, key, asStranger }) : null;
  if (cancelled !== null) return cancelled;
  const runner = context.runner(asStranger);
  runner.announced?.close();
  return runOneshot(runner, {
    plugin: plugin.name,
    command: command.name,
    variant,
    file: plugin.file,
    settings,
    args,
    descriptors,
  });
}

/**
 * A host that runs the one-shot as a need has met its needs, and so has this dt before it executed itself again to
 * capture the output.
 */
function areNeedsMet(context: DtContext, key: string): boolean {
  return context.globals.dryRun || context.runner().held !== null || context.env[NEEDS_MET] === key;
}

async function meetNeeds(
  context: DtContext,
  { index, key, asStranger }: { index: ManifestIndex; key: string; asStranger: boolean },
): Promise<number | null> {
  const { startNeeded } = await import("../../runners/managed/needed.ts");
  const { LOCK_TIMEOUT_MS } = await import("../../supervisor/launch/lock.ts");
  rememberRoot(context);
  const asker = askerOf("user", context.argv);
  return startNeeded(context.runner(asStranger), {
    index,
    spec: {
      key,
      env: context.env,
      asker,
      lockTimeoutMs: LOCK_TIMEOUT_MS,
    },
  });
}
