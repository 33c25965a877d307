/**
 * The home page. Its text is index.md, as for any other page; only the arrangement differs: the part before the first
 * h2 becomes the hero (words beside the terminal), and the navigation gives the list of all pages.
 */
import { addressOf } from "./escape.ts";
import type { Page, Site } from "./site.ts";
import { renderTone } from "./tone.ts";

export function renderHome(page: Page, site: Site): string {
  const cut = page.html.search(/<h2[ >]/);
  const opening = cut < 0 ? page.html : page.html.slice(0, cut);
  const rest = cut < 0 ? "" : page.html.slice(cut);
  const terminals = opening.match(/<div class="code" data-language="console">.*?<\/div>/gs) ?? [];
  const words = terminals.reduce((text, terminal) => text.replace(terminal, ""), opening);
  const first = site.groups[0]?.pages[0];
  const call = first
    ? `<p class="call"><a class="button" href="${addressOf(first.path)}">${Bun.escapeHTML(first.title)}</a></p>\n`
    : "";
  return [
    `<section class="hero">\n${renderTone()}\n<div class="words">\n${words}${call}</div>\n`,
    terminals.map((terminal) => `<div class="terminal">${renderBar()}${terminal}</div>\n`).join(""),
    `</section>\n<div class="sections">\n${wrapSections(rest)}</div>\n`,
    `<section class="all-pages" aria-labelledby="all-pages">\n<h2 id="all-pages">Read on</h2>\n<div class="groups">\n`,
    site.groups.map(renderGroup).join(""),
    "</div>\n</section>\n",
  ].join("");
}

function renderBar(): string {
  return `<div class="bar" aria-hidden="true"><span></span><span></span><span></span></div>`;
}

/** Each h2 and the content below it become a section, so the style sheet can lay the sections out. */
function wrapSections(html: string): string {
  return html
    .split(/(?=<h2[ >])/)
    .filter((part) => part.trim() !== "")
    .map((part) => `<section>\n${part}</section>\n`)
    .join("");
}

function renderGroup(group: Site["groups"][number]): string {
  const items = group.pages.map(
    (page) =>
      `<li><a href="${addressOf(page.path)}">${Bun.escapeHTML(page.title)}</a> <span>${Bun.escapeHTML(firstSentence(page.description))}</span></li>`,
  );
  return `<div>\n<h3>${Bun.escapeHTML(group.title)}</h3>\n<ul>\n${items.join("\n")}\n</ul>\n</div>\n`;
}

function firstSentence(text: string): string {
  return /^.*?[.!?](?=\s|$)/.exec(text)?.[0] ?? text;
}
