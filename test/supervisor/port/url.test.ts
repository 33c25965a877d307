/** Whether a port is shown as an address for a browser. */
import { expect, test } from "bun:test";
import type { ManagedSettings, ResolvedAlive, ResolvedProbe } from "../../../src/manifest/model/resolved.ts";
import { urlOf } from "../../../src/supervisor/port/url.ts";

const TIMES = { timeoutMs: 1, intervalMs: 1, startPeriodMs: 0 };
const http = (target: string) => ({ type: "http", target, status: null, ...TIMES }) as const;
const exec = (...argv: string[]) => ({ type: "exec", argv, ...TIMES }) as const;
const port = { type: "port", port: null, ...TIMES } as const;
const log = { type: "log", pattern: "x", ...TIMES } as const;

interface Case {
  key?: string;
  argv?: string[];
  ready?: ResolvedProbe[];
  alive?: Omit<ResolvedAlive, "failures" | "action">[];
  at?: number | null;
}

function judge({ key = "a:dev:default", argv = ["./serve"], ready = [], alive = [], at = 3000 }: Case): string | null {
  return urlOf(key, { settings: { ready, alive } as unknown as ManagedSettings, argv, port: at });
}

const URL_3000 = "http://localhost:3000";

test("an unknown program with a port is taken for a web server; without a port it has no address", () => {
  expect(judge({})).toBe(URL_3000);
  expect(judge({ ready: [log] })).toBe(URL_3000);
  expect(judge({ argv: ["node", "server.js", "--db=postgres://localhost/x"] })).toBe(URL_3000);
  expect(judge({ at: null, ready: [http("/")] })).toBeNull();
});

test("a probe over http makes it a web server, whatever else is known", () => {
  const named = { key: "db:postgres:default", argv: ["postgres"] };
  expect(judge({ ...named, ready: [port, http("/")] })).toBe(URL_3000);
  expect(judge({ ...named, ready: [port], alive: [http("/health")] })).toBe(URL_3000);
  expect(judge({ ready: [http("https://localhost:3000/")] })).toBe("https://localhost:3000");
  expect(judge({ ready: [exec("curl", "-f", "http://localhost:3000")] })).toBe(URL_3000);
  expect(judge({ at: 443, ready: [http("https://127.0.0.1/")] })).toBe("https://localhost:443");
  expect(judge({ at: 5432, ready: [http("/")] })).toBe("http://localhost:5432");
});

test("a probe of another kind makes it no web server", () => {
  expect(judge({ ready: [port] })).toBeNull();
  expect(judge({ alive: [port] })).toBeNull();
  expect(judge({ ready: [exec("pg_isready", "-q")] })).toBeNull();
  // Of another port or machine it says nothing of this one.
  expect(judge({ ready: [port, http("http://localhost:9000/")] })).toBeNull();
  expect(judge({ ready: [port, http("http://example.org:3000/")] })).toBeNull();
});

test("a database is known by its port, program, image, plugin or command", () => {
  for (const at of [5432, 6379, 3306, 27_017]) expect(judge({ at })).toBeNull();
  for (const argv of [
    ["/usr/lib/postgresql/16/bin/postgres", "-D", "data"],
    ["sh", "-c", 'exec redis-server --port "$PORT"'],
    ["sh", "-c", "initdb -D data;mysqld --datadir=data"],
    ["docker", "run", "--rm", "-p", "5544:5432", "postgres:16"],
    ["docker", "run", "bitnami/redis@sha256:0"],
  ])
    expect([argv, judge({ argv })]).toEqual([argv, null]);
  for (const key of ["redis:dev:default", "shop:postgres:default", "shop:db:test"]) expect(judge({ key })).toBeNull();
});
