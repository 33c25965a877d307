/**
 * Asks dt the way any program can: `dt list` and `dt ps`, as JSON. Control and invisible characters in the texts of
 * manifests and records are made visible before anything shows them.
 */
import { visible } from "@dialtone/dt";
import type { Listed, Row } from "./types.ts";

/** Long enough for dt to give up on manifests that hang, which takes its own time limit. */
const LIMIT_MS = 30_000;

async function askDt(args: string[]): Promise<unknown> {
  const child = Bun.spawn(["dt", ...args, "--json"], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  try {
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) !== 0)
      throw new Error(
        `dt ${args.join(" ")} ended with ${child.exitCode ?? child.signalCode}: ${visible(stderr.trim(), { lines: true })}`,
      );
    return JSON.parse(stdout, (_name, value) => (typeof value === "string" ? visible(value, { lines: true }) : value));
  } finally {
    clearTimeout(timer);
  }
}

export async function askList(): Promise<Listed> {
  return (await askDt(["list"])) as Listed;
}

export async function askRows(): Promise<Row[]> {
  return (await askDt(["ps", "--all"])) as Row[];
}
