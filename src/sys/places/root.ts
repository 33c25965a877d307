/**
 * Finds the project root and judges who owns it. As git does with `safe.directory`, dt judges the owner before anything
 * in a root reaches PATH or is run: a root that another user planted in a directory above is skipped, and a tree that
 * is wholly another user's is one question with one answer.
 *
 * Known limits: groups and ACLs are not judged. In a user namespace that does not map root, the owner of `/` stands for
 * root among the directories above.
 */
import { realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DtError, EXIT } from "../base/error.ts";
import { notTextError, removedError, resolveFrom } from "../base/here.ts";
import { linkStatOf, statOf } from "../base/stat.ts";
import { FLAG } from "../text/flags.ts";
import { quotePath } from "../text/quote.ts";
import { type FolderOwnership, judgeManifestFolder } from "./manifestfolder.ts";

export interface RootRequest {
  /** `-C DIR`. */
  directory?: string | undefined;
  /** Null: it was removed. */
  cwd: string | null;
  env: Record<string, string | undefined>;
  /** The owner that the user accepted for this root (`dt trust --owner`); null when none was. Default: none. */
  acceptedOwner?: (root: string) => number | null;
  /** Called for each root that is skipped, with the reason. */
  onPassed?: (text: string) => void;
}

const MANIFESTS = "manifests";
/** When `manifests/` is gone (on another branch, say), what was started must still be seen and stopped. */
const STATE = ".dialtone/run";

/** Accepts the owner for one call. */
const ACCEPT = "DIALTONE_TRUST_OWNER";

/**
 * The nearest ancestor with a `manifests/` folder of dt's: of `-C DIR` if given, else of the working directory, else of
 * `DIALTONE_ROOT`. Null when there is none. Throws when it belongs to another user who was not accepted, and when the
 * working directory is needed but was removed.
 */
export function findRoot(request: RootRequest): string | null {
  const { directory, cwd, env } = request;
  if (directory !== undefined) {
    const start = resolveFrom(cwd, directory);
    if (!statOf(start)?.isDirectory()) {
      throw new DtError("no-root", `${start} is not a directory.`, { status: EXIT.usage });
    }
    return nearestRoot(start, { holding: MANIFESTS, request }) ?? nearestRoot(start, { holding: STATE, request });
  }
  const named = () =>
    env.DIALTONE_ROOT ? nearestRoot(resolveFrom(cwd, env.DIALTONE_ROOT), { holding: MANIFESTS, request }) : null;
  if (cwd === null) {
    const root = named();
    if (root === null) throw removedError();
    return root;
  }
  return nearestRoot(cwd, { holding: MANIFESTS, request }) ?? named() ?? nearestRoot(cwd, { holding: STATE, request });
}

/** Whether this very directory is a project: false once it, or what makes it a project, was removed. */
export function isRootThere(root: string): boolean {
  return [MANIFESTS, STATE].some((holding) => statOf(join(root, holding))?.isDirectory() === true);
}

/** The root that `findRoot` would judge, whatever its owner: for `dt trust --owner`. */
export function nearestCandidate(start: string): string | null {
  return candidateAt(start, MANIFESTS) ?? candidateAt(start, STATE);
}

function candidateAt(start: string, holding: string): string | null {
  for (let directory = start; ; directory = dirname(directory)) {
    if (statOf(join(directory, holding))?.isDirectory()) return realpathSync(directory);
    if (dirname(directory) === directory) return null;
  }
}

/** Throws when a nearer project has a path that is not text, instead of skipping it for one above. */
function refuseRaw(start: string, holding: string): void {
  // Not with `node:path`, which loses these bytes.
  for (let directory = start; !directory.isWellFormed(); directory = directory.slice(0, directory.lastIndexOf("/"))) {
    const { bytesOf } = require("../base/rawbytes.ts") as typeof import("../base/rawbytes.ts");
    const inside = Buffer.from(bytesOf(`${directory}/${holding}`));
    if (statSync(inside, { throwIfNoEntry: false })?.isDirectory()) throw notTextError(directory);
  }
}

