/** `--dry-run`: the exact command, its directory and the environment that dt adds. */
import { formatLines } from "../../output/lines.ts";
import { quoteCommand, showCommand, showWord } from "../../values/commandline.ts";

interface Surroundings {
  cwd: string;
  /** Null: unset. */
  added: Record<string, string | null>;
  key?: string;
  port?: number | null;
  log?: string;
}

export type Plan = Surroundings &
  ({ argv: readonly string[] } | { handler: { file: string; command: string }; args: readonly string[] });

export function formatPlan(plan: Plan, json: boolean): string {
  if (json) {
    const { added, ...rest } = plan;
    const line = "argv" in plan ? { commandLine: quoteCommand(plan.argv) } : { argv: null, commandLine: null };
    return `${JSON.stringify({ ...rest, ...line, env: added })}\n`;
  }
  const lines = [
    ...(plan.key === undefined ? [] : [`key      ${plan.key}`]),
    ...("argv" in plan ? [`command  ${showCommand(plan.argv)}`] : handlerLines(plan.handler, plan.args)),
    `cwd      ${plan.cwd}`,
    ...(plan.log === undefined ? [] : [`log      ${plan.log}`]),
    ...Object.entries(plan.added).map(([name, value]) =>
      value === null ? `unset    ${name}` : `env      ${name}=${showWord(value)}`,
    ),
  ];
  return formatLines(lines);
}

function handlerLines({ file, command }: { file: string; command: string }, args: readonly string[]): string[] {
  return [`handler  ${command} in ${file}`, ...(args.length === 0 ? [] : [`args     ${args.map(showWord).join(" ")}`])];
}
