/** `dt dag dev`: serves the picture on this machine's own addresses, only to its own page, until SIGTERM or SIGINT. */
import { serveLocal } from "@dialtone/dt";
import { createLive } from "./live.ts";
import { makePage } from "./page.ts";
import { homeRoot, runDirectoryOf } from "./place.ts";

const FILES: Record<string, [path: string, type: string]> = {
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
};
const FRESH = { "Cache-Control": "no-store" };

function main(): void {
  const root = homeRoot(process.env);
  const live = createLive({ runDirectory: runDirectoryOf(root, process.env), manifests: `${root}/manifests` });
  const page = makePage({
    root,
    style: '<link rel="stylesheet" href="/page.css">',
    script: '<script type="module" src="/page.js"></script>',
    body: '<p class="empty">Asking dt for the project …</p>',
    status: "connecting",
  });
  const server = serveLocal({
    port: process.env.PORT ?? 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/")
        return new Response(page, { headers: { ...FRESH, "Content-Type": "text/html; charset=utf-8" } });
      if (pathname === "/favicon.ico") return new Response(null, { status: 204, headers: FRESH });
      if (pathname === "/events") return live.open(request);
      const file = Object.hasOwn(FILES, pathname) ? FILES[pathname] : undefined;
      if (file === undefined) return new Response("page not found\n", { status: 404, headers: FRESH });
      return new Response(Bun.file(`${import.meta.dir}/${file[0]}`), {
        headers: { ...FRESH, "Content-Type": file[1] },
      });
    },
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, async () => {
      live.close();
      await server.close();
      process.exit(0);
    });
  }
  console.log(`the picture of ${root} is at ${server.url}`);
}

main();
