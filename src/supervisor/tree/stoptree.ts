/**
 * Ends a tree: signal, wait, freeze and kill what is left, and look again until two looks in a row find nothing. Works
 * the same with or without a host. Every signal goes to an identity that was compared in the same step.
 */
import { signalNumber } from "../../sys/base/signals.ts";
import type { ListeningPort, ProcessIdentity, ProcessTable, SignalOutcome } from "../../sys/process/identity.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import type { TreeQuery } from "./query.ts";
import { makeLook, type TreeLook } from "./search.ts";
import type { Candidate, Tree, TreeMember } from "./tree.ts";

export interface StopTreeRequest {
  table: ProcessTable;
  query: TreeQuery;
  signal: string;
  timeoutMs: number;
  /** False: the first signal goes to the leader alone. */
  wholeTree: boolean;
  /** Aborted to go straight to SIGKILL (a second Ctrl-C). */
  hard?: AbortSignal | undefined;
}

export interface Survivor {
  pid: number;
  command: string;
  why: string;
}

export interface StopTreeResult {
  survivors: Survivor[];
  /** How many processes had to be killed with SIGKILL. */
  killed: number;
  /** The ports that the tree listened on when the stop began. */
  ports: ListeningPort[];
  passedOver: TreeMember[];
}

/** The same number on every system; those of stop and continue differ. */
export const SIGKILL = 9;
/** Most processes end at once: for so long, in milliseconds, each turn of the event loop looks at them. */
const AT_ONCE_MS = 2;
/** Waits between two looks at ending processes after that. Short, since the caller waits. */
const POLL_MS = [1, 2, 2, 4, 8, 10];
/**
 * How long a process that becomes another program may show no environment, in milliseconds. The last look waits for
 * that where no lineage tells whose it is, and where the leader is gone: then nobody waits, and what it left may still
 * fork.
 */
const EXEC_MS = 1;
/** How often the whole process table is searched while waiting; new processes are rare by then. */
const RESCAN_EVERY_MS = 100;
/** How long a SIGKILL may take to act. A process in uninterruptible sleep is named rather than waited for. */
const KILL_WAIT_MS = 3000;

const DENIED = "dt may not signal it (it is another user's)";
const NOT_ENDED = "SIGKILL has not ended it";
const CANDIDATE: Record<Candidate["by"], string> = {
  session: "it is in this launch's session, but nothing proves that it belongs to the launch, so it was not signalled",
  log: "it writes the log of this launch, but nothing proves that it belongs to the launch, so it was not signalled",
};

/** The manifest loader has checked the names. */
function numberOf(name: string): number {
  return signalNumber(name) ?? signalNumber("SIGTERM")!;
}

export async function stopTree(asked: StopTreeRequest): Promise<StopTreeResult> {
  const { table, query } = asked;
  const look = makeLook(table, query);
  const first = await look();
  const isLiving = first.members.some((one) => one.identity.pid === query.leader?.pid);
  const request = { ...asked, look, settleMs: isLiving && query.hasLineage === true ? 0 : EXEC_MS };
  const ports = table.listeningPorts(first.members.map((one) => one.identity.pid));
  const denied = sendFirstSignal(request, first);
  const deadline = performance.now() + request.timeoutMs;
  const emptied = await waitForEmpty(request, {
    first,
    over: () => performance.now() >= deadline || request.hard?.aborted === true,
  });
  const { last, killed } = await endRest(request, { denied, emptied });
  return {
    survivors: [
      ...last.members.map((one) =>
        survivor(table, { member: one, why: denied.has(one.identity.pid) ? DENIED : NOT_ENDED }),
      ),
      ...last.candidates.map((one) => survivor(table, { member: one, why: CANDIDATE[one.by] })),
    ],
    killed,
    ports,
    passedOver: first.passedOver,
  };
}

/** Kills what `look` finds, until it finds nothing. Call it only after something was found. */
export async function killTree(table: ProcessTable, look: TreeLook): Promise<void> {
  await endRest({ table, look, settleMs: EXEC_MS }, { denied: new Set(), emptied: false });
}

interface Stopping extends StopTreeRequest {
  look: TreeLook;
  /** How long the last look waits after the one before it that found nothing. */
  settleMs: number;
}

type Looking = Pick<Stopping, "table" | "look" | "settleMs">;

function survivor(table: ProcessTable, { member, why }: { member: TreeMember; why: string }): Survivor {
  return { pid: member.identity.pid, command: table.commandLineOf(member.identity.pid), why };
}

