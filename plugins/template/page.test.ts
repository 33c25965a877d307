import { expect, test } from "bun:test";
import { makePage } from "./page.ts";

test("the page greets, and says who it is", () => {
  const page = makePage("Hello", "a:b:c");
  expect(page).toContain("<h1>Hello</h1>");
  expect(page).toContain("<code>a:b:c</code>");
});

test("what looks like HTML is text", () => {
  expect(makePage("<b> & co", "")).toContain("<h1>&lt;b&gt; &amp; co</h1>");
});
