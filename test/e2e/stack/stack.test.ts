/**
 * docs/stack.md, done: PostgreSQL, a migration, an API, a page on Vite, a worker. Its files are taken from the page.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DT, REPOSITORY, TestRoot, until } from "../../kit.ts";
import { freePort, type Ps, runs } from "../kit/launch.ts";
import { asPostgres, giveTo, missingFor } from "../kit/postgres.ts";

const missing = missingFor("docs/stack.md", ["npm"]);
const PORTS = Object.fromEntries(["5433", "3001", "5173"].map((port) => [port, String(freePort())]));

let root: TestRoot;

/** The page's files, by the comment on their first line; each port is a free one. */
function filesOfPage(): Record<string, string> {
  const page = readFileSync(join(REPOSITORY, "docs/stack.md"), "utf8");
  const blocks = page.matchAll(/^```(?:ts|sql|html)\n(?:\/\/|--|<!--) (\S+)(?: -->)?\n(.*?)^```/gms);
  return Object.fromEntries(
    [...blocks].map(([, file, text]) => [
      file as string,
      (text as string).replaceAll(/5433|3001|5173/g, (port) => PORTS[port] as string),
    ]),
  );
}

const run = (argv: string[], env: Record<string, string> = {}) =>
  asPostgres(root, argv, { env: { npm_config_cache: join(root.home, "npm"), ...env } });
const dt = (...args: string[]) => run([DT, ...args]);
const ps = async () => JSON.parse((await dt("ps", "--all", "--json")).stdout) as Ps[];
const of = async (command: string) => (await ps()).find(({ key }) => key === `shop:${command}:default`) as Ps;
const api = async () =>
  (await fetch(`http://localhost:${PORTS["3001"]}/`)).json() as Promise<{ greeting: string; orders: number }>;

beforeAll(async () => {
  if (missing.length > 0) return;
  root = TestRoot.create(filesOfPage());
  root.write("package.json", '{ "name": "shop", "private": true }\n');
  giveTo("postgres", root);
  const installed = await run(["npm", "install", "--save-dev", "--no-audit", "--no-fund", "vite"], passedOn());
  expect(installed).toMatchObject({ code: 0 });
}, 120_000);

afterAll(async () => {
  if (missing.length > 0) return;
  await dt("down");
  giveTo("root", root);
  await root.dispose();
});

/** Where npm gets packages from is the machine's to say. */
function passedOn(): Record<string, string> {
  const names = [
    "npm_config_registry",
    "NPM_CONFIG_REGISTRY",
    "NODE_EXTRA_CA_CERTS",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
  ];
  const config = join(process.env.HOME ?? "/root", ".npmrc");
  const given = Object.fromEntries(
    names.flatMap((name) => (process.env[name] ? [[name, process.env[name] as string]] : [])),
  );
  if (existsSync(config)) root.write("../home/.npmrc", readFileSync(config, "utf8"));
  return given;
}

test.skipIf(missing.length > 0)("after up the data comes from the database through API and page", async () => {
  const up = await dt("up", "-d");
  expect({ code: up.code, stderr: up.code === 0 ? "" : up.stderr }).toEqual({ code: 0, stderr: "" });
  expect(
    up.stdout
      .split("\n")
      .map((line) => line.split(" ").slice(0, 2).join(" "))
      .sort(),
  ).toEqual([
    "",
    "shop:api:default ready",
    "shop:db:default ready",
    "shop:migrate:default completed",
    "shop:web:default ready",
    "shop:worker:default running",
  ]);
  const hosts = (await ps()).flatMap(({ host }) => (host === null ? [] : [host.pid]));
  expect(new Set(hosts).size).toBe(1);
  const page = await (await fetch(`http://localhost:${PORTS["5173"]}/`)).text();
  expect(page).toContain("@vite/client");
  await until("the worker's orders are seen through the page", async () => {
    const answer = await fetch(`http://localhost:${PORTS["5173"]}/api`);
    const { greeting, orders } = (await answer.json()) as Awaited<ReturnType<typeof api>>;
    return greeting === "Welcome" && orders > 0;
  });
});

