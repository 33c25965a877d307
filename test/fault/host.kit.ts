/** What the tests of the root's host share: a root with a runtime directory of its own, and raw connections. */
import { mkdirSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { commandLineOf, hostsOf, type Ps, psOf } from "../e2e/kit/launch.ts";
import { type Result, type RunOptions, TestRoot, until } from "../kit.ts";

export interface HostRoot {
  root: TestRoot;
  /** XDG_RUNTIME_DIR of its calls. */
  runtime: string;
  dt(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Starts a command; throws dt's message. */
  start(name: string): Promise<Ps>;
  ps(name: string): Promise<Ps | undefined>;
}

/** Commands that sleep, and more. */
export function hostRoot(names: readonly string[], more: object = {}): HostRoot {
  const sleeper = { kind: "managed", run: ["sleep", "1000"], stop: { timeout: "500ms" } };
  const commands = { ...Object.fromEntries(names.map((name) => [name, sleeper])), ...more };
  const root = TestRoot.create({ "manifests/t.json": JSON.stringify({ name: "t", commands }) });
  const runtime = join(root.base, "x");
  mkdirSync(runtime, { mode: 0o700 });
  const dt: HostRoot["dt"] = (args, options = {}) =>
    root.dt([...args], { ...options, env: { XDG_RUNTIME_DIR: runtime, ...options.env } });
  return {
    root,
    runtime,
    dt,
    async start(name) {
      const { code, stderr } = await dt(["t", name, "-d"]);
      if (code !== 0) throw new Error(`${name} was not started: ${stderr}`);
      return (await psOf(root, `t:${name}:default`)) as Ps;
    },
    ps: (name) => psOf(root, `t:${name}:default`),
  };
}

export function hostPidOf(launch: Ps | undefined): number {
  if (launch?.host == null) throw new Error(`it has no host: ${JSON.stringify(launch)}`);
  return launch.host.pid;
}

/** The host's socket, as its command line shows it. */
export function addressOf(host: number): string {
  return commandLineOf(host).trim().split(" ")[3] as string;
}

/** The sockets of hosts in a runtime directory. */
export function socketsIn(runtime: string): string[] {
  return readdirSync(join(runtime, "dialtone")).filter((name) => name.endsWith(".host"));
}

export interface Raw {
  socket: Socket;
  /** All that came. */
  heard(): string;
  isOver(): boolean;
}

export async function connectRaw(address: string): Promise<Raw> {
  const socket = connect(address);
  let [heard, isOver] = ["", false];
  socket.on("data", (data) => {
    heard += String(data);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    isOver = true;
  });
  await until("it says hello", () => heard.includes('"hello"'));
  return { socket, heard: () => heard, isOver: () => isOver };
}

/** Sends this, and gives all that came until the host ended the connection. */
export async function sayRaw(address: string, text: string | Uint8Array): Promise<string> {
  const raw = await connectRaw(address);
  raw.socket.write(text);
  await until("the host ends the connection", raw.isOver);
  return raw.heard();
}

/** Another launch is served by the host that serves this one: it lives, and works. */
export async function stillServes({ root, start, dt }: HostRoot, { host, name }: { host: number; name: string }) {
  const launch = await start(name);
  if (hostPidOf(launch) !== host)
    throw new Error(`${name} has host ${launch.host?.pid}, not ${host}: ${hostsOf(root)}`);
  await dt(["stop", "t", name]);
}
