/** Runs a one-shot as a child of this dt, until its end. */
import type { ExitRecord } from "../../state/types.ts";
import type { EndStatus } from "../../sys/base/status.ts";
import { type SpawnedLeader, spawnLeader } from "../../sys/spawn/spawn.ts";
import { endLeftTasks } from "../end/lefttasks.ts";
import type { Ground } from "../launch/types.ts";
import type { PreparedCommand } from "../prepare/command.ts";
import { reopensOutput } from "../prepare/reopens.ts";
import { noteTask } from "../task/note.ts";
import { calledOffError, isCalledOff, refuseCalledOff, whoCalledOff } from "../ticket/ticket.ts";
import { logOf, openCapture } from "./capture.ts";
import { endTree } from "./endtree.ts";
import type { TaskRequest } from "./types.ts";

const CANCEL_MS = 10_000;
/** How long processes that it leaves may take to end after it. */
const LEFT_MS = 1000;

type TaskRun = TaskRequest & { prepared: PreparedCommand };

export async function runToItsEnd(ground: Ground, task: TaskRun): Promise<ExitRecord> {
  const { spec, wantedBy, report } = task;
  const { argv, cwd } = task.prepared;
  await endLeftTasks(ground, { key: spec.key, report });
  refuseAllCalledOff(ground, task);
  const run = { key: spec.key, log: logOf(ground, spec), argv: [...argv], cwd, startedBy: spec.asker };
  const capture = await openCapture(ground, { run, settings: spec.settings, onLoss: () => {} });
  const token = crypto.randomUUID().replaceAll("-", "");
  const startsFor = spec.dependents ?? wantedBy.map(({ key }) => key);
  const note = noteTask(ground, { own: spec, token, startsFor, wantedBy });
  try {
    let child: SpawnedLeader;
    try {
      refuseAllCalledOff(ground, task);
      child = spawnTask(ground, { ...task, token, logFd: capture.fd });
    } catch (error) {
      if (isCalledOff(error)) await capture.end({ code: null, signal: "SIGINT" }, null);
      else if ((error as { name?: string }).name === "DtError") await capture.fail(error as never);
      throw error;
    }
    note.begun(child.pid);
    return await capture.end(await awaitEnd(ground, { ...task, token, child }), null);
  } finally {
    note.close();
  }
}

/** Throws `called-off` if it was stopped itself, or every start that it runs for was. */
function refuseAllCalledOff(ground: Ground, { spec, wantedBy }: TaskRun): void {
  refuseCalledOff(ground, spec);
  const stopped = wantedBy.flatMap((one) => whoCalledOff(ground, one) ?? []);
  const [first] = wantedBy;
  if (first !== undefined && stopped.length === wantedBy.length)
    throw calledOffError(first.key, stopped[0] as (typeof stopped)[number]);
}

function spawnTask(
  ground: Ground,
  { spec, prepared, token, logFd }: TaskRun & { token: string; logFd: number },
): SpawnedLeader {
  const { argv, cwd, environment } = prepared;
  return spawnLeader(
    { argv, cwd, env: environment.env, token },
    { logFd, openFiles: ground.openFiles, inherits: spec.inherits, reopens: reopensOutput(ground, { spec, prepared }) },
  );
}

/** Its tree is ended when it is cancelled. */
async function awaitEnd(
  ground: Ground,
  { spec, signal, cancelMs = CANCEL_MS, token, child }: TaskRun & { token: string; child: SpawnedLeader },
): Promise<EndStatus> {
  let ending: Promise<void> | null = null;
  const hard = new AbortController();
  const cancel = () => {
    const how = { signal: "SIGINT", timeoutMs: cancelMs, hard: hard.signal };
    ending ??= endTree(ground, { pid: child.pid, token, key: spec.key, ...how });
  };
  if (signal?.aborted) cancel();
  else signal?.addEventListener("abort", cancel);
  const status = await child.exited;
  // Its children may take longer than it does, or ignore SIGINT as a shell makes its background jobs do.
  const left = setTimeout(() => hard.abort(), LEFT_MS);
  await ending;
  clearTimeout(left);
  signal?.removeEventListener("abort", cancel);
  return status;
}
