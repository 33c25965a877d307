/** Compose's command lines as data, over all flags; project names. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  baseOf,
  downCommand,
  ENGINES,
  fileWord,
  projectOf,
  servicesCommand,
  upCommand,
} from "../../src/compose/command.ts";

const FILE = ".stagecraft/dev/compose.yaml";
const NAMES = Object.keys(ENGINES) as (keyof typeof ENGINES)[];

describe.each(NAMES)("%s", (name) => {
  const engine = name.split(" ");
  const base = baseOf({ engine: name, file: FILE, profiles: [] });
  const plain = { detach: false, recreate: false, without: [], services: [], args: [] };
  const line = (words: string[]) => words.slice(engine.length).join(" ");

  test.each([
    [{}, `-f ${FILE} up`],
    [{ detach: true }, `-f ${FILE} up -d`],
    [{ without: ["traefik"] }, `-f ${FILE} up --scale traefik=0`],
    [{ detach: true, without: ["traefik"] }, `-f ${FILE} up -d --scale traefik=0`],
    [{ recreate: true }, `-f ${FILE} up --force-recreate`],
    [{ detach: true, recreate: true }, `-f ${FILE} up -d --force-recreate`],
    [{ services: ["web", "db"] }, `-f ${FILE} up web db`],
    [
      { detach: true, recreate: true, without: ["a", "b"], services: ["web"], args: ["--no-color"] },
      `-f ${FILE} up -d --force-recreate --scale a=0 --scale b=0 web --no-color`,
    ],
  ])("up with %j", (options, expected) => {
    const words = upCommand(base, { ...plain, ...options });
    expect(words.slice(0, engine.length)).toEqual([...engine]);
    expect(line(words)).toBe(expected);
  });

  test("the other Compose commands and profiles have their own command lines", () => {
    expect(line(downCommand(base, false))).toBe(`-f ${FILE} down`);
    expect(line(downCommand(base, true))).toBe(`-f ${FILE} down -t 0`);
    expect(line(servicesCommand(base))).toBe(`-f ${FILE} config --services`);
    expect(line(upCommand(baseOf({ engine: name, file: FILE, profiles: ["a", "b"] }), plain))).toBe(
      `-f ${FILE} --profile a --profile b up`,
    );
  });
});

test("the file is named relative to where the command runs, so no machine's path is in the command line", () => {
  expect(fileWord("/any/root", { file: FILE, cwd: "/any/root" })).toBe(FILE);
  expect(fileWord("/any/root", { file: "stack/a.yaml", cwd: "/any/root/stack" })).toBe("a.yaml");
});

test("a project's name is valid for Compose, stable, and unique to one root and key", () => {
  expect(projectOf("/home/ann/My Shop", "stack:dev:default")).toMatch(/^my-shop-stack-dev-[0-9a-f]{8}$/);
  expect(projectOf("/", "a:b:c")).toMatch(/^a-b-c-[0-9a-f]{8}$/);
  const root = fc.string({ minLength: 1 }).map((text) => `/${text}`);
  fc.assert(
    fc.property(root, root, fc.constantFrom("a:b:default", "A:B.c:x_1"), (one, other, key) => {
      const name = projectOf(one, key);
      expect(name).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
      expect(name.length).toBeLessThan(100);
      expect(projectOf(one, key)).toBe(name);
      if (one !== other) expect(projectOf(other, key)).not.toBe(name);
      expect(projectOf(one, `${key}x`)).not.toBe(name);
    }),
  );
});
