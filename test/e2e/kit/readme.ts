/**
 * The fenced blocks of a Markdown file as examples. The words after the language say what a block is:
 *
 *   ```ts file=PATH      a file of the example's project
 *   ```console           a session: `$ ` lines are typed, what follows is printed
 *   ```sh name=NAME      a line for a newcomer, looked up by its name
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../../kit.ts";

export interface Block {
  language: string;
  file: string | undefined;
  name: string | undefined;
  lines: string[];
  /** Of the opening fence, from 1. */
  line: number;
}

/** What is typed, and what a terminal then shows. */
export interface Step {
  command: string;
  output: string;
  line: number;
}

export function readBlocks(path: string): Block[] {
  return parseBlocks(readFileSync(join(REPOSITORY, path), "utf8"));
}

export function parseBlocks(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)].map((match) => {
    const [, language = "", words = "", text = ""] = match;
    const attribute = (name: string) => new RegExp(` ${name}=(\\S+)`).exec(words)?.[1];
    return {
      language,
      file: attribute("file"),
      name: attribute("name"),
      lines: text.split("\n").slice(0, -1),
      line: markdown.slice(0, match.index).split("\n").length,
    };
  });
}

export function stepsOf(block: Block): Step[] {
  const steps: Step[] = [];
  for (const [index, line] of block.lines.entries()) {
    const last = steps.at(-1);
    if (line.startsWith("$ ")) steps.push({ command: line.slice(2), output: "", line: block.line + 1 + index });
    else if (last) last.output += `${line}\n`;
    else throw new Error(`line ${block.line + 1 + index}: a session begins with a "$ " line`);
  }
  return steps;
}

/**
 * What differs from run to run, made the same: pids, lengths of time, and the widths of columns that follow from them.
 */
export function normalize(output: string): string {
  return output
    .replace(/\b\d+(\.\d+)?(ms|s|m|h|d)\b( \d+[smh]\b)?/g, "TIME")
    .replace(/\bpid \d+/g, "pid N")
    .replace(/^(\S+:\S+ +[a-z]+ +)\d+ /gm, "$1N ")
    .replace(/ +/g, " ")
    .replace(/ $/gm, "");
}
