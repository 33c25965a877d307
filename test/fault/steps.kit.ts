/** SIGKILL at a step: strace kills every dt process as it enters its Nth system call of a kind. */
import { existsSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { runs } from "../e2e/kit/launch.ts";
import { DT, type TestRoot, until } from "../kit.ts";

/** Each by itself: what changes what others can see. */
export const CALLS = [
  "fsync",
  "rename",
  "unlink",
  "link",
  "flock",
  "vfork",
  "pidfd_open",
  "pidfd_send_signal",
  "exit_group",
];
export const STRACE = Bun.which("strace");
if (STRACE === null && process.env.CI) throw new Error("CI must have strace");
if (STRACE === null) console.warn("Killing at each step is not tested: there is no strace on this machine.");

interface Caller {
  /** Besides the root's. */
  env?: Record<string, string>;
  /** A file that is its standard input. */
  input?: string;
  /** Says that it has got through, where it then lives on. */
  isThrough?: () => Promise<boolean>;
}

/** Runs dt with every process of it killed at its Nth call; gives false when none of them got so far. */
export async function killedAt(
  root: TestRoot,
  call: string,
  step: number,
  args: string[],
  { env = {}, input, isThrough = async () => false }: Caller = {},
): Promise<boolean> {
  const trace = `${root.base}/trace`;
  rmSync(trace, { force: true });
  const strace = Bun.spawn(
    [
      STRACE as string,
      "-f",
      "-q",
      "-o",
      trace,
      "-e",
      `trace=${call}`,
      "-e",
      `inject=${call}:signal=SIGKILL:when=${step}`,
      DT,
      ...args,
    ],
    {
      cwd: root.dir,
      env: { ...root.env, ...env },
      stdio: [input === undefined ? "ignore" : Bun.file(input), "ignore", "ignore"],
    },
  );
  let last: number | undefined;
  const caller = await until("strace started dt", () => {
    if (strace.exitCode !== null) return -1;
    const child = childrenOf(strace.pid).at(-1);
    // Until it is dt, it is a child by which strace tries out the kernel, or dt's own before its exec.
    if (child !== undefined) last = Number(child);
    if (child !== undefined && last !== undefined) return isStrace(last) ? null : last;
    return last !== undefined && traceOf(trace) !== "" ? last : null;
  });
  await until("the caller ended", async () => caller < 0 || !runs(caller) || (await isThrough()), 30_000);
  // A host that was killed may be noted a little later than the caller's end.
  const killed = await until("the trace tells", () => traceOf(trace).includes("killed by SIGKILL") || null, 400).catch(
    () => false,
  );
  strace.kill("SIGKILL"); // the processes that live on go on untraced
  await strace.exited;
  return killed;
}

function isStrace(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === realpathSync(STRACE as string);
  } catch {
    return true; // it has just ended
  }
}

/** "" before strace has written anything. */
function traceOf(path: string): string {
  return existsSync(path) ? readFileSync(path, "latin1") : "";
}

/** None of what has ended. */
function childrenOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean);
  } catch {
    return [];
  }
}

/**
 * Runs dt with these words, and kills the living host at its `step`-th system call `call` from now on. Returns whether
 * it was killed.
 */
export async function hostKilledAt(
  root: TestRoot,
  {
    host,
    call,
    step,
    args,
    env = {},
  }: { host: number; call: string; step: number; args: string[] } & Pick<Caller, "env">,
): Promise<boolean> {
  const trace = `${root.base}/trace`;
  rmSync(trace, { force: true });
  const words = ["-f", "-q", "-o", trace, "-e", `trace=${call}`, "-e", `inject=${call}:signal=SIGKILL:when=${step}`];
  const strace = Bun.spawn([STRACE as string, ...words, "-p", String(host)], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  const isTraced = () => /^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${host}/status`, "latin1"));
  await until("the host is traced", isTraced);
  await root.dt(args, { env, timeoutMs: 60_000 });
  const killed = traceOf(trace).includes("killed by SIGKILL");
  strace.kill("SIGKILL"); // a host that lives on goes on untraced
  await strace.exited;
  return killed;
}
