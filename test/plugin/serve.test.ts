/**
 * Who is answered by a server of pages: the table of guard.ts, and what the server itself adds. The plugins' own are
 * asked in test/fault/trust/pages.test.ts.
 */
import { afterEach, expect, test } from "bun:test";
import { judge } from "../../src/plugin/guard.ts";
import { serveLocal } from "../../src/plugin/serve.ts";
import type { LocalServer } from "../../src/plugin/types.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const LINK = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

test("the table", () => {
  const rules = { methods: ["GET", "HEAD"], isPage: (path: string) => path === "/" };
  const statusOf = (headers: Record<string, string>, path = "/", method = "GET") =>
    judge(new Request(`http://localhost${path}`, { method, headers: { host: "localhost:1", ...headers } }), rules)
      ?.status ?? 200;
  expect([
    statusOf({}),
    statusOf({ host: "evil.example" }),
    statusOf({ origin: "http://localhost:1" }),
    statusOf({ origin: "http://localhost:2" }),
    statusOf({ origin: "null" }),
    statusOf({ "sec-fetch-site": "cross-site" }),
    statusOf({ "sec-fetch-site": "same-site" }),
    statusOf({ "sec-fetch-site": "none" }),
    statusOf(LINK),
    statusOf(LINK, "/events"),
    statusOf({ ...LINK, "sec-fetch-dest": "iframe" }),
    statusOf({ ...LINK, "sec-fetch-mode": "no-cors" }),
    statusOf({}, "/", "POST"),
  ]).toEqual([200, 421, 200, 403, 403, 403, 403, 200, 200, 403, 403, 403, 405]);
});

test("a plugin's server has its own methods, pages and policy, and logs what it throws instead of answering with it", async () => {
  const server = serveLocal({
    methods: ["GET", "POST"],
    isPage: (path) => path.startsWith("/page/"),
    policy: "default-src 'none'",
    fetch(request) {
      if (request.url.endsWith("/throws")) throw new Error("the secret");
      return request.url.endsWith("/own")
        ? new Response("x", { headers: { "Content-Security-Policy": "default-src https:" } })
        : new Response(request.method);
    },
  });
  servers.push(server);
  const ask = (path: string, init: RequestInit = {}) => fetch(server.url + path, init);
  const own = { Origin: server.url.slice(0, -1) };
  expect(await (await ask("", { method: "POST", headers: own })).text()).toBe("POST");
  expect((await ask("", { method: "POST", headers: { Origin: "http://evil.example" } })).status).toBe(403);
  expect((await ask("", { method: "PUT" })).headers.get("allow")).toBe("GET, POST");
  expect((await ask("page/1", { headers: LINK })).status).toBe(200);
  expect((await ask("", { headers: LINK })).status).toBe(403);
  expect((await ask("page/1", { method: "POST", headers: LINK })).status).toBe(403);
  expect((await ask("")).headers.get("content-security-policy")).toBe("default-src 'none'");
  expect((await ask("own")).headers.get("content-security-policy")).toBe("default-src https:");
  const failed = await ask("throws");
  expect([failed.status, await failed.text()]).toEqual([500, "the server failed; its log says why\n"]);
});

test("a port that is taken on either address, or is no port, is one sentence", () => {
  const fetch = () => new Response("");
  for (const hostname of ["127.0.0.1", "::1", "0.0.0.0"]) {
    const other = Bun.listen({ hostname, port: 0, socket: { data() {} } });
    expect(() => serveLocal({ port: other.port, fetch }), hostname).toThrow(
      `port ${other.port} is taken by another program`,
    );
    other.stop(true);
  }
  for (const port of ["http", "-1", 65_536, "", 1.5])
    expect(() => serveLocal({ port, fetch })).toThrow("PORT must be a number");
});
