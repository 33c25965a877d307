/**
 * The site as a reader meets it: in Chromium, wide and on a phone, light and dark, while its pages are being edited.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { type TestRoot, until } from "../../kit.ts";
import { createSiteRoot, launchBrowser, NO_BROWSER, type RunningSite, startSite, withPage } from "../kit/www.ts";

const PHONE = { viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true };

describe.skipIf(NO_BROWSER)("the site in a browser", () => {
  let root: TestRoot;
  let site: RunningSite;
  let browser: Browser;
  let paths: string[];

  beforeAll(async () => {
    root = createSiteRoot();
    site = await startSite(root);
    browser = await launchBrowser();
    const home = await (await fetch(site.url)).text();
    paths = ["", "nope", ...new Set([...home.matchAll(/href="([\w-]+\.html)"/g)].map(([, path = ""]) => path))];
  });
  afterAll(async () => {
    await browser?.close();
    await site?.stop();
    await root?.dispose();
  });

  const background = (page: Page) => page.evaluate("getComputedStyle(document.body).backgroundColor");

  test("the home page leads to every page, and each knows where it is", async () => {
    expect(paths.length).toBeGreaterThanOrEqual(10);
    await withPage(browser, site.url, {}, async (page) => {
      expect(await page.title()).toStartWith("Dialtone: ");
      expect(await page.locator("meta[name=description]").getAttribute("content")).toContain("single binary");
      expect(await page.locator(".terminal").textContent()).toContain("www:dev:default ready pid");
      await page.click(".call a");
      await page.waitForURL("**/getting-started.html");
      expect(await page.locator(".side [aria-current=page]").textContent()).toBe("Getting started");
      await page.click("a[rel=next]");
      await page.waitForURL("**/plugins.html");
      await page.click('.side a:text-is("Exit codes")');
      await page.waitForURL("**/exit-codes.html");
      expect(await page.locator("h1").textContent()).toBe("Exit codes");
      await page.click(".brand");
      await page.waitForURL("**/index.html");
    });
  });

  test("the list of sections marks the one being read, and its links lead there", async () => {
    await withPage(browser, `${site.url}manifests.html`, {}, async (page) => {
      const current = () => page.locator(".toc [aria-current]").textContent();
      expect(await current()).toBe("The smallest one");
      await page.click('.toc a:text-is("Readiness")');
      await until("the section is marked", async () => (await current()) === "Readiness");
      expect(page.url()).toEndWith("#readiness");
      await page.evaluate("scrollTo(0, document.body.scrollHeight)");
      await until(
        "the last section is marked",
        async () => (await current()) === "A repository that you did not write",
      );
    });
  });

  test("the system's theme holds until the reader chooses, and the choice is remembered", async () => {
    const colors: unknown[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      await withPage(browser, site.url, { colorScheme }, async (page) => {
        const own = await background(page);
        colors.push(own);
        await page.click(".theme");
        const other = await background(page);
        expect(other).not.toBe(own);
        await page.goto(`${site.url}logs.html`);
        expect(await background(page)).toBe(other);
        expect(await page.locator(".theme").textContent()).toContain(colorScheme);
      });
    }
    expect(colors[0]).not.toBe(colors[1]);
  });

  test("all text can be read: contrast is at least 4.5 to 1, in both themes, on all pages", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const path of paths.filter((each) => each !== "nope")) {
        await withPage(browser, site.url + path, { colorScheme, reducedMotion: "reduce" }, async (page) => {
          expect({ colorScheme, path, faint: await page.evaluate(FAINT_TEXT) }).toEqual({
            colorScheme,
            path,
            faint: [],
          });
        });
      }
    }
  });

  test("the site is no wider than a phone, a tablet or a desk's screen", async () => {
    for (const width of [320, 375, 768, 1024, 1600]) {
      const context = await browser.newContext({ viewport: { width, height: 700 } });
      const page = await context.newPage();
      for (const path of paths) {
        await page.goto(site.url + path);
        const wide = await page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]");
        expect([path, wide]).toEqual([path, [width, width]]);
      }
      await context.close();
    }
  });

  test("on a phone the menu opens, closes, and leads on", async () => {
    await withPage(browser, site.url, PHONE, async (page) => {
      const menu = page.locator(".menu");
      const side = page.locator(".side");
      expect(await side.isVisible()).toBe(false);
      await menu.tap();
      expect([await side.isVisible(), await menu.getAttribute("aria-expanded")]).toEqual([true, "true"]);
      await page.keyboard.press("Escape");
      expect([await side.isVisible(), await menu.getAttribute("aria-expanded")]).toEqual([false, "false"]);
      expect(await page.evaluate("document.activeElement.className")).toContain("menu");
      await menu.tap();
      await page.locator('.side a:text-is("Read logs")').tap();
      await page.waitForURL("**/logs.html");
      expect(await side.isVisible()).toBe(false);
    });
  });

  test("without scripts the whole site is there, the menu included", async () => {
    await withPage(browser, `${site.url}logs.html`, { ...PHONE, javaScriptEnabled: false }, async (page) => {
      expect(await page.locator(".side a").first().isVisible()).toBe(true);
      expect(await page.locator(".menu").isVisible()).toBe(false);
      expect(await page.locator("h1").isVisible()).toBe(true);
    });
  });

  test("copy takes the code, and from a terminal session only what was typed", async () => {
    const permissions = ["clipboard-read", "clipboard-write"];
    await withPage(browser, `${site.url}getting-started.html`, { permissions }, async (page) => {
      const session = page.locator(".code[data-language=console]").last();
      await session.hover();
      await session.locator(".copy").click();
      await until("the button says so", async () => (await session.locator(".copy").textContent()) === "Copied");
      const copied = await page.evaluate("navigator.clipboard.readText()");
      expect(copied).toBe("dt hello world\ndt hello serve --detach\ndt stop hello serve");
    });
  });

  test("the keyboard reaches the text first, and focus can be seen", async () => {
    await withPage(browser, `${site.url}logs.html`, {}, async (page) => {
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.className")).toBe("skip");
      expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
      await page.keyboard.press("Enter");
      expect(await page.evaluate("document.activeElement.id")).toBe("content");
    });
  });

  test("an edit appears by itself, without a reload and without moving the reader", async () => {
    const own = root.read("docs/managed-commands.md");
    await withPage(browser, `${site.url}managed-commands.html`, {}, async (page) => {
      await page.evaluate("window.sameDocument = true; scrollTo(0, 900)");
      await until("it has scrolled", () => page.evaluate("scrollY === 900"));
      root.write(
        "docs/.tmp",
        own.replace("## Inside a launch", "## Edited just now\n\n```sh\ndt ps\n```\n\n## Inside a launch"),
      );
      renameSync(join(root.dir, "docs/.tmp"), join(root.dir, "docs/managed-commands.md"));
      await page.locator("h2#edited-just-now").waitFor();
      expect(await page.locator('.toc a:text-is("Edited just now")').count()).toBe(1);
      expect(await page.locator("#edited-just-now + .code .copy").count()).toBe(1);
      expect(await page.evaluate("[window.sameDocument, scrollY]")).toEqual([true, 900]);

      const style = root.read("plugins/www/theme/base.css");
      root.write("plugins/www/theme/base.css", `${style}\nh1 { color: rgb(1, 2, 3); }\n`);
      await until("the style is new", () =>
        page.evaluate("getComputedStyle(document.querySelector('h1')).color === 'rgb(1, 2, 3)'"),
      );
      expect(await page.evaluate("[window.sameDocument, scrollY]")).toEqual([true, 900]);
    });
  });

  test("a page that cannot be rendered says why, and comes back by itself", async () => {
    const nav = root.read("docs/nav.json");
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${site.url}logs.html`);
    root.write("docs/nav.json", "[{");
    await page.locator('h1:text-is("The site cannot be rendered")').waitFor();
    expect(await page.locator("main p").first().textContent()).toContain("nav.json is not JSON");
    expect((await fetch(`${site.url}healthz`)).status).toBe(200);
    root.write("docs/nav.json", nav);
    await page.locator('h1:text-is("Read logs")').waitFor();
    expect(site.output()).toContain("rendered again");
    await context.close();
  });

  test("a page follows the server through its restart", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${site.url}logs.html`);
    await site.stop();
    root.write("docs/logs.md", "# Read logs\n\nFrom the next server.\n");
    site = await startSite(root, site.port);
    await page.locator('p:text-is("From the next server.")').waitFor();
    await context.close();
  });
});

/**
 * Run in the page: every element with text of its own whose contrast (WCAG 2) is below 4.5. A background is the nearest
 * opaque one.
 */
const FAINT_TEXT = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility()) continue;
    const [light, dark] = [luminance(getComputedStyle(node).color), luminance(backgroundOf(node))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) faint.push(node.tagName + "." + node.className + " " + ratio.toFixed(2) + " " + node.textContent.slice(0, 30));
  }
  return faint;
})()`;