function nearestRoot(start: string, { holding, request }: { holding: string; request: RootRequest }): string | null {
  refuseRaw(start, holding);
  /** The nearest folder that may be a project, used when none above is one. */
  let unclear: string | null = null;
  for (let from = start; ; from = dirname(from)) {
    const root = candidateAt(from, holding);
    if (root === null) return unclear;
    const folder: FolderOwnership = holding === MANIFESTS ? judgeManifestFolder(join(root, holding)) : { is: "own" };
    if (folder.is === "foreign")
      request.onPassed?.(
        `${join(root, holding)} is skipped: it belongs to another tool (${folder.file} is for ${folder.of})`,
      );
    else if ((folder.is === "own" || unclear === null) && isToBeUsed(root, { holding, start, request })) {
      if (folder.is === "own") {
        if (unclear !== null)
          request.onPassed?.(`${join(unclear, holding)} is skipped: nothing in it is a dt manifest`);
        return root;
      }
      unclear = root;
    }
    // Skipped: the search goes on above it, along the path that led here.
    while (realpathSync(from) !== root) from = dirname(from);
    if (dirname(from) === from) return unclear;
  }
}

/** False: skip it. Throws when the user has to decide. */
function isToBeUsed(
  root: string,
  { holding, start, request }: { holding: string; start: string; request: RootRequest },
): boolean {
  const { env } = request;
  const own = ownUids(env);
  const strangers = ownersOf(root, holding).filter((uid) => !own.includes(uid));
  const [stranger] = strangers;
  if (stranger === undefined) {
    if (isSet(env.CI) || env.DIALTONE_TRUST === "1" || env[ACCEPT] === "1") return true;
    const exposed = exposureOf(root, own);
    // The accepted owner is looked up last: most roots raise no question.
    if (exposed === null || (request.acceptedOwner?.(root) ?? null) !== null) return true;
    throw question(root, `lies below ${exposed}`);
  }
  const accepted = request.acceptedOwner?.(root) ?? null;
  if (strangers.every((uid) => uid === accepted)) return true;
  const standsInTheirs = strangers.every((uid) => uid === statOf(start)?.uid);
  if (standsInTheirs && env[ACCEPT] === "1") return true;
  const text = `belongs to uid ${stranger}, ${strangerTo(process.geteuid?.())}`;
  if (standsInTheirs) throw question(root, text);
  request.onPassed?.(
    `${root} is skipped: ${text}; if you trust what is there: \`dt trust ${FLAG.owner} ${quotePath(root)}\``,
  );
  return false;
}

/** The other user, by uid, who owns an accepted root; null when it is the user's own. */
export function otherOwnerOf(root: string, env: RootRequest["env"]): number | null {
  const own = ownUids(env);
  return ownersOf(root, MANIFESTS).find((uid) => !own.includes(uid)) ?? null;
}

/** The owners of the folder, of what makes it a root, and of a link in its place. */
function ownersOf(root: string, holding: string): number[] {
  const inside = join(root, holding);
  const stats = [statOf(root), statOf(inside), linkStatOf(inside)];
  return [...new Set(stats.flatMap((stat) => (stat === undefined ? [] : [stat.uid])))];
}

/** The user, root, and the caller of sudo: root by sudo trusts its caller, as git does. */
export function ownUids(env: RootRequest["env"]): number[] {
  const me = process.geteuid?.() ?? 0;
  return me === 0 && env.SUDO_UID && /^\d+$/.test(env.SUDO_UID) ? [0, Number(env.SUDO_UID)] : [me, 0];
}

/** Root itself is not named twice. */
export function strangerTo(uid: number | undefined): string {
  return uid === 0 ? "not to you (uid 0)" : `neither to you (uid ${uid}) nor to root`;
}

const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;

/**
 * A directory above in which another user may put another folder in the root's place, with the reason; null when there
 * is none.
 */
function exposureOf(root: string, own: readonly number[]): string | null {
  const system = statSync("/").uid;
  for (let directory = root; dirname(directory) !== directory; ) {
    directory = dirname(directory);
    const stat: Stats | undefined = statOf(directory);
    if (stat === undefined) continue;
    if (!own.includes(stat.uid) && stat.uid !== system) return `${directory}, which belongs to uid ${stat.uid}`;
    if ((stat.mode & WRITABLE_BY_ALL) !== 0 && (stat.mode & STICKY) === 0)
      return `${directory}, where every user of this machine may rename files (mode ${(stat.mode & 0o7777).toString(8)})`;
  }
  return null;
}

function question(root: string, because: string): DtError {
  const path = quotePath(root);
  return new DtError("foreign-owner", `${root} ${because}, so dt uses nothing in it.`, {
    status: EXIT.usage,
    hint: [
      `If you trust what is there: dt trust ${FLAG.owner} ${path} (for one call: ${ACCEPT}=1 dt …)`,
      `To make it yours instead: chown -R ${process.geteuid?.() ?? 0} ${path}`,
    ].join("\n"),
    details: { root },
  });
}

/** Whether a yes-or-no variable says yes: not empty, `0` or `false`. */
export function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "false" && value !== "0";
}
