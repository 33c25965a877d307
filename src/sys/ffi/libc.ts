/**
 * The few C functions that neither Bun nor Node offers. The library is opened on first use (0.12 ms), and each function
 * is bound when it is first called (5 µs), since a call of dt needs few of them. `prctl`, `fallocate`, `syscall` and
 * `fcntl` are for Linux only: macOS lacks the first two, and the others are variadic, which means another calling
 * convention there.
 */
import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { lazy } from "../base/lazy.ts";

const { i32, i64, u64, pointer } = FFIType;

const SYMBOLS = {
  flock: { args: [i32, i32], returns: i32 },
  prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
  syscall: { args: [i64, i64, i64, i64, i64, i64], returns: i64 },
  waitpid: { args: [i32, pointer, i32], returns: i32 },
  pthread_sigmask: { args: [i32, pointer, pointer], returns: i32 },
  signal: { args: [i32, i64], returns: i64 },
  getrlimit: { args: [i32, pointer], returns: i32 },
  setrlimit: { args: [i32, pointer], returns: i32 },
  lseek: { args: [i32, i64, i32], returns: i64 },
  fallocate: { args: [i32, i32, i64, i64], returns: i32 },
  socket: { args: [i32, i32, i32], returns: i32 },
  send: { args: [i32, pointer, u64, i32], returns: i64 },
  recv: { args: [i32, pointer, u64, i32], returns: i64 },
  sendto: { args: [i32, pointer, u64, i32, pointer, i32], returns: i64 },
  setsockopt: { args: [i32, i32, i32, pointer, i32], returns: i32 },
  getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
  poll: { args: [pointer, u64, i32], returns: i32 },
  sigaction: { args: [i32, pointer, pointer], returns: i32 },
  fcntl: { args: [i32, i32, i64], returns: i32 },
  execve: { args: [pointer, pointer, pointer], returns: i32 },
  isatty: { args: [i32], returns: i32 },
} as const;

const LINUX_NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];
const DARWIN_NAMES = ["/usr/lib/libSystem.B.dylib"];

export function openFirst<S extends Parameters<typeof dlopen>[1]>(symbols: S) {
  const names = process.platform === "darwin" ? DARWIN_NAMES : LINUX_NAMES;
  for (const name of names) {
    try {
      return dlopen(name, symbols).symbols;
    } catch {
      // the next name
    }
  }
  throw new Error(`no C library found (tried ${names.join(", ")})`);
}

type Libc = ReturnType<typeof openFirst<typeof SYMBOLS>>;

const LINUX_ONLY: ReadonlySet<string> = new Set(["prctl", "fallocate", "syscall", "fcntl"] satisfies (keyof Libc)[]);

export const libc = lazy((): Libc => {
  // Opened before any function: a first `dlopen` after a failed call could overwrite the errno to be read.
  errnoLocation();
  const bound = {} as Libc;
  for (const name in SYMBOLS) bindWhenUsed(bound, name as keyof Libc);
  return bound;
});

function bindWhenUsed(bound: Libc, name: keyof Libc): void {
  Object.defineProperty(bound, name, {
    configurable: true,
    get() {
      if (process.platform === "darwin" && LINUX_ONLY.has(name)) throw new Error(`${name} is for Linux only`);
      const value = (openFirst({ [name]: SYMBOLS[name] }) as Record<string, unknown>)[name];
      Object.defineProperty(bound, name, { value, writable: true });
      return value;
    },
  });
}

const errnoLocation = lazy(() => {
  const name = process.platform === "darwin" ? "__error" : "__errno_location";
  const symbols = openFirst({ [name]: { args: [], returns: pointer } } as const) as Record<string, () => unknown>;
  return symbols[name] as () => Parameters<typeof read.i32>[0];
});

/** The calling thread's errno. Read it directly after the call that failed. */
export function lastErrno(): number {
  return read.i32(errnoLocation()(), 0);
}

export { ptr };
