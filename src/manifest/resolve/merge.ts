/**
 * Merges the layers of a command: defaults <- plugin <- command <- variant. Lists and unions are replaced, since half
 * of one `run` and half of another make no command. `env` merges by name; `logs`, `stop`, `restart` and `restartOn`
 * merge by field.
 */
import { createDefu } from "defu";
import type { Handler, ManagedFields, OneshotFields } from "../model/types.ts";

/** All fields of both kinds; the schema has already refused those of the wrong kind. */
export type Layer = Partial<ManagedFields & OneshotFields> & {
  description?: string | undefined;
  handler?: Handler | undefined;
};

export type Merged = Layer &
  Required<
    Pick<
      Layer,
      "cwd" | "env" | "envFile" | "capture" | "logs" | "stop" | "processGroup" | "needs" | "before" | "tty" | "boot"
    >
  >;

const DEFAULTS = {
  cwd: ".",
  env: {},
  envFile: [] as string[],
  capture: false,
  logs: { keep: 5, maxSize: "none" },
  stop: { signal: "SIGTERM", timeout: "10s", spare: [] as string[] },
  processGroup: true,
  needs: [] as NonNullable<Layer["needs"]>,
  before: [] as string[],
  tty: false,
  boot: false,
} as const satisfies Layer | Record<string, unknown>;

const WHOLE = new Set(["run", "ready", "alive", "port", "envFile", "compose"]);

const mergeLayers = createDefu((lower: Record<string, unknown>, key, value) => {
  const name = key as string;
  if (name === "env") {
    // merged here, since defu skips `null`, which removes a variable, and the name `constructor`
    lower[name] = { ...(lower[name] as object | undefined), ...(value as object) };
    return true;
  }
  if (name === "restart") {
    // the name of a policy means an object with that policy alone
    lower[name] = { ...restartFields(lower[name]), ...restartFields(value) };
    return true;
  }
  if (!WHOLE.has(name) && !Array.isArray(value)) return false;
  lower[name] = value;
  return true;
});

function restartFields(value: unknown): object {
  return typeof value === "string" ? { policy: value } : ((value ?? {}) as object);
}

/** The settings as written, highest layer first. */
export function mergeFields(...layers: Layer[]): Merged {
  return mergeLayers({}, ...layers, DEFAULTS) as Merged;
}
