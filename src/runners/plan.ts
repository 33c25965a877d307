/** `--dry-run`: the exact command, directory and the environment dt adds. */
import { quoteCommand, quoteWord } from "../output/shell.ts";

export interface Plan {
  argv: readonly string[];
  cwd: string;
  /** Null: removed. */
  added: Record<string, string | null>;
  key?: string;
  port?: number | null;
  log?: string;
}

export function formatPlan(plan: Plan, json: boolean): string {
  if (json) {
    const { added, ...rest } = plan;
    return `${JSON.stringify({ ...rest, commandLine: quoteCommand(plan.argv), env: added })}\n`;
  }
  const lines = [
    ...(plan.key === undefined ? [] : [`key      ${plan.key}`]),
    `command  ${quoteCommand(plan.argv)}`,
    `cwd      ${plan.cwd}`,
    ...(plan.log === undefined ? [] : [`log      ${plan.log}`]),
    ...Object.entries(plan.added).map(([name, value]) =>
      value === null ? `unset    ${name}` : `env      ${name}=${quoteWord(value)}`,
    ),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
