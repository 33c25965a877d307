/** Looks every second at what the kernel cannot watch. Its timer runs from the first addition until it is closed. */

const POLL_MS = 1000;

export interface Poller<T> {
  add(one: T): void;
  remove(one: T): void;
  close(): void;
}

export function makePoller<T>(look: (one: T) => void): Poller<T> {
  const polled = new Set<T>();
  let timer: ReturnType<typeof setInterval> | null = null;
  return {
    add(one) {
      polled.add(one);
      timer ??= setInterval(() => {
        for (const each of polled) look(each);
      }, POLL_MS);
    },
    remove: (one) => void polled.delete(one),
    close() {
      if (timer !== null) clearInterval(timer);
    },
  };
}
