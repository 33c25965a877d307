/** The site without a browser: what the server answers, what `build` writes, what `lint` finds. */
import { afterEach, expect, test } from "bun:test";
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { TestRoot } from "../../kit.ts";
import { until } from "../../kit.ts";
import { createSiteRoot, runPlugin, spawnServer, startSite } from "../kit/www.ts";

const roots: TestRoot[] = [];
function siteRoot(): TestRoot {
  const root = createSiteRoot();
  roots.push(root);
  return root;
}
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

/** Every file below a folder, with its content. */
function contents(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), "latin1")]));
}

test("the server answers pages, short addresses, health and 404, to this machine only", async () => {
  const root = siteRoot();
  const site = await startSite(root);
  const get = (path: string, init: RequestInit = {}) => fetch(site.url + path, { redirect: "manual", ...init });

  expect(site.output()).toContain(`http://localhost:${site.port}/`);
  expect(await (await get("healthz")).text()).toBe("ok\n");
  const home = await get("");
  expect([home.status, home.headers.get("content-type")]).toEqual([200, "text/html;charset=utf-8"]);
  expect(home.headers.get("content-security-policy")).toContain("default-src 'self'");
  for (const path of ["logs", "logs.md"]) {
    const moved = await get(path);
    expect([moved.status, moved.headers.get("location")]).toEqual([302, "/logs.html"]);
  }
  for (const path of ["nope", "nope/deep.html", "..%2fplugins%2fwww%2fserver.ts", "%ff", "nav.json", "logs.html/"]) {
    const missing = await get(path);
    expect([path, missing.status]).toEqual([path, 404]);
    expect(await missing.text()).toContain("not in service");
  }
  expect((await get("", { method: "POST" })).status).toBe(405);
  expect((await get("", { headers: { Host: `evil.example:${site.port}` } })).status).toBe(421);
  for (const host of ["localhost", `127.0.0.1:${site.port}`, "[::1]:1"]) {
    expect((await get("healthz", { headers: { Host: host } })).status).toBe(200);
  }
  expect(await site.stop()).toBe(0);
});

test("the server ends promptly while a page listens for changes, and its port is free", async () => {
  const root = siteRoot();
  const site = await startSite(root);
  const stream = await fetch(`${site.url}-/events`);
  const reader = stream.body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toContain("event: hello");
  const began = performance.now();
  expect(await site.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(2000);
  await reader.read().catch(() => undefined);
  const next = await startSite(root, site.port);
  expect(await next.stop()).toBe(0);
});

test("a taken port and a wrong PORT are each one sentence and exit 1", async () => {
  const root = siteRoot();
  for (const hostname of ["127.0.0.1", "0.0.0.0"]) {
    const other = Bun.listen({ hostname, port: 0, socket: { data() {} } });
    const { child, output } = spawnServer(root, other.port);
    expect(await child.exited).toBe(1);
    await until("the sentence came", () => output().endsWith("\n"));
    expect(output()).toBe(
      `port ${other.port} is taken by another program; stop that one or set PORT to another port\n`,
    );
    other.stop(true);
  }
  const { child, output } = spawnServer(root, "http");
  expect(await child.exited).toBe(1);
  await until("the sentence came", () => output().endsWith("\n"));
  expect(output()).toBe('PORT must be a number from 0 to 65535, found "http"\n');
});

test("a page follows every way of saving: in place, by rename, the folder replaced", async () => {
  const root = siteRoot();
  const site = await startSite(root);
  const shows = (path: string, text: string) =>
    until(`${path} shows "${text}"`, async () => (await (await fetch(site.url + path)).text()).includes(text));
  root.write("docs/logs.md", "# Read logs\n\nWritten in place.\n");
  await shows("logs.html", "Written in place.");
  root.write("docs/.logs.md.tmp", "# Read logs\n\nSaved by rename.\n");
  renameSync(join(root.dir, "docs/.logs.md.tmp"), join(root.dir, "docs/logs.md"));
  await shows("logs.html", "Saved by rename.");
  root.write("docs/deep/new.md", "# New page\n\nIn a new folder, see [logs](../logs.md).\n");
  await shows("deep/new.html", 'href="../logs.html"');
  await until("the forgotten page is reported", () => site.output().includes('"deep/new.md" is in no group'));

  cpSync(join(root.dir, "docs"), join(root.dir, "docs.new"), { recursive: true });
  rmSync(join(root.dir, "docs"), { recursive: true });
  await shows("", "cannot be rendered");
  renameSync(join(root.dir, "docs.new"), join(root.dir, "docs"));
  await shows("", "on one line");
  root.write("docs/logs.md", "# Read logs\n\nWatched again.\n");
  await shows("logs.html", "Watched again.");
  expect(await site.stop()).toBe(0);
});

test("build writes a complete site, the same bytes each time, whose links all resolve", async () => {
  const root = siteRoot();
  root.write("docs/nested/page.md", "# Nested\n\nBack to [codes](../exit-codes.md#in-a-script).\n");
  root.write("docs/images/dot.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>');
  const first = await runPlugin(root, "build");
  expect([first.code, first.stderr]).toEqual([0, ""]);
  await runPlugin(root, "build", ["--out", "other"]);
  const dist = contents(join(root.dir, "plugins/www/dist"));
  expect(contents(join(root.dir, "plugins/www/other"))).toEqual(dist);

  const pages = [...dist].filter(([name]) => name.endsWith(".html"));
  const sources = readdirSync(join(root.dir, "docs"), { recursive: true, encoding: "utf8" });
  const expected = sources.filter((name) => name.endsWith(".md")).map((name) => name.replace(/md$/, "html"));
  expect(pages.map(([name]) => name).sort()).toEqual([...expected, "404.html"].sort());
  expect(dist.has("images/dot.svg") && dist.has("theme/site.css") && !dist.has("theme/reload.js")).toBe(true);

  let links = 0;
  for (const [name, html] of pages) {
    expect([name, html.match(/<h1[ >]/g)?.length, /<title>[^<]+</.test(html)]).toEqual([name, 1, true]);
    expect(html).not.toContain("reload.js");
    for (const [, target = ""] of html.matchAll(/\b(?:href|src)="([^"]*)"/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = "", anchor] = target.replace(/\?v=\w+/, "").split("#");
      const file = path === "" ? name : normalize(join(path.startsWith("/") ? "." : dirname(name), path));
      expect([name, target, dist.has(file)]).toEqual([name, target, true]);
      if (anchor) expect([name, target, dist.get(file)?.includes(`id="${anchor}"`)]).toEqual([name, target, true]);
      links++;
    }
    for (const [tag] of html.matchAll(/<(?:script|link|img|source|iframe)\b[^>]*>/g))
      expect(tag).not.toMatch(/https?:/);
  }
  expect(links).toBeGreaterThan(100);
});

test("build leaves the last site when it fails, and never replaces a folder it did not write", async () => {
  const root = siteRoot();
  await runPlugin(root, "build");
  const before = contents(join(root.dir, "plugins/www/dist"));
  root.write("docs/nav.json", "[{");
  const failed = await runPlugin(root, "build");
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/^\S+nav\.json is not JSON: .*\n$/);
  expect(contents(join(root.dir, "plugins/www/dist"))).toEqual(before);

  root.write("plugins/www/mine/precious.txt", "mine");
  const refused = await runPlugin(root, "build", ["--out", "mine"]);
  expect([refused.code, root.read("plugins/www/mine/precious.txt")]).toEqual([1, "mine"]);
  expect(refused.stderr).toContain("not from an earlier build");
});

