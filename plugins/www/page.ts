/**
 * Renders one page of the site as a complete HTML document: the template, filled with navigation, content, table of
 * contents and neighbours. Every link is relative to the page, so the site works below any path and from disk.
 */
import { addressOf } from "./escape.ts";
import { renderHome } from "./home.ts";
import { type Group, HOME, type Page, type Site, SiteError } from "./site.ts";
import type { Theme } from "./theme.ts";
import { renderTone } from "./tone.ts";

export interface PageOptions {
  /** In development: the id of this rendering, which a page compares with the server's current one. */
  version?: string;
}

/** Throws a SiteError when the template asks for a value that does not exist. */
export function renderPage(
  page: Page,
  { site, theme, ...options }: { site: Site; theme: Theme } & PageOptions,
): string {
  const root = rootFrom(page.path);
  const home = page.file === HOME;
  return fillTemplate(theme, {
    root,
    values: {
      layout: home ? "home" : "page",
      title: Bun.escapeHTML(home ? `Dialtone: ${page.title}` : `${page.title} · Dialtone`),
      description: Bun.escapeHTML(shorten(page.description)),
      root,
      logo: theme.text("logo.svg").trim(),
      quick: renderQuickLinks(site, { current: page, root }),
      nav: site.groups.map((group) => renderGroup(group, { current: page, root })).join(""),
      content: home ? renderHome(page, site) : page.html + renderNeighbours(page, { site, root }),
      toc: home ? "" : renderContents(page),
      tone: renderTone(),
      dev: renderReloadScript(theme, { root, ...options }),
    },
  });
}

/** The page for addresses that lead nowhere. It can be shown at any depth, so its links begin at the server's root. */
export function renderNotFound(site: Site, { theme, ...options }: { theme: Theme } & PageOptions): string {
  return renderMessage(site, {
    theme,
    ...options,
    message: {
      title: "This number is not in service",
      html: `<p>There is no page at this address. It may have moved: the menu lists every page there is, and <a href="/index.html">the home page</a> is a good place to start over.</p>`,
    },
  });
}

function renderMessage(
  site: Site,
  { theme, message, ...options }: { theme: Theme; message: { title: string; html: string } } & PageOptions,
): string {
  const title = Bun.escapeHTML(message.title);
  return fillTemplate(theme, {
    root: "/",
    values: {
      layout: "page",
      title: `${title} · Dialtone`,
      description: title,
      root: "/",
      logo: theme.text("logo.svg").trim(),
      quick: renderQuickLinks(site, { current: undefined, root: "/" }),
      nav: site.groups.map((group) => renderGroup(group, { current: undefined, root: "/" })).join(""),
      content: `<h1>${title}</h1>\n${message.html}\n`,
      toc: "",
      tone: renderTone(),
      dev: renderReloadScript(theme, { root: "/", ...options }),
    },
  });
}

/** `{{name}}` is a value, `{{name.ext}}` the address of a file of the theme. */
function fillTemplate(theme: Theme, { root, values }: { root: string; values: Record<string, string> }): string {
  return theme.text("page.html").replace(/\{\{([\w.-]+)\}\}/g, (_all, name: string) => {
    if (Object.hasOwn(values, name)) return values[name] ?? "";
    if (theme.has(name)) return root + theme.url(name);
    throw new SiteError(
      `the template page.html asks for {{${name}}}, which is neither a value nor a file of the theme`,
    );
  });
}

function renderReloadScript(theme: Theme, { root, version }: { root: string } & PageOptions): string {
  if (version === undefined) return "";
  return `<script src="${root}${theme.url("reload.js")}" data-version="${version}" defer></script>\n`;
}

function rootFrom(path: string): string {
  return "../".repeat(path.split("/").length - 1);
}

/** Search engines show about 160 characters. */
function shorten(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 159).replace(/\s+\S*$/, "")}…`;
}

function renderQuickLinks(site: Site, { current, root }: { current: Page | undefined; root: string }): string {
  const first = site.groups[0]?.pages[0];
  if (!first) return "";
  const here = current && current.file !== HOME ? ' aria-current="true"' : "";
  return `<a href="${root}${addressOf(first.path)}"${here}>Documentation</a>`;
}

function renderGroup(group: Group, { current, root }: { current: Page | undefined; root: string }): string {
  const items = group.pages.map((page) => {
    const here = page === current ? ' aria-current="page"' : "";
    return `<li><a href="${root}${addressOf(page.path)}"${here}>${Bun.escapeHTML(page.title || page.file)}</a></li>`;
  });
  return `<h2>${Bun.escapeHTML(group.title)}</h2>\n<ul>\n${items.join("\n")}\n</ul>\n`;
}

/** "On this page": the second and third level. A page of one section needs none. */
function renderContents(page: Page): string {
  const entries = page.headings.filter((heading) => heading.level === 2 || heading.level === 3);
  if (entries.length < 2) return "";
  const items = entries.map(
    ({ id, text, level }) =>
      `<li class="level-${level}"><a href="#${Bun.escapeHTML(id)}">${Bun.escapeHTML(text)}</a></li>`,
  );
  return `<aside class="toc" aria-labelledby="toc-title">\n<h2 id="toc-title">On this page</h2>\n<ul>\n${items.join("\n")}\n</ul>\n</aside>\n`;
}

function renderNeighbours(page: Page, { site, root }: { site: Site; root: string }): string {
  const order = site.groups.flatMap((group) => group.pages);
  const at = order.indexOf(page);
  const link = (neighbour: Page | undefined, relation: "prev" | "next", word: string) =>
    neighbour
      ? `<a rel="${relation}" href="${root}${addressOf(neighbour.path)}"><span>${word}</span> ${Bun.escapeHTML(neighbour.title)}</a>\n`
      : "";
  const links = link(order[at - 1], "prev", "Previous") + link(order[at + 1], "next", "Next");
  return links && `<nav class="neighbours" aria-label="Previous and next page">\n${links}</nav>\n`;
}
