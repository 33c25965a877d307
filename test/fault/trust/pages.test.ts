/**
 * The pages of this repository's plugins, asked as another site would: every server, each kind of forged request, raw
 * and in Chromium. A page that is opened by its address or by a link is shown; a stream, an API or a file is its own
 * page's alone.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, NO_BROWSER } from "../../e2e/kit/www.ts";
import { REPOSITORY, TestRoot, until } from "../../kit.ts";

interface Server {
  plugin: string;
  words: string[];
  /** What works for the request, or is read by scripts. */
  inner: string[];
  /** What another site may link to. */
  pages: string[];
}

const SERVERS: Server[] = [
  { plugin: "www", words: ["www", "dev"], inner: ["/-/events"], pages: ["/", "/logs.html", "/theme/site.css"] },
  { plugin: "dag", words: ["dag", "dev"], inner: ["/events", "/page.js"], pages: ["/"] },
  { plugin: "dag", words: ["dag", "dev", "src_v2"], inner: ["/events", "/page.js"], pages: ["/"] },
  { plugin: "template", words: ["template", "dev"], inner: ["/nothing"], pages: ["/"] },
  { plugin: "template", words: ["template", "dev", "src_v2"], inner: ["/health"], pages: ["/"] },
];

/** Copies of the plugins as another project would have them: no `@dialtone/dt` is installed. */
function makeRoot(): TestRoot {
  const root = TestRoot.create();
  const own = (source: string) => !/\/(dist|.*\.log(\.\d+)?)$/.test(source);
  for (const path of [
    ...["www", "dag", "template"].flatMap((name) => [`plugins/${name}`, `manifests/${name}.ts`]),
    "docs",
  ])
    cpSync(join(REPOSITORY, path), join(root.dir, path), { recursive: true, filter: own });
  mkdirSync(join(root.dir, "node_modules"));
  symlinkSync(join(REPOSITORY, "node_modules/@dagrejs"), join(root.dir, "node_modules/@dagrejs"));
  root.write("manifests/www.ts", root.read("manifests/www.ts").replace("port: 3000", 'port: "auto"'));
  root.write(
    "manifests/evil.json",
    JSON.stringify({
      name: "evil",
      description: "<img src=x onerror=alert(1)> \u202egnp",
      commands: {
        "a.b": { kind: "oneshot", run: ["true"], description: "\"><script>document.title='hacked'</script>" },
      },
    }),
  );
  return root;
}

/** The status, and the headers, of an answer whose body is not waited for. */
async function ask(url: string, headers: Record<string, string> = {}, method = "GET") {
  const stop = new AbortController();
  const response = await fetch(url, { headers, method, redirect: "manual", signal: stop.signal });
  stop.abort();
  return { status: response.status, headers: response.headers };
}

const CROSS = { "Sec-Fetch-Site": "cross-site" };
const SAME_SITE = { "Sec-Fetch-Site": "same-site" };
const NAVIGATE = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };

