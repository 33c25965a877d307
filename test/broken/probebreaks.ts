/** Ways to break the probes and the check of who owns a port, each with the test that must notice. */
import type { Break } from "./breaks.ts";

const PROBES = "test/e2e/managed/probes.test.ts";
const LISTENING = "src/supervisor/port/listening.ts";

export const PROBE_BREAKS: readonly Break[] = [
  {
    what: "a server that has the port on another address blocks a start",
    edits: [
      { file: LISTENING, from: `return isReachedBy(listener, "127.0.0.1");`, to: `return listener.address !== "";` },
    ],
    test: PROBES,
    only: "another address",
  },
  {
    what: "a server that has the port on another address answers the launch's probe",
    edits: [
      {
        file: "src/supervisor/port/ownership.ts",
        from: "answeringAt(listeners, to).some((one) => own.includes(one))",
        to: "answeringAt(listeners, to).length >= 0",
      },
    ],
    test: PROBES,
    only: "another address",
  },
  {
    what: "dt does not count a server whose /proc is closed as the launch's",
    edits: [
      {
        file: LISTENING,
        from: `if (uid === null || leader === null) return "other";`,
        to: `if (uid !== -1) return "other";`,
      },
    ],
    test: PROBES,
    only: "closed is",
  },
  {
    what: "processes that a probe left behind keep running",
    edits: [
      {
        file: "src/supervisor/probe/exec.ts",
        from: "if (look().members.length > 0) await killTree(table, async () => look());",
        to: "look();",
      },
    ],
    test: PROBES,
    only: "outlives its try",
  },
  {
    what: "a probe closes its connection before a server that would close it at once",
    edits: [
      {
        file: "src/sys/net/httpask.ts",
        from: "awaitClose(exchange, reader.serverCloses() ? CLOSE_MS : MOMENT_MS)",
        to: "closerOf(exchange)",
      },
    ],
    test: "test/sys/net/httpask.test.ts",
    only: "left to close first",
  },
];