test("lint finds nothing wrong in this repository's docs", async () => {
  const result = await runPlugin(siteRoot(), "lint");
  expect([result.code, result.stdout]).toEqual([0, ""]);
});

test("lint names file and line of what is wrong, and nothing that is code", async () => {
  const root = siteRoot();
  root.write(
    "docs/logs.md",
    [
      "Text before any title, and [fine](exit-codes.md#in-a-script).",
      "",
      "## Section",
      "",
      "See [gone](gone.md), [no anchor](exit-codes.md#nope) and [out](../README.md).",
      "`[code](code.md)` is no link.",
      "```md",
      "[neither](neither.md) is this, nor [gone](gone.md)",
      "```",
      "![](images/missing.png) and ![seen](images/missing.png)",
      "[root](/logs.html) [script](javascript:alert(1))",
      "#### Deep",
    ].join("\n"),
  );
  rmSync(join(root.dir, "docs/benchmarks.md"));
  const { code, stdout } = await runPlugin(root, "lint");
  expect(code).toBe(1);
  const found = stdout.trim().split("\n");
  expect(found).toEqual([
    '../../docs/nav.json:1: "benchmarks.md" does not exist',
    ...found.filter((line) => line.includes("docs/index.md")),
    '../../docs/logs.md:1: has no title: begin the page with one "# Title" line',
    '../../docs/logs.md:12: "Deep" is a level 4 heading directly below a level 2 one',
    '../../docs/logs.md:5: link "gone.md" leads nowhere: there is no gone.md',
    '../../docs/logs.md:5: link "exit-codes.md#nope" leads nowhere: exit-codes.md has no heading "#nope"',
    '../../docs/logs.md:5: link "../README.md" leads out of the docs folder, which is all that is published',
    '../../docs/logs.md:10: image "images/missing.png" has no description: write ![what it shows](images/missing.png)',
    '../../docs/logs.md:10: image "images/missing.png" leads nowhere: there is no images/missing.png',
    '../../docs/logs.md:11: link "/logs.html" is absolute: write it relative to this page',
    '../../docs/logs.md:11: link "javascript:alert(1)" has a scheme that a page should not use',
    ...found.filter((line) => /docs\/(managed-commands|reliability)\.md/.test(line)),
  ]);
  expect(stdout).toContain("docs/reliability.md:");
});

test("WWW_DOCS names another folder, and one that is missing or empty is a sentence", async () => {
  const root = siteRoot();
  root.write("other/index.md", "# Other\n\nA site of one page.\n");
  root.write("other/nav.json", "[]");
  root.write("empty/.keep", "");
  const lint = (docs: string) => runPlugin(root, "lint", [], { WWW_DOCS: join(root.dir, docs) });
  expect(await lint("other")).toMatchObject({ code: 0, stderr: "pages: 1, links and images: 0, problems: 0\n" });
  expect((await lint("missing")).stderr).toMatch(/^cannot read the docs folder \S+\/missing: .*\n$/);
  expect(await lint("empty")).toMatchObject({
    code: 1,
    stderr: `${join(root.dir, "empty/index.md")} is missing; it is the home page\n`,
  });
});

test("a port of 0 lets the system choose, and the chosen port is printed", async () => {
  const root = siteRoot();
  const { child, output } = spawnServer(root, 0);
  const [, port] = await until("the address is printed", () => /localhost:(\d+)\//.exec(output()));
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
});
