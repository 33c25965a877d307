/** How an engine's output is read, and what dt reports of it. */
import { expect, test } from "bun:test";
import { areOver, parseContainers, troublesOf } from "../../src/compose/containers.ts";
import { movePorts } from "../../src/compose/ports.ts";

const line = (...fields: string[]) => fields.join("\t");

test("containers are listed by service and number, with state, health, exit code and ports", () => {
  const text = [
    line("c3", "p_web_10", "web", "10", "running", "Up 2 minutes (healthy)", "0.0.0.0:8080->80/tcp, :::8080->80/tcp"),
    line("c2", "p_web_2", "web", "2", "running", "Up 1 second (health: starting)", ""),
    line("c1", "p_db_1", "db", "1", "exited", "Exited (137) 3 seconds ago", ""),
    "",
  ].join("\n");
  expect(parseContainers(text).map(({ id, health, exitCode, ports }) => [id, health, exitCode, ports])).toEqual([
    ["c1", null, 137, []],
    ["c2", "starting", null, []],
    ["c3", "healthy", null, ["0.0.0.0:8080->80/tcp", ":::8080->80/tcp"]],
  ]);
});

test.each([
  ["running", "Up 1 second", false, []],
  ["running", "Up 1 second (unhealthy)", false, ["web is unhealthy"]],
  ["restarting", "Restarting (1) 1 second ago", false, ["web is restarting"]],
  ["exited", "Exited (0) 1 second ago", true, []],
  ["exited", "Exited (3) 1 second ago", true, ["web exited with code 3"]],
  ["dead", "Dead", true, ["web is dead"]],
])("%s, %s", (state, status, over, troubles) => {
  const containers = parseContainers(line("c", "n", "web", "1", state, status, ""));
  expect(areOver(containers)).toBe(over);
  expect(troublesOf(containers)).toEqual(troubles);
});

const config = `
services:
  web:
    image: a
    ports:
      - 127.0.0.1:8080:80/tcp
      - "53:53/udp"
      - "90"
      - { target: 443, published: 8443, protocol: tcp, mode: host }
      - { target: 444, published: "8444" }
      - { target: 445 }
  db:
    image: b
`;
const free = () => true;

test("host ports in every form are moved, and nothing else changes", async () => {
  const { text, ports } = await movePorts(config, { project: "p", known: [], isFree: free });
  const to = (target: string) => ports.find((one) => one.target === target)?.to as number;
  expect(ports.map(({ target, from }) => [target, from])).toEqual([
    ["80", 8080],
    ["53/udp", 53],
    ["443", 8443],
    ["444", 8444],
  ]);
  for (const { to: port } of ports) expect(port).toBeWithin(20_000, 30_000);
  expect(Bun.YAML.parse(text)).toEqual({
    services: {
      web: {
        image: "a",
        ports: [
          `127.0.0.1:${to("80")}:80/tcp`,
          `${to("53/udp")}:53/udp`,
          "90",
          { target: 443, published: to("443"), protocol: "tcp", mode: "host" },
          { target: 444, published: String(to("444")) },
          { target: 445 },
        ],
      },
      db: { image: "b" },
    },
  });
});

test("a project keeps its own ports; ports that are not free are skipped, and a port that was chosen stays", async () => {
  const first = await movePorts(config, { project: "p", known: [], isFree: free });
  expect((await movePorts(config, { project: "p", known: [], isFree: free })).ports).toEqual(first.ports);
  expect((await movePorts(config, { project: "q", known: [], isFree: free })).ports).not.toEqual(first.ports);
  const taken = new Set(first.ports.map(({ to }) => to));
  const other = await movePorts(config, { project: "p", known: [], isFree: (port) => !taken.has(port) });
  expect(other.ports.filter(({ to }) => taken.has(to))).toEqual([]);
  expect((await movePorts(config, { project: "p", known: other.ports, isFree: free })).ports).toEqual(other.ports);
});
