/** SIGKILL at a step: strace kills every dt process as it enters its Nth system call of a kind. */
import { readFileSync } from "node:fs";
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
  const caller = await until("strace started dt", () => {
    const children = childrenOf(strace.pid);
    return children[0] === undefined ? (strace.exitCode === null ? null : -1) : Number(children[0]);
  });
  await until("the caller ended", async () => caller < 0 || !runs(caller) || (await isThrough()), 30_000);
  // A host that was killed may be noted a little later than the caller's end.
  const killed = await until(
    "the trace tells",
    () => readFileSync(trace, "latin1").includes("killed by SIGKILL") || null,
    400,
  ).catch(() => false);
  strace.kill("SIGKILL"); // the processes that live on go on untraced
  await strace.exited;
  return killed;
}

/** None of what has ended. */
function childrenOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean);
  } catch {
    return [];
  }
}
