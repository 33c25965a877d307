/**
 * Captured one-shots: dt stays beside the command to keep its output, and ends as the command did. On a
 * terminal the command gets a terminal of its own, otherwise pipes. When nothing can be kept, dt says so and
 * becomes the command, as without capture.
 */
import type { Talk } from "../../output/talk.ts";
import { askerOf } from "../../state/asker.ts";
import { type Capture, logOf, oneshotKeyOf, openCapture } from "../../supervisor/oneshot/capture.ts";
import { prepareCommand } from "../../supervisor/prepare/command.ts";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import { workingDirectory } from "../../sys/base/here.ts";
import { HIDDEN } from "../../sys/base/hidden.ts";
import { signalNumber } from "../../sys/base/signals.ts";
import { type EndStatus, shellCode } from "../../sys/base/status.ts";
import { startOnPipes } from "../../sys/capture/onpipes.ts";
import { type CapturePlan, letGoOfStreams } from "../../sys/capture/plan.ts";
import { relay } from "../../sys/capture/relay.ts";
import {
  block,
  canHoldSignals,
  dieBy,
  formatMask,
  heldSignals,
  type Mask,
  OF_TERMINALS,
  parseMask,
  setMask,
  unblock,
} from "../../sys/capture/signalfd.ts";
import {
  becomeCommand,
  becomeDt,
  type Execution,
  executionError,
  refuseNul,
  variablesOf,
} from "../../sys/spawn/exec.ts";
import { findExecutable } from "../../sys/spawn/executable.ts";
import { isTerminal, writeBytes } from "../../sys/stdio/stdio.ts";
import { FLAG } from "../../sys/text/flags.ts";
import { showCommand, showWord } from "../../values/commandline.ts";
import type { OneshotRequest, RunnerContext } from "../parts/types.ts";

/** Errors that the user has to correct, in the manifest or elsewhere, before anything runs. */
const REFUSALS = ["bad-log", "launch-there", "log-in-use"];

/** Returns the command's exit code; if a signal ended the command, dt dies by the same signal instead. */
export async function runCaptured(
  context: RunnerContext,
  { request, run }: { request: OneshotRequest; run: string[] | string },
): Promise<number> {
  const { ground, talk } = context;
  const onTerminal = isTerminal(1);
  const mask = holdSignals(context, { request, onTerminal });
  const { argv, cwd, environment } = prepareCommand({
    ground,
    settings: request.settings,
    run,
    args: request.args,
    inherited: context.env,
    needs: request.settings.needs,
    launch: null,
    from: workingDirectory(),
  });
  for (const note of environment.notes) talk.warn(note);
  const file = findExecutable(argv[0], { path: environment.env.PATH ?? "", cwd });
  refuseNul(file, { argv, env: environment.env });
  const there = cwd === workingDirectory() ? "" : `cd ${showWord(cwd)} && `;
  talk.detail(`$ ${there}${showCommand(argv)}`);

  const warn = (text: string) => {
    talk.warn(text);
    if (onTerminal) writeBytes(2, Buffer.from("\r"));
  };
  const command = { argv, cwd, env: environment.env };
  const capture = await captureOrBecome({ context, request, command, mask, warn });
  process.chdir(cwd);
  const plan: CapturePlan = {
    file,
    words: argv,
    environment: variablesOf(environment.env),
    descriptors: request.descriptors,
    mask,
    self: ground.self,
  };
  const { status, signalled } = await runPlan(plan, { capture, talk, onTerminal });
  await capture
    .end(status, signalled)
    .catch((error) => void warn(`the end of ${oneshotKeyOf(request)} could not be recorded: ${messageOf(error)}`));
  if (onTerminal) letGoOfStreams();
  if (status.signal !== null) dieBy(signalNumber(status.signal) ?? Number(status.signal.replace("SIG", "")));
  return shellCode(status);
}

/** Executes dt again with its signals blocked, or, when that has happened, returns the mask that the command gets. */
function holdSignals(
  context: RunnerContext,
  { request: { descriptors }, onTerminal }: { request: OneshotRequest; onTerminal: boolean },
): Mask {
  if (!canHoldSignals())
    throw new DtError("not-captured", "This version of dt captures one-shots on Linux only.", {
      status: EXIT.usage,
      hint: `dt ${FLAG.noCapture} …`,
    });
  if (context.held === null) {
    const mask = formatMask(block(heldSignals(onTerminal)));
    const [self, ...more] = context.ground.self as [string, ...string[]];
    becomeDt([self, ...more, HIDDEN.capture, mask, ...context.argv], { ownEnv: context.ownEnv, descriptors });
  }
  return parseMask(context.held);
}

interface CaptureRequest {
  context: RunnerContext;
  request: OneshotRequest;
  command: Execution;
  mask: Mask;
  warn(text: string): void;
}

/** When the output cannot be kept, this process becomes the command, as without capture. */
async function captureOrBecome({ context, request, command, mask, warn }: CaptureRequest): Promise<Capture> {
  const { ground, talk } = context;
  const key = oneshotKeyOf(request);
  try {
    const captured = {
      key,
      log: logOf(ground, request),
      argv: [...command.argv],
      cwd: command.cwd,
      startedBy: askerOf("user", context.argv),
    };
    return await openCapture(ground, {
      run: captured,
      settings: request.settings,
      onLoss: (reason) =>
        warn(`${captured.log} cannot be written (${reason}): from now on this run's output is not kept.`),
    });
  } catch (error) {
    if (!(error instanceof DtError) || REFUSALS.includes(error.code)) throw error;
    talk.warn(`the output of ${key} is not kept: ${error.message}`);
    setMask(mask);
    becomeCommand(command, request.descriptors);
  }
}

async function runPlan(
  plan: CapturePlan,
  { capture: { keep, fail }, talk, onTerminal }: { capture: Capture; talk: Talk; onTerminal: boolean },
): Promise<{ status: EndStatus; signalled: number | null }> {
  const captured = await start(plan, { talk, onTerminal }).catch(async (error) => {
    if (error instanceof DtError) await fail(error).catch(() => undefined);
    throw error;
  });
  try {
    relay({ ...captured, keep, ended: () => captured.status() !== null });
  } finally {
    captured.close();
  }
  return { status: captured.status() as EndStatus, signalled: captured.signalled() };
}

async function start(plan: CapturePlan, { talk, onTerminal }: { talk: Talk; onTerminal: boolean }) {
  try {
    if (!onTerminal) return startOnPipes(plan);
    const terminal = (await import("../../sys/capture/onterminal.ts")).captureOnTerminal(plan);
    if (terminal !== null) return terminal;
    talk.warn("No pseudo-terminal is available (/dev/ptmx): the command gets pipes.");
    unblock(OF_TERMINALS);
    return startOnPipes(plan);
  } catch (error) {
    throw executionError(plan.file, error);
  }
}
