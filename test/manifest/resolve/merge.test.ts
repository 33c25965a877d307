import { describe, expect, test } from "bun:test";
import { validatePlugin } from "../../../src/manifest/load/validate.ts";
import type { ManagedSettings, OneshotSettings } from "../../../src/manifest/model/resolved.ts";
import type { Plugin } from "../../../src/manifest/model/types.ts";
import { valueAt } from "../kit.ts";

function resolve(plugin: Plugin) {
  const verdict = validatePlugin(plugin, { file: "/m.ts", origin: "root" });
  if (!verdict.valid) throw new Error(JSON.stringify(verdict.issues));
  return verdict.plugin;
}

function managed(plugin: Plugin, variant = "default") {
  return resolve(plugin).commands.dev?.variants[variant] as ManagedSettings;
}

const dev = (fields: object, rest: Partial<Plugin> = {}): Plugin => ({
  name: "www",
  commands: { dev: { kind: "managed", run: ["serve", "--all"], ...fields } },
  ...rest,
});

test("a managed command has its defaults, as plain data with numbers", () => {
  expect(managed(dev({}))).toEqual({
    kind: "managed",
    description: null,
    run: ["serve", "--all"],
    compose: null,
    cwd: ".",
    env: {},
    envFile: [],
    port: null,
    ready: [],
    log: null,
    logs: { keep: 5, maxBytes: null },
    stop: { signal: "SIGTERM", timeoutMs: 10_000, spare: [] },
    processGroup: true,
    alive: [],
    restart: {
      policy: "no",
      successCodes: [0],
      delayMs: 1000,
      maxDelayMs: 30_000,
      jitter: 0.2,
      resetAfterMs: 60_000,
      limit: { count: 10, windowMs: 600_000 },
    },
    restartOn: null,
    needs: [],
    before: [],
    tty: false,
    boot: false,
    schedule: null,
  });
});

test("a one-shot has no field of a managed command", () => {
  const plugin = resolve({
    name: "a",
    commands: { b: { kind: "oneshot", run: "x", variants: { v: { run: ["y"] } } } },
  });
  const logging = { capture: false, log: null, logs: { keep: 5, maxBytes: null } };
  const common = {
    kind: "oneshot",
    description: null,
    cwd: ".",
    env: {},
    envFile: [],
    handler: false,
    ...logging,
    needs: [],
    inputs: null,
    outputs: null,
    schedule: null,
  };
  expect(plugin.commands.b?.variants as unknown).toEqual({
    default: { ...common, run: "x" },
    v: { ...common, run: ["y"] },
  });
});

test("a handler's variant keeps the handler", () => {
  const plugin = resolve({
    name: "a",
    commands: { b: { kind: "oneshot", handler: () => 0, variants: { v: { cwd: "d" } } } },
  });
  expect(plugin.commands.b?.variants.v as OneshotSettings).toMatchObject({ handler: true, run: null, cwd: "d" });
});

describe("layers", () => {
  test("a variant wins over its command, and a command over its plugin", () => {
    const plugin = dev({ variants: { v: { cwd: "variant" } } }, { cwd: "plugin" });
    expect(managed(plugin).cwd).toBe("plugin");
    expect(managed(plugin, "v").cwd).toBe("variant");
    expect(managed(dev({ cwd: "command" }, { cwd: "plugin" })).cwd).toBe("command");
  });

  test("env merges by name through all layers, including null and unusual names", () => {
    const plugin = dev(
      {
        env: { A: "command", C: null, constructor: "c" },
        variants: { v: { env: { A: null, D: "v", toString: "t" } } },
      },
      { env: { A: "plugin", B: "plugin", C: "plugin" } },
    );
    expect({ ...managed(plugin).env }).toEqual({ A: "command", B: "plugin", C: null, constructor: "c" } as never);
    expect({ ...managed(plugin, "v").env }).toEqual({
      A: null,
      B: "plugin",
      C: null,
      D: "v",
      constructor: "c",
      toString: "t",
    } as never);
  });

  test("lists and unions of a nearer layer replace those below", () => {
    const plugin = dev({
      port: 1,
      ready: [{ http: "/" }, { log: "x" }],
      envFile: ["a", "b"],
      needs: ["db:a", "db:b"],
      stop: { spare: ["adb", "gradle"], timeout: "1m" },
      variants: {
        v: { run: "sh", ready: { port: true }, envFile: "c", needs: ["db:c"], port: "auto", stop: { spare: ["x"] } },
        w: { needs: [] },
      },
    });
    expect(managed(plugin, "v")).toMatchObject({
      run: "sh",
      ready: [{ type: "port", port: null }],
      envFile: ["c"],
      needs: [{ key: "db:c:default", condition: null }],
      port: "auto",
    });
    expect(managed(plugin, "v").stop).toEqual({ signal: "SIGTERM", timeoutMs: 60_000, spare: ["x"] });
    expect(managed(plugin, "w").needs).toEqual([]);
    expect(managed(plugin, "w").ready).toHaveLength(2);
  });

  test("logs and stop merge by field", () => {
    const plugin = dev({
      logs: { keep: 2 },
      stop: { signal: "SIGINT" },
      variants: { v: { logs: { maxSize: "1MB" }, stop: { timeout: "1s" } } },
    });
    expect(managed(plugin, "v").logs).toEqual({ keep: 2, maxBytes: 1024 ** 2 });
    expect(managed(plugin, "v").stop).toEqual({ signal: "SIGINT", timeoutMs: 1000, spare: [] });
  });

  test("false and 0 of a nearer layer win over values below", () => {
    const plugin = dev({
      processGroup: true,
      logs: { keep: 3 },
      variants: { v: { processGroup: false, logs: { keep: 0 } } },
    });
    expect(managed(plugin, "v").processGroup).toBe(false);
    expect(managed(plugin, "v").logs.keep).toBe(0);
  });

  test("merging does not change what the manifest wrote", () => {
    const plugin = dev({ env: { A: "1" }, variants: { v: { env: { A: "2" } } } });
    const before = JSON.stringify(plugin);
    resolve(plugin);
    expect(JSON.stringify(plugin)).toBe(before);
  });

  test("a variant has its own description, else its command's", () => {
    const plugin = dev(
      { description: "serve", variants: { v: { description: "serve v" }, w: {} } },
      { description: "the site" },
    );
    expect(managed(plugin).description).toBe("serve");
    expect(managed(plugin, "v").description).toBe("serve v");
    expect(managed(plugin, "w").description).toBe("serve");
    expect(resolve(dev({}, { description: "the site" })).commands.dev?.description).toBeNull();
  });
});

