/** What is asked for of a one-shot that dt runs itself, and its end. No code in this file. */
import type { OneshotSettings } from "../../manifest/model/resolved.ts";
import type { Asker, ExitRecord } from "../../state/types.ts";
import type { Inherited } from "../../sys/inherit/inherited.ts";
import type { Report, Ticket } from "../launch/types.ts";
import type { StartOfTask } from "../task/note.ts";

/** A one-shot to run, as plain JSON. */
export interface TaskSpec {
  key: string;
  plugin: string;
  command: string;
  variant: string;
  /** The manifest. Its content counts as an input if a handler has `inputs`. */
  file: string;
  settings: OneshotSettings;
  env: Record<string, string>;
  asker: Asker;
  /** What its processes inherit from the asker; absent: what this process passes on. */
  inherits?: Inherited | undefined;
  /** Keys whose starts wait for it. Default: none. */
  dependents?: string[];
  /** With it, a stop of its own key calls it off. */
  ticket?: Ticket;
  /** Run it even if its inputs are unchanged. */
  force: boolean;
  /** Called when it is not skipped. */
  onBegin?: () => void;
  /**
   * Gets the reason why it is not skipped, now or the next time, although it has `inputs`; a sentence without a full
   * stop.
   */
  onReason?: (why: string) => void;
}

export type TaskEnd = { is: "unchanged"; since: string } | { is: "ended"; exit: ExitRecord };

export interface TaskRequest {
  spec: TaskSpec;
  /** The starts that were asked for and that it runs for. When all are called off, it does not begin. */
  wantedBy: readonly StartOfTask[];
  report: Report;
  signal?: AbortSignal | undefined;
  /** How long it may take to end after SIGINT when it is cancelled, in milliseconds. Default: 10 s. */
  cancelMs?: number | undefined;
}
