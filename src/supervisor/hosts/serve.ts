/** Serves one launch in a host's process: one that is asked for, or one whose own host is gone. */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { identifySelf, sameIdentity } from "../../sys/process/identity.ts";
import { resolveAnew } from "../ground/spec.ts";
import type { Admitted } from "../host/admission.ts";
import { hostAgain, hostLaunch } from "../host/host.ts";
import { claimRequests } from "../host/request.ts";
import { toFailure } from "../launch/failure.ts";
import type { Ground, LaunchSpec, Report } from "../launch/types.ts";
import { makeRequestQueue } from "../run/queue.ts";
import type { Share } from "../run/shares.ts";
import type { HostControl, HostEnd, HostRequest } from "../run/types.ts";
import { isVisible } from "../ticket/namehost.ts";
import { holdTicket, mayWait } from "../ticket/ticket.ts";
import type { Hosting, HostWork } from "./hosting.ts";
import { hostLeft, reportJoined, settledEvent } from "./settled.ts";

interface Served {
  ground: Ground;
  key: string;
  report: Report;
  /** Aborted by the caller's Ctrl-C. */
  cancel: AbortSignal;
}

/** Starts a launch and serves it. A failure is the last event that is reported. */
export function serveStart(hosting: Hosting, { spec, ...served }: Omit<Served, "key"> & { spec: LaunchSpec }): void {
  const { ground, report, cancel } = served;
  const { key } = spec;
  const host = async (control: HostControl) => {
    const again = await hostLeft({ ground, report, control }, { spec, signal: cancel });
    if (again !== null) return again;
    if (mayWait(spec.settings) || isVisible(ground, spec)) holdTicket(ground, spec);
    const end = await hostLaunch({ ground, report, control }, spec);
    if (end.is === "unchanged" || end.is === "joined") await reportShared(hosting, { ...served, key, end });
    return end;
  };
  serveOne(hosting, { ...served, key, host, isAwaited: true });
}

/** The launch of another start: it ends by Ctrl-C only when the last start that waits for it is given up. */
async function reportShared(
  { shares }: Hosting,
  { ground, key, report, cancel, end }: Served & { end: Extract<HostEnd, { is: "unchanged" | "joined" }> },
): Promise<void> {
  const { record } = end;
  const share = shares.take(record.token);
  let isLeftToOthers = false;
  const giveUp = () => {
    if (share.giveUp() !== "shared") return;
    isLeftToOthers = true;
    report({ is: "failed", error: toFailure(sharedError(key)) });
  };
  cancel.addEventListener("abort", giveUp);
  try {
    if (end.is === "joined") await reportJoined(ground, { record, signal: cancel, report });
    else report(await settledEvent(ground, { record, signal: cancel }));
  } catch (error) {
    if (!isLeftToOthers) throw error;
  } finally {
    cancel.removeEventListener("abort", giveUp);
    share.leave();
  }
}

/** Serves a launch whose host is gone. Nothing is done when there is nothing to take over. */
export function serveAgain(hosting: Hosting, served: Served): void {
  const { ground, key, report } = served;
  const host = (control: HostControl) => hostAgain({ ground, report, control }, key);
  serveOne(hosting, { ...served, host, isAwaited: false });
}

interface ToServe extends Served {
  host(control: HostControl): Promise<HostEnd | null>;
  /** A caller waits for it, who may give it up. */
  isAwaited: boolean;
}

function serveOne(hosting: Hosting, { ground, key, report, cancel, host, isAwaited }: ToServe): void {
  const { shares } = hosting;
  const queue = makeRequestQueue<HostRequest>();
  let token = "";
  let admitted: Admitted | null = null;
  let share: Share | null = null;
  const onCancel = () => {
    if (share?.giveUp() === "shared") report({ is: "failed", error: toFailure(sharedError(key)) });
  };
  // Before the spawn this cancels the start; after the spawn the launch is stopped.
  cancel.addEventListener("abort", onCancel);
  const control: HostControl = {
    arrived: queue.arrived,
    take: queue.take,
    hard: new AbortController().signal,
    cancel,
    ...(hosting.isOwn ? {} : { watchMembers: hosting.watchMembers }),
    onRun(record) {
      admitted?.begun();
      if (token === "") {
        shares.own(record.token, () => queue.push({ is: "interrupt" }));
        if (isAwaited) share = shares.take(record.token);
      } else if (token !== record.token) shares.follow(token, record.token);
      const isFirst = token === "";
      token = record.token;
      if (isFirst && cancel.aborted) onCancel();
    },
    resolveAnew: (spec) => resolveAnew(ground, spec),
  };
  const work: HostWork = {
    count: () => 1,
    keys: () => [key],
    stop: queue.push,
    claim: () => claimRequests(ground, { key, push: queue.push }),
  };
  const begin = async () => {
    admitted = await hosting.admission.enter(key, cancel);
    return host(control).finally(admitted.over);
  };
  const serving = begin().then(
    (end) => {
      if (end?.is === "taken") hosting.release(ground, token);
      if (end !== null && "exit" in end && end.exit !== null) report({ is: "ended", exit: end.exit });
    },
    (error: unknown) => {
      report({ is: "failed", error: toFailure(error) });
      releaseLeft(hosting, { ground, key });
    },
  );
  hosting.serve(
    work,
    serving.finally(() => shares.forget(token)),
  );
}

function sharedError(key: string): DtError {
  return new DtError("interrupted", `${key} runs on: other starts wait for the same launch.`, {
    status: EXIT.interrupted,
  });
}

/** A record that names this host as one that serves the key, although nothing here does, would be waited for. */
function releaseLeft(hosting: Hosting, { ground, key }: { ground: Ground; key: string }): void {
  const record = ground.store.record(key);
  const isOwn = record.is === "there" && sameIdentity(record.value.host, identifySelf(ground.table));
  const others = [...hosting.works].filter((work) => work.keys().includes(key));
  if (isOwn && others.length <= 1) hosting.release(ground, record.value.token);
}
