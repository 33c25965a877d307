/**
 * Runs `onUpdate` for changed conversations: one run at a time for each, repeated with backoff while it fails, also
 * after a restart of the monitor.
 */
import type { Settings } from "./settings.ts";
import type { Store } from "./store.ts";

const AT_ONCE = 2;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 300_000;

interface Waiting {
  /** Counts changes; those that come while the command runs cause another run. */
  changes: number;
  failures: number;
  timer: ReturnType<typeof setTimeout> | null;
  running: boolean;
}

export function makeUpdates(
  store: Store,
  { settings, log }: { settings: () => Settings; log: (text: string) => void },
) {
  const waiting = new Map<string, Waiting>();
  const ready: string[] = [];
  const children = new Set<Bun.Subprocess>();
  let closed = false;

  async function run(id: string, one: Waiting): Promise<void> {
    const { onUpdate, onUpdateTimeoutMs } = settings();
    const conversation = store.read(id);
    const changes = one.changes;
    if (onUpdate === null || conversation === null) {
      waiting.delete(id);
      store.setPending(id, false);
      return;
    }
    one.running = true;
    const fault = await fails(onUpdate, {
      timeoutMs: onUpdateTimeoutMs,
      env: {
        ...process.env,
        CHAT_ID: id,
        CHAT_FILE: `${store.root}/conversations/${id}.json`,
        CHAT_SOURCE: conversation.source.path,
      },
    });
    one.running = false;
    if (closed) return;
    if (fault === null) {
      one.failures = 0;
      if (one.changes !== changes) enqueue(id);
      else {
        waiting.delete(id);
        store.setPending(id, false);
      }
      return;
    }
    one.failures++;
    const ms = Math.min(FIRST_RETRY_MS * 2 ** (one.failures - 1), LAST_RETRY_MS);
    log(`onUpdate of ${id} ${fault}; trying again in ${ms / 1000} s`);
    one.timer = setTimeout(() => {
      one.timer = null;
      enqueue(id);
    }, ms);
  }

  async function fails(
    line: string | string[],
    { timeoutMs, env }: { timeoutMs: number; env: Record<string, string | undefined> },
  ): Promise<string | null> {
    try {
      const argv = typeof line === "string" ? ["/bin/sh", "-c", line] : line;
      const child = Bun.spawn(argv, {
        env,
        stdio: ["ignore", "inherit", "inherit"],
        timeout: timeoutMs,
        killSignal: "SIGKILL",
      });
      children.add(child);
      const code = await child.exited;
      children.delete(child);
      if (code === 0) return null;
      return child.signalCode === null ? `ended with ${code}` : `was ended by ${child.signalCode}`;
    } catch (error) {
      return `could not be run: ${(error as Error).message}`;
    }
  }

  function enqueue(id: string): void {
    ready.push(id);
    pump();
  }

  function pump(): void {
    while (!closed && children.size < AT_ONCE) {
      const id = ready.shift();
      if (id === undefined) return;
      const one = waiting.get(id);
      if (one !== undefined && !one.running) void run(id, one).finally(pump);
    }
  }

  return {
    /** Reports a changed conversation, or one whose change was pending when the monitor ended. */
    add(id: string): void {
      const one = waiting.get(id);
      if (one !== undefined) {
        one.changes++;
        return;
      }
      waiting.set(id, { changes: 1, failures: 0, timer: null, running: false });
      enqueue(id);
    },
    /** Gives running commands a moment to end. Those that do not succeed stay pending. */
    async close(graceMs: number): Promise<void> {
      closed = true;
      for (const { timer } of waiting.values()) if (timer !== null) clearTimeout(timer);
      const ended = Promise.all([...children].map(({ exited }) => exited));
      const grace = setTimeout(() => {
        for (const child of children) child.kill("SIGKILL");
      }, graceMs);
      await ended;
      clearTimeout(grace);
    },
  };
}