test("probes become a union with their times", () => {
  const ready = [
    { http: "/x", status: 204 },
    { port: true as const },
    { port: 9 },
    { log: "up", timeout: "1s", interval: "1ms" },
    { exec: ["a", "b"] },
    { delay: "2m" },
  ];
  const times = { timeoutMs: 30_000, intervalMs: 200, startPeriodMs: 0 };
  expect(managed(dev({ port: 1, ready })).ready).toEqual([
    { type: "http", target: "/x", status: 204, ...times },
    { type: "port", port: null, ...times },
    { type: "port", port: 9, ...times },
    { type: "log", pattern: "up", timeoutMs: 1000, intervalMs: 1, startPeriodMs: 0 },
    { type: "exec", argv: ["a", "b"], ...times },
    { type: "delay", ms: 120_000, timeoutMs: 150_000, intervalMs: 200, startPeriodMs: 0 },
  ]);
});

test("a start period is kept beside the time limit", () => {
  const [probe] = managed(dev({ ready: { log: "up", startPeriod: "1m", timeout: "2s" } })).ready;
  expect(probe).toMatchObject({ startPeriodMs: 60_000, timeoutMs: 2000 });
});

test("liveness probes have their own defaults, and one replaces all those below", () => {
  const plugin = dev({
    port: 1,
    alive: [{ http: "/" }, { exec: ["x"], failures: 1, action: "restart", interval: "1s", startPeriod: "3s" }],
    variants: { v: { alive: { port: true, timeout: "1s" } } },
  });
  const usual = { timeoutMs: 5000, intervalMs: 10_000, startPeriodMs: 0, failures: 3, action: "unhealthy" } as const;
  expect(managed(plugin).alive).toEqual([
    { type: "http", target: "/", status: null, ...usual },
    { type: "exec", argv: ["x"], ...usual, failures: 1, action: "restart", intervalMs: 1000, startPeriodMs: 3000 },
  ]);
  expect(managed(plugin, "v").alive).toEqual([{ type: "port", port: null, ...usual, timeoutMs: 1000 }]);
});

test("a restart policy given by name merges with one given in numbers", () => {
  const plugin = dev({
    restart: "always",
    variants: {
      a: { restart: { delay: "2m", limit: { count: 3 } } },
      b: { restart: { policy: "no", limit: "none", successCodes: [0, 143] } },
    },
  });
  expect(managed(plugin).restart).toMatchObject({ policy: "always", delayMs: 1000 });
  expect(managed(plugin, "a").restart).toMatchObject({
    policy: "always",
    delayMs: 120_000,
    maxDelayMs: 120_000,
    limit: { count: 3, windowMs: 600_000 },
  });
  expect(managed(plugin, "b").restart).toMatchObject({ policy: "no", successCodes: [0, 143], limit: null });
  expect(managed(dev({ restart: { jitter: 0 } })).restart).toMatchObject({ policy: "on-failure", jitter: 0 });
});

test("restartOn has its defaults", () => {
  expect(managed(dev({ restartOn: { paths: ["src"], run: "assets:build" } })).restartOn).toEqual({
    paths: ["src"],
    ignore: [],
    debounceMs: 500,
    run: "assets:build:default",
    cascade: false,
  });
});

test("names of Object.prototype are names like others", () => {
  const commands = {
    toString: { kind: "managed", run: "x", variants: { constructor: { port: 1 }, hasOwnProperty: {} } },
  };
  const plugin = resolve({ name: "constructor", commands: commands as unknown as Plugin["commands"] });
  const command = valueAt(plugin.commands, "toString");
  expect(Object.keys(plugin.commands)).toEqual(["toString"]);
  expect(valueAt(plugin.commands, "valueOf")).toBeUndefined();
  expect(Object.keys(command?.variants ?? {})).toEqual(["default", "constructor", "hasOwnProperty"]);
  expect(valueAt(command?.variants, "isPrototypeOf")).toBeUndefined();
});

test("watch has its defaults", () => {
  const plugin = resolve({
    name: "a",
    commands: { b: { kind: "oneshot", run: "x" } },
    watch: [{ paths: ["*"], run: "a:b" }],
  });
  expect(plugin.watch).toEqual([
    { paths: ["*"], ignore: [], debounceMs: 500, run: "a:b:default", target: null, retries: 0 },
  ]);
});
