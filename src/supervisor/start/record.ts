/** The record that a start writes ahead, before its leader exists. */
import type { LaunchRecord } from "../../state/types.ts";
import { bootClock } from "../../sys/kernel/bootclock.ts";
import type { ProcessIdentity } from "../../sys/process/identity.ts";
import { noteStreak } from "../launch/streak.ts";
import { probesOf } from "../prepare/stack.ts";
import { describeProbe } from "../probe/describe.ts";
import type { PreparedStart } from "./types.ts";

export function makeLaunchRecord(
  { ground, spec, prepared, begunAt, options: { restarts, streak } }: PreparedStart,
  self: ProcessIdentity,
): LaunchRecord {
  const { settings } = spec;
  return {
    version: 1,
    key: spec.key,
    plugin: spec.plugin,
    command: spec.command,
    variant: spec.variant,
    token: prepared.token,
    phase: "starting",
    root: ground.root,
    argv: prepared.argv,
    cwd: prepared.cwd,
    env: prepared.environment.declared,
    args: spec.args,
    port: prepared.port,
    url: prepared.url,
    log: prepared.log,
    logFile: null,
    stop: settings.stop,
    processGroup: settings.processGroup,
    probed: probesOf(spec).length > 0,
    ...(settings.alive.length > 0 ? { alive: true } : {}),
    ...(settings.restartOn === null ? {} : { watches: true }),
    successCodes: settings.restart.successCodes,
    waitsFor: probesOf(spec).map((probe) =>
      describeProbe(probe, { port: prepared.port, timeoutMs: spec.readyTimeoutMs }),
    ),
    specHash: prepared.specHash,
    startedAt: new Date().toISOString(),
    begunAt: begunAt ?? bootClock(),
    ...(spec.askedAt === undefined ? {} : { askedAt: spec.askedAt }),
    restarts,
    ...(streak === undefined ? {} : noteStreak(streak)),
    detached: spec.detached,
    ...(settings.tty ? { tty: true } : {}),
    ...(spec.owner ? { owner: spec.owner } : {}),
    host: self,
    leader: null,
    startedBy: spec.asker,
    stopping: null,
    needs: settings.needs.map((need) => need.key),
    ...(prepared.stack === null ? {} : { stack: prepared.stack.record }),
    ...(ground.shared !== true ? {} : { shared: true as const }),
    ...(ground.bystanders === true ? { bystanders: true as const } : {}),
  };
}
