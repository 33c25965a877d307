/**
 * A web server for the user of this machine: on 127.0.0.1 and [::1] at one port, so that `localhost` leads here
 * whichever way it is resolved and no other program has the other address. Every request is judged (guard.ts) before
 * the plugin sees it; every answer has the headers that keep a page to itself.
 */
import { HEADERS, judge } from "./guard.ts";
import type { LocalServer, LocalServerOptions } from "./types.ts";

/** A port that is free on IPv4 may be taken on IPv6: another one is tried this often. */
const TRIES = 20;
/** In bytes. A page sends nothing larger to a tool of this kind. */
const LARGEST_REQUEST = 16 * 1024 * 1024;

/** Serves pages to this machine's browser only. Throws an Error (`code`, a sentence) when the port is unavailable. */
export function serveLocal(options: LocalServerOptions): LocalServer {
  const asked = portOf(options.port ?? 0);
  const methods = options.methods ?? ["GET", "HEAD"];
  const isPage = options.isPage ?? ((pathname: string) => pathname === "/");
  const headers = {
    ...HEADERS,
    ...(options.policy === undefined ? {} : { "Content-Security-Policy": options.policy }),
  };

  const answer = async (request: Request): Promise<Response> => {
    const refusal = judge(request, { methods, isPage });
    if (refusal !== null)
      return text(refusal.status, { sentence: refusal.why, headers: { Allow: methods.join(", ") } });
    try {
      return await options.fetch(request);
    } catch (error) {
      console.error(error);
      return text(500, { sentence: "the server failed; its log says why" });
    }
  };
  const serve = (hostname: string, port: number) =>
    Bun.serve({
      hostname,
      port,
      development: false, // otherwise the answer to an error shows its source code
      idleTimeout: 0, // a stream of events is silent for hours
      maxRequestBodySize: LARGEST_REQUEST,
      fetch: async (request) => withHeaders(await answer(request), headers),
    });

  for (let tries = 1; ; tries++) {
    const first = attempt(asked, () => serve("127.0.0.1", asked));
    const port = first.port ?? asked;
    try {
      const servers = [first, ...onIpv6(port, serve)];
      return {
        port,
        url: `http://localhost:${port}/`,
        close: async () => void (await Promise.all(servers.map((server) => server.stop(true)))),
      };
    } catch (error) {
      void first.stop(true);
      if (asked !== 0 || tries === TRIES) throw error;
    }
  }
}

/** Empty on a machine without IPv6. */
function onIpv6<T>(port: number, serve: (hostname: string, port: number) => T): T[] {
  try {
    return [serve("::1", port)];
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE") throw failure("EADDRINUSE", port);
    return [];
  }
}

function attempt<T>(port: number, start: () => T): T {
  try {
    return start();
  } catch (error) {
    const code = codeOf(error);
    throw code === "EADDRINUSE" || code === "EACCES" ? failure(code, port) : error;
  }
}

function failure(code: "EADDRINUSE" | "EACCES", port: number): Error {
  const sentence =
    code === "EADDRINUSE"
      ? `port ${port} is taken by another program; stop that one or set PORT to another port`
      : `port ${port} needs rights that this user does not have; set PORT to another port`;
  return Object.assign(new Error(sentence), { code });
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

function portOf(port: number | string): number {
  const digits = String(port);
  if (!/^\d{1,5}$/.test(digits) || Number(digits) > 65_535)
    throw Object.assign(new Error(`PORT must be a number from 0 to 65535, found ${JSON.stringify(digits)}`), {
      code: "EINVAL",
    });
  return Number(digits);
}

function text(
  status: number,
  { sentence, headers = {} }: { sentence: string; headers?: Record<string, string> | undefined },
): Response {
  return new Response(`${sentence}\n`, {
    status,
    headers: { ...headers, "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
  });
}

/** Headers that the plugin set itself stay, so that one page may have a policy of its own. */
function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  for (const [name, value] of Object.entries(headers))
    if (!response.headers.has(name)) response.headers.set(name, value);
  return response;
}
