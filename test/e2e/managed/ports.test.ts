/** Ports over several checkouts: who holds one, taking it, a free one instead, and what needs it finding it. */
import { expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Result, TestRoot, until } from "../../kit.ts";
import { freePort, freePorts, type Ps, psOf, runs } from "../kit/launch.ts";

const SERVER = `Bun.serve({ hostname: "127.0.0.1", port: process.env.PORT, fetch: () => new Response(process.cwd()) });`;

function manifest(port: number): string {
  return `export default { name: "s", groups: { default: ["s:web"] }, commands: {
    api: { kind: "managed", run: ["bun", "server.ts"], port: ${port}, ready: { http: "/" } },
    my-worker: { kind: "managed", run: ["sleep", "1000"] },
    web: { kind: "managed", run: "env | grep ^S_ | sort; exec sleep 1000", needs: ["s:api"] },
    ask: { kind: "oneshot", run: "env | grep ^S_ | sort", needs: ["s:api"] },
  } };\n`.replace("my-worker", '"my-worker"');
}

/** A repository with linked worktrees, each on its branch. */
function worktrees(port: number, names: string[]): { first: TestRoot; at(name: string): string } {
  const first = TestRoot.create({ "manifests/s.ts": manifest(port), "server.ts": SERVER });
  const git = (...words: string[]) => {
    const done = Bun.spawnSync(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", ...words], {
      cwd: first.dir,
    });
    if (!done.success) throw new Error(done.stderr.toString());
  };
  git("init", "-q", "-b", "main", ".");
  git("add", "-A");
  git("commit", "-q", "-m", "all");
  for (const name of names) git("worktree", "add", "-q", join(first.base, name), "-b", name);
  return { first, at: (name) => join(first.base, name) };
}

const answerOf = (port: number) => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text());

test("a port that another worktree holds is named with key, root and branch, and can be taken or replaced by a free one", async () => {
  const port = freePort();
  const { first, at } = worktrees(port, ["feature", "other"]);
  const dt = (name: string, ...args: string[]) => first.dt(args, { cwd: at(name) });
  try {
    expect((await first.dt(["s", "api", "-d"])).code).toBe(0);
    const refused = await dt("feature", "s", "api", "-d");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`but s:api:default of ${first.dir}, branch main (pid `);
    expect(refused.stderr).toContain("--take");
    expect(await answerOf(port)).toBe(first.dir);

    const own = await dt("other", "s", "api", "-d", "--port", "auto", "--json");
    const other = JSON.parse(own.stdout) as { port: number; cursor: string; url: string };
    expect(other.port).not.toBe(port);
    expect(await answerOf(other.port)).toBe(at("other"));
    await dt("other", "stop", "s", "api");
    expect(JSON.parse((await dt("other", "s", "api", "-d", "--port", "auto", "--json")).stdout)).toMatchObject({
      port: other.port,
    });

    const held = JSON.parse((await dt("feature", "port", String(port), "--json")).stdout);
    expect(held).toMatchObject({
      free: false,
      holders: [{ launch: { key: "s:api:default", root: first.dir, branch: "main" } }],
    });
    const taken = await dt("feature", "s", "api", "-d", "--take");
    expect(taken).toMatchObject({ code: 0, stderr: expect.stringContaining(`of ${first.dir}, branch main`) });
    expect(await answerOf(port)).toBe(at("feature"));
    expect((await first.dt(["why", "s", "api"])).stdout).toContain("stopped by dt s api -d --take");

    const all = JSON.parse((await first.dt(["ps", "--all-roots", "--json"])).stdout) as (Ps & {
      root: string;
      branch: string;
    })[];
    expect(all.map(({ key, root, branch, ports }) => [key, root, branch, ports])).toEqual(
      expect.arrayContaining([
        ["s:api:default", at("feature"), "feature", [port]],
        ["s:api:default", at("other"), "other", [other.port]],
      ]),
    );
    const table = (await first.dt(["ps", "--all-roots"])).stdout;
    expect(table).toContain(`${at("feature")}  feature\n`);
  } finally {
    for (const name of ["feature", "other"]) await dt(name, "down");
    await first.dispose();
  }
});

