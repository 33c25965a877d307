/**
 * One attempt at an `http` probe. On this machine the launch itself is asked, at the addresses it listens on: no other
 * listener on the same port, and no proxy. A full URL of another machine is requested as the host's environment says.
 */
import type { ResolvedProbe } from "../../manifest/model/resolved.ts";
import { messageOf } from "../../sys/base/error.ts";
import { askHttp, BODY_MS, bareHost, type HttpAnswer, MOST_BODY_BYTES, portOf } from "../../sys/net/httpask.ts";
import { localAddressesOf } from "../../sys/net/localaddress.ts";
import { LOOPBACK_ADDRESSES, showAddress } from "../port/listening.ts";
import { findOwn } from "../port/ownership.ts";
import type { Attempt, ProbeContext } from "./types.ts";

export function tryHttp(request: ProbeContext, { target, status }: Extract<ResolvedProbe, { type: "http" }>): Attempt {
  const { port } = request.record;
  const isPath = target.startsWith("/");
  const url = new URL(isPath ? `http://localhost:${port ?? 0}${target}` : target);
  return async (limitMs) => {
    if (isPath && port === null) return "ready.http is a path, but the command has no port";
    const local = isPath ? [...LOOPBACK_ADDRESSES] : await localAddressesOf(bareHost(url), limitMs);
    const answer =
      local === null
        ? await askElsewhere(url, { limitMs, stop: request.signal })
        : await askHere(request, { url, local, isPath, limitMs });
    if (answer.is === "failed") return `${url} did not answer: ${answer.why}`;
    if (answer.is === "stranger") return answer.why;
    const good = status === null ? answer.status >= 200 && answer.status < 400 : answer.status === status;
    return good ? null : `${url} answered ${answer.status}`;
  };
}

type Answer = HttpAnswer | { is: "stranger"; why: string };

interface Question {
  url: URL;
  /** The local addresses of the URL's host. */
  local: readonly string[];
  isPath: boolean;
  limitMs: number;
}

/** A request to the command's own port must reach the command. */
async function askHere(request: ProbeContext, { url, local, isPath, limitMs }: Question): Promise<Answer> {
  const { record, signal, note } = request;
  const began = performance.now();
  let addresses = local;
  if (portOf(url) === record.port) {
    const own = findOwn(request, { port: record.port, wanted: isPath ? null : local });
    if (own.is === "missing") return { is: "stranger", why: own.why };
    addresses = own.addresses ?? local;
    if (own.unknown !== null) note(`${record.key}: ${own.unknown}`);
    for (const stranger of isPath ? own.strangers : []) tellStranger(request, { stranger, own: addresses[0] ?? "" });
  }
  let answer: HttpAnswer = { is: "failed", why: "no request was sent" };
  for (const address of addresses) {
    const left = limitMs - (performance.now() - began);
    answer = await askHttp({ url, address, limitMs: Math.max(1, left), signal });
    if (answer.is === "answered" || signal.aborted) break;
  }
  return answer;
}

/** A browser may resolve `localhost` to another address than the probe used. Reported once a run. */
function tellStranger({ record, note }: ProbeContext, { stranger, own }: { stranger: string; own: string }): void {
  if (record.port === null || record.url === null) return;
  note(
    `another process listens on ${showAddress(stranger, record.port)}, so ${record.url} may lead there; ${record.key} is at ${showAddress(own, record.port)}`,
  );
}

async function askElsewhere(url: URL, { limitMs, stop }: { limitMs: number; stop: AbortSignal }): Promise<HttpAnswer> {
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(limitMs)]);
    const headers = { "user-agent": "dt-probe" };
    const response = await fetch(url, { redirect: "manual", keepalive: false, signal, headers });
    await readBody(response).catch(() => undefined);
    return { is: "answered", status: response.status };
  } catch (error) {
    return { is: "failed", why: messageOf(error) };
  }
}

/** Reads as much as `askHttp` would. */
async function readBody(response: Response): Promise<void> {
  const reader = response.body?.getReader();
  const deadline = setTimeout(() => void reader?.cancel(), BODY_MS);
  try {
    for (let left = MOST_BODY_BYTES; left > 0; ) {
      const part = await reader?.read();
      if (part === undefined || part.done) return;
      left -= part.value.length;
    }
    await reader?.cancel();
  } finally {
    clearTimeout(deadline);
  }
}
