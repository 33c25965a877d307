/**
 * Asking a living host to restart its launch: a request file (0600, with a nonce and the asker's environment), a signal, and
 * an answer in a reply file. Who renames the request away owns it: the host that claims it, or the asker that gives up, never both.
 */
import { renameSync } from "node:fs";
import type { LaunchRecord } from "../state/types.ts";
import { errnoOf } from "../sys/error.ts";
import { readJson, removeFile, writeJson } from "../sys/files.ts";
import { presenceOf } from "../sys/identity.ts";
import { signalNumber } from "../sys/signals.ts";
import { errorOf, failureOf } from "./detach.ts";
import type { HostRequest } from "./host.ts";
import type { FailureReport, Ground, LaunchSpec } from "./types.ts";

export const RESTART_SIGNAL = "SIGUSR2";

interface RequestFile {
  version: 1;
  nonce: string;
  spec: LaunchSpec;
}

interface ReplyFile {
  version: 1;
  nonce: string;
  state: "claimed" | "done" | "failed";
  error: FailureReport | null;
}

/** How long a host may take to claim a request; a busy machine's host takes milliseconds. */
const CLAIM_MS = 1500;

export type RestartAnswer = "restarted" | "no-answer";

/** Throws what the host could not do; `no-answer` means: go on as if there were no host. */
export async function askRestart(ground: Ground, record: LaunchRecord, spec: LaunchSpec): Promise<RestartAnswer> {
  const { store, table } = ground;
  const nonce = crypto.randomUUID();
  const request = store.path(record.key, "request");
  const reply = store.path(record.key, "reply");
  writeJson(request, { version: 1, nonce, spec } satisfies RequestFile);
  if (table.signal(record.host, signalNumber(RESTART_SIGNAL) as number) !== "sent") {
    removeFile(request);
    return "no-answer";
  }
  const deadline = performance.now() + CLAIM_MS;
  for (;;) {
    const answer = readJson(reply, (value) => value as ReplyFile);
    if (answer.is === "there" && answer.value.nonce === nonce) {
      if (answer.value.state === "done") return "restarted";
      if (answer.value.error !== null) throw errorOf(answer.value.error);
      if (presenceOf(table, record.host) !== "alive") return "no-answer";
    } else if (performance.now() > deadline || presenceOf(table, record.host) !== "alive") {
      if (claim(request, `${request}.withdrawn`)) {
        removeFile(`${request}.withdrawn`);
        return "no-answer";
      }
      if (presenceOf(table, record.host) !== "alive") return "no-answer";
    }
    await Bun.sleep(3);
  }
}

/** The host's side, on the signal. */
export function claimRequests(ground: Ground, key: string, push: (request: HostRequest) => void): void {
  const { store } = ground;
  const request = store.path(key, "request");
  const claimed = `${request}.claimed`;
  if (!claim(request, claimed)) return;
  const read = readJson(claimed, (value) => value as RequestFile);
  removeFile(claimed);
  if (read.is !== "there") return;
  const { nonce, spec } = read.value;
  const reply = (state: ReplyFile["state"], error: FailureReport | null) =>
    writeJson(store.path(key, "reply"), { version: 1, nonce, state, error } satisfies ReplyFile);
  reply("claimed", null);
  push({
    is: "restart",
    spec,
    done: (error) => reply(error === null ? "done" : "failed", error === null ? null : failureOf(error)),
  });
}

function claim(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}
