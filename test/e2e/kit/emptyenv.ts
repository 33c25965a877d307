/** The life of a launch as one script, to be run in environments that lack something; and how to take things away. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestRoot } from "../../kit.ts";
import { normalize } from "./readme.ts";

export const isRoot = process.getuid?.() === 0;
if (!isRoot) console.error("skipped: what takes away parts of the system needs root");

export const FILES = {
  "manifests/a.json": JSON.stringify({
    name: "a",
    commands: {
      nap: { kind: "managed", run: "echo hello; exec sleep 1000" },
      bun: { kind: "oneshot", run: ["bun", "-e", "console.log(6 * 7)"] },
    },
  }),
  "manifests/ts.ts": `import { definePlugin } from "@dialtone/dt";
export default definePlugin({ name: "ts", commands: {
  one: { kind: "oneshot", run: ["printf", "<%s>\\\\n"] },
  handler: { kind: "oneshot", handler: async (ctx) => { await ctx.exec("echo", ["from a handler"]); } },
} });
`,
};

const LIFE = [
  ["ts one 'two words'", "<two words>"],
  ["ts handler", "from a handler"],
  ["a bun", "42"],
  ["a nap -d", "a:nap:default running pid N log LOG"],
  ["ps", "KEY STATE PID UP PORTS COMMAND\na:nap:default running N TIME - sh -c 'echo hello; exec sleep 1000' sh"],
  ["logs a nap", "hello"],
  ["a nap --wait", "a:nap:default running pid N log LOG"],
  ["restart a nap", "a:nap:default running pid N log LOG"],
  ["stop --all", ""],
  ["ps", "Nothing runs here."],
] as const;

/** Each call with its code, so that one that fails is named and the launch is stopped all the same. */
export const LIFE_SCRIPT = LIFE.map(([words]) => `"$DT" ${words}; echo "=> $?"`).join("\n");
export const LIFE_ANSWER = LIFE.map(([, answer]) => `${answer === "" ? "" : `${answer}\n`}=> 0\n`).join("");

export const level = (stdout: string) => normalize(stdout).replace(/ log \S.*$/gm, " log LOG");

export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

export async function runIn(cwd: string, argv: string[], env: Record<string, string>): Promise<Answer> {
  const child = Bun.spawn(argv, { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 60_000 });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

/**
 * A script in a mount namespace of its own, after `setup` has taken something away there. The system itself keeps it.
 */
export function runWithout(
  root: TestRoot,
  setup: string,
  script: string,
  env: Record<string, string>,
): Promise<Answer> {
  const file = join(root.base, "script.sh");
  writeFileSync(file, script);
  return runIn(root.dir, ["unshare", "-m", "sh", "-ec", `${setup}\nexec sh "$0"`, file], env);
}
