/**
 * The manifests that the docs show: each loads as it stands there, and what is shown in part names no plugin that there
 * cannot be.
 */
import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isReservedVerb } from "../../src/manifest/model/reserved.ts";
import { REPOSITORY } from "../kit.ts";
import { createProject, removeProjects } from "./kit.ts";

afterEach(removeProjects);

const PAGES = [
  "README.md",
  ...readdirSync(join(REPOSITORY, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

const BLOCKS = PAGES.flatMap((page) => {
  const text = readFileSync(join(REPOSITORY, page), "utf8");
  return [...text.matchAll(/^```(ts|js|json|yaml|toml)\n(.*?)^```/gms)].map(
    ({ 1: ending = "", 2: source = "", index }) => ({
      place: `${page}:${text.slice(0, index).split("\n").length}`,
      ending,
      source,
    }),
  );
});

const isWhole = ({ source }: { source: string }) =>
  source.includes("export default definePlugin(") || (/^name\s*[:=]/m.test(source) && /^\[?commands\b/m.test(source));

test("every whole manifest in the docs loads", async () => {
  const whole = BLOCKS.filter(isWhole);
  expect(whole.length).toBeGreaterThan(6);
  const project = createProject();
  for (const [at, { place, ending, source }] of whole.entries()) {
    project.write(`manifests/m${at}.${ending}`, source);
    const { outcome } = await project.loadOne(`manifests/m${at}.${ending}`);
    expect([place, outcome]).toEqual([place, expect.objectContaining({ is: "plugin" })]);
    if (outcome.is === "plugin") expect([place, isReservedVerb(outcome.plugin.name)]).toEqual([place, false]);
  }
});

test("no key in the docs has the name of a verb", () => {
  const keys = BLOCKS.flatMap(({ place, source }) =>
    [...source.matchAll(/["'`]([a-z][\w.-]*):[a-z][\w.-]*(?::[\w.-]+)?["'`]/g)].map(({ 1: plugin = "" }) => ({
      place,
      plugin,
    })),
  );
  expect(keys.length).toBeGreaterThan(10);
  expect(keys.filter(({ plugin }) => isReservedVerb(plugin))).toEqual([]);
});
