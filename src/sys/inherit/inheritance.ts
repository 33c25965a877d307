/**
 * Whether a process can start a program as another would: the table of what programs inherit, and what dt can set of it
 * between fork and exec.
 *
 *   what                      can be set
 *   -----------------------   --------------------------------------------------------------------------------------
 *   umask, CPU affinity,      always
 *   signals ignored, blocked
 *   resource limits           a hard limit that is not above the host's; any with CAP_SYS_RESOURCE
 *   nice value                one that is not below the host's; any with CAP_SYS_NICE
 *   I/O class                 one that is not real-time; any with CAP_SYS_NICE
 *   supplementary groups      with CAP_SETGID
 *   no_new_privs              from off to on
 *   oom_score_adj             one that is not below the host's; any with CAP_SYS_RESOURCE
 *   all else                  never: scheduling policy, users, capabilities, seccomp filters, cgroup, namespaces,
 *                             label, root directory
 */
import { lazy } from "../base/lazy.ts";
import { type Inherited, RLIMIT_NOFILE, readInherited } from "./inherited.ts";

/** What a child must set of itself before it becomes the program. */
export type Difference = Partial<Inherited>;

interface Row {
  what: string;
  fields: readonly (keyof Inherited)[];
  /** Whether a child of `host` can set it to what `asker` has. */
  isSettable(asker: Inherited, host: Inherited): boolean;
}

const always = () => true;
const never = () => false;
/** Numbers of <linux/capability.h>, capabilities(7). */
const CAP_SETGID = 6;
const CAP_SYS_NICE = 23;
const CAP_SYS_RESOURCE = 24;
/** From <linux/ioprio.h>, ioprio_set(2). */
const IOPRIO_CLASS_SHIFT = 13;
const IOPRIO_CLASS_RT = 1;

export const ROWS: readonly Row[] = [
  { what: "umask", fields: ["umask"], isSettable: always },
  { what: "CPU affinity", fields: ["cpus"], isSettable: always },
  { what: "ignored signals", fields: ["ignored"], isSettable: always },
  { what: "blocked signals", fields: ["blocked"], isSettable: always },
  {
    what: "resource limits",
    fields: ["limits"],
    isSettable: (asker, host) =>
      may(host, CAP_SYS_RESOURCE) || asker.limits.every(([, hard], at) => isAtMost(hard, host.limits[at]?.[1] ?? "0")),
  },
  {
    what: "nice value",
    fields: ["nice"],
    isSettable: (asker, host) => asker.nice >= host.nice || may(host, CAP_SYS_NICE),
  },
  {
    what: "I/O class",
    fields: ["io"],
    isSettable: (asker, host) => asker.io >> IOPRIO_CLASS_SHIFT !== IOPRIO_CLASS_RT || may(host, CAP_SYS_NICE),
  },
  { what: "supplementary groups", fields: ["groups"], isSettable: (_asker, host) => may(host, CAP_SETGID) },
  { what: "no_new_privs", fields: ["noNewPrivileges"], isSettable: (asker) => asker.noNewPrivileges },
  {
    what: "oom_score_adj",
    fields: ["oomScore"],
    isSettable: (asker, host) => asker.oomScore >= host.oomScore || may(host, CAP_SYS_RESOURCE),
  },
  { what: "scheduling policy", fields: ["scheduling"], isSettable: never },
  { what: "user or group", fields: ["users"], isSettable: never },
  { what: "capabilities", fields: ["capabilities"], isSettable: never },
  { what: "seccomp filters", fields: ["seccomp"], isSettable: never },
  { what: "cgroup", fields: ["cgroup"], isSettable: never },
  { what: "namespaces", fields: ["namespaces"], isSettable: never },
  { what: "security label", fields: ["label"], isSettable: never },
  { what: "root directory", fields: ["root"], isSettable: never },
];

/** What a child of `host` cannot get from `asker`, by name; null when it can get all of it. */
export function unlikeness(asker: Inherited, host: Inherited): string | null {
  return ROWS.find((row) => !isSame(row, { asker, host }) && !row.isSettable(asker, host))?.what ?? null;
}

/**
 * What a caller has in common with the callers of a host that can start what it asks for: all but what every host can
 * set.
 */
export function callerKind(keyring: number): string | null {
  const own = inheritedHere();
  if (own === null) return null;
  const fields = ROWS.filter(({ isSettable }) => isSettable !== always).flatMap((row) => row.fields);
  return JSON.stringify([keyring, ...fields.map((field) => own[field])]);
}

/** What this process was started with. Read once. */
export const inheritedHere = lazy(() => readInherited("self"));

/** What a child of this process inherits: Bun gives it every signal at its default. Null where it cannot be read. */
export const ownInheritance = lazy((): Inherited | null => {
  const own = inheritedHere();
  return own === null ? null : { ...own, ignored: "0", blocked: "0" };
});

/** What a child of `own` must set to be as a child of `asker`; null when it is that already. */
export function differenceFrom(own: Inherited, asker: Inherited): Difference | null {
  const rows = ROWS.filter((row) => row.isSettable !== never && !isSame(row, { asker, host: own }));
  if (rows.length === 0) return null;
  return Object.fromEntries(rows.flatMap(({ fields }) => fields.map((field) => [field, asker[field]])));
}

function isSame({ fields }: Row, { asker, host }: { asker: Inherited; host: Inherited }): boolean {
  return fields.every((field) =>
    field === "limits"
      ? asker.limits.every(([soft, hard], at) => isSameLimit({ soft, hard, at }, host.limits[at]))
      : asker[field] === host[field],
  );
}

/** The soft limit of open files is set for every child (sys/spawn/limits.ts). */
function isSameLimit(
  { soft, hard, at }: { soft: string; hard: string; at: number },
  [hostSoft, hostHard]: readonly [string, string] = ["", ""],
): boolean {
  return hard === hostHard && (soft === hostSoft || at === RLIMIT_NOFILE);
}

/** Limits are the kernel's text: a number or `unlimited`. */
function isAtMost(limit: string, most: string): boolean {
  if (most === "unlimited") return true;
  return limit !== "unlimited" && BigInt(limit) <= BigInt(most);
}

/** The name of the user namespace of the machine itself: PROC_USER_INIT_INO in <linux/proc_ns.h>. */
const FIRST_USER_NAMESPACE = "user:[4026531837]";

/**
 * `capabilities`: inheritable, permitted, effective, bounding, ambient, each a mask in hexadecimal. In a user namespace
 * below the first one they do not count for what belongs to the machine.
 */
function may({ capabilities, namespaces }: Inherited, capability: number): boolean {
  if (!namespaces.includes(FIRST_USER_NAMESPACE)) return false;
  const effective = BigInt(`0x${capabilities.split(" ")[2] ?? "0"}`);
  return ((effective >> BigInt(capability)) & 1n) === 1n;
}
