/**
 * A managed command with a terminal of its own, in the foreground. Its host is a separate process, so that the user can
 * leave with ctrl-] and the fate of this terminal is not the launch's. Ctrl-C is an ordinary key, whose meaning the
 * program decides; SIGINT, SIGTERM and the terminal's closing end the launch, as in any foreground.
 */
import { formatTruth } from "../../output/truth.ts";
import { askerOf } from "../../state/asker.ts";
import { startDetached } from "../../supervisor/callers/caller.ts";
import { stopKey } from "../../supervisor/end/stopkey.ts";
import { LOCK_TIMEOUT_MS } from "../../supervisor/launch/lock.ts";
import type { LaunchEvent, LaunchSpec } from "../../supervisor/launch/types.ts";
import { EXIT, messageOf } from "../../sys/base/error.ts";
import { isTerminal, print, writeBytes } from "../../sys/stdio/stdio.ts";
import { sizeOfTerminal } from "../../sys/terminal/keyboard.ts";
import { interruptFirst, makePresses } from "../../sys/terminal/presses.ts";
import { cancelOnPress, TERMINATING } from "../parts/cancelling.ts";
import { tellEvent } from "../parts/tell.ts";
import type { RunnerContext } from "../parts/types.ts";
import { attachTo } from "../terminal/attach.ts";

export async function runOnTerminal(context: RunnerContext, spec: LaunchSpec): Promise<number> {
  const { ground, talk, json } = context;
  const { key } = spec;
  const cancel = new AbortController();
  const cancelling = cancelOnPress(cancel, ["SIGINT", ...TERMINATING]);
  const first = Promise.withResolvers<LaunchEvent>();
  const tell = (event: LaunchEvent) => {
    tellEvent(context, event);
    if (isTerminal(2)) writeBytes(2, Buffer.from("\r"));
    if (event.is === "spawned") {
      if (isTerminal(0)) talk.say(`attached to its terminal; ctrl-] leaves it running`);
      first.resolve(event);
    }
  };
  const size = sizeOfTerminal(1) ?? sizeOfTerminal(0);
  const starting = startDetached({
    ground,
    spec: { ...spec, terminal: size },
    until: "ready",
    report: tell,
    cancel: cancel.signal,
  });
  starting.then(first.resolve, first.reject);
  const event = await first.promise;
  cancelling.close();
  if (event.is === "unchanged" || event.is === "unhealthy") {
    print(json ? `${JSON.stringify({ ...event.line, unchanged: true })}\n` : formatTruth(ground.root, event.line));
    return event.is === "unhealthy" ? EXIT.timeout : EXIT.done;
  }
  return attachTo(context, { key, readOnly: false, scrollback: null, owner: makeOwner(context, key) });
}

function makeOwner({ ground, talk, argv }: RunnerContext, key: string) {
  const record = ground.store.record(key);
  const host = record.is === "there" ? record.value.host : undefined;
  const hard = new AbortController();
  const pressed = makePresses();
  return {
    end: interruptFirst((signal) => {
      const press = pressed();
      if (press === "again" && signal === "SIGINT") hard.abort();
      if (press !== "first") return;
      const by = signal === "SIGINT" ? "interrupt" : signal === "SIGHUP" ? "hangup" : "signal";
      stopKey(ground, {
        key,
        by: { ...askerOf("user", argv), by },
        lockTimeoutMs: LOCK_TIMEOUT_MS,
        timeoutMs: null,
        ...(host === undefined ? {} : { ofHost: host }),
        ...(by === "interrupt" ? { interrupt: hard.signal } : {}),
        report: () => {},
      }).catch((error: unknown) => talk.fail(messageOf(error)));
    }),
  };
}