describe("each server", () => {
  let root: TestRoot;
  const urls = new Map<Server, string>();
  beforeAll(async () => {
    root = makeRoot();
    for (const server of SERVERS) {
      const { stdout, stderr } = await root.dt([...server.words, "--wait"]);
      const url = /http:\/\/localhost:\d+/.exec(stdout)?.[0];
      if (url === undefined) throw new Error(`${stdout}${stderr}`);
      urls.set(server, url);
    }
  }, 60_000);
  afterAll(() => root?.dispose());

  for (const server of SERVERS) {
    const { words, inner, pages } = server;
    const name = words.join(" ");
    const url = () => urls.get(server) as string;
    const all = [...inner, ...pages];
    const statusOf = async (path: string, headers: Record<string, string>, method?: string) =>
      (await ask(url() + path, headers, method)).status;

    test(`${name} answers its own page, and requests without browser headers`, async () => {
      const port = new URL(url()).port;
      for (const path of all.filter((one) => one !== "/nothing"))
        for (const headers of [
          {},
          { Host: "localhost" },
          { Host: `127.0.0.1:${port}` },
          { Host: `[::1]:${port}` },
          { Host: "LOCALHOST:8080" }, // a port that is forwarded
          { "Sec-Fetch-Site": "same-origin" },
          { "Sec-Fetch-Site": "none", ...NAVIGATE },
          { Origin: url() },
          { Host: "localhost:8080", Origin: "http://localhost:8080" },
        ])
          expect({ path, headers, status: await statusOf(path, headers) }).toEqual({ path, headers, status: 200 });
    });

    test(`${name} refuses another name, origin, site or method`, async () => {
      const port = Number(new URL(url()).port);
      for (const path of all) {
        for (const host of [
          "evil.example",
          `evil.example:${port}`,
          `localhost.evil.example:${port}`,
          `127.0.0.1.evil.example`,
          `127.0.0.2:${port}`,
          `localhost:${port}.evil.example`,
          `0.0.0.0:${port}`,
          `localhost@evil.example`,
        ])
          expect({ path, host, status: await statusOf(path, { Host: host }) }).toEqual({ path, host, status: 421 });
        for (const origin of [
          "http://evil.example",
          "null",
          `http://localhost:${port + 1}`,
          `http://127.0.0.1:${port}`,
          `http://localhost:${port}.evil.example`,
          "https://localhost",
        ]) {
          const headers = { Origin: origin, "Sec-Fetch-Site": "same-origin" };
          expect({ path, origin, status: await statusOf(path, headers) }).toEqual({ path, origin, status: 403 });
        }
        for (const site of [CROSS, SAME_SITE])
          for (const more of [
            { "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty" },
            { "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script" },
            { "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty" },
            { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe" },
            {},
          ]) {
            const headers = { ...site, ...more } as Record<string, string>;
            expect({ path, headers, status: await statusOf(path, headers) }).toEqual({ path, headers, status: 403 });
          }
        for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
          expect({ path, method, status: await statusOf(path, { ...CROSS, ...NAVIGATE }, method) }).toEqual({
            path,
            method,
            status: 405,
          });
      }
    });

    test(`${name}: a link on another site leads to a page, and starts nothing`, async () => {
      for (const site of [CROSS, SAME_SITE]) {
        for (const path of pages) expect([path, await statusOf(path, { ...site, ...NAVIGATE })]).toEqual([path, 200]);
        for (const path of inner) expect([path, await statusOf(path, { ...site, ...NAVIGATE })]).toEqual([path, 403]);
      }
    });

    test(`${name}: every answer forbids framing and foreign content`, async () => {
      for (const [path, headers, method] of [
        ...all.map((one) => [one, {}, "GET"] as const),
        ["/nothing/here", {}, "GET"],
        ["/", { Host: "evil.example" }, "GET"],
        ["/", CROSS, "GET"],
        ["/", {}, "POST"],
        ["/", {}, "HEAD"],
      ] as const) {
        const { headers: given } = await ask(url() + path, headers, method);
        const policy = given.get("content-security-policy") ?? "";
        expect([path, policy.includes("default-src 'self'"), policy.includes("frame-ancestors 'none'")]).toEqual([
          path,
          true,
          true,
        ]);
        expect(policy).not.toContain("unsafe-inline");
        expect(given.get("x-content-type-options")).toBe("nosniff");
        expect(given.get("referrer-policy")).toBe("no-referrer");
        expect(given.get("cross-origin-resource-policy")).toBe("same-origin");
        expect(given.has("access-control-allow-origin")).toBe(false);
      }
    });

    test(`${name} is reached by both loopback addresses, and by no other`, async () => {
      const port = Number(new URL(url()).port);
      const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
      const own = ["127.0.0.1", ...(all.some(({ address }) => address === "::1") ? ["::1"] : [])];
      for (const hostname of own) (await connect(hostname, port)).end();
      for (const { address, scopeid } of all.filter(({ internal }) => !internal))
        if (!scopeid) expect(connect(address, port), address).rejects.toThrow();
      expect(connect("127.0.0.2", port)).rejects.toThrow();
    });
  }

  test("dag shows what manifests say as visible text", async () => {
    const stop = new AbortController();
    const url = urls.get(SERVERS[1] as Server) as string;
    const reader = (await fetch(`${url}/events`, { signal: stop.signal })).body?.getReader();
    let text = "";
    await until("the graph is told", async () => {
      text += new TextDecoder().decode((await reader?.read())?.value);
      return /event: graph\ndata: .*\n\n/.test(text);
    });
    stop.abort();
    const graph = JSON.parse(/event: graph\ndata: (.*)\n\n/.exec(text)?.[1] as string);
    expect(graph.svg).not.toMatch(/<(img|script)/);
    const evil = graph.nodes.find(({ id }: { id: string }) => id === "plugin/evil");
    expect(evil.description).toBe("<img src=x onerror=alert(1)> \\u202egnp");
  });

  test("dag asks dt once or twice for many streams at once, and for streams that leave", async () => {
    const url = urls.get(SERVERS[1] as Server) as string;
    const stop = new AbortController();
    const answers = await Promise.all(
      Array.from({ length: 80 }, () => fetch(`${url}/events`, { signal: stop.signal })),
    );
    const counts = Object.groupBy(answers, ({ status }) => status);
    stop.abort();
    expect([counts[200]?.length, counts[503]?.length]).toEqual([64, 16]);
    await until("the others may come again", async () => (await ask(`${url}/events`)).status === 200);
    expect((await ask(`${url}/events`, {}, "HEAD")).status).toBe(405);
  });

  describe.skipIf(NO_BROWSER)("in Chromium", () => {
    let browser: Browser;
    let evil: ReturnType<typeof Bun.serve>;
    beforeAll(async () => {
      browser = await launchBrowser();
      evil = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        fetch: () =>
          new Response("<!doctype html><title>evil</title><body>", { headers: { "content-type": "text/html" } }),
      });
    });
    afterAll(async () => {
      await browser?.close();
      await evil?.stop(true);
    });

    // The one is another site, the other another origin of the same site.
    for (const host of ["127.0.0.1", "localhost"])
      test(`the streams, fetches, tags, frames and forms of a page of ${host} are refused, and its link is not`, async () => {
        for (const [server, url] of urls) {
          const page = await browser.newPage();
          const statuses = await watchStatuses(page, url);
          await page.goto(`http://${host}:${evil.port}/`);
          await page.evaluate(`(${HOSTILE})(${JSON.stringify([url, server.inner[0]])})`);
          await until("all came back", () =>
            ["EventSource", "Fetch", "Image", "Script", "Document"].every((kind) => statuses().has(kind)),
          );
          await page.waitForLoadState("networkidle");
          for (const [kind, all] of statuses())
            expect([server.words, kind, [...all].filter((one) => one !== 403 && one !== 405)]).toEqual([
              server.words,
              kind,
              [],
            ]);
          await page.evaluate(
            `(() => { const form = document.createElement("form"); form.method = "post"; form.action = ${JSON.stringify(url)}; document.body.append(form); form.submit(); })()`,
          );
          await page.waitForURL(`${url}/`);
          await until("the form was refused", () => statuses().get("Document")?.has(405));
          await page.goto(`http://${host}:${evil.port}/`);
          await page.evaluate(
            `(() => { const link = document.createElement("a"); link.href = ${JSON.stringify(url)}; document.body.append(link); link.click(); })()`,
          );
          await page.waitForURL(`${url}/`);
          expect(statuses().get("Document")?.has(200)).toBe(true);
          expect(await page.title()).not.toBe("hacked");
          await page.close();
        }
      }, 60_000);
  });
});

