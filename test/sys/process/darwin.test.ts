/**
 * The bytes of the macOS kernel, read anywhere. Each fixture is the size and the non-zero runs (offset: hex) that a C
 * compiler printed for the struct of XNU's header with its fields set by name, so the offsets here are the compiler's.
 */
import { describe, expect, test } from "bun:test";
import { makeProcessTable } from "../../../src/sys/process/darwin.ts";
import {
  BSDINFO_SIZE,
  decodeArguments,
  decodeBsdInfo,
  decodeDescriptors,
  decodeKinfoProcs,
  decodeListener,
  decodeListeningPorts,
  decodeOpenFile,
  decodePidVersion,
  findVariable,
  PROX_FDTYPE_SOCKET,
  PROX_FDTYPE_VNODE,
  SOCKET_FDINFO_SIZE,
  UNIQIDENTIFIERINFO_SIZE,
  VNODE_FDINFO_SIZE,
} from "../../../src/sys/process/layout.darwin.ts";

function bytesOf(size: number, runs: Record<number, string>): Buffer {
  const bytes = Buffer.alloc(size);
  for (const [at, hex] of Object.entries(runs)) Buffer.from(hex, "hex").copy(bytes, Number(at));
  return bytes;
}

// biome-ignore format: the compiler's output
const BSDINFO = bytesOf(136, { 0: "1040", 4: "02", 12: "eb110100f501", 20: "f601", 24: "14", 48: "62756e", 64: "62756e2d6e616d65", 96: "21", 100: "e811010001", 108: "03", 111: "1009", 116: "fbffffff00b95569", 128: "2a" });
// biome-ignore format: the compiler's output
const UNIQ = bytesOf(56, { 15: "07a1bb0d", 24: "a0bb0d", 32: "40e201004d" });
// biome-ignore format: the compiler's output
const VNODE = bytesOf(176, { 0: "0a80", 9: "10", 16: "01", 24: "0d", 27: "01a48101004523f1ff1f", 40: "f601", 160: "01" });
// biome-ignore format: the compiler's output
const SOCKET4 = bytesOf(792, { 0: "03", 176: "01", 180: "06", 184: "02", 256: "02", 268: "5a28", 272: "05", 288: "0140", 324: "7f", 327: "01", 344: "01", 365: "02" });
// biome-ignore format: the compiler's output
const SOCKET6 = bytesOf(792, { 0: "03", 176: "01", 180: "06", 184: "1e", 256: "02", 268: "5a28", 272: "05", 288: "0340", 312: "fe80", 327: "09", 344: "01", 365: "02" });
// biome-ignore format: the compiler's output
const KINFO = bytesOf(648, { 1: "b95569", 8: "2a", 32: "0440", 36: "05", 40: "58", 44: "03", 240: "1f", 243: "57696e646f77536572766572", 560: "01", 564: "57", 568: "02", 576: "04" });
// biome-ignore format: the compiler's output
const PCBLIST = bytesOf(816, { 0: "18", 4: "02", 24: "68", 28: "10", 42: "1538", 128: "48", 132: "01", 200: "cc", 204: "20", 232: "01", 236: "01", 408: "68", 412: "10", 424: "01bb1770", 512: "48", 516: "01", 584: "cc", 588: "20", 616: "01", 620: "04", 792: "18", 796: "02" });

function changed(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}

/** As sysctl KERN_PROCARGS2 lays it out: argc, path, padding, argv, environment, the kernel's hints. */
function procArgs(argc: number, ...strings: string[]): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32LE(argc);
  return Buffer.concat([head, Buffer.from(`/bin/path\0\0\0\0${strings.map((text) => `${text}\0`).join("")}`)]);
}

test("the sizes asked for are the structs' sizes", () => {
  expect([BSDINFO_SIZE, UNIQIDENTIFIERINFO_SIZE, VNODE_FDINFO_SIZE, SOCKET_FDINFO_SIZE]).toEqual([
    BSDINFO.length,
    UNIQ.length,
    VNODE.length,
    SOCKET4.length,
  ]);
});

