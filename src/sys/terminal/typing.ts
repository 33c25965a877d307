/**
 * Turns off the terminal's echo while dt redraws in place, because typed characters would move what is drawn. Input
 * stays in the terminal for the next reader. Echo is on again when dt has drawn, is stopped, or is ended by a signal;
 * after SIGKILL the shell sees to that, as bash and zsh do. In the background nothing is touched. Linux only: elsewhere
 * typed characters are shown.
 */
import { isForeground, setEcho } from "./pty.ts";

const ENDING = ["SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** `fd`: the terminal. Returns a function that turns echo on again. */
export function hideTyping(fd: number): () => void {
  if (process.platform !== "linux" || !isForeground(fd)) return () => {};
  let isHidden = setEcho(fd, false);
  const show = () => {
    if (isHidden && isForeground(fd)) setEcho(fd, true);
    isHidden = false;
  };
  const end = (signal: NodeJS.Signals) => {
    stop();
    process.kill(process.pid, signal);
  };
  const pause = () => {
    show();
    process.kill(process.pid, "SIGSTOP");
  };
  const goOn = () => {
    if (isForeground(fd)) isHidden = setEcho(fd, false) || isHidden;
  };
  const stop = () => {
    show();
    for (const signal of ENDING) process.off(signal, end);
    process.off("SIGTSTP", pause);
    process.off("SIGCONT", goOn);
  };
  for (const signal of ENDING) process.on(signal, end);
  process.on("SIGTSTP", pause);
  process.on("SIGCONT", goOn);
  return stop;
}
