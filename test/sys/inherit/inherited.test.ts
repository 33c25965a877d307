/** What is read of a living process, compared with what it was started with. */
import { afterEach, expect, test } from "bun:test";
import { type Inherited, mayHaveLineage, RLIMIT_NOFILE, readInherited } from "../../../src/sys/inherit/inherited.ts";
import { lineageFor, RLIMIT_LOCKS } from "../../../src/sys/process/lineage.ts";

const children: Bun.Subprocess[] = [];

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.splice(0).map((child) => child.exited));
});

/** `set`: what a shell does before the child starts; the child is the shell's, not this process's. */
async function inheritedAfter(set: string): Promise<Inherited> {
  const child = Bun.spawn(["sh", "-c", `${set}\nsh -c 'echo $$; exec sleep 1000' & wait`], {
    stdin: "pipe",
    stdout: "pipe",
    detached: true,
  });
  children.push({ ...child, exited: child.exited, kill: () => process.kill(-child.pid, "SIGKILL") } as never);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const read = readInherited(Number(new TextDecoder().decode(value)));
  if (read === null) throw new Error("the child could not be read");
  return read;
}

const LINUX = process.platform === "linux";
const onLinux = test.skipIf(!LINUX);
const needs = (program: string) => test.skipIf(!LINUX || Bun.which(program) === null);

onLinux("umask", async () => {
  expect((await inheritedAfter("umask 027")).umask).toBe("0027");
  expect((await inheritedAfter("umask 0")).umask).toBe("0000");
});

/** Options of `ulimit`, in the unit that the shell takes, and the resource's number in getrlimit(2). */
const LIMITS: [option: string, value: string, number: number, shown: string][] = [
  ["c", "0", 4, "0"],
  ["f", "2048", 1, String(2048 * 512)],
  ["n", "77", RLIMIT_NOFILE, "77"],
  ["s", "4096", 3, String(4096 * 1024)],
  ["t", "5000", 0, "5000"],
];

onLinux.each(LIMITS)("ulimit -%s %s is resource %d", async (option, value, number, shown) => {
  const soft = await inheritedAfter(`ulimit -S -${option} ${value}`);
  expect(soft.limits[number]?.[0]).toBe(shown);
  const both = await inheritedAfter(`ulimit -${option} ${value}`);
  expect(both.limits[number]).toEqual([shown, shown]);
});

onLinux("there are sixteen limits, and `unlimited` is read as a word", async () => {
  const { limits } = await inheritedAfter("true");
  expect(limits).toHaveLength(16);
  for (const [soft, hard] of limits) for (const one of [soft, hard]) expect(one).toMatch(/^(?:\d+|unlimited)$/);
});

needs("nice")("nice value", async () => {
  const before = (await inheritedAfter("true")).nice;
  expect((await inheritedAfter("renice -n 3 -p $$ >/dev/null")).nice).toBe(before + 3);
});

needs("ionice")("I/O class and level", async () => {
  expect((await inheritedAfter("ionice -c 3 -p $$")).io >> 13).toBe(3);
  const best = (await inheritedAfter("ionice -c 2 -n 6 -p $$")).io;
  expect([best >> 13, best & 7]).toEqual([2, 6]);
});

needs("taskset")("CPU affinity", async () => {
  const { cpus } = await inheritedAfter("taskset -p 1 $$ >/dev/null");
  expect(BigInt(`0x${cpus.replaceAll(",", "")}`)).toBe(1n);
});

onLinux("a signal that a shell ignores, and one that it then takes back", async () => {
  const USR1 = 1n << 9n;
  expect(BigInt(`0x${(await inheritedAfter("trap '' USR1")).ignored}`) & USR1).toBe(USR1);
  expect(BigInt(`0x${(await inheritedAfter("trap '' USR1; trap - USR1")).ignored}`) & USR1).toBe(0n);
});

onLinux("SIGPIPE counts as ignored when the shell above ignores it", async () => {
  const PIPE = 1n << 12n;
  expect(BigInt(`0x${(await inheritedAfter("trap '' PIPE")).ignored}`) & PIPE).toBe(PIPE);
  expect(BigInt(`0x${(await inheritedAfter("true")).ignored}`) & PIPE).toBe(0n);
});

needs("perl")("blocked signals", async () => {
  const block =
    "use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1, SIGTERM)); $| = 1; print qq($$\\n); sleep 1000";
  const child = Bun.spawn(["perl", "-e", block], { stdout: "pipe" });
  children.push(child);
  await child.stdout.getReader().read();
  expect(readInherited(child.pid)?.blocked).toBe("4200");
});

needs("choom")("oom_score_adj", async () => {
  expect((await inheritedAfter("echo 321 > /proc/self/oom_score_adj; choom -n 321 -p $$ >/dev/null")).oomScore).toBe(
    321,
  );
});

needs("setpriv")("no_new_privs", async () => {
  const child = Bun.spawn(["setpriv", "--no-new-privs", "sh", "-c", "echo; exec sleep 1000"], { stdout: "pipe" });
  children.push(child);
  await child.stdout.getReader().read();
  expect(readInherited(child.pid)?.noNewPrivileges).toBe(true);
  expect((await inheritedAfter("true")).noNewPrivileges).toBe(readInherited("self")?.noNewPrivileges as boolean);
});

needs("prlimit")("a lineage is not read as a limit; a limit of file locks is, and forbids a lineage", async () => {
  const lineage = lineageFor("0123456789abcdef") as bigint;
  const marked = await inheritedAfter(`prlimit --pid $$ --locks=${lineage}:`);
  expect(marked.limits[RLIMIT_LOCKS]).toEqual(["unlimited", "unlimited"]);
  expect(mayHaveLineage(marked)).toBe(true);
  const soft = await inheritedAfter("prlimit --pid $$ --locks=1000:");
  expect(soft.limits[RLIMIT_LOCKS]).toEqual(["1000", "unlimited"]);
  const limited = await inheritedAfter("prlimit --pid $$ --locks=1000:1000");
  expect(limited.limits[RLIMIT_LOCKS]).toEqual(["1000", "1000"]);
  expect(mayHaveLineage(limited)).toBe(false);
});

onLinux("a process that is gone cannot be read", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect(readInherited(child.pid)).toBeNull();
});
