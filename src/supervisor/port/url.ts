/**
 * The address of a launch in a browser, if it has one: whether its port speaks HTTP, judged by its manifest. The first
 * row that applies decides:
 *
 *   an `http` probe asks it, or an `exec` probe with a URL       yes, with the probe's scheme
 *   a `port` or another `exec` probe asks it                     no: a program probed that way serves something else
 *   the port, the program, an image, the plugin or the command   no
 *     is by its name that of a database, a broker, …
 *   nothing is known                                             yes
 */
import type { ManagedSettings, ResolvedProbe } from "../../manifest/model/resolved.ts";
import { parseKey } from "../../values/key.ts";

export function urlOf(
  key: string,
  { settings, argv, port }: { settings: ManagedSettings; argv: readonly string[]; port: number | null },
): string | null {
  if (port === null) return null;
  const probes = [...settings.ready, ...settings.alive];
  const [scheme] = probes.flatMap((probe) => schemeOf(probe, port) ?? []);
  if (scheme !== undefined) return `${scheme}://localhost:${port}`;
  if (probes.some(({ type }) => type === "port" || type === "exec")) return null;
  return OTHER_PORTS.has(port) || isNamedOther(key, argv) ? null : `http://localhost:${port}`;
}

/** Null when the probe does not say that this port speaks HTTP. */
function schemeOf(probe: ResolvedProbe, port: number): string | null {
  if (probe.type === "exec") return /\bhttps?(?=:\/\/)/.exec(probe.argv.join(" "))?.[0] ?? null;
  if (probe.type !== "http") return null;
  if (probe.target.startsWith("/")) return "http";
  const url = new URL(probe.target);
  const scheme = url.protocol.slice(0, -1);
  const asked = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  return asked === port && /^(?:localhost|.*\.localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])$/.test(url.hostname)
    ? scheme
    : null;
}

/**
 * The usual ports of SSH, mail, DNS, SQL Server, Oracle, MQTT, ZooKeeper, MySQL, NATS, PostgreSQL, AMQP, Redis,
 * Cassandra, Kafka, Memcached, CockroachDB and MongoDB.
 */
const OTHER_PORTS: ReadonlySet<number> = new Set([
  22, 25, 53, 465, 587, 1025, 1433, 1521, 1883, 2181, 3306, 4222, 5432, 5672, 6379, 9042, 9092, 11_211, 26_257, 27_017,
]);

const OTHER_NAMES =
  /^(?:db|database|postgres(?:ql)?|pg|pg_ctl|pg_ctlcluster|mysql|mysqld|mysqld_safe|mariadb|mariadbd|redis|redis-server|redis-stack-server|valkey|valkey-server|keydb-server|memcached|mongo|mongod|mongodb|cassandra|rabbitmq|rabbitmq-server|kafka|nats|nats-server|mosquitto|zookeeper|sshd|postgis)$/;

function isNamedOther(key: string, argv: readonly string[]): boolean {
  const { plugin = "", command = "" } = parseKey(key) ?? {};
  // The last part of a path or an image, without a tag; each word of a script.
  const words = argv.flatMap((word) => word.split(/[\s;&|()"'`]+/)).map((word) => word.replace(/^.*\/|[:@].*$/g, ""));
  return [plugin, command, ...words].some((word) => OTHER_NAMES.test(word));
}
