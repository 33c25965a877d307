/**
 * Timing a program from the call that starts it to the moment its end is known, with as little as possible in between:
 * `posix_spawn` and a pidfd, no pipes, no event loop. `Bun.spawn` costs more than some of the programs that are
 * measured.
 */
import { dlopen, FFIType, type Pointer, ptr, read } from "bun:ffi";
import { closeSync } from "node:fs";

const { i32, i64, pointer } = FFIType;

const { symbols: libc } = dlopen("libc.so.6", {
  posix_spawn: { args: [pointer, pointer, pointer, pointer, pointer, pointer], returns: i32 },
  posix_spawn_file_actions_init: { args: [pointer], returns: i32 },
  posix_spawn_file_actions_addopen: { args: [pointer, i32, pointer, i32, i32], returns: i32 },
  waitpid: { args: [i32, pointer, i32], returns: i32 },
  syscall: { args: [i64, i64, i64], returns: i64 },
  poll: { args: [pointer, i64, i32], returns: i32 },
  kill: { args: [i32, i32], returns: i32 },
  usleep: { args: [FFIType.u32], returns: i32 },
  prctl: { args: [i32, i64, i64, i64, i64], returns: i32 },
  clock_gettime: { args: [i32, pointer], returns: i32 },
});

const SYS_PIDFD_OPEN = 434;
const CLOCK_MONOTONIC = 1;
const POLLIN = 1;
const O_RDWR = 2;
const SIGKILL = 9;
const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;
/** `posix_spawn_file_actions_t` is 80 bytes in glibc. */
const FILE_ACTIONS_BYTES = 256;
/** Whatever takes longer hangs. */
const LIMIT_MS = 30_000;

export interface Program {
  argv: readonly [string, ...string[]];
  cwd: string;
  env: Readonly<Record<string, string>>;
}

export interface Timed {
  /** CLOCK_MONOTONIC, milliseconds: before the spawn, and when the end was known. */
  from: number;
  to: number;
}

const clock = new BigInt64Array(2);

/** CLOCK_MONOTONIC in milliseconds, comparable between processes. */
export function now(): number {
  libc.clock_gettime(CLOCK_MONOTONIC, ptr(clock));
  return Number(clock[0]) * 1e3 + Number(clock[1]) / 1e6;
}

/** Starts a program with nothing on its standard streams and gives its pid. `argv[0]` is a path. */
function spawn({ argv, cwd, env }: Program): number {
  const words = cStrings(argv);
  const variables = cStrings(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  const path = cString(argv[0]);
  const nothing = cString("/dev/null");
  const actions = new Uint8Array(FILE_ACTIONS_BYTES);
  const pid = new Int32Array(1);
  libc.posix_spawn_file_actions_init(ptr(actions));
  for (const fd of [0, 1, 2]) libc.posix_spawn_file_actions_addopen(ptr(actions), fd, ptr(nothing), O_RDWR, 0);
  process.chdir(cwd);
  const error = libc.posix_spawn(ptr(pid), ptr(path), ptr(actions), null, ptr(words.list), ptr(variables.list));
  if (error !== 0) throw new Error(`cannot start ${argv[0]}: errno ${error}`);
  return pid[0] as number;
}

/** Waits without a turn of the event loop; gives the exit code, 128 and more for a signal. */
function wait(pid: number): number {
  const pidfd = Number(libc.syscall(SYS_PIDFD_OPEN, pid, 0));
  const polled = new Int32Array([pidfd, POLLIN]);
  const status = new Int32Array(1);
  if (libc.poll(ptr(polled), 1, LIMIT_MS) !== 1) libc.kill(pid, SIGKILL);
  libc.waitpid(pid, ptr(status), 0);
  closeSync(pidfd);
  const word = read.i32(ptr(status), 0);
  return (word & 0x7f) === 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f);
}

/** Runs a program to its end; throws when it fails, with what it says when it is run again. */
export function time(program: Program): Timed {
  const from = now();
  const code = wait(spawn(program));
  const to = now();
  if (code !== 0) {
    const again = Bun.spawnSync([...program.argv], { cwd: program.cwd, env: program.env });
    throw new Error(
      `${program.argv.join(" ")} ended with ${code}; again: ${again.exitCode}\n${again.stderr}${again.stdout}`,
    );
  }
  return { from, to };
}

/** Starts a program that runs on; it has to be waited for. */
export function begin(program: Program): { from: number; kill(signal: number): void; wait(): number } {
  const from = now();
  const pid = spawn(program);
  return { from, kill: (signal) => void libc.kill(pid, signal), wait: () => wait(pid) };
}

/** Sleeps for parts of a millisecond too: `Bun.sleepSync` returns at once below one, and a loop of it takes a core. */
export function sleepFor(ms: number): void {
  libc.usleep(Math.round(ms * 1000));
}

/**
 * Orphans below this process become its children from now on, so that `reap` can end them as init would. Some machines
 * have no init that does, and a tool takes its own zombie for a living daemon.
 */
export function adoptOrphans(): void {
  libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/** Nothing happens unless this is a child that has ended. */
export function reap(pid: number): void {
  libc.waitpid(pid, ptr(new Int32Array(1)), WNOHANG);
}

/** The same for all children: call it while none is waited for. */
export function reapAll(): void {
  while (libc.waitpid(-1, ptr(new Int32Array(1)), WNOHANG) > 0);
}

function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

/** The list keeps its strings: it holds their addresses, not them. */
function cStrings(texts: readonly string[]): { list: BigUint64Array; strings: Uint8Array[] } {
  const strings = texts.map(cString);
  const addresses = strings.map((text) => BigInt(ptr(text) as Pointer & number));
  return { list: new BigUint64Array([...addresses, 0n]), strings };
}