/** Returns the pids that could not be signalled. Stopped processes get SIGCONT too, to act on the signal. */
function sendFirstSignal(request: StopTreeRequest, tree: Tree): Set<number> {
  const { table, query } = request;
  const number = numberOf(request.signal);
  const leader = tree.members.find((one) => one.identity.pid === query.leader?.pid);
  const denied = new Set<number>();
  if (!request.wholeTree && leader !== undefined) {
    note(denied, { member: leader, outcome: send(table, { member: leader, number }) });
    return denied;
  }
  const grouped = signalLeadersGroup(request, { tree, leader, number });
  for (const member of tree.members) {
    if (grouped && member.pgid === leader?.identity.pid) continue;
    note(denied, { member, outcome: send(table, { member, number }) });
  }
  return denied;
}

/** Signalling the group at once misses no process being forked. Not done if a member is to be passed over. */
function signalLeadersGroup(
  request: StopTreeRequest,
  { tree, leader, number }: { tree: Tree; leader: TreeMember | undefined; number: number },
): boolean {
  if (leader === undefined || leader.pgid !== leader.identity.pid) return false;
  if (tree.passedOver.some((one) => one.pgid === leader.pgid)) return false;
  if (request.table.signalGroup(leader.identity, number) !== "sent") return false;
  if (number !== SIGKILL) request.table.signalGroup(leader.identity, numberOf("SIGCONT"));
  return true;
}

function send(table: ProcessTable, { member, number }: { member: TreeMember; number: number }): SignalOutcome {
  const outcome = table.signal(member.identity, number);
  if (number !== SIGKILL && member.state === "T") table.signal(member.identity, numberOf("SIGCONT"));
  return outcome;
}

function note(denied: Set<number>, { member, outcome }: { member: TreeMember; outcome: SignalOutcome }): void {
  if (outcome === "denied") denied.add(member.identity.pid);
}

async function waitForEmpty(
  { table, look }: Pick<Looking, "table" | "look">,
  { first, over }: { first: Tree; over: () => boolean },
): Promise<boolean> {
  let waitingFor = first.members.map((one) => one.identity);
  const began = performance.now();
  let nextScan = began + RESCAN_EVERY_MS;
  for (let step = 0; ; ) {
    waitingFor = waitingFor.filter((identity) => presenceOf(table, identity) === "alive");
    if (waitingFor.length === 0 || performance.now() >= nextScan) {
      waitingFor = identitiesOf(await look());
      nextScan = performance.now() + RESCAN_EVERY_MS;
      if (waitingFor.length === 0) return true;
    }
    if (over()) return false;
    if (performance.now() - began < AT_ONCE_MS) await new Promise(setImmediate);
    else await Bun.sleep(POLL_MS[Math.min(step++, POLL_MS.length - 1)] as number);
  }
}

function identitiesOf(tree: Tree): ProcessIdentity[] {
  return tree.members.map((one) => one.identity);
}

/** A frozen process cannot fork: freezing until a look finds none new ends any fork storm before the kill. */
async function freezeAndKill({ table, look }: Pick<Looking, "table" | "look">, denied: Set<number>): Promise<number> {
  const killed = new Set<string>();
  const deadline = performance.now() + KILL_WAIT_MS;
  while (performance.now() < deadline) {
    const frozen = new Set<number>();
    let tree = await look();
    while (tree.members.some((one) => !frozen.has(one.identity.pid))) {
      for (const member of tree.members) {
        if (frozen.has(member.identity.pid)) continue;
        frozen.add(member.identity.pid);
        note(denied, { member, outcome: table.signal(member.identity, numberOf("SIGSTOP")) });
      }
      tree = await look();
    }
    for (const member of tree.members) {
      if (table.signal(member.identity, SIGKILL) === "sent")
        killed.add(`${member.identity.pid}/${member.identity.startTime}`);
    }
    const waitUntil = Math.min(deadline, performance.now() + RESCAN_EVERY_MS);
    const emptied = await waitForEmpty({ table, look }, { first: tree, over: () => performance.now() >= waitUntil });
    if (emptied) break;
    if ((await look()).members.every((one) => denied.has(one.identity.pid))) break;
  }
  return killed.size;
}

/** How many more rounds of killing are made for processes that turn up late, before they are named instead. */
const ROUNDS = 5;

/** A second look after an empty one finds, and ends, a process that was between two parents or just forked. */
async function endRest(
  request: Looking,
  { denied, emptied }: { denied: Set<number>; emptied: boolean },
): Promise<{ last: Tree; killed: number }> {
  let killed = emptied ? 0 : await freezeAndKill(request, denied);
  for (let round = 1; ; round++) {
    if (request.settleMs > 0) await Bun.sleep(request.settleMs);
    const last = await request.look();
    const canBeEnded = last.members.some((one) => !denied.has(one.identity.pid));
    if (!canBeEnded || round === ROUNDS) return { last, killed };
    killed += await freezeAndKill(request, denied);
  }
}
