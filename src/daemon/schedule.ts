/**
 * Runs commands with a `schedule` in registered roots when they are due. A command that still runs when it is due again
 * is not run a second time.
 */
import { Cron } from "croner";
import type { Jobs, Log } from "../jobs/types.ts";
import { type Declared, declaredIn } from "../manifest/model/find.ts";
import type { ManifestIndex } from "../manifest/model/resolved.ts";
import { messageOf } from "../sys/base/error.ts";

export interface Due {
  root: string;
  key: string;
  schedule: string;
  /** ISO 8601; null when it is never due again. */
  next_at: string | null;
}

export interface Schedules {
  /** Takes its manifests as they are now; null: the root is no longer registered. */
  set(root: string, index: ManifestIndex | null): void;
  due(): Due[];
  close(): void;
}

interface Planned {
  root: string;
  key: string;
  schedule: string;
  cron: Cron;
}

export function makeSchedules(jobs: Jobs, log: Log): Schedules {
  const planned = new Map<string, Planned>();
  const running = new Set<string>();

  function plan(
    root: string,
    { declared: { key, settings }, schedule }: { declared: Declared; schedule: string },
  ): Planned {
    const cron = new Cron(schedule, { catch: (error) => log("error", messageOf(error), { root, key }) }, async () => {
      const who = `${root}\0${key}`;
      if (running.has(who)) {
        log("warn", "is due, but still runs from before: skipped", { root, key });
        return;
      }
      running.add(who);
      await jobs.run({ root, key, kind: settings.kind, target: key, source: "schedule" });
      running.delete(who);
    });
    return { root, key, schedule, cron };
  }

  return {
    set(root, index) {
      const wanted = new Map<string, [Declared, string]>();
      for (const declared of index === null ? [] : declaredIn(index))
        if (declared.settings.schedule !== null)
          wanted.set(`${root}\0${declared.key}\0${declared.settings.kind}\0${declared.settings.schedule}`, [
            declared,
            declared.settings.schedule,
          ]);
      for (const [who, { root: of, cron }] of planned)
        if (of === root && !wanted.has(who)) {
          cron.stop();
          planned.delete(who);
        }
      for (const [who, [declared, schedule]] of wanted)
        if (!planned.has(who)) planned.set(who, plan(root, { declared, schedule }));
    },
    due: () =>
      [...planned.values()].map(({ root, key, schedule, cron }) => ({
        root,
        key,
        schedule,
        next_at: cron.nextRun()?.toISOString() ?? null,
      })),
    close() {
      for (const { cron } of planned.values()) cron.stop();
      planned.clear();
    },
  };
}
