/** One-shots: dt prepares the environment and becomes the command. A handler runs inside dt. */
import { join } from "node:path";
import { prepareCommand } from "../../supervisor/prepare/command.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { workingDirectory } from "../../sys/base/here.ts";
import { becomeCommand } from "../../sys/spawn/exec.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { FLAG } from "../../sys/text/flags.ts";
import { showCommand, showWord } from "../../values/commandline.ts";
import { DEFAULT_VARIANT, formatKey } from "../../values/key.ts";
import type { OneshotRequest, RunnerContext } from "../parts/types.ts";

/** Returns an exit status for `--dry-run`, handlers and captured commands; otherwise dt becomes the command. */
export async function runOneshot(context: RunnerContext, request: OneshotRequest): Promise<number> {
  const { settings, args } = request;
  const capture = context.capture ?? settings.capture;
  if (settings.run === null) {
    if (context.capture === true) throw handlerNotCaptured(request);
    const { guardStandardStreams } = await import("../../sys/stdio/guardstreams.ts");
    const streams = guardStandardStreams();
    const { runHandler } = await import("./handler.ts");
    return runHandler(context, { request, streams });
  }
  if (capture && !context.dryRun) {
    const { runCaptured } = await import("./capture.ts");
    return runCaptured(context, { request, run: settings.run });
  }
  const { argv, cwd, environment } = prepareCommand({
    ground: context.ground,
    settings,
    run: settings.run,
    args,
    inherited: context.env,
    needs: settings.needs,
    launch: null,
    from: workingDirectory(),
  });
  for (const note of environment.notes) context.talk.warn(note);
  if (context.dryRun) {
    const log = capture
      ? { log: (await import("../../supervisor/oneshot/capture.ts")).logOf(context.ground, request) }
      : {};
    const { formatPlan } = await import("../parts/plan.ts");
    print(formatPlan({ argv, cwd, added: environment.added, ...log }, context.json));
    return 0;
  }
  const there = () => (cwd === workingDirectory() ? "" : `cd ${showWord(cwd)} && `);
  context.talk.detail(() => `$ ${there()}${showCommand(argv)}`);
  // The log of a job is a file that the daemon, or `dt watch`, opened for it.
  const job = context.env.DIALTONE_JOB;
  if (job !== undefined) {
    const { reopensOutput } = await import("../../supervisor/prepare/reopens.ts");
    const one = { key: formatKey({ ...request, variant: request.variant || DEFAULT_VARIANT }), settings };
    if (reopensOutput(context.ground, { spec: one, prepared: { argv, cwd, environment } }))
      (await import("../../sys/spawn/drain.ts")).drainOwnOutput(
        join(context.ground.store.directory, "jobs", `${job}.log`),
      );
  }
  becomeCommand({ argv, cwd, env: environment.env }, request.descriptors);
}

function handlerNotCaptured({ plugin, command }: OneshotRequest): DtError {
  return new DtError("not-captured", `${plugin} ${command} is a handler, which runs inside dt and is not captured.`, {
    status: EXIT.usage,
    hint: `Leave out ${FLAG.capture}, or declare a \`run\` in place of the \`handler\`.`,
  });
}
