import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { readListeningSockets } from "../../../src/sys/process/sockdiag.linux.ts";

const onLinux = test.skipIf(process.platform !== "linux");

/** Port and inode of what listens, as /proc/net says. */
function listenersOfProc(): string[] {
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) =>
    readFileSync(file, "latin1").split("\n").slice(1),
  );
  const fields = lines.map((line) => line.trim().split(/\s+/)).filter((line) => line[3] === "0A");
  return fields.map((line) => `${Number.parseInt(line[1]!.split(":").at(-1)!, 16)} ${line[9]}`);
}

onLinux("what the kernel tells is what /proc/net says, for every kind of address", () => {
  const hosts = ["127.0.0.1", "::1", "0.0.0.0", "::"];
  const listeners = hosts.map((hostname) => Bun.listen({ hostname, port: 0, socket: { data() {} } }));
  try {
    const ours = new Set(listeners.map(({ port }) => port));
    const found = (readListeningSockets() ?? []).filter(({ port }) => ours.has(port));
    expect(found.length).toBe(hosts.length);
    const proc = listenersOfProc().filter((line) => ours.has(Number(line.split(" ")[0])));
    expect(found.map(({ port, inode }) => `${port} ${inode}`).sort()).toEqual(proc.sort());
    const addressOf = (at: number) => [...(found.find(({ port }) => port === listeners[at]?.port)?.address ?? [])];
    expect(addressOf(0)).toEqual([127, 0, 0, 1]);
    expect(addressOf(1)).toEqual([...Array(15).fill(0), 1]);
    expect(addressOf(2)).toEqual([0, 0, 0, 0]);
    expect(addressOf(3)).toEqual(Array(16).fill(0));
  } finally {
    for (const listener of listeners) listener.stop(true);
  }
});

onLinux("a socket that is connected, not listening, is not listed", async () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const client = await Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data() {} } });
  try {
    const ports = (readListeningSockets() ?? []).map(({ port }) => port);
    expect(ports).toContain(server.port);
    expect(ports.filter((port) => port === server.port).length).toBe(1);
    expect(ports).not.toContain(client.localPort);
  } finally {
    client.end();
    server.stop(true);
  }
});
