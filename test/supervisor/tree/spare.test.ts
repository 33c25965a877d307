/** Whom a name in `stop.spare` means, and whom it does not. */
import { expect, test } from "bun:test";
import { isSpared } from "../../../src/supervisor/tree/spare.ts";
import type { ProcessEntry } from "../../../src/sys/process/identity.ts";
import { fakeTable } from "../../sys/process/table.fake.ts";

const CASES: [what: string, comm: string, commandLine: string, names: string[], spared: boolean][] = [
  ["its short name", "adb", "adb -L tcp:5037 fork-server", ["adb"], true],
  ["nobody, without names", "adb", "adb", [], false],
  ["another's name", "adbx", "adbx", ["adb"], false],
  [
    "a name longer than the kernel keeps",
    "chrome_crashpad",
    "/opt/chrome_crashpad_handler --x",
    ["chrome_crashpad_handler"],
    true,
  ],
  [
    "the file it was started by, though it calls itself something else",
    "MainThread",
    "/usr/bin/emulator -avd x",
    ["emulator"],
    true,
  ],
  [
    "a main class",
    "java",
    "/usr/lib/jvm/bin/java -Xmx512m -cp /g/gradle.jar org.gradle.launcher.daemon.bootstrap.GradleDaemon 8.5",
    ["GradleDaemon"],
    true,
  ],
  ["another java", "java", "java -cp app.jar com.example.Main", ["GradleDaemon"], false],
  ["a script", "python3", "/usr/bin/python3 /opt/tools/watchman.py --fg", ["watchman.py"], true],
  ["a word that a shell was given", "sh", "sh -c adb", ["adb"], false],
  ["a word that a program was given", "grep", "grep adb", ["adb"], false],
];

for (const [what, comm, commandLine, names, spared] of CASES) {
  test(`${what}: ${spared ? "spared" : "not"}`, () => {
    const table = fakeTable([{ pid: 7, comm, commandLine }]);
    expect(isSpared(table, { entry: table.entry(7) as ProcessEntry, names })).toBe(spared);
  });
}
