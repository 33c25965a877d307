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
        from: "if (unlike !== null) return void",
        to: 'if (unlike?.what === "") return void',
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
        from: "    if (request.ground.isStrange !== true) hostless.soon(makeGround);\n",
        to: "",
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
];
