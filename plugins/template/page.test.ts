import { expect, test } from "bun:test";
import { makePage } from "./page.ts";

test("the page shows the greeting and the key", () => {
  const page = makePage("Hello", "a:b:c");
  expect(page).toContain("<h1>Hello</h1>");
  expect(page).toContain("<code>a:b:c</code>");
});

test("HTML in the greeting is escaped", () => {
  expect(makePage("<b> & co", "")).toContain("<h1>&lt;b&gt; &amp; co</h1>");
});
