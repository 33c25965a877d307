/**
 * A one-shot that dt runs itself, because a command needs it or names it in `before`: in a session of its own, its
 * output in its log, its exit written as for a captured one. With `inputs` it is skipped while their content and the
 * command are as they were at its last success, and its `outputs` are the ones that were there then.
 */
import { join } from "node:path";
import { sha256 } from "../../sys/base/digest.ts";
import { statOf } from "../../sys/base/stat.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { DEFAULT_VARIANT } from "../../values/key.ts";
import { FIRST_MARK, NEEDS_MET } from "../launch/marks.ts";
import { selfArgv } from "../launch/selfargv.ts";
import type { Ground } from "../launch/types.ts";
import { type PreparedCommand, prepareCommand } from "../prepare/command.ts";
import { declaredLogs } from "../prepare/declaredlogs.ts";
import { digestInputs } from "./inputs.ts";
import { compareOutputs, type Outputs, readOutputs } from "./outputs.ts";
import { runToItsEnd } from "./taskrun.ts";
import type { TaskEnd, TaskRequest, TaskSpec } from "./types.ts";

interface Success {
  hash: string;
  at: string;
  outputs?: Outputs;
}

/** Throws `called-off` when it, or the start that it runs for, is called off before it has begun. */
export async function runTask(ground: Ground, request: TaskRequest): Promise<TaskEnd> {
  const { spec } = request;
  const { settings } = spec;
  // `default` would be taken for an argument.
  const variant = spec.variant === DEFAULT_VARIANT ? "--" : spec.variant;
  const words = ["--", spec.plugin, spec.command, variant];
  const run = settings.run ?? selfArgv(ground.self, { root: ground.root, capture: false, words });
  const prepared = prepareCommand({
    ground,
    settings,
    run,
    args: [],
    inherited: { ...spec.env, [NEEDS_MET]: spec.key, [FIRST_MARK]: firstFor(spec) },
    launch: null,
    needs: settings.needs,
  });
  const memory = `${spec.key}.inputs.json`;
  const outputs = async () =>
    readOutputs({
      root: ground.root,
      env: spec.env,
      outputs: settings.inputs === null ? [] : (settings.outputs ?? []),
    });
  const hash = settings.inputs === null ? null : await hashTask(ground, { spec, prepared, patterns: settings.inputs });
  if (hash !== null && !spec.force) {
    const last = ground.store.read(memory, (value) => value as Success);
    const isSame = last.is === "there" && last.value.hash === hash;
    const why = isSame ? compareOutputs(await outputs(), last.value.outputs) : null;
    if (why !== null) spec.onReason?.(why);
    else if (isSame) return { is: "unchanged", since: last.value.at };
  }
  spec.onBegin?.();
  ground.store.prepare();
  removeFile(join(ground.store.directory, memory));
  const exit = await runToItsEnd(ground, { ...request, prepared });
  if (hash !== null && exit.code === 0) {
    const made = await outputs();
    const missing = Object.keys(made).find((output) => made[output] === null);
    if (missing !== undefined) spec.onReason?.(`its output ${missing} is missing although it succeeded`);
    ground.store.write(memory, { version: 1, hash, at: exit.at, outputs: made });
  }
  return { is: "ended", exit };
}

/** Its own key, those that wait for it, and those that the caller already runs first for. */
function firstFor({ key, env, dependents = [] }: TaskSpec): string {
  return [env[FIRST_MARK] ?? [], key, dependents].flat().join(" ");
}

/** Null, with the reason reported, if not everything could be read. */
async function hashTask(
  ground: Ground,
  {
    spec,
    prepared: { argv, cwd, environment },
    patterns,
  }: { spec: TaskSpec; prepared: PreparedCommand; patterns: string[] },
): Promise<string | null> {
  const declared = Object.entries(environment.declared).sort(([a], [b]) => (a < b ? -1 : 1));
  const code = spec.settings.run === null ? await codeOf(spec.file) : [];
  const inputs = await digestInputs(
    {
      root: ground.root,
      patterns,
      ignore: [],
      leaveOut: [ground.store.directory, ...(await declaredLogs(ground))],
      env: spec.env,
    },
    code,
  );
  if (inputs.is === "known") return sha256(JSON.stringify([argv, cwd, declared, inputs.digest]));
  if (!spec.force) spec.onReason?.(inputs.why);
  return null;
}

/** The manifest of a handler, and the files it imports. */
async function codeOf(file: string): Promise<string[]> {
  const { importClosureOf } = await import("../../manifest/imports/closure.ts");
  return [...importClosureOf(file)].filter((path) => !path.endsWith("/") && statOf(path)?.isFile() === true).sort();
}
