/**
 * `ports: "auto"`: replaces the host ports that a Compose file fixes with free ones, so that two checkouts run side by
 * side. Compose joins lists of ports rather than replacing them, so the new file is the whole configuration as Compose
 * resolves it, with other host ports.
 */
import { existsSync } from "node:fs";
import { sha256 } from "../sys/base/digest.ts";
import { readText } from "../sys/files/fileread.ts";
import { writeWhole } from "../sys/files/filewrite.ts";

export interface MovedPort {
  service: string;
  /** The container's port, with its protocol where that is not TCP. */
  target: string;
  from: number;
  to: number;
}

export interface Moved {
  /** The content of the new file. */
  text: string;
  ports: MovedPort[];
}

/** Below the ports that systems assign by themselves. */
const FIRST = 20_000;
const COUNT = 10_000;

interface LongPort {
  target?: number | string;
  published?: number | string;
  protocol?: string;
}

/**
 * `config`: the output of Compose's `config`. Project, service and port alone decide where the search begins; `known`
 * are the ports chosen for the project before, which are kept.
 */
export async function movePorts(
  config: string,
  { project, known, isFree }: { project: string; known: readonly MovedPort[]; isFree: (port: number) => boolean },
): Promise<Moved> {
  const { parse, stringify } = await import("yaml");
  const file = parse(config) as { services?: Record<string, { ports?: (string | LongPort)[] }> };
  const ports: MovedPort[] = [];
  const taken = new Set<number>();
  const choose = (service: string, target: string, from: number): number => {
    const before = known.find((one) => one.service === service && one.target === target && one.from === from);
    const to = before?.to ?? search(`${project}\0${service}\0${target}\0${from}`, { taken, isFree }) ?? from;
    taken.add(to);
    ports.push({ service, target, from, to });
    return to;
  };
  for (const [service, { ports: written = [] }] of Object.entries(file.services ?? {})) {
    const moved = written.map((one) => {
      if (typeof one !== "string") {
        const from = Number(one.published);
        const target = `${one.target}${one.protocol === undefined || one.protocol === "tcp" ? "" : `/${one.protocol}`}`;
        if (!Number.isInteger(from) || from === 0) return one;
        const to = choose(service, target, from);
        return { ...one, published: typeof one.published === "string" ? String(to) : to };
      }
      const match = /^((?:\[[^\]]*\]|[^:]*):)?(\d+):(\d+)(\/\w+)?$/.exec(one);
      if (match === null) return one;
      const [, address = "", from = "", target = "", protocol = ""] = match;
      return `${address}${choose(service, `${target}${protocol === "/tcp" ? "" : protocol}`, Number(from))}:${target}${protocol}`;
    });
    if (written.length > 0 && file.services?.[service] !== undefined) file.services[service].ports = moved;
  }
  return { text: `# ports: ${JSON.stringify(ports)}\n${stringify(file, { lineWidth: 0 })}`, ports };
}

function search(
  seed: string,
  { taken, isFree }: { taken: ReadonlySet<number>; isFree: (port: number) => boolean },
): number | null {
  const start = Number.parseInt(sha256(seed).slice(0, 8), 16);
  for (let step = 0; step < COUNT; step++) {
    const port = FIRST + ((start + step) % COUNT);
    if (!taken.has(port) && isFree(port)) return port;
  }
  return null;
}

/** The ports that an earlier start chose, from its file. */
export function readMoved(path: string): MovedPort[] {
  const text = existsSync(path) ? readText(path) : null;
  if (text?.is !== "there") return [];
  try {
    return JSON.parse(/^# ports: (.*)$/m.exec(text.value)?.[1] ?? "[]") as MovedPort[];
  } catch {
    return [];
  }
}

export function writeMoved(path: string, { text }: Moved): void {
  writeWhole(path, { text });
}
