/**
 * `dt www` over docs that a stranger wrote, and what plugins write: no script of theirs runs, nothing outside is
 * published or written.
 */
import { afterEach, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createSiteRoot, runPlugin, startSite } from "../../e2e/kit/www.ts";
import { REPOSITORY, TestRoot } from "../../kit.ts";

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

function make() {
  const root = createSiteRoot();
  roots.push(root);
  root.write("outside/victim.md", "# The secret\n\nIt is one.\n");
  return root;
}

/** The names of all attributes, as a parser of HTML sees them. */
function attributesOf(html: string): string[] {
  const names: string[] = [];
  new HTMLRewriter()
    .on("*", { element: ({ attributes }) => void names.push(...[...attributes].map(([name]) => name as string)) })
    .transform(html);
  return names;
}

const HOSTILE = `# Title <script>alert(1)</script>

<script src="evil.js"></script>
<img src=x onerror=alert(1)> and <b onclick="x()">bold</b><br>next, <http://fine.example/?a=1&b=2>.

<div>
<iframe src="javascript:alert(1)"></iframe>
</div>

<!-- mark:begin -->
<!-- --><svg onload=alert(1)>

[one](javascript:alert(1)) [two](JaVaScRiPt&#58;alert(1)) [three](<java	script:alert(1)>) [four](data:text/html,x) [five](vbscript:x)
[six](\x01javascript:alert(1)) ![seven](javascript:alert(1)) [eight](https://fine.example "a\\" onmouseover=x") [nine](logs.md) [ten](<%20javascript:alert(1)>)

\`<br> <script>\` in code

## <a href="javascript:x">Heading</a>
`;

