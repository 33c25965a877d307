/** Asks dt, as anybody may: `dt list` and `dt ps`, as JSON. What manifests and records say is made visible before anything shows it. */
import { visible } from "@dialtone/dt";
import type { Listed, Row } from "./types.ts";

/** A manifest that hangs takes dt its own time limit to give up on. */
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
