/**
 * What the root's host cannot set for an asker: then another host starts the launch, made by that asker. Askers that
 * are alike share one.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmdirSync } from "node:fs";
import { hostsOf } from "../e2e/kit/launch.ts";
import { type TestRoot, within } from "../kit.ts";
import {
  type Asker,
  bareFacts,
  canBe,
  differing,
  dtAs,
  factsOf,
  IS_ROOT,
  PLAIN,
  sleepersRoot,
  startAs,
  testAs,
} from "./inherit.kit.ts";

/** From <asm/unistd.h>. */
const SYS = process.arch === "arm64" ? { keyctl: 219, prctl: 167 } : { keyctl: 250, prctl: 157 };
/** KEYCTL_JOIN_SESSION_KEYRING, an anonymous one. */
const NEW_KEYRING = `perl -e 'syscall(${SYS.keyctl}, 1, 0) > 0 or die; exec @ARGV'`;
/** A filter of one instruction, which allows all (SECCOMP_RET_ALLOW). */
const FILTER = `perl -e 'my $f = pack("SCCL", 6, 0, 0, 0x7fff0000); my $p = pack("Sx6P", 1, $f); syscall(${SYS.prctl}, 22, 2, $p) == 0 or die; exec @ARGV'`;

const CGROUP = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map((place) => `${place}/dt-test-${process.pid}`);

function makeCgroup(): string | null {
  for (const place of CGROUP) {
    try {
      mkdirSync(place);
      if (canBe(`echo $$ > ${place}/cgroup.procs && ${PLAIN}`)) return place;
      rmdirSync(place);
    } catch {
      // not this one
    }
  }
  return null;
}

const cgroup = process.platform === "linux" && IS_ROOT ? makeCgroup() : null;
afterAll(() => {
  if (cgroup !== null) rmdirSync(cgroup);
});

/** `facts`: what differs from a plain asker's. */
const ROWS: [what: string, facts: string[], asker: Asker | null][] = [
  ["a mount namespace", ["mnt"], `unshare -m ${PLAIN}`],
  ["a UTS namespace", ["uts"], `unshare -u ${PLAIN}`],
  ["a network namespace", ["net"], `unshare -n ${PLAIN}`],
  ["an IPC namespace", ["ipc"], `unshare -i ${PLAIN}`],
  ["a cgroup namespace", ["cgroup"], `unshare -C ${PLAIN}`],
  ["a cgroup", ["cgroups"], cgroup && `echo $$ > ${cgroup}/cgroup.procs && ${PLAIN}`],
  ["a smaller bounding set", ["CapBnd", "CapEff", "CapPrm"], `setpriv --bounding-set=-sys_time ${PLAIN}`],
  ["an inheritable capability", ["CapInh"], `setpriv --inh-caps=+chown ${PLAIN}`],
  ["another group", ["Gid"], `setpriv --regid 5 --keep-groups ${PLAIN}`],
  ["a scheduling policy", ["policy"], `chrt --batch 0 ${PLAIN}`],
  ["a session keyring", [], `${NEW_KEYRING} ${PLAIN}`],
  ["a seccomp filter", ["Seccomp"], `${FILTER} ${PLAIN}`],
];

describe.skipIf(!IS_ROOT || process.platform !== "linux")("another host for", () => {
  for (const [what, facts, asker] of ROWS) testAs(what, { asker, run: () => checkRow(asker as Asker, facts) });
});

async function checkRow(asker: Asker, facts: string[]): Promise<void> {
  await within(sleepersRoot(), async (root) => {
    const [plain, bare] = [await bareFacts(root, PLAIN), await bareFacts(root, asker)];
    expect(differing(plain, bare)).toEqual(facts);
    const first = await startAs(root, PLAIN, "a");
    const other = await startAs(root, asker, "b");
    expect(other.host?.pid).not.toBe(first.host?.pid as number);
    const seen = factsOf(other.pid as number);
    expect(differing(bare, seen).filter((name) => !NEW_EACH_TIME.includes(name))).toEqual([]);
    expect(differing(plain, seen)).toEqual(facts);
    // The root's usual host is still there for a plain asker.
    const third = await startAs(root, PLAIN, "c");
    expect(third.host?.pid).toBe(first.host?.pid as number);
    expect(factsOf(third.pid as number)).toEqual(plain);
  });
}

/** `unshare` makes another one with each call. */
const NEW_EACH_TIME = ["mnt", "uts", "net", "ipc", "cgroup"];

const onlyRoot = test.skipIf(!IS_ROOT || process.platform !== "linux");

onlyRoot.skipIf(!canBe(`setpriv --bounding-set=-sys_time ${PLAIN}`))(
  "two askers that are alike share one host, and a third kind has another",
  async () => {
    await within(sleepersRoot(), async (root) => {
      const [timeless, rawless] = ["sys_time", "net_raw"].map((name) => `setpriv --bounding-set=-${name} ${PLAIN}`) as [
        Asker,
        Asker,
      ];
      const hosts: (number | undefined)[] = [];
      for (const [name, asker] of [
        ["a", PLAIN],
        ["b", timeless],
        ["c", `umask 077; ${timeless}`],
        ["d", rawless],
        ["e", timeless],
      ] as const)
        hosts.push((await startAs(root, asker, name)).host?.pid);
      const [plain, first, second, other, third] = hosts;
      expect([second, third]).toEqual([first, first]);
      expect(new Set([plain, first, other]).size).toBe(3);
    });
  },
);

