/**
 * Reports changes from `dt watch --events`. If that ends, it is started again and reports every existing file again.
 */

export interface Events {
  close(): Promise<void>;
}

interface Line {
  path?: string;
  exists?: boolean;
  ready?: boolean;
  trouble?: string;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

export function watchEvents(
  patterns: string[],
  on: { path(path: string): void; ready(): void; trouble(text: string): void },
): Events {
  let child: Bun.Subprocess<"ignore", "pipe", "inherit"> | null = null;
  let closed = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;

  async function begin(): Promise<void> {
    timer = null;
    try {
      child = Bun.spawn(["dt", "watch", "--events", "--", ...patterns], { stdio: ["ignore", "pipe", "inherit"] });
      let rest = "";
      const decoder = new TextDecoder();
      for await (const chunk of child.stdout) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) tell(JSON.parse(line) as Line);
      }
      await child.exited;
    } catch (error) {
      child?.kill("SIGKILL");
      if (!closed) on.trouble(`files cannot be watched: ${(error as Error).message}`);
    }
    if (closed) return;
    failures++;
    const ms = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
    on.trouble(
      `dt watch --events ended with ${child?.exitCode ?? child?.signalCode ?? "nothing"}; starting it again in ${ms / 1000} s`,
    );
    timer = setTimeout(begin, ms);
  }

  function tell({ path, ready, trouble }: Line): void {
    if (closed) return;
    if (path !== undefined) on.path(path);
    if (trouble !== undefined) on.trouble(trouble);
    if (ready === true) {
      failures = 0;
      on.ready();
    }
  }

  void begin();
  return {
    async close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      child?.kill("SIGTERM");
      await child?.exited;
    },
  };
}
