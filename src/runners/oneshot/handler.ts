/** `handler` commands: the manifest's function, run inside dt with a small context. Loaded only when one runs. */
import { loadHandler } from "../../manifest/load/handler.ts";
import type { Handler, HandlerContext } from "../../manifest/model/types.ts";
import { refuseChanged } from "../../supervisor/ground/manifests.ts";
import { prepareCommand } from "../../supervisor/prepare/command.ts";
import { EXIT } from "../../sys/base/error.ts";
import { workingDirectory } from "../../sys/base/here.ts";
import { readJson } from "../../sys/files/fileread.ts";
import type { AttachedProgram } from "../../sys/spawn/attached.ts";
import { keepChildren } from "../../sys/spawn/limits.ts";
import type { StandardStreams } from "../../sys/stdio/guardstreams.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { formatShortKey } from "../../values/key.ts";
import { makeInterruption } from "../parts/interruption.ts";
import { formatPlan } from "../parts/plan.ts";
import type { OneshotRequest, RunnerContext } from "../parts/types.ts";
import { makeExec } from "./handlerexec.ts";
import { makeLog } from "./handlerlog.ts";
import { statusOfResult, statusOfThrown } from "./handlerstatus.ts";
import { orUncaught } from "./uncaught.ts";

/** `streams` have been guarded since before this module was loaded. */
export async function runHandler(
  context: RunnerContext,
  { request, streams }: { request: OneshotRequest; streams: StandardStreams },
): Promise<number> {
  const { plugin, command, variant, file, settings, args } = request;
  const { root } = context.ground;
  const { environment, cwd } = prepareCommand({
    ground: context.ground,
    settings,
    run: ["handler"],
    args,
    inherited: context.env,
    needs: settings.needs,
    launch: null,
    from: workingDirectory(),
  });
  for (const note of environment.notes) context.talk.warn(note);
  if (context.dryRun) {
    const plan = {
      handler: { file, command: formatShortKey({ plugin, command }) },
      args,
      cwd,
      added: environment.added,
    };
    print(formatPlan(plan, context.json));
    return EXIT.done;
  }
  refuseChanged(context.ground, { env: context.env, file });
  enter(cwd, environment.env);
  keepChildren();
  try {
    const handler = await loadHandler({ file, command, variant, root });
    return await callHandler(handler, { context, request, place: { cwd, env: environment.env } });
  } finally {
    await streams.settle();
  }
}

/** The job as jobs/jobs.ts passes it; its paths come in a file, since they may be too many for a variable. */
function jobOf({
  DIALTONE_JOB,
  DIALTONE_TARGET,
  DIALTONE_SOURCE,
  DIALTONE_PATHS_FILE,
}: Record<string, string>): HandlerContext["job"] {
  if (DIALTONE_JOB === undefined || DIALTONE_TARGET === undefined || DIALTONE_SOURCE === undefined) return null;
  const paths = readJson(DIALTONE_PATHS_FILE ?? "", (value) => value as string[]);
  const source = DIALTONE_SOURCE as NonNullable<HandlerContext["job"]>["source"];
  return { target: DIALTONE_TARGET, paths: paths.is === "there" ? paths.value : [], source };
}

interface HandlerCall {
  context: RunnerContext;
  request: OneshotRequest;
  place: { cwd: string; env: Record<string, string> };
}

async function callHandler(
  handler: Handler,
  { context: { ground, talk }, request: { plugin, command, args }, place }: HandlerCall,
): Promise<number> {
  const running = new Set<AttachedProgram>();
  const interruption = makeInterruption((signal) => {
    for (const program of running) program.signal(signal);
  });
  const handlerContext: HandlerContext = {
    exec: makeExec({ talk, running, interruption, ...place }),
    log: makeLog(talk),
    env: place.env,
    root: ground.root,
    cwd: place.cwd,
    args,
    job: jobOf(place.env),
    get signal() {
      return interruption.signal();
    },
  };
  const name = `${plugin} ${command}`;
  try {
    return statusOfResult(await orUncaught(async () => handler(handlerContext)), { interruption, name });
  } catch (error) {
    return statusOfThrown(error, { interruption, talk, name });
  }
}

/** Gives the manifest's own code the directory and environment that a command would get. */
function enter(cwd: string, env: Record<string, string>): void {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
}
