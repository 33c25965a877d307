import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../kit.ts";
import { drawTerminal } from "./svg.ts";

test("text in the picture stands in its column, has its colour and is escaped", () => {
  const svg = drawTerminal("\x1b[32m$\x1b[0m a <b>\n  \x1b[1;91mred\x1b[39m plain\x1b[0m\n\n", 10, "a & b");
  expect(svg).toContain("<title>a &amp; b</title>");
  expect(svg).toContain(
    '<text x="20.0" y="66" textLength="8.4" lengthAdjust="spacingAndGlyphs" fill="#8fd18a">$</text>',
  );
  expect(svg).toContain(
    '<text x="36.8" y="66" textLength="42.0" lengthAdjust="spacingAndGlyphs" fill="#d5dbe6">a &lt;b&gt;</text>',
  );
  expect(svg).toContain('fill="#ff9a9c" font-weight="bold">red</text>');
  expect(svg).toContain(
    'x="70.4" y="86" textLength="42.0" lengthAdjust="spacingAndGlyphs" fill="#d5dbe6" font-weight="bold">plain</text>',
  );
  expect(svg).toContain('height="112"');
});

test("the README's picture shows what dt prints today", () => {
  const picture = readFileSync(join(REPOSITORY, "docs/images/terminal.svg"), "utf8")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");
  for (const said of [
    "shop:dev:default ready pid",
    "stopping it first",
    "KEY STATE PID UP PORTS COMMAND",
    "dt stop shop dev",
  ])
    expect(picture).toContain(said);
});
