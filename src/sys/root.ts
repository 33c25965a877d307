/**
 * The project root, and whose it is. As git does with `safe.directory`, dt judges the owner of a root before anything in it reaches PATH or is run: what
 * somebody planted in a directory above is passed by, and a tree that is wholly another user's is one question with one answer.
 *
 * Known limits: groups and ACLs are not judged. In a user namespace that does not map root, whoever owns `/` stands for root among the directories above.
 */
import { realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DtError, EXIT } from "./error.ts";
import { notTextError, removedError, resolveFrom } from "./here.ts";
import { judgeManifestFolder, type Ownership } from "./manifestfolder.ts";
import { quotePath } from "./quote.ts";
import { linkStatOf, statOf } from "./stat.ts";

export interface RootRequest {
  /** `-C DIR`. */
  directory?: string | undefined;
  /** Null: it was removed. */
  cwd: string | null;
  env: Record<string, string | undefined>;
  /** The owner whom the user accepted for this root (`dt trust --owner`); null when nobody was. Default: nobody. */
  acceptedOwner?: (root: string) => number | null;
  /** Hears of each place that is passed by, and why. */
  onPassed?: (text: string) => void;
}

const MANIFESTS = "manifests";
/** Where `manifests/` is gone (another branch, say), what was started must still be seen and stopped. */
const STATE = ".dialtone/run";

/** Answers the question about the owner for one call. */
const ACCEPT = "DIALTONE_TRUST_OWNER";

/**
 * The nearest ancestor that holds a folder `manifests/` of dt's: of `-C DIR` if given, else of the working directory, else `DIALTONE_ROOT`. Null when
 * there is none. Throws when it belongs to another user whom nobody accepted, and when the working directory is needed but was removed.
 */
export function findRoot(request: RootRequest): string | null {
  const { directory, cwd, env } = request;
  if (directory !== undefined) {
    const start = resolveFrom(cwd, directory);
    if (!statOf(start)?.isDirectory()) {
      throw new DtError("no-root", `-C ${directory}: ${start} is not a directory.`, { status: EXIT.usage });
    }
    return nearestRoot(start, MANIFESTS, request) ?? nearestRoot(start, STATE, request);
  }
  const named = () => (env.DIALTONE_ROOT ? nearestRoot(resolveFrom(cwd, env.DIALTONE_ROOT), MANIFESTS, request) : null);
  if (cwd === null) {
    const root = named();
    if (root === null) throw removedError();
    return root;
  }
  return nearestRoot(cwd, MANIFESTS, request) ?? named() ?? nearestRoot(cwd, STATE, request);
}

/** Whether a project is at this very directory: no longer when it was removed, or as soon as what makes it one was. */
export function isRootThere(root: string): boolean {
  return [MANIFESTS, STATE].some((holding) => statOf(join(root, holding))?.isDirectory() === true);
}

/** The root that `findRoot` would judge, whoever owns it: for `dt trust --owner`. */
export function nearestCandidate(start: string): string | null {
  return candidateAt(start, MANIFESTS) ?? candidateAt(start, STATE);
}

function candidateAt(start: string, holding: string): string | null {
  for (let directory = start; ; directory = dirname(directory)) {
    if (statOf(join(directory, holding))?.isDirectory()) return realpathSync(directory);
    if (dirname(directory) === directory) return null;
  }
}

/** A project that lies nearer than one whose path is text is not passed by for that one. */
function refuseRaw(start: string, holding: string): void {
  // By hand: `node:path` loses these bytes.
  for (let directory = start; !directory.isWellFormed(); directory = directory.slice(0, directory.lastIndexOf("/"))) {
    const { bytesOf } = require("./raw.ts") as typeof import("./raw.ts");
    const inside = Buffer.from(bytesOf(`${directory}/${holding}`));
    if (statSync(inside, { throwIfNoEntry: false })?.isDirectory()) throw notTextError(directory);
  }
}

