/** The server. dt sets PORT and DIALTONE_KEY, logs its output and ends it with SIGTERM. It only serves this machine. */
import { serveLocal } from "@dialtone/dt";
import { makePage } from "../page.ts";

const { PORT, GREETING = "Hello", DIALTONE_KEY = "a server without dt" } = Bun.env;

const server = serveLocal({
  port: PORT ?? 3000,
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    console.log(request.method, pathname);
    if (pathname !== "/") return new Response("Page not found.\n", { status: 404 });
    return new Response(makePage(GREETING, DIALTONE_KEY), { headers: { "content-type": "text/html" } });
  },
});

console.log(`listening on http://localhost:${server.port}`);
