/** What the tests of managed launches share: a root with stubborn programs, and questions about processes. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY, type Result, TestRoot, until } from "../../kit.ts";

const STUBBORN = join(REPOSITORY, "test", "fixtures", "stubborn.ts");

export interface Ps {
  key: string;
  state: string;
  pid: number | null;
  host: { pid: number; alive: boolean } | null;
  ports: number[];
  log: string;
  url: string | null;
  restarts: number;
  drift: boolean | null;
  exit: { code: number | null; signal: string | null; reason: string } | null;
  note: string | null;
}

/** A root whose plugin `t` has the commands given as manifest source, and `dev` running the named stubborn program. */
export function launchRoot(program: string, fields = "", more = ""): TestRoot {
  const root = TestRoot.create({});
  root.write("stubborn.ts", readFileSync(STUBBORN, "utf8"));
  root.write(
    "manifests/t.ts",
    `import { definePlugin } from "@dialtone/dt";
export default definePlugin({ name: "t", commands: {
  dev: { kind: "managed", run: ["bun", "stubborn.ts", ${JSON.stringify(program)}], stop: { timeout: "300ms" }, ${fields} },
  ${more}
} });
`,
  );
  return root;
}

export async function ps(root: TestRoot, ...flags: string[]): Promise<Ps[]> {
  const result = await root.dt(["ps", "--json", ...flags]);
  if (result.code !== 0) throw new Error(`ps failed: ${result.stderr}`);
  return JSON.parse(result.stdout) as Ps[];
}

export async function psOf(root: TestRoot, key = "t:dev:default"): Promise<Ps | undefined> {
  return (await ps(root, "--all")).find((one) => one.key === key);
}

/**
 * Whether a process runs; a zombie does not, unless it is but the first thread of one that is still ending the others.
 */
export function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return !"ZX".includes(fields[0] as string) || Number(fields[17]) > 1;
  } catch {
    return false;
  }
}

/** What a process was started as, its words separated by spaces; empty when it is gone. */
export function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** The leaders of a root's `dev` that runs this stubborn program. */
export function leadersOf(root: TestRoot, program = "plain"): number[] {
  return root.processes().filter((pid) => commandLineOf(pid).includes(`stubborn.ts ${program}`));
}

/** The detached hosts of a root. */
export function hostsOf(root: TestRoot): number[] {
  return root.processes().filter((pid) => commandLineOf(pid).includes("__host"));
}

/** Pids a stubborn program printed, by what it called them. */
export function printed(log: string): Map<string, number> {
  return new Map(
    log.split("\n").flatMap((line) => {
      const match = /^([\w ]+) (\d+)$/.exec(line);
      return match === null ? [] : [[match[1] as string, Number(match[2])] as const];
    }),
  );
}

export function readLog(root: TestRoot, key = "t:dev:default"): string {
  try {
    return root.read(`.dialtone/run/${key}.log`);
  } catch {
    return "";
  }
}

/** A free port for one test; bound and given back. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/**
 * Different free ports, of those that no system hands out by itself: a connection made meanwhile cannot get one of
 * them.
 */
export function freePorts(count: number): number[] {
  const found = new Set<number>();
  while (found.size < count) {
    const port = 12_000 + Math.floor(Math.random() * 8000);
    if (found.has(port)) continue;
    try {
      Bun.listen({ hostname: "0.0.0.0", port, socket: { data() {} } }).stop(true);
      found.add(port);
    } catch {
      // in use
    }
  }
  return [...found];
}

export function lastLine(result: Result): string {
  return result.stdout.trimEnd().split("\n").at(-1) ?? "";
}

/** How many sockets a process has open; of a host, a connection more for each caller. */
export function socketsOf(pid: number): number {
  const fds = `/proc/${pid}/fd`;
  return readdirSync(fds).filter((fd) => {
    try {
      return readlinkSync(join(fds, fd)).startsWith("socket:");
    } catch {
      return false; // it was closed meanwhile
    }
  }).length;
}

/** How many a host has open while no caller comes or goes. */
export async function idleSocketsOf(host: number): Promise<number> {
  let seen = -1;
  await until("no caller comes or goes", async () => {
    await Bun.sleep(100);
    const [before, now] = [seen, socketsOf(host)];
    seen = now;
    return now === before;
  });
  return seen;
}
