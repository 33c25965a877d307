/** The process that a detached launch is tied to: when that very process is gone, the launch is stopped. */
import type { Owner } from "../../state/types.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { identify, isOver, type ProcessEntry, type ProcessTable, presenceOf } from "../../sys/process/identity.ts";
import { FLAG } from "../../sys/text/flags.ts";
import type { Ground } from "../launch/types.ts";
import type { Host, HostedRun } from "../run/types.ts";

/** Programs that only run another one: the user means none of them by an agent. */
const PASSERS_ON = new Set(
  "sh bash zsh dash ksh fish busybox env timeout nice nohup setsid sudo su xargs script stdbuf time make just npm npx pnpm yarn".split(
    " ",
  ),
);

/**
 * `shell`: the leader of the session that dt runs in, or dt's parent if that leader is no ancestor. `agent`: the
 * nearest ancestor that is more than a shell or a wrapper. Throws `no-owner` when there is no such process.
 */
export function findOwner(table: ProcessTable, word: string): Owner {
  const entry = word === "shell" ? findShell(table) : word === "agent" ? findAgent(table) : findPid(table, word);
  if (entry === null || isOver(entry)) {
    throw new DtError(
      "no-owner",
      `${FLAG.owner} ${word}: there is no such process${/^\d+$/.test(word) ? "" : " above this one"}.`,
      {
        status: EXIT.usage,
        hint: `${FLAG.owner} takes a pid, \`shell\` (the shell this is run from) or \`agent\` (the program this is run by).`,
      },
    );
  }
  return { ...identify(table, entry), command: table.commandLineOf(entry.pid) };
}

function findPid(table: ProcessTable, word: string): ProcessEntry | null {
  return /^\d+$/.test(word) && Number(word) > 0 ? table.entry(Number(word)) : null;
}

function* ancestors(table: ProcessTable): Generator<ProcessEntry> {
  for (let entry = table.entry(process.ppid); entry !== null && entry.pid > 1; entry = table.entry(entry.ppid))
    yield entry;
}

function findShell(table: ProcessTable): ProcessEntry | null {
  const session = table.entry(process.pid)?.sid;
  const all = [...ancestors(table)];
  return all.find(({ pid }) => pid === session) ?? all[0] ?? null;
}

function findAgent(table: ProcessTable): ProcessEntry | null {
  return [...ancestors(table)].find(({ comm }) => !PASSERS_ON.has(comm)) ?? null;
}

/** How late the owner's end is noticed, in milliseconds. */
const LOOK_EVERY_MS = 500;

/** A process in another pid namespace is unknown here, and unknown is not gone. */
export function isOwnerGone({ table }: Ground, { record }: HostedRun): boolean {
  return record.owner !== undefined && presenceOf(table, record.owner) === "gone";
}

export const OWNER_GONE = { is: "terminate", by: "owner", signal: "SIGTERM" } as const;

export function watchOwner({ ground, control }: Host, run: HostedRun): void {
  if (run.record.owner === undefined) return;
  const timer = setInterval(() => {
    if (!isOwnerGone(ground, run)) return;
    clearInterval(timer);
    control.ask(OWNER_GONE);
  }, LOOK_EVERY_MS);
  run.over.signal.addEventListener("abort", () => clearInterval(timer));
}
