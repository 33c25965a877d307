/** One call of Compose, or of the engine's client: run to its end, and its failure as an error with what it printed. */
import { existsSync } from "node:fs";
import { DtError, EXIT } from "../sys/base/error.ts";
import { bunSpawn } from "../sys/spawn/bunspawn.ts";
import { typedKey } from "../values/key.ts";
import type { EngineEnvironment } from "./types.ts";

/** What was being done, the command line that failed, and what it printed. */
export interface FailedCall {
  key: string;
  doing: "start" | "stop";
  argv: readonly string[];
  code: number;
  words: string;
  /** Default: what usually helps with what was being done. */
  hint?: string;
}

export function composeError({ key, doing, argv, code, words, hint }: FailedCall): DtError {
  const said = words.trim() === "" ? [] : words.trim().split("\n").slice(-SAID_LINES);
  return new DtError(
    doing === "stop" ? "teardown" : "compose",
    `${typedKey(key)}: ${doing}: \`${argv.join(" ")}\` ended with code ${code}${said.length === 0 ? "." : ":"}`,
    {
      lines: said.map((line) => `  ${line}`),
      status: doing === "stop" ? EXIT.survivors : EXIT.failed,
      hint: hint ?? HINTS[doing],
    },
  );
}

const HINTS = {
  start: "Fix what Compose reports, then start it again.",
  stop: "Fix that and run the stop again; a missing variable can be set for that one call.",
};

const SAID_LINES = 10;

export interface ComposePlace {
  cwd: string;
  env: EngineEnvironment;
}

export async function callCompose(argv: string[], { cut, env, cwd }: { cut?: AbortSignal | undefined } & ComposePlace) {
  const program = Bun.which(argv[0] as string, { PATH: env.PATH ?? "" });
  if (program === null) return { code: EXIT.notFound, out: "", err: `there is no ${argv[0]} in PATH`, cut: false };
  const child = bunSpawn([program, ...argv.slice(1)], {
    env,
    cwd: existsSync(cwd) ? cwd : "/",
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // In a session of its own, so that Ctrl-C does not end the teardown that it requested.
    detached: true,
  });
  const kill = () => child.kill("SIGKILL");
  cut?.addEventListener("abort", kill, { once: true });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  cut?.removeEventListener("abort", kill);
  return { code, out, err, cut: cut?.aborted === true };
}
