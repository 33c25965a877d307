/** Which of this machine's own addresses a host name means: loopback, and the addresses of its interfaces. */
import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";

/**
 * Null when the host is another machine, or its name does not resolve here in time (a proxy may know it). `localhost`
 * is always loopback, whatever the system says.
 */
export async function localAddressesOf(host: string, limitMs: number): Promise<string[] | null> {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (name === "localhost" || name.endsWith(".localhost")) return ["127.0.0.1", "::1"];
  const own = ownAddresses();
  const here = (await addressesOf(name, limitMs)).flatMap((address) => meaningOf(address, own));
  return here.length === 0 ? null : [...new Set(here)];
}

async function addressesOf(name: string, limitMs: number): Promise<string[]> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<[]>((resolve) => {
    timer = setTimeout(resolve, limitMs, []);
  });
  const found = lookup(name, { all: true }).then(
    (all) => all.map((one) => one.address),
    () => [],
  );
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}

/** "All addresses" means loopback to a client; an IPv4 address written as IPv6 is IPv4. */
function meaningOf(address: string, own: ReadonlySet<string>): string[] {
  const plain = address.toLowerCase().replace(/^::ffff:(?=[\d.]+$)/, "");
  if (plain === "0.0.0.0") return ["127.0.0.1"];
  if (plain === "::") return ["::1", "127.0.0.1"];
  return plain === "::1" || plain.startsWith("127.") || own.has(plain) ? [plain] : [];
}

function ownAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return new Set(all.map((one) => one.address.toLowerCase()));
}