test("a port of what is none of ours is named with pid and command, and never taken", async () => {
  const port = freePort();
  const { first } = worktrees(port, []);
  const stranger = Bun.spawn(["bun", "-e", SERVER], { env: { PATH: process.env.PATH, PORT: String(port) }, cwd: "/" });
  try {
    await until("the stranger listens", () => answerOf(port).catch(() => null));
    expect((await first.dt(["s", "my-worker", "-d"])).code).toBe(0);
    for (const flags of [[], ["--take"]]) {
      const refused = await first.dt(["s", "api", "-d", ...flags]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(`but pid ${stranger.pid} (bun -e`);
    }
    expect(runs(stranger.pid)).toBe(true);
    expect((await first.dt(["status", "s", "my-worker"])).code).toBe(0);
    expect((await first.dt(["port", String(port)])).stdout).toContain(`${port}  pid ${stranger.pid} (bun -e`);
  } finally {
    stranger.kill("SIGKILL");
    await stranger.exited;
    await first.dispose();
  }
});

test("a rerun and a restart replace a port's holder from before the launch; a stranger on it is still refused", async () => {
  const root = TestRoot.create({
    // Binds the port that a client names for as long as the client is connected, as an engine does.
    "engine.ts": `Bun.listen({ unix: "engine.sock", socket: {
      data(client, bytes) { client.data = Bun.listen({ hostname: "127.0.0.1", port: Number(bytes), socket: { data() {} } }); client.write("ok"); },
      close(client) { client.data?.stop(true); } } });`,
    "client.ts": `await Bun.connect({ unix: "engine.sock", socket: { open(s) { s.write(process.env.PORT ?? ""); }, data() { console.log("held"); } } }); setInterval(() => {}, 1000);`,
    "manifests/e.json": JSON.stringify({
      name: "e",
      commands: {
        dev: { kind: "managed", run: ["bun", "client.ts"], port: freePort(), ready: { log: "held", timeout: "10s" } },
      },
    }),
  });
  const engine = Bun.spawn(["bun", "engine.ts"], { cwd: root.dir });
  try {
    await until("the engine is there", () => existsSync(join(root.dir, "engine.sock")));
    let last = 0;
    for (const words of [
      ["e", "dev", "-d"],
      ["e", "dev", "-d"],
      ["restart", "e:dev"],
    ]) {
      const started = await root.dt(words);
      expect({ words, code: started.code, said: started.stderr }).toMatchObject({ code: 0 });
      const one = await psOf(root, "e:dev:default");
      expect(one?.state).toBe("ready");
      expect(one?.pid).not.toBe(last);
      last = one?.pid as number;
    }
    // Who came later is a stranger, and the old launch is left alone.
    const { port } = JSON.parse((await root.dt(["e", "dev", "-d", "--ensure", "--json"])).stdout);
    engine.kill("SIGKILL");
    await engine.exited;
    const child = Bun.spawn(["bun", "-e", SERVER], { env: { PATH: process.env.PATH, PORT: String(port) }, cwd: "/" });
    try {
      await until("the stranger listens", () => answerOf(port).catch(() => null));
      expect(await root.dt(["e", "dev", "-d"])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`pid ${child.pid}`),
      });
      expect(runs(last)).toBe(true);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  } finally {
    engine.kill("SIGKILL");
    await engine.exited;
    await root.dispose();
  }
}, 30_000);

test("managed commands, one-shots and up find the ports of their needs, automatic ones too", async () => {
  const port = freePort();
  const { first } = worktrees(port, []);
  try {
    expect((await first.dt(["up", "-d"])).code).toBe(0);
    const named = `S_API_PORT=${port}\nS_API_URL=http://localhost:${port}\n`;
    await until("web has printed", () => first.read(".dialtone/run/s:web:default.log") === named);
    expect((await first.dt(["s", "ask"])).stdout).toBe(named);
    expect((await first.dt(["port"])).stdout).toMatch(new RegExp(`^PORT +KEY.*\n${port} +s:api:default`));
    const auto = JSON.parse((await first.dt(["s", "api", "-d", "--port", "auto", "--json"])).stdout) as {
      port: number;
    };
    expect((await first.dt(["s", "ask"])).stdout).toContain(`S_API_PORT=${auto.port}\n`);
    expect((await first.dt(["port", String(port)])).stdout).toBe(`${port} is free\n`);
    for (const bad of ["0", "65536", "x", "-1"])
      expect((await first.dt(["s", "api", "-d", "--port", bad])).code).toBe(2);
  } finally {
    await first.dispose();
  }
});

