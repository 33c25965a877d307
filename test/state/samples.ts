/** Whole records for tests; each takes what a test is about. */
import type { Asker, ExitRecord, LaunchHistory, LaunchRecord, Want } from "../../src/state/types.ts";
import type { ProcessIdentity } from "../../src/sys/process/identity.ts";

const AT = "2026-01-02T03:04:05.678Z";
export const ASKER: Asker = { by: "user", pid: 10, command: "dt www dev -d" };
const TOKEN = "a".repeat(32);

const IDENTITY: ProcessIdentity = { pid: 100, startTime: "1000", bootId: "boot-now", pidNamespace: "pid:[here]" };

export function recordOf(more: Partial<LaunchRecord>): LaunchRecord {
  const key = more.key ?? "www:dev:default";
  const [plugin, command, variant] = key.split(":") as [string, string, string];
  return {
    version: 1,
    key,
    plugin,
    command,
    variant,
    token: TOKEN,
    phase: "running",
    root: "/root",
    argv: ["bun", "server.ts"],
    cwd: "/root",
    env: {},
    args: [],
    port: null,
    url: null,
    log: "/root/.dialtone/run/www:dev:default.log",
    logFile: { dev: 1, ino: 77 },
    stop: { signal: "SIGTERM", timeoutMs: 10_000, spare: [] },
    processGroup: true,
    probed: false,
    specHash: "hash",
    startedAt: AT,
    restarts: 0,
    detached: true,
    host: { ...IDENTITY, pid: 99 },
    leader: IDENTITY,
    startedBy: ASKER,
    stopping: null,
    ...more,
  };
}

export function wantOf(more: Partial<Want>): Want {
  return { version: 1, key: "www:dev:default", want: "run", at: AT, by: ASKER, ...more };
}

export function historyOf(more: Partial<LaunchHistory>): LaunchHistory {
  return { version: 1, token: TOKEN, ready: null, exited: null, adopted: [], ...more };
}

export function exitOf(more: Partial<ExitRecord>): ExitRecord {
  return {
    version: 1,
    key: "www:dev:default",
    token: TOKEN,
    code: 0,
    signal: null,
    at: AT,
    startedAt: AT,
    uptimeMs: 1234,
    restarts: 0,
    reason: "exited",
    text: "exited with code 0 after 1.2s",
    by: null,
    argv: ["bun", "server.ts"],
    cwd: "/root",
    log: "/root/.dialtone/run/www:dev:default.log",
    lastLines: [],
    ...more,
  };
}
