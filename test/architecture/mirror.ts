/** Where the tests of a room are: in `test` as in `src`, or where this table says. */
import { posix } from "node:path";
import type { Source } from "./imports.ts";

/** Rooms without a folder of tests: what drives them, by paths below `test`. */
export const COVERED: Readonly<Record<string, readonly string[]>> = {
  commands: ["e2e/cli"],
  "commands/context": ["e2e/cli/names.test.ts", "fault/trust/consent.test.ts"],
  "commands/daemon": ["e2e/daemon"],
  "commands/logs": ["e2e/logs"],
  "commands/root": ["e2e/daemon/serving.test.ts", "fault/registryedits.test.ts"],
  "commands/doctor": ["e2e/cli/doctor.test.ts"],
  "commands/gc": ["e2e/managed/owners.test.ts", "e2e/stack/containers.test.ts"],
  "commands/names": ["e2e/cli/names.test.ts"],
  "commands/restart": ["e2e/managed/requests.test.ts", "e2e/managed/managed.test.ts"],
  "commands/run": ["e2e/managed", "e2e/oneshots"],
  "commands/stop": ["e2e/managed/calledoff.test.ts", "e2e/managed/managed.test.ts"],
  "commands/verbs": ["e2e"],
  "commands/watch": ["e2e/files/watch.test.ts"],
  "commands/why": ["e2e/managed/why.test.ts"],
  "daemon/roots": ["e2e/daemon/serving.test.ts", "e2e/files/watch.test.ts"],
  "manifest/cache": ["manifest/index.test.ts"],
  "manifest/depends": ["manifest/index.test.ts", "manifest/witness"],
  "manifest/imports": ["manifest/load", "manifest/alias.test.ts"],
  "manifest/model": ["manifest/resolve", "manifest/docs.test.ts"],
  "runners/managed": ["e2e/managed", "e2e/stack/up.test.ts"],
  "runners/oneshot": ["e2e/oneshots"],
  "runners/parts": ["e2e/managed", "e2e/oneshots"],
  "runners/terminal": ["e2e/terminal"],
  "supervisor/callers": ["fault/hostsocket.test.ts", "fault/reruns.test.ts"],
  "supervisor/end": ["fault/tree.test.ts", "fault/kill.test.ts", "e2e/managed"],
  "supervisor/launch": ["e2e/managed"],
  "supervisor/oneshot": ["e2e/oneshots", "e2e/managed/between.test.ts"],
  "supervisor/probe": ["e2e/managed/probes.test.ts", "e2e/managed/health.test.ts"],

  "supervisor/terminal": ["e2e/terminal"],
  "supervisor/ticket": ["e2e/managed/calledoff.test.ts", "e2e/managed/announced.test.ts"],
  "supervisor/task": ["fault/lefttask.test.ts"],
  "sys/capture": ["e2e/oneshots/capture.test.ts", "e2e/oneshots/captureterminal.test.ts"],
  "sys/ffi": ["sys/process", "sys/files"],
  "sys/kernel": ["e2e/cli/doctor.test.ts"],
  "sys/terminal": ["e2e/terminal"],
};

/** `tests`: their paths in the repository. Also reports a row that names what is not there, or that is no longer needed. */
export function checkMirror(
  sources: readonly Source[],
  tests: readonly string[],
  covered: Readonly<Record<string, readonly string[]>> = COVERED,
): string[] {
  const rooms = new Set(
    sources.map(({ path }) => posix.dirname(path).replace(/^src\/?/, "")).filter((room) => room !== ""),
  );
  const holds = (place: string) => tests.some((test) => test === `test/${place}` || test.startsWith(`test/${place}/`));
  const isMirrored = (room: string) =>
    tests.some((test) => posix.dirname(test) === `test/${room}` && test.endsWith(".test.ts"));
  return [
    ...[...rooms].flatMap((room) =>
      isMirrored(room) || Object.hasOwn(covered, room)
        ? []
        : [`src/${room} has no tests in test/${room}, and no row in the table`],
    ),
    ...Object.entries(covered).flatMap(([room, places]) => [
      ...(rooms.has(room) && !isMirrored(room) ? [] : [`src/${room} needs no row`]),
      ...places.flatMap((place) => (holds(place) ? [] : [`test/${place}, named for src/${room}, is not there`])),
    ]),
  ];
}
