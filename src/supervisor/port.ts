/**
 * The port a launch is given. Fixed: as declared. `auto`: free now, and the same again for the same root and key, since the
 * search begins at a place that only they decide.
 */
import { sha256 } from "../sys/digest.ts";
import { DtError } from "../sys/error.ts";
import { type PortClaim, tryClaim } from "./portclaim.ts";
import type { Ground } from "./types.ts";

/** Below the ports that systems hand out by themselves (from 32768 on Linux, 49152 on macOS). */
const AUTO_FIRST = 20_000;
const AUTO_COUNT = 10_000;

export interface ChosenPort {
  port: number | null;
  /** Of one that was found free; a fixed one, and this key's own of before, is claimed when the old launch is gone. */
  claim: PortClaim | null;
}

export async function choosePort(ground: Ground, key: string, wanted: number | "auto" | null): Promise<ChosenPort> {
  if (wanted !== "auto") return { port: wanted, claim: null };
  const seed = Number.parseInt(sha256(`${ground.root}\0${key}`).slice(0, 8), 16);
  const taken = recordedPorts(ground, key);
  for (let step = 0; step < AUTO_COUNT; step++) {
    const port = AUTO_FIRST + ((seed + step) % AUTO_COUNT);
    if (taken.others.has(port)) continue;
    // What this key itself still listens on will be free when its old launch is gone.
    if (port === taken.own) return { port, claim: null };
    if (!isFree(port)) continue;
    const claim = tryClaim(ground, key, port);
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

/** Binding tells the truth, for IPv4 and IPv6 alike, also about sockets that cannot be seen. */
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

/** Throws `port-taken` when somebody else listens on the port a launch is to get. To be called when the key's old launch is gone. */
export function checkPort(
  ground: Ground,
  key: string,
  port: number | null,
  own: ReadonlySet<number> = new Set(),
): void {
  if (port === null) return;
  const { table } = ground;
  const holders = table.listenersOn(port);
  // Where the old launch listens, the port will be free when that is gone.
  if (holders?.some((pid) => own.has(pid))) return;
  if (holders === null || holders.length > 0) throw portTaken(ground, key, port);
}

function portTaken(ground: Ground, key: string, port: number): DtError {
  const { describeHolder, holdersOf } = require("./holders.ts") as typeof import("./holders.ts");
  const holders = holdersOf(ground, port) ?? [];
  const named = holders.map((one) => describeHolder(ground, one)).join(" and ") || "another user's process";
  const ours = holders.length > 0 && holders.every(({ launch }) => launch !== null);
  return new DtError("port-taken", `${key} needs port ${port}, but ${named} listens on it.`, {
    hint: ours
      ? "Run it again with --take, which stops that launch, or with --port auto, which finds a free port."
      : 'Stop that process, or run it again with --port auto, or give the command another `port` (or "auto").',
    details: { port, pids: holders.map(({ pid }) => pid), holders },
  });
}
