/**
 * `npm run picture`: runs a real session of the README's project in tmux and draws its screen to
 * docs/images/terminal.svg. Pids and times in it are those of that session.
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readBlocks } from "../e2e/kit/readme.ts";
import { DT, REPOSITORY, TestRoot, until } from "../kit.ts";
import { drawTerminal } from "./svg.ts";

const COLUMNS = 96;
const COMMANDS = [
  "dt shop dev --detach",
  "dt shop dev --detach    # again: replaces it",
  "dt ps",
  'dt shop greet "two words"',
  "dt stop shop dev",
];
const PROMPT = "\\n\\[\\e[32m\\]$\\[\\e[0m\\] ";

const root = TestRoot.create();
const socket = join(root.base, "tmux.sock");
try {
  for (const { file, lines } of readBlocks("README.md"))
    if (file !== undefined) root.write(file, `${lines.join("\n")}\n`);
  mkdirSync(join(root.base, "bin"));
  symlinkSync(DT, join(root.base, "bin/dt"));
  tmux(
    "new-session",
    "-d",
    "-x",
    String(COLUMNS),
    "-y",
    "40",
    `bash --rcfile ${root.write("../bashrc", `PS1='${PROMPT}'`)}`,
  );
  await waitForPrompts(1);
  for (const [index, command] of COMMANDS.entries()) {
    tmux("send-keys", "-l", command);
    tmux("send-keys", "Enter");
    await waitForPrompts(index + 2);
  }
  const screen = tmux("capture-pane", "-e", "-p").replace(/^\n+|\n[^\n]*\$\S*\s*$/g, "");
  writeFileSync(join(REPOSITORY, "docs/images/terminal.svg"), drawTerminal(screen, COLUMNS, "A session with dt"));
} finally {
  Bun.spawnSync(["tmux", "-S", socket, "kill-server"]);
  await root.dispose();
}

function tmux(...words: string[]): string {
  const { stdout, stderr, success } = Bun.spawnSync(["tmux", "-S", socket, "-f", "/dev/null", ...words], {
    cwd: root.dir,
    env: { ...root.env, PATH: `${root.base}/bin:/usr/bin:/bin`, TERM: "xterm-256color" },
  });
  if (!success) throw new Error(`tmux ${words[0]}: ${stderr}`);
  return stdout.toString();
}

function waitForPrompts(count: number): Promise<unknown> {
  return until(
    `prompt ${count} is there`,
    () => (tmux("capture-pane", "-p").match(/^\$( |$)/gm)?.length ?? 0) >= count,
  );
}
