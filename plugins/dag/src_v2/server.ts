/** `dt dag dev`: serves the picture on this machine's own addresses until it is told to go. */

import { HEADERS, isOwnHost } from "./guard.ts";
import { createLive } from "./live.ts";
import { makePage } from "./page.ts";
import { homeRoot, runDirectoryOf } from "./place.ts";

const FILES: Record<string, [path: string, type: string]> = {
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
};

function main(): void {
  const root = homeRoot(process.env);
  const live = createLive({ runDirectory: runDirectoryOf(root, process.env), manifests: `${root}/manifests` });
  const page = makePage({
    root,
    style: '<link rel="stylesheet" href="/page.css">',
    script: '<script type="module" src="/page.js"></script>',
    body: '<p class="empty">Asking dt what there is …</p>',
    status: "connecting",
  });
  const answer = (request: Request): Response => {
    if (!isOwnHost(request.headers.get("host")))
      return new Response("this server answers to localhost only\n", { status: 421, headers: HEADERS });
    if (request.method !== "GET" && request.method !== "HEAD")
      return new Response("", { status: 405, headers: { ...HEADERS, Allow: "GET, HEAD" } });
    const { pathname } = new URL(request.url);
    if (pathname === "/")
      return new Response(page, { headers: { ...HEADERS, "Content-Type": "text/html; charset=utf-8" } });
    if (pathname === "/favicon.ico") return new Response(null, { status: 204, headers: HEADERS });
    if (pathname === "/events") return live.open(request.signal);
    const file = Object.hasOwn(FILES, pathname) ? FILES[pathname] : undefined;
    if (file === undefined) return new Response("there is no such page\n", { status: 404, headers: HEADERS });
    return new Response(Bun.file(`${import.meta.dir}/${file[0]}`), {
      headers: { ...HEADERS, "Content-Type": file[1] },
    });
  };
  const servers = listen(Number(process.env.PORT ?? 0), answer);
  const port = servers[0]?.port;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, async () => {
      live.close();
      await Promise.all(servers.map((server) => server.stop(true)));
      process.exit(0);
    });
  }
  console.log(`the picture of ${root} is on http://localhost:${port}/`);
}

/** IPv4 and, where there is one, IPv6, so that `localhost` leads here whichever way it is resolved. */
function listen(port: number, fetch: (request: Request) => Response) {
  const serve = (hostname: string, at: number) => Bun.serve({ hostname, port: at, idleTimeout: 0, fetch });
  const first = serve("127.0.0.1", port);
  try {
    return [first, serve("::1", first.port ?? port)];
  } catch {
    return [first];
  }
}

main();