test.skipIf(!canBe(`prlimit --pid $$ --locks=1000:1000 && ${PLAIN}`))(
  "each launch of an asker with a limit of file locks has a host of its own",
  async () => {
    await within(sleepersRoot(), async (root) => {
      const asker = `prlimit --pid $$ --locks=1000:1000 && ${PLAIN}`;
      const hosts = [await startAs(root, PLAIN, "a"), await startAs(root, asker, "b"), await startAs(root, asker, "c")];
      expect(new Set(hosts.map((one) => one.host?.pid)).size).toBe(3);
    });
  },
);

onlyRoot("another root directory has another host", async () => {
  await within(sleepersRoot(), async (root) => {
    const jail = `${root.base}/jail`;
    const holder = Bun.spawn(
      [
        "unshare",
        "-m",
        "--propagation",
        "private",
        "sh",
        "-c",
        `mkdir ${jail} && mount --rbind / ${jail} && echo ready && exec sleep 1000`,
      ],
      { stdout: "pipe", stderr: "ignore" },
    );
    try {
      const { value } = await holder.stdout.getReader().read();
      if (value === undefined) return console.warn("Another root directory is not tested: no mounts are allowed here.");
      const here = `sh -c 'cd "$0" && exec "$@"' ${root.dir}`;
      const enter = `nsenter -t ${holder.pid} -m`;
      const first = await startAs(root, `${enter} ${here} ${PLAIN}`, "a");
      const jailed = await startAs(root, `${enter} chroot ${jail} ${here} ${PLAIN}`, "b");
      const third = await startAs(root, `${enter} ${here} ${PLAIN}`, "c");
      expect(jailed.host?.pid).not.toBe(first.host?.pid as number);
      expect(third.host?.pid).toBe(first.host?.pid as number);
      expect([factsOf(first.pid as number).root, factsOf(jailed.pid as number).root]).toEqual(["/", jail]);
      await root.dt(["stop", "--all"]);
    } finally {
      holder.kill("SIGKILL");
      await holder.exited;
    }
  });
});

describe.skipIf(!IS_ROOT || process.platform !== "linux")("a host that may do nothing special", () => {
  const NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups";

  /** The root belongs to that user. */
  async function withinNobodys(body: (root: TestRoot) => Promise<void>): Promise<void> {
    await within(sleepersRoot(), async (root) => {
      Bun.spawnSync(["chown", "-R", "65534:65534", root.base]);
      root.prefix = NOBODY.split(" ");
      await body(root);
    });
  }

  test("does not serve one that is less nice, or has higher hard limits, or a lower oom_score_adj", async () => {
    for (const low of ["nice -n 5", "prlimit --nproc=5000:5000", "choom -n 500 --", "setpriv --no-new-privs"])
      await withinNobodys(async (root) => {
        const plain = `${NOBODY} ${PLAIN}`;
        const first = await startAs(root, `${NOBODY} ${low} ${PLAIN}`, "a");
        const second = await startAs(root, plain, "b");
        const third = await startAs(root, plain, "c");
        expect([low, second.host?.pid]).not.toEqual([low, first.host?.pid]);
        expect([low, third.host?.pid]).toEqual([low, second.host?.pid]);
        expect(factsOf(second.pid as number)).toEqual(await bareFacts(root, plain));
      });
  });

  test("serves one that is nicer", async () => {
    await withinNobodys(async (root) => {
      const first = await startAs(root, `${NOBODY} ${PLAIN}`, "a");
      const nicer = `${NOBODY} nice -n 5 prlimit --nproc=5000:5000 ${PLAIN}`;
      const second = await startAs(root, nicer, "b");
      expect(second.host?.pid).toBe(first.host?.pid as number);
      expect(factsOf(second.pid as number)).toEqual(await bareFacts(root, nicer));
    });
  });

  test("does not serve another user, who has a host of their own", async () => {
    await within(sleepersRoot(), async (root) => {
      const home = `${root.base}/other`;
      mkdirSync(home);
      chmodSync(root.base, 0o755);
      Bun.spawnSync(["chown", "-R", "65534:65534", root.dir, home]);
      const trusting = `DIALTONE_TRUST_OWNER=1 ${PLAIN}`;
      expect((await dtAs(root, { asker: trusting, args: ["t", "a", "-d"] })).code).toBe(0);
      const asNobody = (...args: string[]) =>
        dtAs(root, { asker: `${NOBODY} ${PLAIN}`, args, env: { HOME: home, DIALTONE_HOME: `${home}/.dialtone` } });
      const asked = await asNobody("t", "b", "-d");
      expect(asked).toMatchObject({ code: 0 });
      const users = hostsOf(root).map((pid) => factsOf(pid).Uid?.split("\t")[0]);
      expect(users.toSorted()).toEqual(["0", "65534"]);
      expect((await asNobody("stop", "t", "b")).code).toBe(0);
      expect((await dtAs(root, { asker: trusting, args: ["stop", "t", "a"] })).code).toBe(0);
    });
  });
});
