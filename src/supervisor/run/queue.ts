/** Requests in the order they came. One that comes while the host is not waiting is kept. */
import type { HostControl, HostRequest, OwnControl, OwnRequest } from "./types.ts";

interface Queue<R> {
  push(request: R): void;
  arrived(): Promise<void>;
  take(): R | null;
}

export function makeRequestQueue<R = HostRequest>(): Queue<R> {
  const waiting: R[] = [];
  let bell = Promise.withResolvers<void>();
  return {
    push(request) {
      waiting.push(request);
      bell.resolve();
    },
    arrived: () => bell.promise,
    take() {
      const first = waiting.shift() ?? null;
      if (waiting.length === 0) bell = Promise.withResolvers<void>();
      return first;
    },
  };
}

/** Requests of a person come before those that the host makes of itself. */
export function addOwn(control: HostControl): OwnControl {
  const own = makeRequestQueue<OwnRequest>();
  return {
    ...control,
    arrived: () => Promise.race([control.arrived(), own.arrived()]),
    take: () => control.take() ?? own.take(),
    ask: own.push,
    children: new Set(),
  };
}