function nearestRoot(start: string, holding: string, request: RootRequest): string | null {
  refuseRaw(start, holding);
  /** The nearest that may be a project, should none above be one. */
  let unclear: string | null = null;
  for (let from = start; ; from = dirname(from)) {
    const root = candidateAt(from, holding);
    if (root === null) return unclear;
    const folder: Ownership = holding === MANIFESTS ? judgeManifestFolder(join(root, holding)) : { is: "own" };
    if (folder.is === "foreign")
      request.onPassed?.(
        `${join(root, holding)} is passed by: it is of another tool, ${folder.file} is of ${folder.of}`,
      );
    else if ((folder.is === "own" || unclear === null) && isToBeUsed(root, holding, start, request)) {
      if (folder.is === "own") {
        if (unclear !== null)
          request.onPassed?.(`${join(unclear, holding)} is passed by: nothing in it is a manifest of dt`);
        return root;
      }
      unclear = root;
    }
    // Passed by: what lies above it is looked at next, by the path that led here.
    while (realpathSync(from) !== root) from = dirname(from);
    if (dirname(from) === from) return unclear;
  }
}

/** False when it is passed by. Throws when it is a question. */
function isToBeUsed(root: string, holding: string, start: string, request: RootRequest): boolean {
  const { env } = request;
  const own = ownUids(env);
  const strangers = ownersOf(root, holding).filter((uid) => !own.includes(uid));
  const [stranger] = strangers;
  if (stranger === undefined) {
    if (isSet(env.CI) || env.DIALTONE_TRUST === "1" || env[ACCEPT] === "1") return true;
    const exposed = exposureOf(root, own);
    // What the person accepted is looked up last: most roots raise no question.
    if (exposed === null || (request.acceptedOwner?.(root) ?? null) !== null) return true;
    throw question(root, `lies below ${exposed}`);
  }
  const accepted = request.acceptedOwner?.(root) ?? null;
  if (strangers.every((uid) => uid === accepted)) return true;
  const standsInTheirs = strangers.every((uid) => uid === statOf(start)?.uid);
  if (standsInTheirs && env[ACCEPT] === "1") return true;
  const text = `belongs to uid ${stranger}, neither to you (uid ${process.geteuid?.()}) nor to root`;
  if (standsInTheirs) throw question(root, text);
  request.onPassed?.(
    `${root} is passed by: ${text}; if you trust what is there: \`dt trust --owner ${quotePath(root)}\``,
  );
  return false;
}

/** The other user to whom a root belongs that was accepted; null when it is the user's own. */
export function otherOwnerOf(root: string, env: RootRequest["env"]): number | null {
  const own = ownUids(env);
  return ownersOf(root, MANIFESTS).find((uid) => !own.includes(uid)) ?? null;
}

/** Of the folder, of what makes it a root, and of a link that stands for that. */
function ownersOf(root: string, holding: string): number[] {
  const inside = join(root, holding);
  const stats = [statOf(root), statOf(inside), linkStatOf(inside)];
  return [...new Set(stats.flatMap((stat) => (stat === undefined ? [] : [stat.uid])))];
}

/** The user, root, and who called sudo: root by sudo trusts its caller, as git does. */
export function ownUids(env: RootRequest["env"]): number[] {
  const me = process.geteuid?.() ?? 0;
  return me === 0 && env.SUDO_UID && /^\d+$/.test(env.SUDO_UID) ? [0, Number(env.SUDO_UID)] : [me, 0];
}

const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;

/** A directory above in which somebody else may put another folder in the root's place; null when there is none. */
function exposureOf(root: string, own: readonly number[]): string | null {
  const system = statSync("/").uid;
  for (let directory = root; dirname(directory) !== directory; ) {
    directory = dirname(directory);
    const stat: Stats | undefined = statOf(directory);
    if (stat === undefined) continue;
    if (!own.includes(stat.uid) && stat.uid !== system) return `${directory}, which belongs to uid ${stat.uid}`;
    if ((stat.mode & WRITABLE_BY_ALL) !== 0 && (stat.mode & STICKY) === 0)
      return `${directory}, where every user of this machine may rename what is in it (mode ${(stat.mode & 0o7777).toString(8)})`;
  }
  return null;
}

function question(root: string, because: string): DtError {
  const path = quotePath(root);
  return new DtError("foreign-owner", `${root} ${because}, so dt uses nothing that is in it.`, {
    status: EXIT.usage,
    hint: [
      `If you trust what is there: dt trust --owner ${path} (for one call: ${ACCEPT}=1 dt …)`,
      `To make it yours instead: chown -R ${process.geteuid?.() ?? 0} ${path}`,
    ].join("\n    "),
    details: { root },
  });
}

/** As variables are set that say yes or no: neither empty, nor `0`, nor `false`. */
export function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "false" && value !== "0";
}