test("HTML in the docs is text, and an address that would run something leads nowhere", async () => {
  const root = make();
  root.write("docs/hostile.md", HOSTILE);
  root.write(`docs/a" onmouseover="alert(1).md`, "# Quoted\n\nText.\n");
  root.write("docs/javascript:alert(1).md", "# A scheme\n\nText.\n");
  expect((await runPlugin(root, "build")).code).toBe(0);
  const page = root.read("plugins/www/dist/hostile.html");
  const content = page.slice(page.indexOf("<main"), page.indexOf("</main>"));
  expect(content).not.toMatch(/<(script|iframe|svg|div>|b |img src=x)/);
  expect(attributesOf(page).filter((name) => name.startsWith("on"))).toEqual([]);
  for (const [, address = ""] of content.matchAll(/(?:href|src)="([^"]*)"/g))
    expect(address).toMatch(/^($|#|https:\/\/fine|http:\/\/fine|[\w%.()-]+\.html)/);
  expect(content).toContain("<br>next");
  expect(content).toContain('<a href="http://fine.example/?a=1&amp;b=2">');
  expect(content).toContain("<code>&lt;br&gt; &lt;script&gt;</code>");
  expect(content).not.toContain("mark:begin");
  for (const name of ["index.html", "hostile.html"]) {
    const html = root.read(`plugins/www/dist/${name}`);
    expect(attributesOf(html).filter((one) => one.startsWith("on"))).toEqual([]);
    expect(html).not.toMatch(/href="javascript:/i);
  }
});

test("links, pipes and endless files in the docs are not published or waited for, and are reported where they matter", async () => {
  const root = make();
  const docs = (path: string) => join(root.dir, "docs", path);
  symlinkSync(join(root.dir, "outside/victim.md"), docs("link.md"));
  symlinkSync(join(root.dir, "outside"), docs("directory"));
  symlinkSync("/etc/passwd", docs("passwd.txt"));
  Bun.spawnSync(["mkfifo", docs("pipe.md")]);
  const site = await startSite(root);
  for (const path of ["link.html", "link.md", "directory/victim.html", "passwd.txt", "pipe.html"])
    expect([path, (await fetch(site.url + path)).status]).toEqual([path, 404]);
  for (const path of [
    "../package.json",
    "%2e%2e/outside/victim.md",
    "..%2foutside%2fvictim.md",
    "theme/..%2f..%2fserver.ts",
    "//etc/passwd",
    "%00",
  ])
    expect([path, (await fetch(site.url + path)).status]).toEqual([path, 404]);
  await site.stop();

  const nav = root.read("docs/nav.json");
  for (const [plant, why] of [
    [() => symlinkSync("/etc/passwd", docs("nav.json")), "is a link that leads out of"],
    [() => Bun.spawnSync(["mkfifo", docs("nav.json")]), "it is a pipe"],
    [
      () => {
        writeFileSync(docs("nav.json"), "");
        truncateSync(docs("nav.json"), 1024 ** 4);
      },
      "at most 16777216 are read",
    ],
  ] as const) {
    rmSync(docs("nav.json"));
    plant();
    const { code, stderr } = await runPlugin(root, "lint");
    expect(code).toBe(1);
    expect(stderr).toContain(why);
    expect(stderr).not.toContain("root:");
  }
  rmSync(docs("nav.json"));
  writeFileSync(docs("nav.json"), nav);
  expect((await runPlugin(root, "build")).code).toBe(0);
  expect(readdirSync(join(root.dir, "plugins/www/dist"), { recursive: true }).join()).not.toMatch(/victim|passwd|pipe/);
}, 60_000);

test("lint shows a hostile name visibly", async () => {
  const root = make();
  root.write("docs/evil\x1b[31m\u202e.md", "no title\n");
  const { stdout, stderr } = await runPlugin(root, "lint");
  expect(stdout).toContain("evil\\x1b[31m\\u202e.md:1");
  expect(stdout + stderr).not.toMatch(/[\x1b\u202e]/);
});

test("code blocks that never end, and words of any length, are coloured in a moment", async () => {
  const root = make();
  const long = 60_000;
  const blocks = ["ts", "json", "yaml", "toml", "sh", "console"].flatMap((language) =>
    [
      "/*".repeat(long),
      `"\\"`.repeat(long),
      "a".repeat(2 * long),
      " ".repeat(2 * long),
      "\n".repeat(long),
      "`${".repeat(long),
      "$ {".repeat(long),
      "[".repeat(long),
    ].map((code) => `~~~${language}\n${code}\n~~~\n`),
  );
  root.write("docs/slow.md", `# Slow\n\nText.\n\n${blocks.join("\n")}`);
  const began = performance.now();
  expect((await runPlugin(root, "build")).code).toBe(0);
  expect(performance.now() - began).toBeLessThan(40_000);
}, 60_000);

test("build writes through no link or pipe that lies where it writes", async () => {
  const root = make();
  const plugin = join(root.dir, "plugins/www");
  for (let pid = 2; pid < 20_000; pid++) symlinkSync(join(root.dir, "outside"), join(plugin, `dist.new-${pid}`));
  symlinkSync(join(root.dir, "outside"), join(plugin, "dist"));
  root.write("outside/.dialtone-site", "");
  expect((await runPlugin(root, "build")).code).toBe(0);
  expect(readdirSync(join(root.dir, "outside")).sort()).toEqual([".dialtone-site", "victim.md"]);
  expect(existsSync(join(plugin, "dist/index.html"))).toBe(true);
}, 60_000);

test("stack render and dag build refuse a link in their output's path, and write nothing there", async () => {
  const root = TestRoot.create();
  roots.push(root);
  const own = (source: string) => !/\/(dist|.*\.log(\.\d+)?)$/.test(source);
  for (const path of ["plugins/stack", "manifests/stack.ts", "plugins/dag", "manifests/dag.ts"])
    cpSync(join(REPOSITORY, path), join(root.dir, path), { recursive: true, filter: own });
  mkdirSync(join(root.dir, "node_modules"));
  symlinkSync(join(REPOSITORY, "node_modules/@dagrejs"), join(root.dir, "node_modules/@dagrejs"));
  const outside = join(root.base, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "victim"), "mine");

  symlinkSync(outside, join(root.dir, ".stagecraft"));
  const first = await root.dt(["stack", "render"]);
  expect([first.code, first.stderr]).toEqual([1, expect.stringContaining("is a link that leads out of")]);
  rmSync(join(root.dir, ".stagecraft"));
  mkdirSync(join(root.dir, ".stagecraft/dev"), { recursive: true });
  symlinkSync(join(outside, "victim"), join(root.dir, ".stagecraft/dev/compose.yaml.new"));
  symlinkSync(join(outside, "victim"), join(root.dir, ".stagecraft/dev/compose.yaml"));
  expect((await root.dt(["stack", "render"])).code).toBe(1);
  rmSync(join(root.dir, ".stagecraft/dev/compose.yaml"));
  expect((await root.dt(["stack", "render"])).stdout).toBe(".stagecraft/dev/compose.yaml written\n");
  expect((await root.dt(["stack", "render"])).stdout).toBe(".stagecraft/dev/compose.yaml unchanged\n");

  symlinkSync(outside, join(root.dir, "plugins/dag/dist"));
  const built = await root.dt(["dag", "build"]);
  expect([built.code, built.stderr]).toEqual([1, expect.stringContaining("is a link that leads out of")]);
  renameSync(join(root.dir, "plugins/dag/dist"), join(root.dir, "plugins/dag/away"));
  expect((await root.dt(["dag", "build"])).code).toBe(0);
  symlinkSync(join(outside, "victim"), join(root.dir, "picture.html"));
  expect((await root.dt(["dag", "build", "picture.html"])).code).toBe(1);
  expect(readdirSync(outside)).toEqual(["victim"]);
  expect(readFileSync(join(outside, "victim"), "utf8")).toBe("mine");
}, 60_000);