describe("entries", () => {
  test("an entry is read from proc_bsdinfo", () => {
    expect(decodeBsdInfo(BSDINFO)).toEqual({
      pid: 70123,
      ppid: 501,
      pgid: 70120,
      startTime: "1767225600000042",
      state: "R",
      comm: "bun",
    });
  });

  test("several entries are read from kinfo_proc, with the same start time in the same form", () => {
    const entry = { pid: 88, ppid: 1, pgid: 87, startTime: "1767225600000042", state: "Z", comm: "WindowServer" };
    expect(decodeKinfoProcs(Buffer.concat([KINFO, changed(KINFO, 36, 4)]))).toEqual([entry, { ...entry, state: "T" }]);
    expect(decodeKinfoProcs(Buffer.alloc(0))).toEqual([]);
  });

  test("a name that fills its field ends there, and an unknown state is no zombie", () => {
    const full = Buffer.from(BSDINFO);
    full.write("x".repeat(16), 48, "latin1");
    expect(decodeBsdInfo(full).comm).toBe("x".repeat(16));
    expect(decodeBsdInfo(changed(BSDINFO, 4, 9)).state).toBe("?");
  });

  test("the pid version is read", () => expect(decodePidVersion(UNIQ)).toBe(123456));
});

describe("arguments and environment", () => {
  const whole = procArgs(3, "node", "", "TOKEN=argument", "HOME=/", "TOKEN=a=b", "TOKEN=second", "", "ptr_munge=");

  test("arguments are counted, including empty ones, and never mistaken for the environment", () => {
    const decoded = decodeArguments(whole);
    expect(decoded?.argv).toEqual(["node", "", "TOKEN=argument"]);
    expect(findVariable(decoded?.strings ?? [], "TOKEN")).toBe("a=b");
    expect(findVariable(decoded?.strings ?? [], "OKEN")).toBeNull();
    expect(findVariable(decoded?.strings ?? [], "HOM")).toBeNull();
  });

  test("a withheld environment is undefined, not empty", () => {
    expect(findVariable(decodeArguments(procArgs(1, "/bin/sh"))?.strings ?? [], "TOKEN")).toBeUndefined();
    expect(findVariable(decodeArguments(procArgs(9, "/bin/sh"))?.strings ?? [], "TOKEN")).toBeUndefined();
  });

  test("an invalid answer is null", () => {
    expect(decodeArguments(Buffer.alloc(0))).toBeNull();
    expect(decodeArguments(Buffer.from([1, 0, 0, 0, 47]))).toBeNull();
    expect(decodeArguments(Buffer.from([255, 255, 255, 255, 47, 0, 97, 0]))).toBeNull();
    expect(decodeArguments(Buffer.from([0, 0, 0, 0, 47, 0]))).toEqual({ argv: [], strings: [] });
  });
});

describe("open files", () => {
  test("descriptors are listed by type, without a torn last entry", () => {
    const bytes = Buffer.from("0300000001000000" + "0500000002000000" + "ffffff7f01000000" + "07000000", "hex");
    expect(decodeDescriptors(bytes, PROX_FDTYPE_VNODE)).toEqual([3, 0x7fffffff]);
    expect(decodeDescriptors(bytes, PROX_FDTYPE_SOCKET)).toEqual([5]);
  });

  test("vnode_fdinfo tells device, inode and whether a file is open for writing", () => {
    expect(decodeOpenFile(VNODE)).toEqual({ dev: 0x100000d, ino: 0x1ffff12345, writable: true });
    expect(decodeOpenFile(changed(VNODE, 0, 0x01)).writable).toBe(false);
    expect(decodeOpenFile(changed(VNODE, 27, 0xff)).dev).toBe(0xff00000d);
  });
});