test.skipIf(missing.length > 0)(
  "a second up leaves everything alone and skips the migration; a changed schema runs it",
  async () => {
    const before = await ps();
    const again = await dt("up", "-d");
    expect(again.code).toBe(0);
    expect(again.stdout).toContain("shop:migrate:default unchanged");
    expect((await ps()).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    root.write(
      "schema.sql",
      "create table if not exists orders (id serial primary key);\ncreate table notes (text text);\n",
    );
    const changed = await dt("up", "-d");
    expect(changed.stdout).toContain("shop:migrate:default completed");
    expect((await of("db")).pid).toBe(before.find(({ key }) => key === "shop:db:default")?.pid as number);
  },
);

test.skipIf(missing.length > 0)(
  "after an edit the API answers in the new way, and after a crash the worker works again",
  async () => {
    const { pid } = await of("api");
    root.write("api.ts", (filesOfPage()["api.ts"] as string).replace("Welcome", "Hello"));
    await until("the new API answers", async () => (await api().catch(() => null))?.greeting === "Hello", 20_000);
    expect((await of("api")).pid).not.toBe(pid);
    expect((await dt("why", "shop", "api")).stdout).toContain("because api.ts changed");

    const worker = (await of("worker")).pid as number;
    process.kill(worker, "SIGKILL");
    await until("another worker runs", async () => {
      const now = await of("worker");
      return now.state === "running" && now.pid !== worker && now.restarts === 1;
    });
    const { orders } = await api();
    await until("it works", async () => (await api()).orders > orders);
  },
);

test.skipIf(missing.length > 0)("dt restart of the group restarts its keys", async () => {
  const before = await ps();
  const restarted = await dt("restart", "default");
  expect(restarted).toMatchObject({ code: 0 });
  const after = await ps();
  for (const command of ["web", "worker"]) {
    const pidIn = (list: Ps[]) => list.find(({ key }) => key === `shop:${command}:default`)?.pid;
    expect(pidIn(after)).not.toBe(pidIn(before));
  }
});

test.skipIf(missing.length > 0)("down stops in reverse order, leaves nothing running and keeps the data", async () => {
  const pids = (await ps()).flatMap(({ pid }) => (pid === null ? [] : [pid]));
  expect(pids).toHaveLength(4);
  const down = await dt("down");
  expect(down).toMatchObject({ code: 0 });
  const order = [...down.stderr.matchAll(/shop:(\w+):default stopped/g)].map(([, command]) => command as string);
  expect(order.slice(0, 2).sort()).toEqual(["web", "worker"]);
  expect(order.slice(2)).toEqual(["api", "db"]);
  expect(pids.filter(runs)).toEqual([]);
  expect(await ps()).not.toContainEqual(expect.objectContaining({ state: "ready" }));
  expect(existsSync(join(root.dir, "data", "PG_VERSION"))).toBe(true);
  for (const port of Object.values(PORTS))
    expect(await fetch(`http://localhost:${port}/`).catch(() => null)).toBeNull();
});

test.skipIf(missing.length > 0)(
  "when the database does not start, nothing that needs it is started, and each says why",
  async () => {
    root.write(
      "manifests/shop.ts",
      (filesOfPage()["manifests/shop.ts"] as string).replace('"postgres", "-D"', '"postgres", "--nonsense", "-D"'),
    );
    const up = await dt("up", "-d");
    expect(up.code).toBe(1);
    expect(up.stderr).toMatch(/shop:db (failed|could not)/);
    for (const command of ["api", "web", "worker"]) expect(up.stderr).toContain(`shop:${command} was not started`);
    expect((await ps()).filter(({ pid }) => pid !== null)).toEqual([]);
  },
);
