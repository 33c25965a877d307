/**
 * `dt dag dev src_v2` in Chromium: the picture is there, and stays true while things are started, stopped, killed,
 * added and broken.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { REPOSITORY, settled, stays, TestRoot, until } from "../../kit.ts";
import { launchBrowser, linkPackage, NO_BROWSER, withPage } from "../kit/www.ts";

const MANIFESTS = {
  "manifests/www.ts": `export default { name: "www", description: "The site", commands: {
    dev: { kind: "managed", run: "echo up; exec sleep 1000", ready: { log: "up" }, needs: ["db:main"], variants: { beta: { needs: [] } } },
    build: { kind: "oneshot", run: "true" } } };\n`,
  "manifests/db.ts": `export default { name: "db", commands: { main: { kind: "managed", run: "exec sleep 1000", description: "<script>document.title='hacked'</script>" } } };\n`,
};

function createDagRoot(): TestRoot {
  const root = TestRoot.create(MANIFESTS);
  const own = (source: string) => !/\/(dist|.*\.log(\.\d+)?)$/.test(source);
  for (const path of ["plugins/dag", "manifests/dag.ts"])
    cpSync(join(REPOSITORY, path), join(root.dir, path), { recursive: true, filter: own });
  symlinkSync(join(REPOSITORY, "node_modules"), join(root.dir, "node_modules"));
  linkPackage(root);
  return root;
}

const stateOf = (page: Page, key: string) => page.getAttribute(`[data-key="${key}"]`, "data-state");
const wordOf = (page: Page, key: string) => page.textContent(`[data-key="${key}"] .word`);
const shows = (page: Page, key: string, state: string) =>
  until(`${key} is shown as ${state}`, async () => (await stateOf(page, key)) === state);

describe.skipIf(NO_BROWSER)("the picture in a browser", () => {
  let browser: Browser;
  let root: TestRoot;
  let url: string;
  beforeAll(async () => {
    browser = await launchBrowser();
    root = createDagRoot();
    const started = await root.dt(["dag", "dev", "src_v2", "--wait"]);
    const line = /^dag:dev:src_v2 ready pid \d+ (http:\/\/localhost:\d+) log plugins\/dag\/src_v2\/dev\.log$/m.exec(
      started.stdout,
    );
    if (line === null) throw new Error(`${started.stdout}${started.stderr}`);
    url = line[1] as string;
  });
  afterAll(async () => {
    await browser?.close();
    await root?.dispose();
  });
  const look = (options: Parameters<typeof withPage>[2], body: (page: Page) => Promise<void>) =>
    withPage(browser, url, options, async (page) => {
      await page.waitForSelector(".node");
      await body(page);
    });

  test("the picture shows each plugin, key and need, and its log is where the variant says", async () => {
    expect(existsSync(join(root.dir, "plugins/dag/src_v2/dev.log"))).toBe(true);
    await look({}, async (page) => {
      const keys = await page.$$eval("[data-key]", (nodes) => nodes.map((node) => node.getAttribute("data-key")));
      for (const key of [
        "plugin/www",
        "www:dev:default",
        "www:dev:beta",
        "www:build:default",
        "db:main:default",
        "dag:dev:src_v2",
      ])
        expect(keys).toContain(key);
      const needs = await page.$$eval(".edges .needs", (edges) =>
        edges.map((edge) => [edge.getAttribute("data-from"), edge.getAttribute("data-to")]),
      );
      expect(needs).toEqual([["www:dev:default", "db:main:default"]]);
      expect(await wordOf(page, "www:dev:beta")).toBe("never run");
      expect(await page.title()).not.toBe("hacked");
    });
  });

  test("states change in place as launches start, stop, fail and are killed unseen", async () => {
    await look({}, async (page) => {
      const node = await page.$('[data-key="www:dev:default"]');
      await root.dt(["www", "dev", "-d"]);
      await shows(page, "www:dev:default", "ready");
      await shows(page, "db:main:default", "running");
      expect(await page.getAttribute('[data-key="www:dev:default"]', "aria-label")).toBe("www dev, managed, ready");
      await root.dt(["stop", "db"]);
      await shows(page, "db:main:default", "stopped");
      const { pid, host } = JSON.parse((await root.dt(["ps", "--json", "--all"])).stdout).find(
        (one: { key: string }) => one.key === "www:dev:default",
      );
      process.kill(host.pid, "SIGKILL");
      process.kill(pid, "SIGKILL"); // nothing is written down: it is seen by asking
      await shows(page, "www:dev:default", "failed");
      expect(await node?.evaluate((element) => element.isConnected)).toBe(true); // the same element: nothing was drawn again
      await root.dt(["stop", "www"]);
    });
  });

  test("a manifest that is added, broken and mended changes the picture", async () => {
    await look({}, async (page) => {
      root.write(
        "manifests/new.ts",
        `export default { name: "new", commands: { dev: { kind: "managed", run: "true", needs: ["db:main"] } } };\n`,
      );
      await page.waitForSelector('[data-key="new:dev:default"]');
      root.write(
        "manifests/new.ts",
        `export default { name: "new", commands: { dev: { kind: "manged", run: "true" } } };\n`,
      );
      await page.waitForSelector("#failures:not([hidden])");
      expect(await page.textContent("#failures")).toContain('expected "oneshot" or "managed", found "manged"');
      await until("its node is gone", async () => (await page.$('[data-key="new:dev:default"]')) === null);
      await Bun.file(join(root.dir, "manifests/new.ts")).delete();
      await until("the failure is gone", () => page.isHidden("#failures"));
    });
  });

  test("by keyboard a node can be chosen, read, copied and left, and its neighbours are lit", async () => {
    await look({ permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
      await page.focus('[data-key="www:dev:default"]');
      await page.keyboard.press("Enter");
      expect(await page.textContent("#panel h2")).toBe("www dev");
      expect(await page.textContent("#panel")).toContain("db main");
      expect(
        await page.$$eval(".node.near", (nodes) => nodes.map((node) => node.getAttribute("data-key")).sort()),
      ).toEqual(["db:main:default", "plugin/www", "www:dev:default"]);
      await page.click('[aria-label="Copy dt www dev -d"]');
      expect(await page.evaluate("navigator.clipboard.readText()")).toBe("dt www dev -d");
      await page.keyboard.press("Escape");
      expect(await page.isHidden("#panel")).toBe(true);
      expect(await page.evaluate(`document.activeElement?.getAttribute("data-key")`)).toBe("www:dev:default");
      await page.fill("#find", "one-shot build");
      await page.fill("#find", "www build");
      expect(await page.$$eval(".node.near", (nodes) => nodes.map((node) => node.getAttribute("data-key")))).toEqual([
        "www:build:default",
      ]);
    });
  });

  test("the picture is no wider than a phone, and its text can be read in both themes", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await look({ viewport: { width: 360, height: 700 }, colorScheme }, async (page) => {
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
        expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe(
          colorScheme === "light" ? "rgb(251, 252, 254)" : "rgb(13, 19, 26)",
        );
      });
    }
  });

  test("a page says when it is not connected, and goes on by itself when the server is back", async () => {
    // The browser complains of the connection that was lost, which is what this is about.
    const page = await browser.newPage();
    try {
      await page.goto(url);
      await until("it is live", async () => (await page.textContent("#status")) === "live");
      await root.dt(["stop", "dag"]);
      await until("it says that it is not connected", async () =>
        (await page.textContent("#status"))?.includes("trying again"),
      );
      await root.dt(["dag", "dev", "src_v2", "--wait"]);
      await until("it is live again", async () => (await page.textContent("#status")) === "live");
    } finally {
      await page.close();
    }
  });

  test("dt is not asked while no page is open", async () => {
    const asked = join(root.base, "asked");
    const shim = join(root.base, "bin");
    root.write(join(shim, "dt"), `#!/bin/sh\necho x >>${asked}\nexec "$REAL_DT" "$@"\n`);
    Bun.spawnSync(["chmod", "+x", join(shim, "dt")]);
    const { DT } = await import("../../kit.ts");
    const child = Bun.spawn([process.execPath, "server.ts"], {
      cwd: join(root.dir, "plugins/dag/src_v2"),
      env: { ...root.env, PATH: `${shim}:${root.env.PATH}`, REAL_DT: DT, PORT: "0", DIALTONE_ROOT: root.dir },
      stdout: "pipe",
      stderr: "inherit",
    });
    try {
      const address = /http:\S+/.exec(
        new TextDecoder().decode((await child.stdout.getReader().read()).value),
      )?.[0] as string;
      expect((await fetch(address)).status).toBe(200);
      const count = () => (existsSync(asked) ? require("node:fs").readFileSync(asked, "utf8").length / 2 : 0);
      const streams = await Promise.all([1, 2, 3].map(() => fetch(`${address}events`)));
      await until("it is asked", () => count() > 0);
      const begun = count();
      await until("it is asked again", () => count() >= begun + 4);
      for (const stream of streams) await stream.body?.cancel();
      const last = await settled("the last question", count);
      writeFileSync(join(root.dir, ".dialtone/run/touched"), "again");
      // With a page open dt would be asked for this file at once, and every second beside.
      await stays("dt is not asked", () => count() === last, 1100);
      expect((await fetch(address, { headers: { Host: "evil.example" } })).status).toBe(421);
    } finally {
      child.kill("SIGTERM");
      await child.exited;
    }
  });
});

test("dt dag build writes one file that shows the picture by itself", async () => {
  const root = createDagRoot();
  try {
    await root.dt(["www", "dev", "-d"]);
    const built = await root.dt(["dag", "build", "picture.html"]);
    expect({ code: built.code, stdout: built.stdout }).toEqual({
      code: 0,
      stdout: `${join(root.dir, "picture.html")}\n`,
    });
    const page = root.read("picture.html");
    expect(page).toContain('data-key="www:dev:default" data-state="ready"');
    expect(page).not.toMatch(/<script|src=|href=/);
    expect((await root.dt(["dag", "build", "--x"])).code).toBe(2);
  } finally {
    await root.dispose();
  }
});
