/** Ways to break the hand-over to the root's host, and what a launch inherits, each with the test that must notice. */
import type { Break } from "./breaks.ts";

const SOCKET = "test/fault/hostsocket.test.ts";
const OTHER = "test/fault/inheritother.test.ts";
const TABLE = "test/sys/inherit/unlikeness.test.ts";
const ROWS = "test/fault/inherit.test.ts";
const MASK = "test/sys/inherit/cpumask.test.ts";
const LATER = "test/fault/inheritlater.test.ts";
const LOST = "test/fault/hostlost.test.ts";
const CROWD = "test/fault/hostcrowd.test.ts";
const PLACE = "test/fault/hostplace.test.ts";
const STOPPED = "test/fault/stoppedhost.test.ts";
const LEFT = "test/fault/lefttask.test.ts";
const CALLERS = "test/fault/hostcallers.test.ts";

export const HOST_BREAKS: readonly Break[] = [
  {
    what: "a host answers another user",
    edits: [
      {
        file: "src/supervisor/hosts/callers.ts",
        from: "if (peer?.uid !== ownUid() || given.isLeaving()) return null;",
        to: "if (peer === null || given.isLeaving()) return null;",
      },
    ],
    test: SOCKET,
    only: "another user",
  },
  {
    what: "a host takes a request of another version",
    edits: [
      {
        file: "src/supervisor/hosts/callers.ts",
        from: "if (request.version !== HOST_PROTOCOL)",
        to: "if (request.version === 0)",
      },
    ],
    test: SOCKET,
    only: "of another version",
  },
  {
    what: "a host starts what it cannot start as its asker would",
    edits: [
      {
        file: "src/supervisor/hosts/callers.ts",
        from: "if (unlike !== null) {",
        to: 'if (unlike?.what === "") {',
      },
    ],
    test: OTHER,
    only: "bounding set",
  },
  {
    what: "a host does not compare the session keyring",
    edits: [
      {
        file: "src/supervisor/hosts/callers.ts",
        from: '(keyring === ownKeyring() ? null : "session keyring")',
        to: '(keyring >= 0 ? null : "session keyring")',
      },
    ],
    test: OTHER,
    only: "session keyring",
  },
  {
    what: "launches whose file locks are limited share a host",
    edits: [
      {
        file: "src/supervisor/hosts/callers.ts",
        from: "if (!mayHaveLineage(asker) || !mayHaveLineage(own))",
        to: "if (!mayHaveLineage(asker) && !mayHaveLineage(own))",
      },
    ],
    test: OTHER,
    only: "file locks",
  },
  {
    what: "capabilities in a user namespace count for the machine",
    edits: [
      {
        file: "src/sys/inherit/inheritance.ts",
        from: "if (!namespaces.includes(FIRST_USER_NAMESPACE)) return false;",
        to: "if (namespaces === FIRST_USER_NAMESPACE) return false;",
      },
    ],
    test: TABLE,
    only: "a capability of the host",
  },
  {
    what: "a launch has its host's umask",
    edits: [
      {
        file: "src/sys/inherit/puton.ts",
        from: "if (asked.umask !== undefined) process.umask(Number.parseInt(asked.umask, 8));",
        to: "",
      },
    ],
    test: ROWS,
    only: "Umask: ",
  },
  {
    what: "a launch has its host's soft limits",
    edits: [
      {
        file: "src/sys/inherit/puton.ts",
        from: "if (libc().setrlimit(at, ptr(wanted)) !== 0)",
        to: "if (at < 0 && libc().setrlimit(at, ptr(wanted)) !== 0)",
      },
    ],
    test: ROWS,
    only: "soft alone and both stack",
  },
  {
    what: "a CPU mask of many words is set in the kernel's order of text",
    edits: [
      {
        file: "src/sys/inherit/puton.ts",
        from: 'const words = cpus.split(",").reverse();',
        to: 'const words = cpus.split(",");',
      },
    ],
    test: MASK,
  },
  {
    what: "a restart by a person inherits from who asked for the launch before it",
    edits: [
      {
        file: "src/supervisor/host/onrequest.ts",
        from: "inherits: from.inherits,",
        to: "inherits: run.spec.inherits,",
      },
    ],
    test: LATER,
    only: "by a person",
  },
  {
    what: "a caller waits for a host that is stopped",
    edits: [
      { file: "src/supervisor/callers/reach.ts", from: "const HELLO_MS = 300;", to: "const HELLO_MS = 300_000;" },
    ],
    test: SOCKET,
    only: "a stopped host",
  },
  {
    what: "a caller whose host was killed asks no other",
    edits: [{ file: "src/supervisor/callers/ask.ts", from: "const MOST_HOSTS = 10;", to: "const MOST_HOSTS = 1;" }],
    test: LOST,
    only: "at its vfork",
  },
  {
    what: "builds of dt share a host",
    edits: [
      {
        file: "src/supervisor/callers/address.ts",
        from: "const common = [MADE_BY, home",
        to: "const common = [MADE_BY.slice(99), home",
      },
    ],
    test: CROWD,
    only: "another build",
  },
  {
    what: "a new host removes the file in its socket's place",
    edits: [
      {
        file: "src/supervisor/hosts/process.ts",
        from: "if (there?.isSocket()) tryUnlink(address);",
        to: "if (there !== undefined) tryUnlink(address);",
      },
    ],
    test: PLACE,
    only: "a file in the socket",
  },
  {
    what: "a new host leaves the launches of a killed one alone",
    edits: [
      {
        file: "src/supervisor/hosts/process.ts",
        from: "request.ground.isStrange !== true && hostless.soon(makeGround);",
        to: "request.ground.isStrange !== true && hostless.soon === undefined;",
      },
    ],
    test: PLACE,
    only: "killed host left",
  },
  {
    what: "a host lingers after its last launch",
    edits: [
      {
        file: "src/supervisor/hosts/hosting.ts",
        from: "if (works.size > 0) return;",
        to: "if (works.size >= 0) return;",
      },
    ],
    test: SOCKET,
    only: "a host ends with its last launch, also",
  },
  {
    what: "a host does not let go of a launch that another host took over",
    edits: [
      { file: "src/supervisor/hosts/hosting.ts", from: "else release(ground, token);", to: "else void release;" },
    ],
    test: CROWD,
    only: "another build",
  },
  {
    what: "a stop waits for starts that the host refused",
    edits: [
      {
        file: "src/supervisor/callers/ask.ts",
        from: "for (const start of asking.starts) dropTicket(ground, start);",
        to: "for (const _ of asking.starts) break;",
      },
    ],
    test: SOCKET,
    only: "too long",
  },
  {
    what: "starts that are asked for at once do not wait for each other",
    edits: [
      {
        file: "src/supervisor/start/crowd.ts",
        from: "const isFollower = crowd.starts > 0 || askedAt < crowd.overAt;",
        to: "const isFollower = crowd.starts < 0 && askedAt < crowd.overAt;",
      },
    ],
    test: "test/supervisor/start/crowd.test.ts",
  },
  {
    what: "searches that are asked for at once do not share a look",
    edits: [
      {
        file: "src/supervisor/tree/search.ts",
        from: "waiting().set(table, [{ query, found }]);\n    setImmediate(() => searchAll(table));",
        to: "waiting().set(table, [{ query, found }]);\n    searchAll(table);",
      },
    ],
    test: "test/supervisor/tree/search.test.ts",
  },
  {
    what: "a replacement on a full disk stops the old launch first",
    edits: [
      {
        file: "src/sys/files/space.ts",
        from: "    if (writeNameless(directory, text)) return;\n",
        to: "    if (directory !== text) return;\n",
      },
    ],
    test: "test/fault/fulldisk.test.ts",
  },
  {
    what: "a host that was only stopped is killed, and its other launches are left alone",
    edits: [
      {
        file: "src/supervisor/hosts/process.ts",
        from: "if (isOverFor(word)) lookForHostless();",
        to: "if (isOverFor(word)) void lookForHostless;",
      },
    ],
    test: CALLERS,
    only: "a stopped host that had to be killed",
  },
  {
    what: "a launch whose host is gone counts as ready",
    edits: [
      {
        file: "src/supervisor/run/settle.ts",
        from: 'return record.probed ? null : { is: "running", record };',
        to: 'return record.probed && presenceOf(table, record.host) === "alive" ? null : { is: "running", record };',
      },
    ],
    test: CALLERS,
    only: "a start that needs the launch",
  },
  {
    what: "dt up starts again what a killed host had started for it",
    edits: [
      {
        file: "src/supervisor/hosts/servenode.ts",
        from: ".then((again) => again ?? hostLaunch(host, spec))",
        to: ".then(() => hostLaunch(host, spec))",
      },
      {
        file: "src/supervisor/hosts/servenode.ts",
        from: "const end = await hostLeft(host, { spec, signal: cancel.signal })",
        to: "const end = await (hostLeft === undefined ? hostLeft : Promise.resolve(null))",
      },
    ],
    test: CALLERS,
    only: "`dt up t:slow -d` ends once",
  },
  {
    what: "Ctrl-C at one start ends the launch that others wait for",
    edits: [
      {
        file: "src/supervisor/run/shares.ts",
        from: 'if (shared.waiting > 0) return "shared";',
        to: 'if (shared.waiting < 0) return "shared";',
      },
    ],
    test: CALLERS,
    only: "Ctrl-C at the one that made it",
  },
  {
    what: "a launch that was taken over is started again in the host's namespaces",
    edits: [
      {
        file: "src/supervisor/host/adopt.ts",
        from: "return unlike === null ? spec : { ...spec, unlike };",
        to: "return unlike === null ? spec : { ...spec };",
      },
    ],
    test: CALLERS,
    only: "another namespace",
  },
  {
    what: "a launch whose project was moved without a host gets none",
    edits: [
      {
        file: "src/state/store.ts",
        from: "if (movedFrom !== null) moved.set(record.token, movedFrom);",
        to: "if (movedFrom === null) moved.set(record.token, at());",
      },
    ],
    test: CALLERS,
    only: "was moved after its host",
  },
  {
    what: "a peer that is gone before it was greeted stays connected for ever",
    edits: [
      {
        file: "src/sys/net/lineserver.ts",
        from: "endLine(socket.data);",
        to: "if (!socket.data.mute) endLine(socket.data);",
      },
    ],
    test: "test/sys/net/lines.test.ts",
    only: "gone before it was greeted",
  },
  {
    what: "a caller waits for a host that is stopped after it greeted it",
    edits: [
      {
        file: "src/supervisor/callers/suspended.ts",
        from: "now - since >= mostMs()",
        to: "now - since >= 1000 * mostMs()",
      },
    ],
    test: STOPPED,
    only: "before it was asked: another host",
  },
  {
    what: "Ctrl-C is lost where the host is stopped",
    edits: [
      {
        file: "src/supervisor/callers/ask.ts",
        from: "isTaken && asking.cancel?.aborted !== true ? TAKEN_MS : UNTAKEN_MS",
        to: "isTaken ? 1000 * TAKEN_MS : UNTAKEN_MS",
      },
    ],
    test: STOPPED,
    only: "Ctrl-C at a start",
  },
  {
    what: "a start that a stopped host has taken is asked of another",
    edits: [
      {
        file: "src/supervisor/callers/ask.ts",
        from: 'if (next.value.is === "taken") isTaken = true;',
        to: 'if (next.value.is === "taken") isTaken = false;',
      },
    ],
    test: STOPPED,
    only: "runs once",
  },
  {
    what: "a start that its caller leaves to a stopped host is seen by no stop",
    edits: [
      {
        file: "src/supervisor/ticket/ticket.ts",
        from: "if (!isElsewhere) dropTicket(ground, start);",
        to: "if (isElsewhere || !isElsewhere) dropTicket(ground, start);",
      },
    ],
    test: STOPPED,
    only: "runs once",
  },
  {
    what: "a start whose host has ended is seen by no stop",
    edits: [
      {
        file: "src/supervisor/ticket/startfile.ts",
        from: "...(file.caller === undefined ? [] : [file.caller])",
        to: "...(file.caller === undefined ? [file.holder] : [])",
      },
    ],
    test: STOPPED,
    only: "a stop that comes meanwhile wins",
  },
  {
    what: "a host is preloaded with its first caller's libraries",
    edits: [
      {
        file: "src/supervisor/prepare/selfenv.ts",
        from: "if (PRELOADS.test(name)) delete env[name];",
        to: 'if (PRELOADS.test(name)) delete env["-"];',
      },
    ],
    test: STOPPED,
    only: "preloads",
  },
  {
    what: "a load waits for a stopped process that has the turn",
    edits: [
      {
        file: "src/manifest/cache/loadlock.ts",
        from: "now - runsAt > SUSPENDED_MS",
        to: "now - runsAt > WAIT_MS",
      },
    ],
    test: STOPPED,
    only: "while its manifests load",
  },
  {
    what: "what a caller said before it left is not read",
    edits: [
      {
        file: "src/sys/net/lineconnection.ts",
        from: "      goMute(state);",
        to: "      cut(state);",
      },
    ],
    test: "test/sys/net/lines.test.ts",
    only: "said before it left",
  },
  {
    what: "a stop leaves one-shots that run on without their runner",
    edits: [
      {
        file: "src/supervisor/end/stopkey.ts",
        from: "isOfTerminal(request) ? [] : await endLeftTasks",
        to: "!isOfTerminal(request) ? [] : await endLeftTasks",
      },
    ],
    test: LEFT,
    only: "is ended with all",
  },
  {
    what: "a stop does not look for one-shots without their runner",
    edits: [{ file: "src/supervisor/end/underway.ts", from: "isLeftFor(ground, key)", to: 'isLeftFor(ground, "")' }],
    test: LEFT,
    only: "is ended with all",
  },
  {
    what: "a one-shot runs beside an earlier run that has lost its runner",
    edits: [
      {
        file: "src/supervisor/oneshot/taskrun.ts",
        from: "await endLeftTasks(ground, { key: spec.key, report });",
        to: "if (ground.root === '') await endLeftTasks(ground, { key: spec.key, report });",
      },
    ],
    test: LEFT,
    only: "before the next",
  },
  {
    what: "a stop leaves what a stopped host runs for a start that it calls off",
    edits: [{ file: "src/supervisor/end/stopkey.ts", from: "calledOff: true", to: "calledOff: false" }],
    test: LEFT,
    only: "whose host is stopped is ended",
  },
  {
    what: "a stop ends what a stopped host runs for others, too",
    edits: [
      {
        file: "src/supervisor/task/left.ts",
        from: "starts.every(isCalledOff)",
        to: "starts.some(isCalledOff)",
      },
    ],
    test: LEFT,
    only: "only one of the starts",
  },
  {
    what: "dt ends one-shots that have a runner",
    edits: [
      {
        file: "src/supervisor/task/note.ts",
        from: "return !isSuspended(table, identify(table, entry));",
        to: "return false;",
      },
      {
        file: "src/supervisor/task/left.ts",
        from: "return !isAlive(ground, { process: runner, hold: token });",
        to: "return isAlive(ground, { process: runner, hold: token });",
      },
    ],
    test: LEFT,
    only: "still serves",
  },
  {
    what: "the leader of a one-shot is not noted",
    edits: [
      {
        file: "src/supervisor/task/note.ts",
        from: "if (leader !== null) writeNote(",
        to: "if (leader !== null && leader.pid < 0) writeNote(",
      },
    ],
    test: LEFT,
    only: "whose caller was killed",
  },
  {
    what: "a start runs its one-shots beside what a killed host ran for the start before it",
    edits: [
      {
        file: "src/supervisor/start/start.ts",
        from: "await endLeftTasks(ground, { key: spec.key, report: start.report });",
        to: 'if (ground.root === "") await endLeftTasks(ground, { key: spec.key, report: start.report });',
      },
    ],
    test: LEFT,
    only: "of several one-shots",
  },
  {
    what: "what a one-shot left in the background counts as the one-shot",
    edits: [
      {
        file: "src/supervisor/task/left.ts",
        from: 'presenceOf(table, leader) !== "alive") return [];',
        to: 'presenceOf(table, leader) === "unknown") return [];',
      },
    ],
    test: LEFT,
    only: "in the background alone",
  },
];
