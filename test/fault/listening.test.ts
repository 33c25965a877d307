/**
 * The ports of a launch, wherever its listener went: `dt ps` looks at the trees of its launches alone, and misses none
 * of their ports, and takes none of a stranger's.
 */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, freePorts, ps, psOf, runs } from "../e2e/kit/launch.ts";
import { DT, TestRoot as Root, type TestRoot, until, WITHOUT_LINEAGE, within } from "../kit.ts";
import { STRACE } from "./steps.kit.ts";

/** Writes its pid once it listens. The last word only makes its command line name the root. */
const SERVER = `import { writeFileSync } from "node:fs";
const [port, file] = process.argv.slice(2);
Bun.serve({ hostname: "127.0.0.1", port: Number(port), fetch: () => new Response("") });
writeFileSync(file, String(process.pid));
`;

const serve = (root: TestRoot, port: number) => `bun ${root.dir}/server.ts ${port} ${root.dir}/listens.${port}`;
/** Leaves session, group, parent and environment behind. */
const daemon = (root: TestRoot, port: number) =>
  `(env -i "PATH=$PATH" setsid ${serve(root, port)} < /dev/null > /dev/null 2>&1 &)`;

function rootWith(commands: (root: TestRoot) => Record<string, object>): TestRoot {
  const root = Root.create({ "server.ts": SERVER });
  const made = Object.entries(commands(root)).map(([name, more]) => [
    name,
    { kind: "managed", stop: { timeout: "300ms" }, ...more },
  ]);
  root.write("manifests/t.json", JSON.stringify({ name: "t", commands: Object.fromEntries(made) }));
  return root;
}

async function start(root: TestRoot, ...args: string[]): Promise<void> {
  expect(await root.dt(args)).toMatchObject({ code: 0 });
}

const listener = (root: TestRoot, port: number) =>
  until(`port ${port} is listened on`, () => {
    const file = join(root.dir, `listens.${port}`);
    return existsSync(file) ? Number(readFileSync(file, "utf8")) || null : null;
  });

async function kill(pid: number | undefined): Promise<void> {
  process.kill(pid as number, "SIGKILL");
  await until(`pid ${pid} is gone`, () => !runs(pid as number));
}

/** Until the host has noted this process on disk. */
async function noted(root: TestRoot, pid: number): Promise<void> {
  const { token } = JSON.parse(root.read(".dialtone/run/t:dev:default.meta.json")) as { token: string };
  const path = `.dialtone/run/launch/${token}.json`;
  await until(
    "the host has noted it",
    () => existsSync(join(root.dir, path)) && root.read(path).includes(`"pid": ${pid},`),
  );
}

for (const [how, prefix] of [
  ["with", []],
  ["without", WITHOUT_LINEAGE],
] as const) {
  test(`a daemon ${how} a lineage that left everything behind: its port is shown, whoever was killed`, async () => {
    const port = freePort();
    const root = rootWith((at) => ({ dev: { run: `${daemon(at, port)}; exec sleep 1000` } }));
    root.prefix = prefix;
    await within(root, async () => {
      await start(root, "t", "dev", "-d");
      const pid = await listener(root, port);
      await noted(root, pid);
      const seen = await psOf(root);
      expect(seen).toMatchObject({ state: "running", ports: [port] });
      await kill(seen?.host?.pid);
      expect(await psOf(root)).toMatchObject({ state: "running", host: { alive: false }, ports: [port] });
      await kill(seen?.pid as number);
      // With the leader gone, the state is that of its end; what is left of the tree is still found.
      expect(await psOf(root)).toMatchObject({ pid, ports: [port] });
      await kill(pid);
      expect(await psOf(root)).toMatchObject({ pid: null, ports: [] });
    });
  });
}

test("a daemon that was made after the host was killed is known by what it inherited: its port is shown", async () => {
  const port = freePort();
  const root = rootWith((at) => ({
    dev: { run: `until [ -e go ]; do sleep 0.05; done; ${daemon(at, port)}; exec sleep 1000` },
  }));
  await within(root, async () => {
    await start(root, "t", "dev", "-d");
    await kill((await psOf(root))?.host?.pid);
    root.write("go", "");
    await listener(root, port);
    expect(await psOf(root)).toMatchObject({ state: "running", host: { alive: false }, ports: [port] });
  });
});

