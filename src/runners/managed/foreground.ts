/**
 * A managed command in the foreground: this process is its host and shows its log. It alone handles signals: Ctrl-C
 * sends the tree one SIGINT, a second press SIGKILL (sys/terminal/presses.ts). SIGTERM, the terminal's closing and the
 * end of the output's reader stop the launch as `dt stop` does.
 */
import { followFile } from "../../logs/follow.ts";
import { formatTruth } from "../../output/truth.ts";
import { makeMoving } from "../../supervisor/ground/moving.ts";
import { resolveAnew } from "../../supervisor/ground/spec.ts";
import { hostLaunch } from "../../supervisor/host/host.ts";
import { claimRequests, RESTART_SIGNAL } from "../../supervisor/host/request.ts";
import { lineOf } from "../../supervisor/launch/line.ts";
import { TICKET_MARK } from "../../supervisor/launch/marks.ts";
import type { LaunchSpec, Report } from "../../supervisor/launch/types.ts";
import { cleanedForHosting } from "../../supervisor/prepare/selfenv.ts";
import { makeRequestQueue } from "../../supervisor/run/queue.ts";
import { awaitSettled } from "../../supervisor/run/settle.ts";
import type { EndingRequest, HostControl, HostEnd } from "../../supervisor/run/types.ts";
import { ticketMarkOf } from "../../supervisor/ticket/ticket.ts";
import { EXIT } from "../../sys/base/error.ts";
import { signalNumber } from "../../sys/base/signals.ts";
import { shellCode } from "../../sys/base/status.ts";
import { inheritedHere } from "../../sys/inherit/inheritance.ts";
import { becomeDt } from "../../sys/spawn/exec.ts";
import { isIgnored } from "../../sys/spawn/limits.ts";
import { hasRoom, isReaderGone, print } from "../../sys/stdio/stdio.ts";
import { interruptFirst, makePresses } from "../../sys/terminal/presses.ts";
import { makePatience } from "../parts/patience.ts";
import { makeShown } from "../parts/shown.ts";
import { tellEvent } from "../parts/tell.ts";
import type { RunnerContext } from "../parts/types.ts";

export async function runForeground(context: RunnerContext, spec: LaunchSpec): Promise<number> {
  const { talk } = context;
  const ground = makeMoving(context.ground);
  const cleaned = cleanedForHosting(context.ownEnv, ground.root);
  if (cleaned !== null) {
    const own =
      spec.ticket === undefined ? cleaned : { ...cleaned, [TICKET_MARK]: ticketMarkOf(spec.key, spec.ticket) };
    becomeDt([...ground.self, ...context.argv] as [string, ...string[]], { ownEnv: own, descriptors: [] });
  }

  spec.inherits = inheritedHere() ?? undefined;
  const queue = makeRequestQueue();
  const [hard, cancel] = [new AbortController(), new AbortController()];
  const pressed = makePresses();
  const patience = makePatience(talk, spec.key);
  let first: NodeJS.Signals | null = null;
  const end = (request: EndingRequest) => {
    patience.begin();
    cancel.abort();
    queue.push(request);
  };
  const hear = interruptFirst((signal) => {
    const press = pressed();
    if (press === "same") return;
    first ??= signal;
    if (signal === "SIGHUP") end({ is: "terminate", by: "hangup", signal });
    else if (signal !== "SIGINT") end({ is: "terminate", by: "signal", signal });
    else if (press === "first") end({ is: "interrupt" });
    else hard.abort();
  });
  // Signals that were ignored when dt started (nohup, a shell's background job) stay ignored.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const)
    if (!isIgnored(signalNumber(signal) as number)) process.on(signal, hear);
  process.on(RESTART_SIGNAL, () => claimRequests(ground, { key: spec.key, push: queue.push }));

  const shown = makeShown(talk, cancel.signal);
  const screen = makeScreen(shown, () => queue.push({ is: "terminate", by: "hangup", signal: "SIGPIPE" }));
  const control: HostControl = {
    arrived: queue.arrived,
    take: queue.take,
    hard: hard.signal,
    cancel: cancel.signal,
    onRun: (record) => screen.show(record.log),
    resolveAnew: (one) => resolveAnew(ground, one),
  };
  try {
    const ended = await hostLaunch({ ground, report: reportTo(context), control }, spec);
    await screen.close();
    return shown.status(await conclude(context, { end: ended, cancel: cancel.signal }));
  } catch (error) {
    await screen.close();
    if (cancel.signal.aborted && (error as { name?: string }).name === "AbortError") {
      talk.say(`${spec.key} not started: cancelled`);
      return 128 + (signalNumber(first ?? "SIGINT") as number);
    }
    throw error;
  } finally {
    patience.end();
  }
}

/** A terminal that accepts no output would block the host: messages that find no room are dropped. */
function reportTo(context: RunnerContext): Report {
  return (event) => hasRoom(2) && tellEvent(context, event);
}

/**
 * Shows the log of one run after another on standard output, each to its end unless the output accepts nothing more.
 */
function makeScreen(shown: ReturnType<typeof makeShown>, onGone: () => void) {
  let current: { stop: AbortController; done: Promise<void> } | null = null;
  let gone = false;
  async function finish(): Promise<void> {
    current?.stop.abort();
    await current?.done;
  }
  return {
    /** Opens the run's file at once, and shows it once the previous run is shown to its end. */
    show(path: string): void {
      const before = finish();
      const stop = new AbortController();
      const leave = () => {
        if (!gone) onGone();
        gone = true;
        return false;
      };
      const onBytes = async (bytes: Uint8Array) => !gone && ((await shown.write(bytes)) || leave());
      const isGone = () => gone || (isReaderGone(1) && !leave());
      current = {
        stop,
        done: followFile({ path, from: 0, oneRun: true, after: before, onBytes, isGone, signal: stop.signal }),
      };
    },
    close: finish,
  };
}

/** Prints how the launch ended and, when another process ended it, which one. */
async function conclude(
  { ground, talk, json }: RunnerContext,
  { end, cancel }: { end: HostEnd; cancel: AbortSignal },
): Promise<number> {
  const say = (text: string) => hasRoom(2) && talk.say(text);
  switch (end.is) {
    case "joined":
    case "unchanged": {
      const settled = await awaitSettled(ground, { key: end.record.key, signal: cancel });
      if (settled.is === "ended") {
        talk.fail(`${end.record.key} ${settled.exit?.text ?? "ended"} before it was ready`);
        return EXIT.failed;
      }
      const line = lineOf(settled.record, settled.is);
      talk.say(`${line.key} is already running and up to date: left alone`);
      print(json ? `${JSON.stringify({ ...line, unchanged: true })}\n` : formatTruth(ground.root, line));
      return settled.is === "unhealthy" ? EXIT.timeout : EXIT.done;
    }
    case "ended":
      say(`${talk.paint.bold(end.exit.key)} ${end.exit.text}`);
      return end.exit.reason === "interrupted" ? EXIT.interrupted : shellCode(end.exit);
    case "taken":
      say(end.exit === null ? "stopped by another process" : `${talk.paint.bold(end.exit.key)} ${end.exit.text}`);
      return shellCode(end.status);
  }
}
