/**
 * A one-shot that dt runs itself, because a command needs it or names it in `before`: in a session of its own, its
 * output in its log, its exit written as for a captured one. With `inputs` it is skipped while their content and the
 * command are as they were at its last success, and its `outputs` are the ones that were there then.
 */
import { join } from "node:path";
import type { OneshotSettings } from "../../manifest/model/resolved.ts";
import type { Asker, ExitRecord } from "../../state/types.ts";
import { sha256 } from "../../sys/base/digest.ts";
import { statOf } from "../../sys/base/stat.ts";
import type { EndStatus } from "../../sys/base/status.ts";
import { removeFile } from "../../sys/files/removal.ts";
import type { Inherited } from "../../sys/inherit/inherited.ts";
import { type SpawnedLeader, spawnLeader } from "../../sys/spawn/spawn.ts";
import { DEFAULT_VARIANT } from "../../values/key.ts";
import { FIRST_MARK, NEEDS_MET } from "../launch/marks.ts";
import { selfArgv } from "../launch/selfargv.ts";
import type { Ground } from "../launch/types.ts";
import { type PreparedCommand, prepareCommand } from "../prepare/command.ts";
import { declaredLogs } from "../prepare/declaredlogs.ts";
import { reopensOutput } from "../prepare/reopens.ts";
import { logOf, openCapture } from "./capture.ts";
import { endTree } from "./endtree.ts";
import { digestInputs } from "./inputs.ts";
import { compareOutputs, type Outputs, readOutputs } from "./outputs.ts";

/** A one-shot to run, as plain JSON. */
export interface TaskSpec {
  key: string;
  plugin: string;
  command: string;
  variant: string;
  /** The manifest. Its content counts as an input if a handler has `inputs`. */
  file: string;
  settings: OneshotSettings;
  env: Record<string, string>;
  asker: Asker;
  /** What its processes inherit from the asker; absent: what this process passes on. */
  inherits?: Inherited | undefined;
  /** Keys whose starts wait for it. Default: none. */
  dependents?: string[];
  /** Run it even if its inputs are unchanged. */
  force: boolean;
  /** Called when it is not skipped. */
  onBegin?: () => void;
  /**
   * Gets the reason why it is not skipped, now or the next time, although it has `inputs`; a sentence without a full
   * stop.
   */
  onReason?: (why: string) => void;
}

export type TaskEnd = { is: "unchanged"; since: string } | { is: "ended"; exit: ExitRecord };

const CANCEL_MS = 10_000;
/** How long processes that it leaves may take to end after it. */
const LEFT_MS = 1000;

interface Success {
  hash: string;
  at: string;
  outputs?: Outputs;
}

interface TaskRequest {
  spec: TaskSpec;
  signal?: AbortSignal | undefined;
  cancelMs?: number | undefined;
}

/** `cancelMs`: how long it may take to end after SIGINT when it is cancelled. */
export async function runTask(ground: Ground, { spec, signal, cancelMs = CANCEL_MS }: TaskRequest): Promise<TaskEnd> {
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
  const exit = await runToItsEnd(ground, { spec, prepared, signal, cancelMs });
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

interface TaskRun {
  spec: TaskSpec;
  prepared: PreparedCommand;
  signal: AbortSignal | undefined;
  cancelMs: number;
}

async function runToItsEnd(
  ground: Ground,
  { spec, prepared: { argv, cwd, environment }, signal, cancelMs }: TaskRun,
): Promise<ExitRecord> {
  const log = logOf(ground, spec);
  const run = { key: spec.key, log, argv: [...argv], cwd, startedBy: spec.asker };
  const capture = await openCapture(ground, { run, settings: spec.settings, onLoss: () => {} });
  const token = crypto.randomUUID().replaceAll("-", "");
  let child: SpawnedLeader;
  try {
    child = spawnLeader(
      { argv, cwd, env: environment.env, token },
      {
        logFd: capture.fd,
        openFiles: ground.openFiles,
        inherits: spec.inherits,
        reopens: reopensOutput(ground, { spec, prepared: { argv, cwd, environment } }),
      },
    );
  } catch (error) {
    if ((error as { name?: string }).name === "DtError") await capture.fail(error as never);
    throw error;
  }
  let ending: Promise<void> | null = null;
  const hard = new AbortController();
  const cancel = () => {
    ending ??= endTree(ground, {
      pid: child.pid,
      token,
      key: log,
      signal: "SIGINT",
      timeoutMs: cancelMs,
      hard: hard.signal,
    });
  };
  if (signal?.aborted) cancel();
  else signal?.addEventListener("abort", cancel);
  const status: EndStatus = await child.exited;
  // Its children may take longer than it does, or ignore SIGINT as a shell makes its background jobs do.
  const left = setTimeout(() => hard.abort(), LEFT_MS);
  await ending;
  clearTimeout(left);
  signal?.removeEventListener("abort", cancel);
  return capture.end(status, null);
}
