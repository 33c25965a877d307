/**
 * Asks a living host to restart its launch: by a request file (0600, in the user's home, with a nonce and the asker's
 * environment), a signal, and a reply file named by that nonce. The process that renames the request away owns it: the
 * host that claims it, or the asker that gives up, never both. If many ask at once, each waits until the request before
 * its own is claimed.
 */
import { linkSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { LaunchRecord } from "../../state/types.ts";
import { sha256 } from "../../sys/base/digest.ts";
import { errnoOf } from "../../sys/base/error.ts";
import { signalNumber } from "../../sys/base/signals.ts";
import { statOf } from "../../sys/base/stat.ts";
import { temporaryName } from "../../sys/door/temporaryname.ts";
import { createFile } from "../../sys/files/filewrite.ts";
import { removeFile, tryUnlink } from "../../sys/files/removal.ts";
import { writeError } from "../../sys/files/writeerror.ts";
import { ownBlocked } from "../../sys/inherit/blocked.ts";
import { ownInheritance, unlikeness } from "../../sys/inherit/inheritance.ts";
import { type Inherited, readInherited } from "../../sys/inherit/inherited.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { readSealed, writeSealed } from "../../sys/seal/sealed.ts";
import { findVault, makeVault, type Vault } from "../../sys/seal/vault.ts";
import { toError, toFailure } from "../launch/failure.ts";
import type { FailureReport, Ground, LaunchSpec } from "../launch/types.ts";
import type { HostRequest } from "../run/types.ts";

export const RESTART_SIGNAL = "SIGUSR2";

interface RequestFile {
  version: 1;
  nonce: string;
  spec: LaunchSpec;
  /** The signals that the asker has blocked, as in `Inherited`. */
  blocked: string;
}

interface ReplyFile {
  version: 1;
  nonce: string;
  /** `done`: it was restarted. `unlike`: this host cannot start it as its asker would. */
  state: "claimed" | "done" | "joined" | "failed" | "unlike";
  error: FailureReport | null;
}

/** How long a host may take to claim a request, in milliseconds. It takes milliseconds even on a busy machine. */
const CLAIM_MS = 1500;

/** `unlike`: the host lives, and cannot start the launch as its asker would. */
export type RestartOutcome = "restarted" | "joined" | "no-answer" | "unlike";

/** How long a claimed request may be without a reply, in milliseconds: between the host's rename and its write. */
const REPLY_MS = 1000;

/** Throws the host's error. `no-answer`: go on as if there were no host. */
export async function askRestart(
  ground: Ground,
  { record, spec }: { record: LaunchRecord; spec: LaunchSpec },
): Promise<RestartOutcome> {
  const { table } = ground;
  const nonce = crypto.randomUUID().replaceAll("-", "");
  const vault = makeVault(ground.home, ground.store.directory);
  const request = requestPath(vault, { ground, key: record.key });
  const reply = replyPath(request, { spec, nonce });
  await publish(vault, { request, content: { version: 1, nonce, spec, blocked: ownBlocked() } });
  if (table.signal(record.host, signalNumber(RESTART_SIGNAL) as number) !== "sent") {
    withdraw(vault, { request, nonce });
    return "no-answer";
  }
  const deadline = performance.now() + CLAIM_MS;
  try {
    for (;;) {
      const isAlive = presenceOf(table, record.host) === "alive";
      const answer = readSealed(reply, { seal: vault.seal, check: (value) => value as ReplyFile });
      if (answer.is === "there") {
        const { state } = answer.value;
        if (state === "done") return "restarted";
        if (state === "joined" || state === "unlike") return state;
        if (answer.value.error !== null) throw toError(answer.value.error);
        if (!isAlive) return "no-answer";
      } else if (!isAlive || performance.now() > deadline) {
        if (withdraw(vault, { request, nonce }) || !isAlive || performance.now() > deadline + REPLY_MS)
          return "no-answer";
      }
      await Bun.sleep(3);
    }
  } finally {
    removeFile(reply);
  }
}

/**
 * Waits until the request before its own is claimed, and replaces one that no host claims in time: its asker was
 * killed, or the host does not answer. Among many askers, each one that is claimed begins the time again.
 */
async function publish(
  { seal }: Vault,
  { request, content }: { request: string; content: RequestFile },
): Promise<void> {
  const temporary = temporaryName(request);
  try {
    createFile(temporary, { text: seal.close(request, content) });
  } catch (error) {
    throw writeError(request, { cause: error });
  }
  try {
    let deadline = performance.now() + CLAIM_MS;
    let before: number | undefined;
    while (performance.now() < deadline) {
      if (isLinked(temporary, request)) return;
      const inTheWay = statOf(request)?.ino;
      if (inTheWay !== before) deadline = performance.now() + CLAIM_MS;
      before = inTheWay;
      await Bun.sleep(3);
    }
    renameSync(temporary, request);
  } finally {
    tryUnlink(temporary);
  }
}

/** False while another request is there. On a file system without hard links, that one is replaced. */
function isLinked(temporary: string, request: string): boolean {
  try {
    linkSync(temporary, request);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    renameSync(temporary, request);
  }
  return true;
}

/** Takes back an unclaimed request. False when it is no longer there, or belongs to another asker. */
function withdraw({ seal }: Vault, { request, nonce }: { request: string; nonce: string }): boolean {
  const withdrawn = temporaryName(request);
  const there = readSealed(request, { seal, check: (value) => value as RequestFile });
  if (there.is !== "there" || there.value.nonce !== nonce || !claim(request, withdrawn)) return false;
  removeFile(withdrawn);
  return true;
}

/** One for each key in each run directory. */
function requestPath({ directory }: Vault, { ground: { store }, key }: { ground: Ground; key: string }): string {
  return join(directory, `${sha256(`${store.directory}\0${key}`).slice(0, 32)}.request`);
}

/** Named like a temporary file, so that what a killed asker leaves is removed. */
function replyPath(request: string, { spec: { asker }, nonce }: { spec: LaunchSpec; nonce: string }): string {
  return join(dirname(request), `.${basename(request)}.reply.${asker.pid}.${nonce}.tmp`);
}

/** The host's side, on the signal. */
export function claimRequests(
  ground: Ground,
  { key, push }: { key: string; push: (request: HostRequest) => void },
): void {
  const vault = findVault(ground.home, ground.store.directory);
  const request = requestPath(vault, { ground, key });
  const claimed = temporaryName(request);
  if (!claim(request, claimed)) return;
  const read = readSealed(claimed, { seal: vault.seal, check: (value) => value as RequestFile, as: request });
  removeFile(claimed);
  if (read.is !== "there") return;
  const { nonce, spec, blocked } = read.value;
  const reply = (state: ReplyFile["state"], error: FailureReport | null) => {
    try {
      const answer: ReplyFile = { version: 1, nonce, state, error };
      writeSealed(replyPath(request, { spec, nonce }), { seal: vault.seal, value: answer });
    } catch {
      // a full disk: the launch matters more, and an asker without an answer goes on as if there were no host
    }
  };
  const inherits = inheritedFor(ground, { spec, blocked });
  if (inherits === "unlike") {
    reply("unlike", null);
    return;
  }
  reply("claimed", null);
  push({
    is: "restart",
    spec: { ...spec, inherits },
    done: (answer) =>
      reply(answer.is === "restarted" ? "done" : answer.is, answer.is === "failed" ? toFailure(answer.error) : null),
  });
}

/**
 * What a restart's processes inherit: from the person who asks. Its asker waits, so it can be read. A host in a
 * terminal restarts its launch all the same, as far as it can: the terminal goes on showing it.
 */
function inheritedFor(
  { shared }: Ground,
  { spec: { asker }, blocked }: Pick<RequestFile, "spec" | "blocked">,
): Inherited | undefined | "unlike" {
  const seen = readInherited(asker.pid);
  const inherits = seen === null ? undefined : { ...seen, blocked };
  const own = ownInheritance();
  const isUnlike = inherits !== undefined && own !== null && unlikeness(inherits, own) !== null;
  return isUnlike && shared === true ? "unlike" : inherits;
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
