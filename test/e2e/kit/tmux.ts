/** A real terminal, tmux, with real key presses, and more windows of it. */
import { join } from "node:path";
import { DT, type TestRoot, until } from "../../kit.ts";

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
  const windowOf = (pane: string) => {
    const screen = () => run("capture-pane", "-p", "-t", pane);
    return {
      /** As `tmux send-keys`: a name of a key is that key. */
      keys: (...keys: string[]) => run("send-keys", "-t", pane, ...keys),
      screen,
      async shows(pattern: RegExp): Promise<void> {
        await until(`the screen shows ${pattern}`, () => pattern.test(screen())).catch((error: Error) => {
          throw new Error(`${error.message}; it shows:\n${screen()}`);
        });
      },
      resize: (columns: number, rows: number) =>
        run("resize-window", "-t", pane, "-x", String(columns), "-y", String(rows)),
      /** Closes the window, as a person does with the mouse: what runs in it loses its terminal. */
      kill: () => run("kill-pane", "-t", pane),
    };
  };
  const first = run("new-session", "-d", "-P", "-F", "#{pane_id}", "-x", "80", "-y", "24", ...argv).trim();
  return {
    ...windowOf(first),
    open: (...words: string[]) => windowOf(run("new-window", "-d", "-P", "-F", "#{pane_id}", ...words).trim()),
    /** The server ends by itself with its last window. */
    close: () => void Bun.spawnSync(["tmux", "-S", socket, "kill-server"]),
  };
}