test("--ensure leaves an unchanged launch alone and otherwise names the difference; a cursor reads on from there", async () => {
  const port = freePort();
  const { first } = worktrees(port, []);
  const ensure = (...flags: string[]) => first.dt(["s", "my-worker", "-d", "--ensure", ...flags]);
  try {
    const started = JSON.parse((await ensure("--json")).stdout);
    expect(started).toMatchObject({ key: "s:my-worker:default", state: "running", url: null });
    const again = JSON.parse((await ensure("--json")).stdout);
    expect(again).toMatchObject({ pid: started.pid, unchanged: true, cursor: started.cursor });
    expect((await first.dt(["logs", "--after", again.cursor])).code).toBe(0);
    first.write(
      "manifests/s.ts",
      manifest(port).replace('run: ["sleep", "1000"]', 'run: ["sleep", "2000"], env: { A: "1" }'),
    );
    const changed = await ensure();
    expect(changed.stderr).toContain(
      "s:my-worker:default is replaced: its command was sleep 1000; its environment differs in A",
    );
    const now = JSON.parse((await ensure("--json")).stdout);
    expect(now.pid).not.toBe(started.pid);
    process.kill(now.pid, "SIGSTOP"); // alive is all that can be said of what is not probed
    expect(JSON.parse((await ensure("--json")).stdout)).toMatchObject({ unchanged: true });
    process.kill(now.pid, "SIGCONT");
  } finally {
    await first.dispose();
  }
});

test("a root that is gone is reported, and the ports of its launches are seen", async () => {
  const port = freePort();
  const { first, at } = worktrees(port, ["gone"]);
  try {
    expect((await first.dt(["s", "my-worker", "-d"], { cwd: at("gone") })).code).toBe(0);
    rmSync(join(at("gone"), "manifests"), { recursive: true });
    const shown = (await first.dt(["ps", "--all-roots"])).stdout;
    expect(shown).toContain(`${at("gone")}  gone  (its manifests are gone)\n`);
    expect(shown).toContain("s:my-worker:default");
  } finally {
    await first.dt(["down"], { cwd: at("gone") });
    await first.dispose();
  }
});

test("a hundred starts race for ten ports over three worktrees: each port has one launch, and every other start gets its reason", async () => {
  const ports = freePorts(10);
  const commands = Object.fromEntries(
    Array.from({ length: 34 }, (_, at) => [
      `c${at}`,
      // It binds late, so that only the claim can tell two starts apart.
      {
        kind: "managed",
        run: `sleep 0.2; exec bun server.ts`,
        port: ports[at % ports.length],
        ready: { http: "/", timeout: "20s" },
      },
    ]),
  );
  const { first, at } = worktrees(1, []);
  first.write("manifests/s.ts", `export default ${JSON.stringify({ name: "s", commands })};`);
  Bun.spawnSync(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "race"], {
    cwd: first.dir,
  });
  const roots = [first.dir, at("two"), at("three")];
  for (const name of ["two", "three"])
    Bun.spawnSync(["git", "worktree", "add", "-q", at(name), "-b", name], { cwd: first.dir });
  try {
    const starts = roots.flatMap((cwd) =>
      Object.keys(commands).map((command) => first.dt(["s", command, "-d"], { cwd })),
    );
    const results = await Promise.all(starts);
    const isTold = ({ code, stderr }: Result) => code === 1 && stderr.includes("needs port");
    expect(results.filter((one) => one.code !== 0 && !isTold(one))).toEqual([]);
    expect(results.filter(({ code }) => code === 0)).toHaveLength(ports.length);
    const served = await Promise.all(ports.map(answerOf));
    expect(served.every((root) => roots.includes(root))).toBe(true);
    const all = JSON.parse((await first.dt(["ps", "--all-roots", "--json"])).stdout) as Ps[];
    expect(all.flatMap((one) => (one.pid === null ? [] : one.ports)).sort()).toEqual([...ports].sort());
  } finally {
    for (const cwd of roots) await first.dt(["down"], { cwd });
    await first.dispose();
  }
});
