/** The page and the picture say what results.json has, and every tool stands in them, an absent one too. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../../kit.ts";
import { PEERS } from "./drivers/table.ts";
import { installWords } from "./install.ts";
import { drawPicture } from "./picture.ts";
import { PINS } from "./pins.ts";
import { merge, readResults } from "./results.ts";
import { formatSettings } from "./settings.ts";
import { formatResults } from "./table.ts";
import type { Peer, Results } from "./types.ts";

const peer = (id: string, fields: Partial<Peer> = {}): Peer => ({
  id,
  needs: [id],
  version: [id, "--version"],
  most: 200,
  notes: [],
  files: () => ({}),
  up: () => [],
  list: [id, "list"],
  start: (_, name) => [id, "start", name],
  restart: null,
  stop: (_, name) => [id, "stop", name],
  measures: null,
  ...fields,
});

const RESULTS: Results = {
  machine: "2 cores",
  groups: { life: { date: "2026-01-01", load: 0.5, rounds: 12, helloMs: 4 } },
  peers: {
    fast: { version: "1.2", cells: { start: { median: 8.04, p10: 7, p90: 9.5, ratio: 2 }, left: { median: 0 } } },
    slow: {
      version: "3",
      cells: {
        start: { median: 1040, p10: 1000, p90: 1100, ratio: 260 },
        log: { median: 105, isLeast: true },
        left: { median: 1, names: "a double fork" },
      },
    },
    gone: { version: null, cells: {} },
  },
};
const SHOWN = [peer("fast"), peer("slow", { notes: ["It waits."] }), peer("gone"), peer("never")];

describe("the table", () => {
  const text = formatResults(RESULTS, SHOWN);
  test("a cell has median, spread and the ratio to the floor, and the least of a column is bold", () => {
    expect(text).toContain("| fast | – | – | – | **8.04** (7 – 9.50), 2 × | – | – |");
    expect(text).toContain("| slow | – | – | – | 1040 (1000 – 1100), 260 × | – | – |");
  });
  test("a limit that was exceeded is shown as one", () => expect(text).toContain("over 105 ×"));
  test("what a stop left is named", () => expect(text).toContain("- slow leaves: a double fork."));
  test("a tool that is absent, or was never measured, is a line and no row", () => {
    for (const id of ["gone", "never"]) {
      expect(text).toContain(`- ${id}: absent. It is not installed on this machine`);
      expect(text).not.toContain(`| ${id} |`);
    }
  });
  test("remarks and runs stand below and above it", () => {
    expect(text).toContain("- slow: It waits.");
    expect(text).toContain("- Group `life`: 2026-01-01, 12 rounds, load average 0.5, hello world 4 ms.");
  });
});

describe("results", () => {
  test("a group replaces its own cells, and a tool that is gone loses its figures", () => {
    const found = { fast: { stop: { median: 3 } } };
    const merged = merge(RESULTS, { found, versions: { fast: "1.3", slow: null } });
    expect(merged.peers.fast).toMatchObject({
      version: "1.3",
      cells: { start: { median: 8.04 }, stop: { median: 3 } },
    });
    expect(merged.peers.slow).toEqual({ version: null, cells: {} });
    expect(RESULTS.peers.slow?.version).toBe("3");
  });
});

describe("the picture", () => {
  test("each figure has its dot and its number, and what is faster stands further left", () => {
    const svg = drawPicture(RESULTS, SHOWN);
    expect(svg).toContain("<title>Start in ms: fast 8.04, slow 1040.");
    expect(svg).toContain(">1040</text>");
    const places = [...svg.matchAll(/<circle class="peer" cx="([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(places).toHaveLength(2);
    expect(places[0]).toBeLessThan(places[1] as number);
    expect(svg).toContain("prefers-color-scheme:dark");
    expect(svg).not.toContain("NaN");
  });
  test("a name is escaped", () => {
    const results = { ...RESULTS, peers: { "a<b": { version: "1", cells: {} } } };
    expect(drawPicture(results, [peer("a<b")])).toContain(">a&lt;b</text>");
  });
});

describe("the drivers", () => {
  const place = { dir: "/p", port: 1, commands: [{ name: "web", argv: ["/p/web"] as [string] }] };
  test("no two rows have one name, and dt comes first", () => {
    const ids = PEERS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids[0]).toBe("dt");
  });
  for (const one of PEERS) {
    test(`${one.id} can be called, and its settings are shown`, () => {
      const calls = [one.start(place, "web"), one.stop(place, "web"), ...one.up(place)];
      if (one.restart !== null) calls.push(one.restart(place, "web"));
      if (one.list !== null) calls.push(one.list);
      for (const [name] of calls) expect([...one.needs, "sh", "rm", "mkdir"]).toContain(name);
      const files = Object.values(one.files(place)).join("\n");
      const told = `${files}\n${calls.flat().join(" ")}`;
      expect(told).toContain("/p/web");
      const shown = formatSettings([one]);
      if (one.measures !== null) return expect(one.notes.join(" ")).toContain(`\`${one.id}\``);
      expect(shown).toContain(`#### ${one.id}`);
      for (const path of Object.keys(one.files({ ...place, dir: "/app" }))) expect(shown).toContain(`\`${path}\``);
    });
  }
  test("each peer but dt has a pinned release, and the client that installs it", () => {
    const peers = PEERS.filter(({ needs }) => !needs.includes("dt")).map(({ id }) => id);
    expect(Object.keys(PINS).sort()).toEqual(peers.sort());
    expect(Object.values(PINS).map((pin) => installWords(pin, "/cache").join(" "))).toContain(
      "cargo install --locked --root /cache/cargo pueue@4.0.4",
    );
  });
});

describe("what is committed", () => {
  test("the page has the table and the settings that results.json and the drivers give", () => {
    const page = readFileSync(join(REPOSITORY, "docs/benchmarks.md"), "utf8");
    const section = page.slice(page.indexOf("<!-- peers:begin -->"), page.indexOf("<!-- peers:end -->"));
    const made = `<!-- peers:begin -->\n\n${formatResults(readResults(), PEERS)}\n\n${formatSettings(PEERS)}\n\n`;
    expect(section.split("\n")).toEqual(made.split("\n"));
  });
  test("so does the picture, which the README shows", () => {
    const svg = readFileSync(join(REPOSITORY, "docs/images/peers.svg"), "utf8");
    expect(svg).toBe(drawPicture(readResults(), PEERS));
    const readme = readFileSync(join(REPOSITORY, "README.md"), "utf8");
    expect(/\]\((docs\/images\/peers\.svg)\)/.exec(readme)?.[1]).toBe("docs/images/peers.svg");
  });
});