/** Beside these, few launches are few; with these, all are looked at together. */
const OTHERS = Object.fromEntries(["x", "y", "z"].map((name) => [name, { run: ["sleep", "1000"] }]));
const OTHER_KEYS = Object.keys(OTHERS).map((name) => `t:${name}`);

test("of two launches of one host, each has the port of its own daemon, and of its own child", async () => {
  const [one, two, child] = freePorts(3) as [number, number, number];
  const root = rootWith((at) => ({
    one: { run: `${daemon(at, one)}; exec sleep 1000` },
    two: { run: `${daemon(at, two)}; ${serve(at, child)} & wait` },
    ...OTHERS,
  }));
  const portsOf = async (asked: string[]) =>
    Object.fromEntries((await ps(root, ...asked)).map(({ key, ports }) => [key, ports]));
  const both = { "t:one:default": [one], "t:two:default": [two, child].sort((a, b) => a - b) };
  const expectBoth = async () => {
    expect(await portsOf([])).toMatchObject({ ...both, "t:x:default": [] });
    expect(await portsOf(["t:one", "t:two"])).toEqual(both);
  };
  await within(root, async () => {
    await start(root, "up", "t:one", "t:two", ...OTHER_KEYS, "-d");
    for (const port of [one, two, child]) await listener(root, port);
    await expectBoth();
    await kill((await psOf(root, "t:two:default"))?.host?.pid);
    expect(await psOf(root, "t:one:default")).toMatchObject({ state: "running", host: { alive: false } });
    await expectBoth();
  });
});

test("a listener that only carries the token, below another program, has the declared port of the launch", async () => {
  const port = freePort();
  const root = rootWith(() => ({ dev: { run: ["sleep", "1000"], port } }));
  await within(root, async () => {
    await start(root, "t", "dev", "-d", "--no-wait");
    const { token } = JSON.parse(root.read(".dialtone/run/t:dev:default.meta.json")) as { token: string };
    const serving = (env: Record<string, string>) =>
      Bun.spawn(["sh", "-c", `exec ${serve(root, port)}`], {
        env: { PATH: root.env.PATH as string, ...env },
        stdio: ["ignore", "ignore", "ignore"],
      });
    const stranger = serving({});
    await listener(root, port);
    expect(await psOf(root)).toMatchObject({ state: "running", ports: [] });
    stranger.kill("SIGKILL");
    await stranger.exited;
    const handed = serving({ DIALTONE_TOKEN: token });
    await until("it listens", async () => (await psOf(root))?.ports[0] === port);
    handed.kill("SIGKILL");
    await handed.exited;
  });
});

for (const asked of [[], ["t:dev"]]) {
  test.skipIf(STRACE === null)(
    `${["ps", ...asked].join(" ")} looks at no process that is none of its launches'`,
    async () => {
      const port = freePort();
      const root = rootWith((at) => ({ dev: { run: `${serve(at, port)} & wait` }, ...OTHERS }));
      await within(root, async () => {
        await start(root, "up", "t:dev", ...OTHER_KEYS, "-d");
        const child = await listener(root, port);
        const strangers = Array.from({ length: 20 }, () => Bun.spawn(["sleep", "1000"], { env: root.env }));
        try {
          const looked = await processesLookedAt(root, ["ps", ...asked]);
          expect(looked.shown).toContain(String(port));
          expect(looked.pids.has(child)).toBe(true);
          expect(strangers.filter(({ pid }) => looked.pids.has(pid)).length).toBe(0);
        } finally {
          for (const one of strangers) one.kill("SIGKILL");
        }
      });
    },
  );
}

/** Those whose files in /proc are named in a system call. */
async function processesLookedAt(root: TestRoot, args: string[]): Promise<{ shown: string; pids: Set<number> }> {
  const trace = join(root.base, "trace");
  const words = [STRACE as string, "-f", "-qq", "-e", "trace=%file", "-o", trace, DT, ...args];
  const child = Bun.spawn(words, { cwd: root.dir, env: root.env });
  const shown = await child.stdout.text();
  await child.exited;
  const named = readFileSync(trace, "utf8").matchAll(/"\/proc\/(\d+)\//g);
  return { shown, pids: new Set([...named].map(([, pid]) => Number(pid))) };
}
