/** A real terminal, tmux, with real key presses. */
import { join } from "node:path";
import { DT, type TestRoot, until } from "../kit.ts";

export function startTmux(root: TestRoot, argv: string[]) {
  const socket = join(root.base, "tmux.sock");
  const run = (...words: string[]) => {
    const result = Bun.spawnSync(["tmux", "-S", socket, "-f", "/dev/null", ...words], {
      cwd: root.dir,
      env: { ...root.env, DT, PS1: "$ ", TERM: "xterm-256color" },
    });
    if (!result.success) throw new Error(`tmux ${words.join(" ")}: ${result.stderr}`);
    return result.stdout.toString();
  };
  run("new-session", "-d", "-x", "80", "-y", "24", ...argv);
  return {
    /** As `tmux send-keys`: a name of a key is that key. */
    keys: (...keys: string[]) => run("send-keys", ...keys),
    async shows(pattern: RegExp): Promise<void> {
      await until(`the screen shows ${pattern}`, () => pattern.test(run("capture-pane", "-p"))).catch(
        (error: Error) => {
          throw new Error(`${error.message}; it shows:\n${run("capture-pane", "-p")}`);
        },
      );
    },
    close: () => run("kill-server"),
  };
}
