/**
 * A launch inherits from who asked for it, although the root's host starts it: one test for each thing that the host
 * sets. What it cannot set is in inheritother.test.ts.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { type Ps, psOf } from "../e2e/kit/launch.ts";
import { type TestRoot, within } from "../kit.ts";
import {
  type Asker,
  bareFacts,
  differing,
  dtAs,
  factsOf,
  IS_ROOT,
  PLAIN,
  sleepersRoot,
  startAs,
  testAs,
} from "./inherit.kit.ts";

/** The facts that differ from a plain asker's, and how the asker sets them. */
type Row = [facts: string[], asker: Asker];

const LIMITS: [option: string, fact: string, soft: string, both: string][] = [
  ["as", "Max address space", "1099511627776", "1099511627776"],
  ["core", "Max core file size", "0", "4096"],
  ["cpu", "Max cpu time", "5000", "6000"],
  ["data", "Max data size", "1099511627776", "1099511627776"],
  ["fsize", "Max file size", "1000000000", "2000000000"],
  ["memlock", "Max locked memory", "65536", "131072"],
  ["msgqueue", "Max msgqueue size", "4096", "8192"],
  ["nice", "Max nice priority", "0", "5"],
  ["nofile", "Max open files", "300", "400"],
  ["nproc", "Max processes", "5000", "6000"],
  ["rss", "Max resident set", "1099511627776", "1099511627776"],
  ["rtprio", "Max realtime priority", "0", "3"],
  ["rttime", "Max realtime timeout", "1000000", "2000000"],
  ["sigpending", "Max pending signals", "500", "600"],
  ["stack", "Max stack size", "4194304", "8388608"],
];

const ANYBODY: Row[] = [
  [["Umask"], `umask 027; ${PLAIN}`],
  [["nice"], `nice -n 5 ${PLAIN}`],
  [["io"], `ionice -c 3 ${PLAIN}`],
  [["io"], `ionice -c 2 -n 7 ${PLAIN}`],
  [["Cpus_allowed"], `taskset 1 ${PLAIN}`],
  [["NoNewPrivs"], `setpriv --no-new-privs ${PLAIN}`],
  [["oom"], `echo 321 > /proc/self/oom_score_adj && ${PLAIN}`],
  [["SigIgn"], `trap '' USR1 HUP; ${PLAIN}`],
  [["SigIgn"], `trap '' PIPE XFSZ; ${PLAIN}`],
  [
    ["SigBlk"],
    `perl -e 'use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1, SIGTERM)); exec @ARGV' ${PLAIN}`,
  ],
  [["Umask", "nice", "io"], `umask 077; nice -n 3 ionice -c 3 ${PLAIN}`],
];

const ONLY_ROOT: Row[] = [
  [["nice"], `nice -n -5 ${PLAIN}`],
  [["io"], `ionice -c 1 -n 4 ${PLAIN}`],
  [["oom"], `echo -500 > /proc/self/oom_score_adj && ${PLAIN}`],
  [["Groups"], `setpriv --groups 5,6,100 ${PLAIN}`],
];

/** A first launch by a plain asker, one by the other, one by a plain one again; all are the same host's. */
async function startThree(root: TestRoot, asker: Asker): Promise<[Ps, Ps, Ps]> {
  const first = await startAs(root, PLAIN, "a");
  const second = await startAs(root, asker, "b");
  const third = await startAs(root, PLAIN, "c");
  expect([second.host?.pid, third.host?.pid]).toEqual([first.host?.pid, first.host?.pid]);
  return [first, second, third];
}

async function checkRow([facts, asker]: Row): Promise<void> {
  await within(sleepersRoot(), async (root) => {
    const [plain, bare] = [await bareFacts(root, PLAIN), await bareFacts(root, asker)];
    expect(differing(plain, bare)).toEqual(facts.toSorted());
    const [first, second, third] = await startThree(root, asker);
    expect(factsOf(first.pid as number)).toEqual(plain);
    expect(factsOf(second.pid as number)).toEqual(bare);
    expect(factsOf(third.pid as number)).toEqual(plain);
  });
}

const onLinux = describe.skipIf(process.platform !== "linux");

onLinux("a launch has what its asker has, and the next one has not", () => {
  for (const row of [...ANYBODY, ...(IS_ROOT ? ONLY_ROOT : [])])
    testAs(`${row[0].join(", ")}: ${row[1]}`, { asker: row[1], run: () => checkRow(row) });
});

onLinux("each resource limit, soft alone and both", () => {
  const limitTo = (option: string, limit: string) => `prlimit --pid $$ --${option}=${limit} && ${PLAIN}`;
  for (const [option, fact, soft, both] of LIMITS)
    testAs(option, {
      asker: limitTo(option, `${both}:${both}`),
      run: () =>
        within(sleepersRoot(), async (root) => {
          const host = (await startAs(root, PLAIN, "a")).host?.pid;
          for (const [name, limit] of [
            ["b", `${soft}:`],
            ["c", `${both}:${both}`],
          ] as const) {
            const asker = limitTo(option, limit);
            const bare = await bareFacts(root, asker);
            const launch = await startAs(root, asker, name);
            expect([fact, bare[fact]?.startsWith(limit.split(":")[0] as string)]).toEqual([fact, true]);
            expect(factsOf(launch.pid as number)).toEqual(bare);
            expect(launch.host?.pid).toBe(host);
          }
          expect(factsOf((await startAs(root, PLAIN, "d")).pid as number)).toEqual(await bareFacts(root, PLAIN));
        }),
    });
});

onLinux("environment and directory", () => {
  test("a launch has its own asker's environment, and nothing of the first one's", async () => {
    await within(sleepersRoot(), async (root) => {
      const start = async (name: string, env: Record<string, string>) => {
        expect((await dtAs(root, { asker: PLAIN, args: ["t", name, "-d"], env })).code).toBe(0);
        const { pid, host } = (await psOf(root, `t:${name}:default`)) as Ps;
        const text = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
        return { host: host?.pid, own: text.filter((one) => /^(?:ONE|TWO|BOTH|BUN_OPTIONS)=/.test(one)).sort() };
      };
      const first = await start("a", { ONE: "1", BOTH: "first" });
      const second = await start("b", { TWO: "é\n", BOTH: "second", BUN_OPTIONS: "--smol" });
      expect(first.own).toEqual(["BOTH=first", "ONE=1"]);
      expect(second.own).toEqual(["BOTH=second", "BUN_OPTIONS=--smol", `TWO=${Buffer.from("é\n").toString("latin1")}`]);
      expect(second.host).toBe(first.host);
    });
  });

  test("a command without `cwd` runs in the root, whatever its asker's directory, and `here` in the asker's", async () => {
    await within(sleepersRoot(), async (root) => {
      root.write("below/file", "");
      await startAs(root, PLAIN, "a");
      const { code } = await dtAs(root, { asker: PLAIN, args: ["t", "b", "-d"], cwd: `${root.dir}/below` });
      expect(code).toBe(0);
      const { pid, host } = (await psOf(root, "t:b:default")) as Ps;
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(root.dir);
      expect(readlinkSync(`/proc/${host?.pid}/cwd`)).not.toBe(`${root.dir}/below`);
    });
  });
});
