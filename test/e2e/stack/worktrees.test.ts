/**
 * docs/worktrees.md, done: three worktrees of one repository, each with PostgreSQL, a migration, an API and a worker,
 * up at once.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DT, TestRoot, until } from "../../kit.ts";
import { type Ps, runs } from "../kit/launch.ts";
import { asPostgres, giveTo, missingFor } from "../kit/postgres.ts";
import { readBlocks } from "../kit/readme.ts";

const missing = missingFor("docs/worktrees.md", ["git"]);
const NAMES = ["main", "feature", "agent"] as const;

const API = `import { SQL } from "bun";
const sql = new SQL(\`postgres://shop@localhost:\${process.env.SHOP_DB_PORT}/postgres\`);
Bun.serve({ port: process.env.PORT, async fetch(request) {
  if (request.method === "POST") await sql\`insert into orders (place) values (\${process.cwd()})\`;
  return Response.json(await sql\`select distinct place from orders\`);
} });
`;
const WORKER = `for (;;) { await fetch(process.env.SHOP_API_URL, { method: "POST" }).catch(() => {}); await Bun.sleep(100); }\n`;

let root: TestRoot;
const at = (name: string) => (name === "main" ? root.dir : join(root.base, name));
const dt = (name: string, ...args: string[]) => asPostgres(root, [DT, ...args], { cwd: at(name) });
const ps = async (name: string) => JSON.parse((await dt(name, "ps", "--json")).stdout) as Ps[];

beforeAll(async () => {
  if (missing.length > 0) return;
  const [block] = readBlocks("docs/worktrees.md");
  root = TestRoot.create({
    [block?.file as string]: `${block?.lines.join("\n")}\n`,
    "api.ts": API,
    "worker.ts": WORKER,
    "schema.sql": "create table if not exists orders (place text not null);\n",
    ".gitignore": "data\n.dialtone\n",
  });
  giveTo("postgres", root);
  const script = `git init -q -b main . && git add -A && git -c user.name=t -c user.email=t@example.org commit -qm all
    git worktree add -q ../feature -b feature && git worktree add -q ../agent -b agent`;
  expect(await asPostgres(root, ["sh", "-ec", script])).toMatchObject({ code: 0 });
});

afterAll(async () => {
  if (missing.length > 0) return;
  for (const name of ["main", "feature"]) await dt(name, "down");
  giveTo("root", root);
  await root.dispose();
});

test.skipIf(missing.length > 0)(
  "three worktrees' stacks up at once have their own ports, data and answers",
  async () => {
    const ups = await Promise.all(NAMES.map((name) => dt(name, "up", "-d")));
    for (const up of ups)
      expect({ code: up.code, stderr: up.code === 0 ? "" : up.stderr }).toEqual({ code: 0, stderr: "" });
    const launches = (await Promise.all(NAMES.map(ps))).flat();
    const ports = launches.flatMap((one) => one.ports);
    expect(launches.filter(({ pid }) => pid !== null)).toHaveLength(9);
    expect(new Set(ports).size).toBe(6);
    for (const name of NAMES) {
      const url = (await ps(name)).find(({ key }) => key === "shop:api:default")?.url as string;
      await until(`${name} serves its own orders, and nobody else's`, async () => {
        const places = (await (await fetch(url)).json()) as { place: string }[];
        return places.length > 0 && places.every(({ place }) => place === at(name));
      });
    }
    const all = JSON.parse((await dt("main", "ps", "--all-roots", "--json")).stdout) as (Ps & { branch: string })[];
    expect(new Set(all.filter(({ pid }) => pid !== null).map(({ branch }) => branch))).toEqual(new Set(NAMES));
  },
);

test.skipIf(missing.length > 0)(
  "a worktree's stack stops and starts again with the same ports, and the others go on",
  async () => {
    const others = (await Promise.all([ps("main"), ps("agent")])).flat().map(({ pid }) => pid);
    const before = (await ps("feature")).map(({ key, ports }) => [key, ports]);
    expect((await dt("feature", "down")).code).toBe(0);
    expect((await ps("feature")).filter(({ pid }) => pid !== null)).toEqual([]);
    expect((await dt("feature", "up", "-d")).code).toBe(0);
    expect((await ps("feature")).map(({ key, ports }) => [key, ports])).toEqual(before);
    expect((await Promise.all([ps("main"), ps("agent")])).flat().map(({ pid }) => pid)).toEqual(others);
  },
);

test.skipIf(missing.length > 0)(
  "a worktree removed while its stack runs is found and stopped, and nothing else is",
  async () => {
    const launches = (await ps("agent")).flatMap(({ key, pid }) => (pid === null ? [] : [{ key, pid }]));
    expect(launches).toHaveLength(3);
    const gone = at("agent");
    rmSync(gone, { recursive: true, force: true });
    const found = JSON.parse((await dt("main", "gc", "--json")).stdout) as { root: string; key: string; why: string }[];
    const ofGone = found.filter((one) => one.root === gone);
    // PostgreSQL panics when it next opens a file of its data, which are gone too, and the API may end with it.
    const left = launches.filter(({ pid }) => runs(pid)).map(({ key }) => key);
    expect(left).toContain("shop:worker:default");
    expect(ofGone.map(({ key }) => key)).toEqual(expect.arrayContaining(left));
    expect(found).toHaveLength(ofGone.length);
    expect(await dt("main", "gc", "--yes")).toMatchObject({ code: 0 });
    await until("nothing of it runs", () => !launches.some(({ pid }) => runs(pid)));
    for (const name of ["main", "feature"]) expect((await ps(name)).filter(({ pid }) => pid !== null)).toHaveLength(3);
  },
);
