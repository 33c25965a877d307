/** Ways to break dt, each with the test that must notice. `from` stands exactly once in its file. */
import { HOST_BREAKS } from "./hostbreaks.ts";
import { PROBE_BREAKS } from "./probebreaks.ts";
import { TEXT_BREAKS } from "./text.ts";
import { TRUST_BREAKS } from "./trustbreaks.ts";

export interface Break {
  /** What the broken build does, for docs/reliability.md: subject named, present tense. */
  what: string;
  edits: { file: string; from: string; to: string }[];
  /** The test file that must fail, and which of its tests are run (default: all). */
  test: string;
  only?: string;
  env?: Record<string, string>;
}

const TREE = "src/supervisor/tree/tree.ts";
const EVIDENCE = "src/supervisor/tree/evidence.ts";
const STOP = "src/supervisor/tree/stoptree.ts";
const END = "src/supervisor/end/end.ts";
const START = "src/supervisor/start/start.ts";
const JOIN = "src/supervisor/start/join.ts";
const ADOPT = "src/supervisor/host/adopt.ts";

const NO_LINEAGE = {
  file: EVIDENCE,
  from: "if (isLineageOf(table.lineageOf(pid), launch.token)) return true;",
  to: "",
};

export const BREAKS: readonly Break[] = [
  {
    what: "dt accepts neither the token nor the lineage as evidence",
    edits: [
      {
        file: EVIDENCE,
        from: `return table.environmentOf(pid, "DIALTONE_TOKEN") === launch.token;`,
        to: "return false;",
      },
      NO_LINEAGE,
    ],
    test: "test/fault/tree.test.ts",
    only: "stop ends (all at once|setsid child), host and leader killed",
  },
  {
    what: "dt does not accept the lineage as evidence",
    edits: [NO_LINEAGE],
    test: "test/fault/strangers.test.ts",
    only: "becomes a daemon at once.* under dt up",
  },
  {
    what: "dt starts a leader without a lineage",
    edits: [{ file: "src/sys/spawn/spawn.ts", from: "lineageFor(token)", to: "undefined" }],
    test: "test/fault/strangers.test.ts",
    only: "becomes a daemon at once.* under dt up",
  },
  {
    what: "dt counts every process that writes the log as the launch's",
    edits: [
      {
        file: TREE,
        from: "if (heirs.has(entry) || table.shareDescription(logFile, [pid, entry.pid]) !== true) continue;",
        to: "if (heirs.has(entry)) continue;",
      },
    ],
    test: "test/fault/strangers.test.ts",
    only: "is named: exit 5",
  },
  {
    what: "dt names a log writer as a survivor although it lacks the launch's lineage",
    edits: [{ file: TREE, from: "query.hasLineage === true ? heirs : writers", to: "writers" }],
    test: "test/fault/strangers.test.ts",
    only: "appends to the launch's log",
  },
  {
    what: "dt does not name a log writer that may belong to the launch",
    edits: [{ file: TREE, from: "query.hasLineage === true ? heirs : writers", to: "heirs" }],
    test: "test/fault/strangers.test.ts",
    only: "is named: exit 5",
  },
  {
    what: "a stop counts every orphan that falls to the host as the launch's, even a stranger's",
    edits: [{ file: TREE, from: "hostHere && query.bystanders !== true && entry", to: "hostHere && entry" }],
    test: "test/fault/strangers.test.ts",
    only: "daemon of a helper",
  },
  {
    what: "a host records every orphan that falls to it as the launch's, even a stranger's",
    edits: [
      {
        file: "src/supervisor/watch/members.ts",
        from: "ground.bystanders !== true || noted",
        to: "!noted.has('') || noted",
      },
    ],
    test: "test/fault/strangers.test.ts",
    only: "daemon of a helper",
  },
  {
    what: "a host that is PID 1 counts every orphan as the launch's",
    edits: [{ file: "src/supervisor/host/host.ts", from: "process.pid === 1 || ground", to: "ground" }],
    test: "test/fault/strangers.test.ts",
    only: "PID 1",
  },
  {
    what: "a host reports a launch's own `before` as a process of no launch",
    edits: [
      { file: "src/supervisor/watch/orphans.ts", from: " || bunChildren().has(pid)", to: " || bunChildren().size < 0" },
      {
        file: "src/supervisor/oneshot/taskrun.ts",
        from: "env: environment.env, token }",
        to: `env: environment.env, token: "" }`,
      },
    ],
    test: "test/fault/strangers.test.ts",
    only: "what runs before a launch",
  },
  {
    what: "dt does not correct start times for its time namespace",
    edits: [
      {
        file: "src/sys/process/linux.ts",
        from: "entry === null || offset() === 0",
        to: "entry === null || offset() !== 0.5",
      },
    ],
    test: "test/fault/namespaces.test.ts",
    only: "time namespace",
  },
  {
    what: "dt outside a container does not look for a launch inside it",
    edits: [{ file: "src/sys/process/linux.ts", from: "isBelow = true;", to: "return undefined;" }],
    test: "test/fault/namespaces.test.ts",
    only: "from around",
  },
  {
    what: "a host does not take the kernel lock that shows other containers that it is alive",
    edits: [
      {
        file: "src/supervisor/start/begin.ts",
        from: "written = holdOn(ground, makeLaunchRecord(",
        to: "written = ((_: unknown, it: LaunchRecord) => it)(ground, makeLaunchRecord(",
      },
    ],
    test: "test/fault/namespaces.test.ts",
    only: "a container that is gone",
  },
  {
    what: "dt takes a launch that it cannot see for gone",
    edits: [
      {
        file: "src/state/elsewhere.ts",
        from: "isHeld(fence, record.token) === false",
        to: "isHeld(fence, record.token) !== undefined",
      },
    ],
    test: "test/fault/namespaces.test.ts",
    only: "beside it",
  },
  {
    what: "dt waits for the lock of a container that is gone",
    edits: [
      {
        file: "src/sys/lock/lock.ts",
        from: `(presence === "unknown" && isLetGo(path, holder))`,
        to: "Number(0) === 1",
      },
    ],
    test: "test/fault/namespaces.test.ts",
    only: "killed while it held",
  },
  {
    what: "a host ends its launch when the record of an older launch is put back",
    edits: [
      {
        file: "src/supervisor/watch/record.ts",
        from: `return PRESENCES.find((presence) => seen.includes(presence)) ?? "gone";`,
        to: `return seen.length > 0 ? "alive" : "gone";`,
      },
    ],
    test: "test/fault/lost.test.ts",
    only: "an older copy of its record",
  },
  {
    what: "dt follows neither the children of a launch's processes nor their lineage",
    edits: [{ file: TREE, from: "waiting.push(...(children.get(next.pid) ?? []));", to: "" }, NO_LINEAGE],
    test: "test/fault/tree.test.ts",
    only: "cleared after the host was killed",
  },
  {
    what: "a host does not record the processes that only it can recognise",
    edits: [
      {
        file: "src/supervisor/host/begin.ts",
        from: "watchMembers(host, run);\n  else",
        to: ";\n  else",
      },
    ],
    test: "test/fault/tree.test.ts",
    only: "stop ends environment cleared without a lineage, host and leader killed",
  },
  {
    what: "dt does not kill a process that ignores the stop signal",
    edits: [{ file: STOP, from: 'if (table.signal(member.identity, SIGKILL) === "sent")', to: "if (Number(0) === 1)" }],
    test: "test/fault/tree.test.ts",
    only: "stop ends ignores SIGTERM, detached",
  },
  {
    what: "dt kills processes one by one and looks only once, without freezing them first",
    edits: [
      {
        file: STOP,
        from: "while (tree.members.some((one) => !frozen.has(one.identity.pid))) {",
        to: "while (frozen.size < 0) {",
      },
      { file: STOP, from: "const ROUNDS = 5;", to: "const ROUNDS = 0;" },
      { file: STOP, from: "if (!canBeEnded || round === ROUNDS)", to: "if (!canBeEnded || round >= ROUNDS)" },
      { file: STOP, from: "while (performance.now() < deadline) {", to: "for (let once = 0; once < 1; once++) {" },
    ],
    test: "test/fault/tree.test.ts",
    only: "stop ends a storm .*, (detached|foreground)",
  },
  {
    what: "a start whose undoing fails hides why it failed",
    edits: [
      {
        file: "src/supervisor/start/start.ts",
        from: 'report({ is: "note", text: messageOf(error) });\n    }\n}',
        to: "void report;\n      void messageOf;\n      throw error;\n    }\n}",
      },
    ],
    test: "test/supervisor/start/undo.test.ts",
  },
  {
    what: "a start that fails leaves the record of the launch that it was to replace",
    edits: [
      {
        file: "src/supervisor/start/place.ts",
        from: "if (before !== null) undo.push(() => giveUp(start, before));",
        to: "void undo;\n  void giveUp;",
      },
    ],
    test: "test/supervisor/start/undo.test.ts",
  },
  {
    what: "a stop does not check that the ports are free",
    edits: [{ file: END, from: "checkPortsFree(ground, { record, stopped });", to: "" }],
    test: "test/fault/tree.test.ts",
    only: "without a lineage a process that still holds",
  },
  {
    what: "a stop ignores `processGroup: false`",
    edits: [{ file: END, from: `record.processGroup || request.how === "interrupt"`, to: "true" }],
    test: "test/fault/tree.test.ts",
    only: "processGroup false",
  },
  {
    what: "a stop includes the processes of another launch",
    edits: [
      {
        file: TREE,
        from: "(isNamed(entry) || isOthers(entry));",
        to: "isNamed(entry);\n  void isOthers;",
      },
    ],
    test: "test/fault/untouched.test.ts",
  },
  {
    what: "a stop ignores `spare`",
    edits: [
      {
        file: TREE,
        from: "(isNamed(entry) || isOthers(entry));",
        to: "isOthers(entry);\n  void isNamed;",
      },
    ],
    test: "test/fault/untouched.test.ts",
    only: "spared process",
  },
  {
    what: "dt starts the process before it writes the record",
    edits: [
      {
        file: "src/supervisor/start/begin.ts",
        from: `    store.writeRecord(written);
    noteSpec(`,
        to: "    noteSpec(",
      },
    ],
    test: "test/fault/steps.test.ts",
    only: "each step of start",
    env: { DT_FAULT_STRIDE: "1" },
  },
  {
    what: "a stop does not finish an earlier stop that was cut off",
    edits: [
      {
        file: END,
        from: `if (request.how !== "sweep") {`,
        to: `if (record.phase === "stopping") return { exit: makeEndExit({ record, request, stopping, status: { known: false, code: null, signal: null, at: record.startedAt }, killed: 0 }), stopped: { survivors: [], killed: 0, ports: [], passedOver: [] }, tookMs: 0, left: null };\n  if (request.how !== "sweep") {`,
      },
    ],
    test: "test/fault/kill.test.ts",
    only: "a stopper that waits",
  },
  {
    what: "a stop does not wait until the old host is gone",
    edits: [
      {
        file: END,
        from: "if (request.isOwn !== true) await waitForHostGone(ground, record);\n  const exit",
        to: "const exit",
      },
    ],
    test: "test/e2e/managed/managed.test.ts",
    only: "a frozen host does not outlive a stop",
  },
  {
    what: "a start goes on without taking the lock",
    edits: [
      {
        file: "src/sys/lock/lock.ts",
        from: "    const attempt = attemptLock(placed);\n",
        to: `    if (request.doing === "start") return { holder: describeHolder(request, false), broke: null, release() {} };
    const attempt = attemptLock(placed);
`,
      },
    ],
    test: "test/fault/reruns.test.ts",
  },
  {
    what: "no start joins the launch of another start",
    edits: [{ file: JOIN, from: `if (alike === "same") return "join";`, to: `if (alike === "same") return "start";` }],
    test: "test/e2e/managed/atonce.test.ts",
    only: "starts at once of a command:|restarts at once",
  },
  {
    what: "a start joins a launch that was begun before it was asked for",
    edits: [{ file: JOIN, from: '  if (!isBegunLater) return "start";\n', to: "" }],
    test: "test/e2e/managed/managed.test.ts",
    only: "a rerun replaces the old launch",
  },
  {
    what: "a start joins a launch with another environment that was asked for earlier",
    edits: [{ file: JOIN, from: `if (!isAskedLater || alike === "unknown") return "start";`, to: "" }],
    test: "test/e2e/managed/atonce.test.ts",
    only: "other environments",
  },
  {
    what: "a start replaces the launch of one with other arguments that was asked for later",
    edits: [{ file: JOIN, from: `? "join" : "give-way";`, to: `? "join" : "start";` }],
    test: "test/e2e/managed/atonce.test.ts",
    only: "gives way to one",
  },
  {
    what: "a start joins a launch that has ended, or has no host",
    edits: [{ file: JOIN, from: "return isLiving ? read.value : null;", to: "return read.value;" }],
    test: "test/e2e/managed/atonce.test.ts",
    only: "does for no start",
  },
  {
    what: "a start in the foreground joins the launch of another start",
    edits: [
      { file: JOIN, from: "if (options.mayJoin !== true || askedAt === undefined)", to: "if (askedAt === undefined)" },
    ],
    test: "test/e2e/managed/atonce.test.ts",
    only: "a foreground takes over",
  },
  {
    what: "a stop does not end the `before` that a policy's restart is running",
    edits: [{ file: START, from: "spec.ticket === undefined ? options.stillWanted : undefined", to: "undefined" }],
    test: "test/e2e/managed/calledoff.test.ts",
    only: "policy's restart waits",
  },
  {
    what: "dt misses what a launch left in a container once leader and host are gone",
    edits: [{ file: TREE, from: ": startOf(bounds[0]);", to: ": Number(bounds[0].startTime);" }],
    test: "test/fault/namespaces.test.ts",
    only: "what a launch left in a container",
  },
  {
    what: "dt counts a start in a container that is gone as still waiting",
    edits: [
      {
        file: "src/supervisor/ticket/startfile.ts",
        from: "isHeld(join(store.directory, HELD), hold) !== false",
        to: "Number(0) === 0",
      },
    ],
    test: "test/fault/namespaces.test.ts",
    only: "a start that waited",
  },
  {
    what: "dt waits for a lock whose holder is gone",
    edits: [
      {
        file: "src/sys/lock/lock.ts",
        from: `if (presence === "gone" || (presence`,
        to: `if (Number(0) === 1 || (presence`,
      },
    ],
    test: "test/fault/clock.test.ts",
    only: "a lock taken tomorrow",
  },
  {
    what: "dt breaks stale locks without the guard",
    edits: [
      {
        file: "src/sys/lock/lock.ts",
        from: `if (guard.is === "busy") return { busy: "guard-busy", by: null };`,
        to: `if (guard.is === "busy") return publishOrJudge(request, { isInPlace: () => true, release() {} });`,
      },
    ],
    test: "test/sys/lock/lock.stress.test.ts",
    env: { DT_LOCK_CONTENDERS: "16", DT_LOCK_ROUNDS: "600", DT_LOCK_KILL_EVERY: "20" },
  },
  {
    what: "dt identifies a process by its pid alone",
    edits: [
      {
        file: "src/sys/process/identity.ts",
        from: `return entry.startTime === identity.startTime ? "alive" : "gone";`,
        to: `return "alive";`,
      },
      {
        file: "src/sys/process/linux.ts",
        from: "!isOver(entry) && entry.startTime === identity.startTime",
        to: "!isOver(entry)",
      },
      {
        file: EVIDENCE,
        from: "entry.pid === identity.pid && entry.startTime === identity.startTime && isHere(table, identity)",
        to: "entry.pid === identity.pid",
      },
    ],
    test: "test/fault/reuse.test.ts",
  },
  {
    what: "dt ignores the boot when it identifies a process",
    edits: [
      { file: "src/sys/process/identity.ts", from: `if (identity.bootId !== table.bootId()) return "gone";`, to: "" },
      {
        file: "src/sys/process/linux.ts",
        from: `if (identity.bootId !== bootId()) return { outcome: "gone" };`,
        to: "",
      },
      {
        file: EVIDENCE,
        from: "identity.bootId === table.bootId() && identity.pidNamespace === table.pidNamespace()",
        to: "true",
      },
    ],
    test: "test/fault/identity.test.ts",
    only: "another boot",
  },
  {
    what: "dt ignores the pid namespace when it identifies a process",
    edits: [
      {
        file: "src/sys/process/identity.ts",
        from: `if (identity.pidNamespace !== table.pidNamespace()) return "unknown";`,
        to: "",
      },
    ],
    test: "test/fault/identity.test.ts",
    only: "pid namespace",
  },
  {
    what: "a stop treats an unreadable record as absent",
    edits: [
      {
        file: "src/supervisor/end/stopkey.ts",
        from: `if (read.is === "absent") return callOff(stop);`,
        to: `if (read.is !== "there") return callOff(stop);`,
      },
    ],
    test: "test/fault/records.test.ts",
  },
  {
    what: "a host does not write its record again after it was lost",
    edits: [{ file: "src/supervisor/host/begin.ts", from: "watchRecord(host, run);", to: "" }],
    test: "test/fault/lost.test.ts",
    only: "removed|written again",
  },
  {
    what: "a stop fails when it cannot be recorded, as on a read-only disk",
    edits: [
      { file: END, from: `if (how === "replace" || !(error instanceof DtError)) throw error;`, to: "throw error;" },
    ],
    test: "test/fault/readonly.test.ts",
  },
  {
    what: "a full disk keeps a stop from taking the lock",
    edits: [
      {
        file: "src/sys/lock/lock.ts",
        from: `if (request.evenUnwritten !== true || (error as DtError).code !== "cannot-write") throw error;`,
        to: "throw error;",
      },
    ],
    test: "test/fault/fulldisk.test.ts",
  },
  {
    what: "dt ps does not look below the hosts of its launches",
    edits: [
      { file: "src/inspect/near.ts", from: "hosts: new Set(alone.map(({ host }) => host.pid))", to: "hosts: []" },
    ],
    test: "test/fault/listening.test.ts",
    only: "of two launches of one host",
  },
  {
    what: "dt ps takes a launch whose host was killed for one that is still below it",
    edits: [
      {
        file: "src/inspect/near.ts",
        from: "return isAlive(place, host) && place.table.entry(leader?.pid ?? 0)?.ppid === host.pid;",
        to: "return leader !== null && host !== null;",
      },
    ],
    test: "test/fault/listening.test.ts",
    only: "whoever was killed|after the host was killed",
  },
  {
    what: "dt ps does not look for orphans that left a killed host",
    edits: [{ file: "src/inspect/near.ts", from: ", ...orphansOf(place, { of: left, clues: clues() })", to: "" }],
    test: "test/fault/listening.test.ts",
    only: "after the host was killed",
  },
  {
    what: "dt ps shows a launch the ports of processes that another launch left at their host",
    edits: [
      {
        file: "src/inspect/ports.ts",
        from: "return possible.filter(({ pid }) => members.has(pid));",
        to: "return members.size > 0 ? ports : [];",
      },
    ],
    test: "test/fault/listening.test.ts",
    only: "of two launches of one host",
  },
  {
    what: "dt ps, asked about few launches, does not look for what they left at a host of many",
    edits: [
      {
        file: "src/inspect/near.ts",
        from: "if (among.length > 0) roots.push(...orphansOf(place, { of: among, clues: clues() }));",
        to: "",
      },
    ],
    test: "test/fault/listening.test.ts",
    only: "of two launches of one host",
  },
  {
    what: "dt ps asks every process for its ports",
    edits: [{ file: "src/inspect/near.ts", from: "(forest ?? table.pids())", to: "table.pids()" }],
    test: "test/fault/listening.test.ts",
    only: "looks at no process",
  },
  {
    what: "`dt ps` shows a negative uptime after the clock was set back",
    edits: [{ file: "src/inspect/report.ts", from: "Math.max(0, ", to: "((_: number, given: number) => given)(0, " }],
    test: "test/fault/clock.test.ts",
    only: "started tomorrow",
  },
  {
    what: "`dt ps` trusts the record even when the leader is gone",
    edits: [
      { file: "src/state/view.ts", from: `if (seen.leader === "gone") return stateOfEnded(seen, record);`, to: "" },
    ],
    test: "test/state/view.test.ts",
  },
  {
    what: "`dt ps` shows a key as ended between two launches of a replace",
    edits: [{ file: "src/state/view.ts", from: `exit?.reason === "replaced" && seen.locked`, to: "seen === null" }],
    test: "test/state/view.test.ts",
  },
  {
    what: "a start under way does not see that it was called off",
    edits: [
      {
        file: "src/supervisor/ticket/ticket.ts",
        from: "return last === null || last.id === ticket.after ? null : last.by;",
        to: "return null;",
      },
    ],
    test: "test/e2e/managed/calledoff.test.ts",
    only: "dt a api -d",
  },
  {
    what: "dt does not announce a start while its manifests are loading",
    edits: [
      { file: "src/commands/context/manifests.ts", from: "isStart ? { onLoad: () => announce(state) } : {}", to: "{}" },
    ],
    test: "test/e2e/managed/announced.test.ts",
    only: "nothing runs: dt a plain -d|killed, failed",
  },
  {
    what: "a start overlooks a stop that came while its manifests were loading",
    edits: [
      {
        file: "src/supervisor/ticket/ticket.ts",
        from: "announced === null ? (lastStopOf(ground, key)?.id ?? null) : announced.lastStopOf(key)",
        to: "lastStopOf(ground, key)?.id ?? null",
      },
    ],
    test: "test/e2e/managed/announced.test.ts",
    only: "it runs: dt",
  },
  {
    what: "a stop overlooks a start whose caller is gone before its host has begun",
    edits: [
      {
        file: "src/supervisor/callers/ask.ts",
        from: "nameHost(ground, { start, pid: line.pid });",
        to: "void [nameHost, start];",
      },
    ],
    test: "test/e2e/managed/calledoff.test.ts",
    only: "whose host has not begun",
  },
  {
    what: "a stop run by one launch's `before` spares every start of the same host",
    edits: [
      {
        file: "src/supervisor/ticket/pending.ts",
        from: `if (loading === undefined && !first.split(" ").includes(key)) return false;`,
        to: "",
      },
    ],
    test: "test/e2e/managed/calledoff.test.ts",
    only: "a stop by what runs before one launch",
  },
  {
    what: "a stop run by a one-shot calls off the starts that wait for that one-shot",
    edits: [
      {
        file: "src/supervisor/oneshot/task.ts",
        from: `key, dependents].flat().join(" ")`,
        to: `key].flat().join(" ")`,
      },
    ],
    test: "test/e2e/managed/calledoff.test.ts",
    only: "a stop by what runs before one launch",
  },
  {
    what: "`dt ps` shows a launch as ended while its host still ends what is left of it",
    edits: [{ file: "src/state/view.ts", from: `if (host === "alive" || locked) return "stopping";`, to: "" }],
    test: "test/e2e/managed/between.test.ts",
    only: "while what a launch left is ended",
  },
  {
    what: "a new host forgets the restarts that the policy already made",
    edits: [
      {
        file: "src/supervisor/launch/streak.ts",
        from: "if (tries === undefined) return NO_STREAK;",
        to: "return NO_STREAK;",
      },
    ],
    test: "test/fault/hostless.test.ts",
    only: "counted on under another host",
  },
  {
    what: "dt gives a launch from before a reboot a new host",
    edits: [
      {
        file: "src/supervisor/host/adopt.ts",
        from: "if (record.host.bootId !== table.bootId()) return false;",
        to: "",
      },
    ],
    test: "test/fault/hostless.test.ts",
    only: "before the machine was started again",
  },
  {
    what: "a restart policy undoes a stop",
    edits: [
      {
        file: "src/supervisor/host/onexit.ts",
        from: "wantsRun(ground, record)",
        to: "true",
      },
      {
        file: "src/supervisor/run/lock.ts",
        from: `if (want.is === "there" && want.value.want === "stopped") return null;`,
        to: "",
      },
    ],
    test: "test/fault/lost.test.ts",
    only: "a stop is not undone",
  },
  {
    what: "the command runs in dt's own session, so a terminal's signal reaches it twice",
    edits: [
      {
        file: "src/sys/spawn/spawn.ts",
        from: `detached: true,
      stdin: "ignore",
      stdout: output,`,
        to: `stdin: "ignore",
      stdout: output,`,
      },
    ],
    test: "test/e2e/terminal/foreground.test.ts",
    only: "once each",
  },
  {
    what: "dt forgets who stopped or replaced a launch",
    edits: [
      {
        file: "src/supervisor/end/exit.ts",
        from: "by: bySelf ? null : (stopping.stopping?.by ?? request.by),",
        to: "by: null,",
      },
    ],
    test: "test/e2e/managed/why.test.ts",
  },
  {
    what: "dt does not claim ports, so two starts at once can get the same one",
    edits: [
      {
        file: "src/supervisor/port/claim.ts",
        from: "  if (home === null) return NOTHING;",
        to: "  if (home !== undefined) return NOTHING;",
      },
    ],
    test: "test/e2e/managed/ports.test.ts",
    only: "a hundred starts",
  },
  {
    what: "a host does not watch the launch's owner",
    edits: [{ file: "src/supervisor/host/begin.ts", from: "  watchOwner(host, run);\n", to: "" }],
    test: "test/e2e/managed/owners.test.ts",
    only: "an owner that ends",
  },
  {
    what: "`--take` stops a launch that does not hold the port",
    edits: [
      {
        file: "src/supervisor/port/holders.ts",
        from: "if (members.some((member) => member.identity.pid === pid)) return record.value;",
        to: "if (members.length >= 0) return record.value;",
      },
    ],
    test: "test/e2e/managed/ports.test.ts",
    only: "what is none of ours",
  },
  {
    what: "dt leaves the user's terminal in the modes that the program set",
    edits: [
      {
        file: "src/runners/terminal/screen.ts",
        from: "const undo = Buffer.from(modes.undo());",
        to: "const undo = Buffer.alloc(0);",
      },
    ],
    test: "test/e2e/terminal/attach.test.ts",
    only: "in tmux",
  },
  {
    what: "a restart policy restarts a command that Ctrl-C ended",
    edits: [
      {
        file: "src/supervisor/terminal/hosted.ts",
        from: "performance.now() - interruptedAt <= withinMs",
        to: "performance.now() - interruptedAt < -withinMs",
      },
    ],
    test: "test/e2e/terminal/attach.test.ts",
    only: "Ctrl-C is the program",
  },
  {
    what: "Ctrl-C on `dt up` stops everything at once instead of dependents first",
    edits: [
      {
        file: "src/supervisor/hosts/bringup.ts",
        from: "void Promise.all(before).then(() => endServed(up, { key, request }));",
        to: "void Promise.all([before.length]).then(() => endServed(up, { key, request }));",
      },
    ],
    test: "test/e2e/stack/up.terminal.test.ts",
    only: "in the foreground",
  },
  {
    what: "`dt down` stops everything at once instead of dependents first",
    edits: [
      {
        file: "src/commands/verbs/down.ts",
        from: "other !== key && isMeant.has(other)",
        to: "other !== key && !isMeant.has(other)",
      },
    ],
    test: "test/e2e/stack/stack.test.ts",
  },
  {
    what: "a stop of a stack leaves its containers running",
    edits: [
      {
        file: END,
        from: "    await endStack(ground, { record, hard: request.hard });",
        to: "    if (Number(0) === 1) await endStack(ground, { record });",
      },
    ],
    test: "test/e2e/stack/containers.test.ts",
    only: "killed at each step",
  },
  {
    what: "a rerun of a stack takes it down first",
    edits: [{ file: END, from: "if (request.converge === true) return", to: "if (Number(0) === 1) return" }],
    test: "test/e2e/stack/containers.test.ts",
    only: "a rerun converges",
  },
  {
    what: "a start that gives up leaves the old stack's containers running",
    edits: [
      {
        file: "src/supervisor/start/place.ts",
        from: "if (converge) return giveUpStack(start, record);",
        to: "if (converge) return;",
      },
    ],
    test: "test/e2e/stack/containers.test.ts",
    only: "gives up",
  },
  {
    what: "the log repeats what a container wrote before its restart",
    edits: [
      {
        file: "src/compose/follow.ts",
        from: "const mine = { last: known?.last ?? since, done: false };",
        to: "const mine = { last: since, done: false };",
      },
    ],
    test: "test/e2e/stack/containers.test.ts",
    only: "the log goes on",
  },
  {
    what: "dt takes a living host for gone",
    edits: [
      {
        file: ADOPT,
        from: 'presenceOf(table, record.host) !== "gone"',
        to: 'presenceOf(table, record.host) === "unknown"',
      },
    ],
    test: "test/fault/hostsocket.test.ts",
    only: "a stopped host is passed over",
  },
  {
    what: "a new host forgets what the old one noted",
    edits: [
      {
        file: ADOPT,
        from: 'history.is === "there" ? history.value : emptyHistory(record)',
        to: "emptyHistory(record)",
      },
    ],
    test: "test/fault/adopted.test.ts",
  },
  {
    what: "a launch that waits for its next run gets no new host when its own is gone",
    edits: [{ file: ADOPT, from: 'return record.phase === "backoff" || (', to: "return (" }],
    test: "test/fault/hostless.test.ts",
    only: "waits between two runs",
  },
  {
    what: "the daemon binds its socket path even when another process listens there",
    edits: [{ file: "src/daemon/reach.ts", from: "if (await isListening(socket)) {", to: "if (Number(0) === 1) {" }],
    test: "test/e2e/daemon/daemon.test.ts",
    only: "the socket: private",
  },
  {
    what: "the daemon removes a socket that another process put at its path",
    edits: [
      {
        file: "src/sys/net/lineserver.ts",
        from: "if (inodeOf(path) === own) server.stop(false);",
        to: "if (own !== -1) server.stop(false);",
      },
    ],
    test: "test/daemon/socket/server.test.ts",
    only: "another process has taken",
  },
  {
    what: "the daemon starts a command that the user stopped",
    edits: [{ file: "src/daemon/boot.ts", from: 'if (want?.want === "stopped") return false;', to: "" }],
    test: "test/e2e/daemon/daemon.test.ts",
    only: "boot: started",
  },
  {
    what: "the daemon starts a scheduled command while its last run still goes on",
    edits: [{ file: "src/daemon/schedule.ts", from: "running.add(who);", to: "" }],
    test: "test/e2e/daemon/daemon.test.ts",
    only: "schedule: run",
  },
  {
    what: "systemd kills the launches together with the daemon",
    edits: [{ file: "src/daemon/unit/systemd.ts", from: '"KillMode=process",', to: '"KillMode=control-group",' }],
    test: "test/e2e/daemon/systemd.test.ts",
    only: "install, kill",
  },
  {
    what: "the daemon keeps reading from a client that does not read its answers",
    edits: [
      { file: "src/daemon/socket/server.ts", from: "if (line.waiting() > MOST_UNREAD) await line.flushed();", to: "" },
    ],
    test: "test/daemon/socket/server.test.ts",
    only: "reads late",
  },
  {
    what: "a file that came and went during a job does not count as changed",
    edits: [
      {
        file: "src/jobs/snapshot.ts",
        from: "if (unsure.delete(file)) files.set(file, UNSURE);",
        to: "if (Number(0) === 1) files.set(file, UNSURE);",
      },
    ],
    test: "test/jobs/snapshot.test.ts",
    only: "came and went",
  },
  {
    what: "a full queue forgets what it had no room for",
    edits: [{ file: "src/jobs/queue.ts", from: "        outside.add(onRoom);", to: "" }],
    test: "test/jobs/queue.test.ts",
  },
  {
    what: "the queue works on a burst of changes after the first one, not the last",
    edits: [
      {
        file: "src/jobs/queue.ts",
        from: "  clear(state, target);\n  target.since ??= now();",
        to: "  if (target.timer !== null) return;\n  target.since ??= now();",
      },
    ],
    test: "test/jobs/queue.test.ts",
  },
  {
    what: "a save that changes nothing restarts the command",
    edits: [
      {
        file: "src/sys/watch/contents.ts",
        from: "const isSame = mark === null ? before === undefined : before?.[2] === mark[2];",
        to: "const isSame = mark === null && before === undefined;",
      },
    ],
    test: "test/sys/watch/contents.test.ts",
    only: "neither time nor place",
  },
  {
    what: "dt never holds back a restart loop",
    edits: [
      {
        file: "src/supervisor/watch/rounds.ts",
        from: "if (rounds.length < MOST)",
        to: "if (rounds.length < Number.MAX_VALUE)",
      },
    ],
    test: "test/supervisor/watch/rounds.test.ts",
  },
  {
    what: "dt takes a script that saves at a steady rhythm for a restart loop",
    edits: [
      { file: "src/supervisor/watch/rounds.ts", from: "afterMs: 2 * toleranceOf(round) + SHIFT_MS", to: "afterMs: 0" },
    ],
    test: "test/supervisor/watch/rounds.test.ts",
    only: "a script that saves",
  },
  {
    what: "a pattern with `!` excludes nothing",
    edits: [
      {
        file: "src/sys/match/match.ts",
        from: "if (pattern.excludes) return false;",
        to: "if (pattern.excludes) continue;",
      },
    ],
    test: "test/sys/match/rules.test.ts",
    only: "what is left out",
  },
  {
    what: "dt watches another checkout below the root",
    edits: [
      {
        file: "src/sys/watch/look.ts",
        from: "&& !request.enters(directory.path)",
        to: "&& request.enters(directory.path)",
      },
    ],
    test: "test/sys/watch/trees.test.ts",
    only: "another checkout",
  },
  {
    what: "dt does not watch the target of a link",
    edits: [
      {
        file: "src/sys/watch/look.ts",
        from: "links.follow(path, () => hear(state, { directory, name }));",
        to: "links.follow(path, () => {});",
      },
    ],
    test: "test/sys/watch/trees.test.ts",
    only: "a file that is a link, meant by src/file",
  },
  {
    what: "dt skips a one-shot although it could not read all of its inputs",
    edits: [
      {
        file: "src/supervisor/oneshot/inputs.ts",
        from: 'if (first !== undefined) return { is: "unknown", why: first };',
        to: "",
      },
    ],
    test: "test/e2e/files/inputs.test.ts",
    only: "could not look",
  },
  {
    what: "`dt watch --events` keeps running after its reader is gone",
    edits: [{ file: "src/commands/watch/events.ts", from: "if (isReaderGone(STDOUT)) ended.resolve(0);", to: "" }],
    test: "test/e2e/files/watch.test.ts",
    only: "--events",
  },
  {
    what: "chat overwrites the conversation of a transcript that was rotated",
    edits: [{ file: "plugins/chat/update.ts", from: "store.archive(before);", to: "`${id}.1`;" }],
    test: "plugins/chat/chat.test.ts",
    only: "rotated",
  },
  {
    what: "chat does not record in the conversation how far it read the transcript",
    edits: [{ file: "plugins/chat/update.ts", from: "    bytes: portion.to,\n", to: "" }],
    test: "plugins/chat/chat.test.ts",
    only: "grows: only the new part",
  },
  {
    what: "chat forgets a failed `onUpdate` when its monitor ends",
    edits: [{ file: "plugins/chat/update.ts", from: "if (pending) store.setPending(id, true);", to: "" }],
    test: "test/e2e/plugins/chat.test.ts",
    only: "onUpdate",
  },
  {
    what: "a hundred starts load the manifests a hundred times",
    edits: [
      {
        file: "src/manifest/cache/loadlock.ts",
        from: "return tried.lock;",
        to: "return null;",
      },
    ],
    test: "test/manifest/index.test.ts",
    only: "of many that find",
  },
  {
    what: "dt believes state that has no seal",
    edits: [
      {
        file: "src/sys/seal/seal.ts",
        from: "if (!isMark(mark)) return { why: NOT_SEALED };",
        to: "if (!isMark(mark)) return { movedFrom: null };",
      },
    ],
    test: "test/fault/trust/state.test.ts",
    only: "a forged record",
  },
  {
    what: "dt does not check the MAC of a seal",
    edits: [
      {
        file: "src/sys/seal/seal.ts",
        from: "if (!secrets.some(isOurs)) return { why: NOT_OURS };",
        to: "void isOurs;",
      },
    ],
    test: "test/fault/trust/state.test.ts",
    only: "an own record",
  },
  {
    what: "a seal does not cover the file's name",
    edits: [
      {
        file: "src/sys/seal/seal.ts",
        from: 'JSON.stringify(["dt state 1", name, path',
        to: 'JSON.stringify(["dt state 1", path',
      },
    ],
    test: "test/sys/seal/seal.test.ts",
  },
  {
    what: "a seal does not cover the directory, so a copy passes as the original",
    edits: [
      {
        file: "src/sys/seal/seal.ts",
        from: "return { why: copied(mark.path) };",
        to: "void copied;",
      },
    ],
    test: "test/fault/trust/state.test.ts",
    only: "a copied project",
  },
  {
    what: "dt opens its own files through links",
    edits: [
      { file: "src/sys/door/door.ts", from: "asked | constants.O_NOFOLLOW", to: "asked" },
      { file: "src/sys/door/descend.ts", from: "flags | constants.O_NOFOLLOW;", to: "flags;" },
    ],
    test: "test/sys/door/door.test.ts",
  },
  {
    what: "dt follows a link in the place of one of its own directories",
    edits: [
      {
        file: "src/sys/places/privatedirectory.ts",
        from: `function lookAt(path: string): Stats | null {
  try {
    return descend(path, (at) => lstatSync(at));`,
        to: `function lookAt(path: string): Stats | null {
  try {
    return statSync(path);`,
      },
      { file: "src/sys/door/stateway.ts", from: "if (at < 0) return null;", to: "if (at < 1e9) return null;" },
    ],
    test: "test/fault/trust/state.test.ts",
    only: "a link for .dialtone",
  },
  {
    what: "a running host writes through its directory after that became a link",
    edits: [{ file: "src/sys/door/stateway.ts", from: "if (at < 0) return null;", to: "if (at < 1e9) return null;" }],
    test: "test/fault/trust/state.test.ts",
    only: "replaced by a link while it lives",
  },
  {
    what: "dt checks its directory first, but does not hold it open while it works there",
    edits: [
      {
        file: "src/sys/door/descend.ts",
        from: "  if (!throughProc) {\n    lookAlong(way);\n    return work(path);",
        to: "  if (throughProc || !throughProc) {\n    lookAlong(way);\n    return work(path);",
      },
    ],
    test: "test/sys/door/descend.test.ts",
    only: "swaps the directory",
  },
  {
    what: "dt opens its directory by its path without checking where that led",
    edits: [
      {
        file: "src/sys/door/openway.ts",
        from: "if (pathOfOpen(fd) === directory) return fd;",
        to: 'if (pathOfOpen(fd) !== "") return fd;',
      },
    ],
    test: "test/sys/door/descend.test.ts",
    only: "is a link, or a file",
  },
  {
    what: "dt works in a state directory that belongs to another user",
    edits: [
      {
        file: "src/sys/door/openway.ts",
        from: "    refuseOthers(fd, way);",
        to: "    void refuseOthers;",
      },
    ],
    test: "test/sys/door/descend.test.ts",
    only: "of another user on the way",
  },
  {
    what: "dt seals the directory found at the path, not the one that it holds open",
    edits: [
      {
        file: "src/sys/door/descend.ts",
        from: "return { path, ...openIdentityOf(opened) };",
        to: "return { path, ...statSync(directory) };",
      },
    ],
    test: "test/sys/door/descend.test.ts",
    only: "sealed meanwhile",
  },
  {
    what: "a lock that cannot be removed on release still counts as held",
    edits: [
      {
        file: "src/sys/lock/lock.ts",
        from: "      heldHere().delete(holder.nonce);\n",
        to: "",
      },
    ],
    test: "test/sys/lock/lock.test.ts",
    only: "cannot be removed when it is released",
  },
  {
    what: "dt uses a directory that it kept open although another is at its path",
    edits: [
      {
        file: "src/sys/door/keptopen.ts",
        from: "one.seenIn !== now && pathOfOpen(one.fd) !== path",
        to: 'one.seenIn !== now && pathOfOpen(one.fd) === ""',
      },
    ],
    test: "test/sys/door/keptopen.test.ts",
    only: "another is at the path",
  },
  {
    what: "dt closes a directory that it kept open while that is still in use",
    edits: [
      {
        file: "src/sys/door/keptopen.ts",
        from: "  kept.delete(one.path);\n  if (one.users === 0) closeSync(one.fd);",
        to: "  kept.delete(one.path);\n  closeSync(one.fd);",
      },
    ],
    test: "test/sys/door/keptopen.test.ts",
    only: "closed under who is in it",
  },
  {
    what: "dt does not report what still runs under the old path of a moved project",
    edits: [
      {
        file: "src/commands/context/leftbehind.ts",
        from: "const living = reports.filter(({ state }) => isLiving(state));",
        to: "const living = reports.filter(({ state }) => !isLiving(state));",
      },
    ],
    test: "test/fault/trust/leftbehind.test.ts",
    only: "what runs there is named",
  },
  {
    what: "`dt gc` stops what runs in a project that was moved",
    edits: [
      {
        file: "src/supervisor/tree/whereabouts.ts",
        from: "const held = new Set([...pids, ...starters, ...owners].flatMap((pid) => [...placesOf(pid)]));",
        to: "const held = new Set<string>([...pids, ...starters, ...owners].flatMap(() => []));",
      },
    ],
    test: "test/fault/trust/state.test.ts",
    only: "moved project is not left over",
  },
  {
    what: "dt parses a state file before it checks the seal, so a deeply nested one costs seconds",
    edits: [
      {
        file: "src/sys/seal/seal.ts",
        from: "openSealed(path, splitSealed(text));",
        to: "openSealed(path, { ...splitSealed(text), body: JSON.stringify({ ...JSON.parse(text), seal: undefined }) });",
      },
    ],
    test: "test/fault/trust/state.test.ts",
    only: "nested deeper",
  },
  {
    what: "`dt logs` shows a log that came with a clone",
    edits: [
      {
        file: "src/commands/verbs/logs.ts",
        from: 'context.reading() !== "data" ||',
        to: 'context.reading() !== "" ||',
      },
    ],
    test: "test/fault/trust/state.test.ts",
    only: "a log that came with a clone",
  },
  {
    what: "a command from the user's own manifests runs what it needs from an untrusted root",
    edits: [{ file: "src/commands/root/strangers.ts", from: "  visit(key);\n", to: "" }],
    test: "test/fault/trust/evaluate.test.ts",
    only: "takes nothing of a strange root",
  },
  {
    what: "dt trusts a `~/.dialtone` that another user made",
    edits: [
      {
        file: "src/sys/places/paths.ts",
        from: "if (home !== null) refuseOthers(home, env);",
        to: "void refuseOthers;",
      },
    ],
    test: "test/fault/trust/owner.test.ts",
    only: "a home of dt that another user made",
  },
  {
    what: "dt run as root leaves root-owned files in another user's folder",
    edits: [
      {
        file: "src/sys/door/fileowner.ts",
        from: "if (process.geteuid?.() !== 0) return;",
        to: "if (Number(0) === 0) return;",
      },
    ],
    test: "test/fault/trust/environment.test.ts",
    only: "sudo",
  },
  {
    what: "dt writes the caller's environment into the project",
    edits: [
      {
        file: "src/sys/seal/vault.ts",
        from: 'join(privatePlace(home, runDirectory), "launches")',
        to: 'join(runDirectory, "launch")',
      },
    ],
    test: "test/fault/trust/environment.test.ts",
    only: "none leaves it there",
  },
  {
    what: "a host keeps using its project's old path after a move",
    edits: [
      {
        file: "src/sys/files/follow.ts",
        from: "if (there?.ino !== held.ino || there.dev !== held.dev) return false;",
        to: "if (path === '' && there === held) return false;",
      },
    ],
    test: "test/fault/trust/state.test.ts",
    only: "a moved project",
  },
  {
    what: "a host takes a new folder at its project's old path for the project",
    edits: [
      {
        file: "src/sys/files/follow.ts",
        from: "if (there?.ino !== held.ino || there.dev !== held.dev) return false;",
        to: "if (there === undefined || held === undefined) return false;",
      },
    ],
    test: "test/fault/trust/state.test.ts",
    only: "a new project where a moved one was",
  },
  {
    what: "sockets: dt talks to another user's process",
    edits: [{ file: "src/sys/net/peer.ts", from: "return peer?.uid === ownUid()", to: "return peer?.uid !== -1" }],
    test: "test/fault/trust/sockets.test.ts",
    only: "attach speaks",
  },
  {
    what: "sockets: the daemon's client checks neither the file's owner nor who listens",
    edits: [
      { file: "src/sys/net/peer.ts", from: "return peer?.uid === ownUid()", to: "return peer?.uid !== -1" },
      { file: "src/daemon/socket/client.ts", from: "if (uid !== ownUid()) refuse(`uid ${uid}`);", to: "" },
      { file: "src/daemon/socket/client.ts", from: "if (swapper !== null) refuse(", to: "if (swapper === '') refuse(" },
    ],
    test: "test/fault/trust/sockets.test.ts",
    only: "refused by every verb",
  },
  {
    what: "sockets: dt uses a socket in a directory that others can write to",
    edits: [
      { file: "src/daemon/socket/client.ts", from: "if (swapper !== null) refuse(", to: "if (swapper === '') refuse(" },
    ],
    test: "test/fault/trust/sockets.test.ts",
    only: "a socket of one's own",
  },
  {
    what: "sockets: dt uses another user's directory",
    edits: [
      {
        file: "src/sys/places/ownplace.ts",
        from: "if (stat.uid !== ownUid()) return",
        to: "if (stat.uid === -1) return",
      },
    ],
    test: "test/fault/trust/sockets.test.ts",
    only: "is taken: another user's directory",
  },
  {
    what: "sockets: dt accepts a link in place of a directory",
    edits: [
      {
        file: "src/sys/places/ownplace.ts",
        from: "constants.O_DIRECTORY | constants.O_NOFOLLOW",
        to: "constants.O_DIRECTORY",
      },
    ],
    test: "test/fault/trust/sockets.test.ts",
    only: "link to a directory of one's own",
  },
  {
    what: "sockets: dt makes a directory that others could write to private, and uses it",
    edits: [
      {
        file: "src/sys/places/ownplace.ts",
        from: "return (stat.mode & WRITABLE_BY_OTHERS) === 0 ? null",
        to: "return stat.mode !== 0 ? null",
      },
    ],
    test: "test/fault/trust/sockets.test.ts",
    only: "a directory of one's own that others",
  },
  {
    what: "sockets: dt uses a /tmp without the sticky bit",
    edits: [{ file: "src/sys/places/ownplace.ts", from: "(mode & STICKY) === 0)", to: "mode === 0)" }],
    test: "test/fault/trust/sockets.test.ts",
    only: "without the sticky bit",
  },
  {
    what: "sockets: the daemon does not notice that its path no longer leads to it",
    edits: [
      {
        file: "src/sys/net/lineserver.ts",
        from: "isReachable: () => own !== null && inodeOf(path) === own",
        to: "isReachable: () => true",
      },
    ],
    test: "test/fault/trust/sockets.test.ts",
    only: "swapped under a daemon",
  },
  {
    what: "`dt daemon start` registers a home directory as a project",
    edits: [
      {
        file: "src/commands/root/servehere.ts",
        from: "  if (isHome(root, { env: context.env, home: paths.home })) {",
        to: "  if (root === null) {",
      },
    ],
    test: "test/e2e/daemon/serving.test.ts",
    only: "nothing is registered",
  },
  {
    what: "`dt daemon uninstall` removes the socket of a running daemon",
    edits: [{ file: "src/daemon/socket/leftsockets.ts", from: " || (await isListening(target))", to: "" }],
    test: "test/e2e/daemon/daemon.test.ts",
    only: "uninstall removes",
  },
  {
    what: "sockets: the daemon does not repair its link when that leads elsewhere",
    edits: [
      { file: "src/daemon/reach.ts", from: "if (linkedSocketOf(paths) === reach.socket) return;", to: "return;" },
    ],
    test: "test/fault/trust/sockets.test.ts",
    only: "the link of a daemon",
  },
  {
    what: "sockets: a host lets another user type",
    edits: [
      {
        file: "src/supervisor/watch/terminal.ts",
        from: "mayConnect(peer) ? accept",
        to: "peer !== null ? accept",
      },
    ],
    test: "test/fault/trust/sockets.test.ts",
    only: "attach speaks",
  },
  {
    what: "`dt init` accepts a link in place of a directory and writes behind it",
    edits: [{ file: "src/manifest/start/places.ts", from: "if (!stat.isDirectory())", to: "if (stat.isFIFO())" }],
    test: "test/fault/trust/init.test.ts",
    only: "manifests is a link",
  },
  {
    what: "`dt init` accepts a link in place of a file",
    edits: [{ file: "src/manifest/start/places.ts", from: "if (!stat.isFile())", to: "if (stat.isDirectory())" }],
    test: "test/fault/trust/init.test.ts",
    only: "gitignore is a link",
  },
  {
    what: "`dt init` changes a file that has a second hard link",
    edits: [{ file: "src/manifest/start/places.ts", from: "if (stat.nlink > 1)", to: "if (stat.nlink > 9)" }],
    test: "test/fault/trust/init.test.ts",
    only: "another file too",
  },
  {
    what: "`dt init` hangs on a pipe",
    edits: [
      {
        file: "src/sys/files/plainfile.ts",
        from: "constants.O_RDONLY | constants.O_NONBLOCK",
        to: "constants.O_RDONLY",
      },
    ],
    test: "test/fault/trust/init.test.ts",
    only: "gitignore is a pipe",
  },
  {
    what: "dt runs a shim that came with the project",
    edits: [{ file: "src/supervisor/prepare/shims.ts", from: " && holds(join(place, path), text));", to: ");" }],
    test: "test/sys/small.test.ts",
    only: "that came with the place",
  },
  {
    what: "dt passes a load's result through a directory where others can swap it",
    edits: [
      { file: "src/manifest/load/result.ts", from: "if (swapper !== null) throw", to: "if (swapper === '') throw" },
    ],
    test: "test/manifest/load/load.test.ts",
    only: "passed on where nobody",
  },
  {
    what: "a dry run of a stack runs the docker program of a clone",
    edits: [{ file: "src/compose/stack.ts", from: "const asks = there && request.mayAsk;", to: "const asks = there;" }],
    test: "test/fault/trust/stack.test.ts",
    only: "a clone that brings",
  },
  ...HOST_BREAKS,
  ...PROBE_BREAKS,
  ...TEXT_BREAKS,
  ...TRUST_BREAKS,
  {
    what: "pages: the server does not check `Sec-Fetch-Site`, so other sites get answers",
    edits: [
      {
        file: "src/plugin/guard.ts",
        from: 'if (site === null || site === "same-origin" || site === "none") return null;',
        to: "if (site !== undefined) return null;",
      },
    ],
    test: "test/plugin/serve.test.ts",
  },
  {
    what: "pages: the server does not check `Host`, so any name gets answers",
    edits: [{ file: "src/plugin/guard.ts", from: "host === null || !OWN_NAMES.test(host)", to: "host === null" }],
    test: "test/plugin/serve.test.ts",
  },
  {
    what: "pages: the server does not check `Origin`, so other origins get answers",
    edits: [
      {
        file: "src/plugin/guard.ts",
        from: "origin !== null && !isOrigin(origin, host)",
        to: "origin !== null && origin.length > 9999",
      },
    ],
    test: "test/plugin/serve.test.ts",
  },
  {
    what: "files below a folder: a link leads out by `..`",
    edits: [
      { file: "src/plugin/way.ts", from: "else if (way.pop() === undefined) return null;", to: "else way.pop();" },
    ],
    test: "test/plugin/within.test.ts",
  },
  {
    what: "files below a folder: a lookup follows a directory that was swapped for a link",
    edits: [
      {
        file: "src/plugin/way.ts",
        from: "O_RDONLY | O_DIRECTORY | O_NONBLOCK | flags",
        to: "O_RDONLY | O_DIRECTORY | O_NONBLOCK",
      },
    ],
    test: "test/plugin/within.test.ts",
  },
  {
    what: "files below a folder: a write replaces a file that has another hard link",
    edits: [
      {
        file: "src/plugin/within.ts",
        from: "there.nlink > 1 && options.linked !== true",
        to: "there.nlink > 99 && options.linked !== true",
      },
    ],
    test: "test/plugin/within.test.ts",
  },
  {
    what: "plugins print control characters",
    edits: [{ file: "src/plugin/visible.ts", from: "/\\p{Cc}|\\p{Cs}|", to: "/\\p{Cs}|" }],
    test: "test/plugin/visible.test.ts",
  },
  {
    what: "orchestra writes into a codebase that became a link",
    edits: [
      {
        file: "plugins/orchestra/pipeline.ts",
        from: "if (folder.folder !== resolve(path))",
        to: 'if (folder.folder === "")',
      },
    ],
    test: "test/fault/trust/orchestra.test.ts",
    only: "became a link",
  },
  {
    what: "chat accepts a conversation that carries another id",
    edits: [{ file: "plugins/chat/store.ts", from: "    found.id === id &&\n", to: "" }],
    test: "test/fault/trust/chat.test.ts",
    only: "conversation that says",
  },
  {
    what: "the site renders HTML that its pages contain",
    edits: [{ file: "plugins/www/markdown.ts", from: "noHtmlSpans: true", to: "noHtmlSpans: false" }],
    test: "test/fault/trust/site.test.ts",
    only: "HTML in the docs",
  },
];