describe("listening sockets", () => {
  test("listening sockets of IPv4, IPv6 and both are read", () => {
    expect(decodeListener(SOCKET4)).toEqual({ port: 23080, address: "127.0.0.1", onlyIpv6: false });
    expect(decodeListener(SOCKET6)).toMatchObject({ port: 23080, address: "fe80:0000:0000:0000:0000:0000:0000:0009" });
    const any = Buffer.from(SOCKET6).fill(0, 312, 328);
    expect(decodeListener(any)?.address).toBe("::");
    expect(decodeListener(changed(any, 327, 1))?.address).toBe("::1");
    any.write("ffff0a000001", 322, "hex");
    expect(decodeListener(any)?.address).toBe("10.0.0.1");
  });

  test("a connected socket, or one that is not TCP, is no listening socket", () => {
    expect(decodeListener(changed(SOCKET4, 344, 4))).toBeNull();
    expect(decodeListener(changed(SOCKET4, 256, 1))).toBeNull();
  });

  test("only listening ports are read from the kernel's list, and nothing past a broken length", () => {
    expect([...decodeListeningPorts(PCBLIST)]).toEqual([5432]);
    expect([...decodeListeningPorts(changed(PCBLIST, 620, 1))]).toEqual([5432, 6000]);
    expect([...decodeListeningPorts(changed(PCBLIST, 24, 0))]).toEqual([]);
    expect([...decodeListeningPorts(changed(PCBLIST, 202, 0xff))]).toEqual([]);
    expect([...decodeListeningPorts(PCBLIST.subarray(0, 300))]).toEqual([]);
    expect([...decodeListeningPorts(Buffer.alloc(0))]).toEqual([]);
  });
});

test("importing and making the table loads nothing, on any system", () => {
  const table = makeProcessTable();
  expect(table.pidNamespace()).toBe("");
  expect(table.becomeSubreaper()).toBe(false);
  expect(table.signalGroup({ pid: 1, startTime: "0", bootId: "", pidNamespace: "" }, 15)).toBeNull();
});

describe.if(process.platform === "darwin")("on macOS itself", () => {
  const table = makeProcessTable();

  test("on macOS this process has an identity, group, session, arguments and environment", async () => {
    const self = table.entry(process.pid);
    expect(self).toMatchObject({ pid: process.pid, ppid: process.ppid });
    expect(Math.abs(Number(self?.startTime) / 1000 - (Date.now() - process.uptime() * 1000))).toBeLessThan(5000);
    expect(table.list().find((entry) => entry.pid === process.pid)?.startTime).toBe(self?.startTime ?? "none");
    expect(table.list().find((entry) => entry.pid === 1)?.comm).toBe("launchd");
    expect(table.bootId()).toMatch(/^[0-9A-F-]{36}$/);
    const child = Bun.spawn([process.execPath, "-e", "setInterval(() => {}, 1000)"], {
      env: { DT_TEST: "a=b" },
      detached: true,
    });
    try {
      const entry = table.entry(child.pid);
      expect(entry).toMatchObject({ pid: child.pid, ppid: process.pid, pgid: child.pid, sid: child.pid });
      expect(table.childrenOf(process.pid)).toContain(child.pid);
      expect(table.environmentOf(child.pid, "DT_TEST")).toBe("a=b");
      expect(table.environmentOf(child.pid, "DT_TES")).toBeNull();
      expect(table.commandLineOf(child.pid)).toContain("setInterval");
      const identity = { pid: child.pid, startTime: entry?.startTime ?? "", bootId: table.bootId(), pidNamespace: "" };
      expect(table.signal({ ...identity, startTime: "1" }, 9)).toBe("gone");
      expect(table.signal(identity, 0)).toBe("sent");
      expect(table.signal(identity, 9)).toBe("sent");
    } finally {
      child.kill(9);
      await child.exited;
    }
    expect(table.entry(child.pid)).toBeNull();
  });

  test("on macOS a listening port has its holder", () => {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    try {
      expect(table.listenersOn(server.port ?? 0)).toMatchObject([{ address: "127.0.0.1", pids: [process.pid] }]);
      const found = { port: server.port ?? 0, address: "127.0.0.1", pid: process.pid };
      expect(table.listeningPorts([process.pid])).toContainEqual(found);
    } finally {
      server.stop(true);
    }
  });
});
