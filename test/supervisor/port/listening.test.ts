/** Of several sockets on one port: whose each is, and where a connection to an address comes. */
import { expect, test } from "bun:test";
import {
  addressesToAsk,
  answeringAt,
  isInTheWay,
  ownershipOf,
  showAddress,
} from "../../../src/supervisor/port/listening.ts";
import type { PortListener } from "../../../src/sys/process/identity.ts";
import { fakeTable } from "../../sys/process/table.fake.ts";

const on = (address: string, onlyIpv6 = false): PortListener => ({ address, onlyIpv6, uid: null, pids: [] });

test("a connection reaches the nearest listener: one on its address, then on its family, then on both families", () => {
  const comes = (to: string, ...listeners: PortListener[]) => answeringAt(listeners, to).map((one) => one.address);
  expect(comes("127.0.0.1", on("127.0.0.53"), on("::1"))).toEqual([]);
  expect(comes("127.0.0.1", on("0.0.0.0"), on("127.0.0.1"))).toEqual(["127.0.0.1"]);
  expect(comes("127.0.0.1", on("0.0.0.0"), on("::"))).toEqual(["0.0.0.0"]);
  expect(comes("127.0.0.1", on("::"))).toEqual(["::"]);
  expect(comes("127.0.0.1", on("::", true))).toEqual([]);
  expect(comes("::1", on("::", true), on("0.0.0.0"))).toEqual(["::"]);
  expect(comes("::1", on("::"), on("::1"))).toEqual(["::1"]);
  expect(comes("fe80::9", on("fe80:0000:0000:0000:0000:0000:0000:0009"))).toHaveLength(1);
  expect(comes("127.0.0.1", on("127.0.0.1"), on("127.0.0.1"))).toHaveLength(2);
});

test("a listener that takes connections to 127.0.0.1 blocks a port", () => {
  for (const one of [on("127.0.0.1"), on("0.0.0.0"), on("::")]) expect(isInTheWay(one)).toBe(true);
  for (const one of [on("127.0.0.53"), on("::1"), on("::", true), on("172.17.0.1")])
    expect(isInTheWay(one)).toBe(false);
});

test("a launch is asked on loopback first, else on the address where it listens", () => {
  expect(addressesToAsk([on("0.0.0.0")])).toEqual(["127.0.0.1", "::1"]);
  expect(addressesToAsk([on("127.0.0.2"), on("::1")])).toEqual(["127.0.0.1", "::1", "127.0.0.2"]);
  expect([showAddress("::1", 80), showAddress("127.0.0.53", 53)]).toEqual(["[::1]:80", "127.0.0.53:53"]);
});

test("a socket whose holder is hidden belongs to the launch when no other process can have it", () => {
  const members = new Set([10, 11]);
  const judge = (processes: Parameters<typeof fakeTable>[0], listener: Partial<PortListener>) => {
    const table = fakeTable(processes);
    return ownershipOf(table, {
      listener: { ...on("127.0.0.1"), uid: 7, ...listener },
      members,
      record: { leader: table.identity(10) },
    });
  };
  const launch = [{ pid: 10 }, { pid: 11, hidesFor: 7 }];
  const later = { startTime: "2000" };
  expect(judge(launch, {})).toBe("own");
  expect(judge(launch, { uid: 8 })).toBe("other");
  expect(judge(launch, { uid: null })).toBe("other");
  expect(judge([{ pid: 10 }, { pid: 11 }], {})).toBe("other");
  expect(judge([...launch, { pid: 20, hidesFor: 7, startTime: "1" }], {})).toBe("own");
  expect(judge([...launch, { pid: 20, hidesFor: 7, ...later }], {})).toBe("maybe");
  expect(judge([...launch, { pid: 20, hidesFor: 8, ...later }], {})).toBe("own");
  const lineage = "0123456789abcdef0123456789abcdef";
  expect(judge([...launch, { pid: 20, hidesFor: 7, ...later, lineage }], {})).toBe("own");
  // The process that is seen to have it has it.
  expect(judge(launch, { pids: [20] })).toBe("other");
  expect(judge(launch, { pids: [20, 10] })).toBe("own");
});
