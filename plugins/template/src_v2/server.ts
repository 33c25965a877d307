/** The next version of the server, which runs beside the first. It also answers on /health, in JSON. */
import { serveLocal } from "@dialtone/dt";
import { makePage } from "../page.ts";

const { PORT, GREETING = "Hello", DIALTONE_KEY = "a server without dt" } = Bun.env;

const server = serveLocal({
  port: PORT ?? 3000,
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    console.log(request.method, pathname);
    if (pathname === "/health") return Response.json({ ok: true });
    if (pathname !== "/") return new Response("Page not found.\n", { status: 404 });
    return new Response(makePage(GREETING, DIALTONE_KEY), { headers: { "content-type": "text/html" } });
  },
});

console.log(`listening on http://localhost:${server.port}`);