/**
 * The status of each answer of a server as it came over the wire, by what asked: the browser itself withholds them from
 * the page.
 */
async function watchStatuses(page: Page, url: string): Promise<() => Map<string, Set<number>>> {
  const kinds = new Map<string, string>();
  const answers: { requestId: string; statusCode: number }[] = [];
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  session.on("Network.requestWillBeSent", ({ requestId, type, request }) => {
    if (request.url.startsWith(url)) kinds.set(requestId, type ?? "Other");
  });
  session.on("Network.responseReceivedExtraInfo", (answer) => answers.push(answer)); // sometimes before its request is reported
  return () => {
    const statuses = new Map<string, Set<number>>();
    for (const { requestId, statusCode } of answers) {
      const kind = kinds.get(requestId);
      if (kind !== undefined) statuses.set(kind, (statuses.get(kind) ?? new Set()).add(statusCode));
    }
    return statuses;
  };
}

/** Run in the hostile page. */
const HOSTILE = `([url, inner]) => {
  new EventSource(url + inner);
  for (const mode of ["no-cors", "cors"]) fetch(url + inner, { mode }).catch(() => {});
  fetch(url + "/", { method: "POST", mode: "no-cors", body: "x" }).catch(() => {});
  new Image().src = url + "/";
  const script = document.createElement("script");
  script.src = url + inner;
  const frame = document.createElement("iframe");
  frame.src = url + "/";
  document.body.append(script, frame);
}`;

function connect(hostname: string, port: number) {
  return Bun.connect({ hostname, port, socket: { data() {} } });
}
