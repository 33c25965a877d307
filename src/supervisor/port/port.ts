/**
 * The port that a launch gets. A number: as declared. `auto`: a port that is free now, and usually the same for the
 * same root and key, since the search begins at a place that only these two determine.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { sha256 } from "../../sys/base/digest.ts";
import { DtError } from "../../sys/base/error.ts";
import { type PortListener, presenceOf, startOf } from "../../sys/process/identity.ts";
import { FLAG } from "../../sys/text/flags.ts";
import type { Ground } from "../launch/types.ts";
import { type PortClaim, tryClaim } from "./claim.ts";
import { describeUnseen, isInTheWay } from "./listening.ts";
import { makeOwnership } from "./ownership.ts";

/** Below the ports that systems assign themselves (from 32768 on Linux, 49152 on macOS). */
const AUTO_FIRST = 20_000;
const AUTO_COUNT = 10_000;

export interface ChosenPort {
  port: number | null;
  /**
   * The claim on a port that was found free. A fixed port, and the key's own earlier one, is claimed when the old
   * launch is gone.
   */
  claim: PortClaim | null;
}

export async function choosePort(
  ground: Ground,
  { key, wanted }: { key: string; wanted: number | "auto" | null },
): Promise<ChosenPort> {
  if (wanted !== "auto") return { port: wanted, claim: null };
  const seed = Number.parseInt(sha256(`${ground.root}\0${key}`).slice(0, 8), 16);
  const taken = recordedPorts(ground, key);
  for (let step = 0; step < AUTO_COUNT; step++) {
    const port = AUTO_FIRST + ((seed + step) % AUTO_COUNT);
    if (taken.others.has(port)) continue;
    // A port that this key itself still listens on is free once its old launch is gone.
    if (port === taken.own) return { port, claim: null };
    if (!isFree(port)) continue;
    const claim = tryClaim(ground, { key, port });
    if (claim !== null) return { port, claim };
  }
  throw new DtError(
    "no-port",
    `No free port from ${AUTO_FIRST} to ${AUTO_FIRST + AUTO_COUNT - 1} was found for ${key}.`,
  );
}

function recordedPorts({ store }: Ground, key: string): { own: number | null; others: Set<number> } {
  const others = new Set<number>();
  let own: number | null = null;
  for (const name of store.keys()) {
    const record = store.record(name);
    if (record.is !== "there" || record.value.port === null) continue;
    if (name === key) own = record.value.port;
    else others.add(record.value.port);
  }
  return { own, others };
}

/** Binding is the only reliable test, for IPv4 and IPv6 alike, since it also finds sockets that are not visible. */
export function isFree(port: number): boolean {
  for (const hostname of ["127.0.0.1", "0.0.0.0", "::"]) {
    try {
      Bun.listen({ hostname, port, socket: { data() {} } }).stop(true);
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code === "EADDRINUSE" || code === "EACCES") return false;
    }
  }
  return true;
}

/**
 * Throws `port-taken` when a listener is in the way on the port that a launch is to get. A port where `old` listens
 * becomes free when that is gone.
 */
export function checkPort(
  ground: Ground,
  { key, port, old = null }: { key: string; port: number | null; old?: LaunchRecord | null | undefined },
): void {
  if (port === null) return;
  const inTheWay = ground.table.listenersOn(port).filter(isInTheWay);
  if (inTheWay.length === 0) return;
  if (old !== null) {
    const ownership = makeOwnership(ground, old);
    if (inTheWay.some((one) => ownership(one) !== "other")) return;
  }
  throw portTaken(ground, { key, port, inTheWay });
}

/**
 * Whether every listener may be there for this launch although it is not part of it: an engine (`docker run -p`), an
 * ssh master. Nothing listened there when the launch was started, so a listener that is older than the launch, or
 * another user's, has begun to listen since. The question is asked again once the launch is gone.
 */
export function isHeldForIt(
  { table }: Ground,
  { record: { leader }, port }: { record: LaunchRecord; port: number },
): boolean {
  if (leader === null || presenceOf(table, leader) !== "alive") return false;
  const since = startOf(leader);
  const isOlder = (pid: number) => {
    const entry = table.entry(pid);
    return entry === null || startOf(entry) < since;
  };
  return table
    .listenersOn(port)
    .filter(isInTheWay)
    .every(({ pids }) => pids.every(isOlder));
}

function portTaken(
  ground: Ground,
  { key, port, inTheWay }: { key: string; port: number; inTheWay: readonly PortListener[] },
): DtError {
  const { describeHolder, holdersOf } = require("./holders.ts") as typeof import("./holders.ts");
  const { holders, unseen } = holdersOf(ground, inTheWay);
  const all = [...holders.map((one) => describeHolder(ground, one)), ...unseen.map(describeUnseen)];
  const listen = `${all.join(" and ")} ${all.length === 1 ? "listens" : "listen"} on it`;
  const ours = unseen.length === 0 && holders.every(({ launch }) => launch !== null);
  return new DtError("port-taken", `${key} needs port ${port}, but ${listen}.`, {
    hint: ours
      ? `Run it again with ${FLAG.take}, which stops that launch, or with ${FLAG.port} auto, which finds a free port.`
      : `Stop that process, or run it again with ${FLAG.port} auto, or give the command another \`port\` (or "auto").`,
    details: { port, pids: holders.map(({ pid }) => pid), holders, unseen },
  });
}
