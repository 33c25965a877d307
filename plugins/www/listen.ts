/**
 * One server on both of the machine's own addresses, IPv4 and IPv6, so `localhost` reaches it whichever way it is
 * resolved. Nothing else on the network can connect.
 */
import { UsageError } from "./settings.ts";

export interface Listening {
  port: number;
  /** Drops open connections and resolves when the sockets are closed. */
  close(): Promise<void>;
}

type Handler = (request: Request) => Response | Promise<Response>;

/** Throws a UsageError when the port is taken on either address. A machine without IPv6 is served on IPv4 alone. */
export function listen(port: number, fetch: Handler): Listening {
  const serve = (hostname: string, at: number) =>
    Bun.serve({
      hostname,
      port: at,
      fetch,
      idleTimeout: 0, // the reload stream is silent for hours, and Bun's default ends it after 10 s
      error(error) {
        console.error(error);
        return new Response("the server failed; its log says why\n", { status: 500 });
      },
    });
  const first = attempt(port, () => serve("127.0.0.1", port));
  const servers = [first];
  const chosen = first.port ?? port;
  try {
    servers.push(serve("::1", chosen));
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE") {
      first.stop(true);
      throw portTaken(chosen);
    }
  }
  return { port: chosen, close: async () => void (await Promise.all(servers.map((server) => server.stop(true)))) };
}

function attempt<T>(port: number, start: () => T): T {
  try {
    return start();
  } catch (error) {
    const code = codeOf(error);
    if (code === "EADDRINUSE") throw portTaken(port);
    if (code === "EACCES")
      throw new UsageError(`port ${port} needs rights this user does not have; set PORT to another`);
    throw error;
  }
}

function portTaken(port: number): UsageError {
  return new UsageError(`port ${port} is taken by another program; stop that one or set PORT to another port`);
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}
