/** Of a key that does not run: how and when it had ended, if that was by itself. No pid is named: by now it may be another process's. */
import { formatDuration } from "../output/time.ts";
import type { Store } from "../state/store.ts";
import type { ExitReason, ExitRecord } from "../state/types.ts";

/** Null where it never ran, or somebody ended it. */
export function hadEnded(store: Store, key: string): string | null {
  const exit = store.exit(key);
  const how = exit.is === "there" ? HOW[exit.value.reason](exit.value) : null;
  if (exit.is !== "there" || how === null) return null;
  return `${key} had already ended, ${how}, ${formatDuration(Date.now() - Date.parse(exit.value.at))} ago`;
}

const byItself = ({ code, signal }: ExitRecord) =>
  signal === null ? `exit code ${code ?? "unknown"}` : `by ${signal}`;
const bySomebody = () => null;

const HOW: Record<ExitReason, (exit: ExitRecord) => string | null> = {
  exited: byItself,
  failed: byItself,
  unknown: () => "and nobody saw how",
  "start-failed": () => "since it could not be started",
  stopped: bySomebody,
  replaced: bySomebody,
  interrupted: bySomebody,
};
