/** restartOn: the host watches, runs the one-shot first, restarts and says why; without a host nobody does. */
import { expect, test } from "bun:test";
import {
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { TestRoot, until } from "../../kit.ts";
import { type Ps, psOf, runs } from "../kit/launch.ts";

const KEY = "w:dev:default";

async function within(fields: string, more: string, body: (root: TestRoot) => Promise<void>): Promise<void> {
  const root = TestRoot.create({
    "src/a.txt": "1",
    ".gitignore": "*.out\n",
    "manifests/w.ts": `export default { name: "w", commands: {
      dev: { kind: "managed", run: "cat src/a.txt >> seen; exec sleep 1000", restartOn: { paths: ["src"], debounce: "50ms", ${fields} } }, ${more} } };`,
  });
  try {
    expect((await root.dt(["w", "dev", "-d"])).code).toBe(0);
    await until("it is watched", async () => (await why(root)).includes("Its host watches src") || null);
    await body(root);
  } finally {
    await root.dispose();
  }
}

const why = async (root: TestRoot, command = "dev") => (await root.dt(["why", "w", command])).stdout;

function restarted(root: TestRoot, before: Ps, key = KEY): Promise<Ps> {
  return until(`${key} runs anew`, async () => {
    const one = await psOf(root, key);
    return one?.state === "running" && one.pid !== before.pid ? one : null;
  });
}

const now = async (root: TestRoot, key = KEY) => (await psOf(root, key)) as Ps;

test("an edit, a save by rename and a burst restart it, and it says why; what git ignores does not", async () => {
  await within("", "", async (root) => {
    const first = await now(root);
    root.write("src/b.out", "");
    root.write("src/a.txt", "2");
    const second = await restarted(root, first);
    expect(second.restarts).toBe(1);
    expect(await why(root)).toContain("because src/a.txt changed");
    root.write("src/.a.tmp", "3");
    renameSync(join(root.dir, "src/.a.tmp"), join(root.dir, "src/a.txt"));
    const third = await restarted(root, second);
    for (let index = 0; index < 1000; index++) root.write(`src/many/${index}`, "");
    const fourth = await restarted(root, third);
    root.write("src/a.txt", "last");
    await until("the last change counted", () => root.read("seen").endsWith("last") || null);
    expect(fourth.restarts).toBeGreaterThan(2);
    expect((await root.dt(["stop", "w", "dev"])).code).toBe(0);
    root.write("src/a.txt", "after");
    expect(await now(root)).toMatchObject({ state: "stopped", pid: null });
  });
});

test("what another command writes to its log restarts nothing", async () => {
  const more = `talks: { kind: "managed", run: "while sleep 0.1; do date +%N; done", log: "src/talks.log" },`;
  await within("", more, async (root) => {
    const first = await now(root);
    expect((await root.dt(["w", "talks", "-d"])).code).toBe(0);
    await until("it talks", () => root.read("src/talks.log").split("\n").length > 10 || null);
    expect((await now(root)).pid).toBe(first.pid);
    root.write("src/a.txt", "2");
    await restarted(root, first);
  });
});

test("the one-shot runs first; when it fails there is no restart, and why says so", async () => {
  const build = `build: { kind: "oneshot", run: "cp src/a.txt built && test ! -e bad" },`;
  await within(`run: "w:build"`, build, async (root) => {
    const first = await now(root);
    root.write("bad", "");
    root.write("src/a.txt", "2");
    await until(
      "it is told",
      async () =>
        (await why(root)).includes("src/a.txt changed, but w:build:default ended with code 1: not restarted") || null,
    );
    expect((await now(root)).pid).toBe(first.pid);
    expect(await why(root, "build")).toContain("failed with code 1");
    renameSync(join(root.dir, "bad"), join(root.dir, "good"));
    root.write("src/a.txt", "3");
    await restarted(root, first);
    expect(root.read("built")).toBe("3");
    expect(await why(root)).not.toContain("not restarted");
  });
});

test("a stop while the one-shot runs ends that too, with all that it started", async () => {
  const build = `build: { kind: "oneshot", run: "sleep 1000 & echo $! > child; echo $$ > begun; sleep 1000" },`;
  await within(`run: "w:build"`, build, async (root) => {
    root.write("src/a.txt", "2");
    await until("it runs", () => existsSync(join(root.dir, "begun")));
    expect((await root.dt(["stop", "w", "dev"])).code).toBe(0);
    expect([root.read("begun"), root.read("child")].map(Number).filter(runs)).toEqual([]);
  });
});

test("cascade: what needs it and runs is restarted after it, what does not need it is left alone", async () => {
  const more = `api: { kind: "managed", run: ["sleep", "1000"], needs: ["w:dev"] }, web: { kind: "managed", run: ["sleep", "1000"], needs: ["w:api"] },
    other: { kind: "managed", run: ["sleep", "1000"] },`;
  await within("cascade: true", more, async (root) => {
    for (const one of ["web", "other"]) expect((await root.dt(["w", one, "-d"])).code).toBe(0);
    const before = await Promise.all(
      ["w:api:default", "w:web:default", "w:other:default"].map((key) => now(root, key)),
    );
    root.write("src/a.txt", "2");
    await restarted(root, before[0] as Ps, "w:api:default");
    await restarted(root, before[1] as Ps, "w:web:default");
    expect(await why(root, "web")).toContain("because w:dev:default was restarted");
    expect((await now(root, "w:other:default")).pid).toBe((before[2] as Ps).pid);
  });
});

test("without its host nobody watches, and why says so", async () => {
  await within("", "", async (root) => {
    const { host, pid } = await now(root);
    process.kill(host?.pid as number, "SIGKILL");
    await until("it is told", async () => (await why(root)).includes("Nobody watches src any more") || null);
    root.write("src/a.txt", "2");
    expect((await now(root)).pid).toBe(pid);
  });
});

test("a change while it waits to be started again starts it at once", async () => {
  await within(
    "",
    `crash: { kind: "managed", run: "test -e src/ok && exec sleep 1000", restart: { delay: "1h" }, restartOn: { paths: ["src"], debounce: "50ms" } },`,
    async (root) => {
      const key = "w:crash:default";
      await root.dt(["w", "crash", "-d", "--no-wait"]);
      await until("it waits", async () => (await psOf(root, key))?.state === "backoff" || null);
      await until("it is started", async () => {
        root.write("src/ok", String(Math.random())); // its watching may begin only after the first of these
        await Bun.sleep(200);
        return (await psOf(root, key))?.state === "running" || null;
      });
      expect(await why(root, "crash")).toMatch(/because src\/ok changed/);
    },
  );
});

/** How often `w:dev` of `within` was started: each start copies `src/a.txt`. */
const starts = (root: TestRoot) => root.read("seen").length;

test("contents decide: a touch, the same bytes, a link and what an editor keeps beside it restart nothing; a save by rename does", async () => {
  await within("", "", async (root) => {
    const file = join(root.dir, "src/a.txt");
    await Bun.sleep(100);
    utimesSync(file, new Date(), new Date());
    root.write("src/a.txt", "1");
    symlinkSync("a.txt", join(root.dir, "src/link"));
    for (const name of [".a.txt.swp", "a.txt~", ".#a.txt", "#a.txt#", "4913", "a.txt___jb_tmp___"]) {
      root.write(`src/${name}`, "x");
      await Bun.sleep(120); // longer than it is waited for quiet
      unlinkSync(join(root.dir, "src", name));
    }
    // The link is a file by its own name, so making it counts; nothing else does.
    expect(await why(root)).not.toMatch(/a\.txt.? changed|4913/);
    const before = await now(root);
    root.write("src/a.txt.new", "2");
    renameSync(join(root.dir, "src/a.txt.new"), file);
    await restarted(root, before);
    expect(starts(root)).toBeLessThanOrEqual(3);
  });
});

test("a whole directory that is removed restarts it, with the names of what was in it", async () => {
  const root = TestRoot.create({
    "src/deep/er/a.txt": "1",
    "src/deep/er/b.txt": "1",
    "manifests/w.json": JSON.stringify({
      name: "w",
      commands: { dev: { kind: "managed", run: ["sleep", "1000"], restartOn: { paths: ["src"], debounce: "50ms" } } },
    }),
  });
  try {
    expect((await root.dt(["w", "dev", "-d"])).code).toBe(0);
    await until("it is watched", async () => (await why(root)).includes("Its host watches src") || null);
    const before = await now(root);
    rmSync(join(root.dir, "src/deep"), { recursive: true });
    await restarted(root, before);
    expect(await why(root)).toMatch(/because src\/deep\/er\/[ab]\.txt and 1 more changed/);
  } finally {
    await root.dispose();
  }
});

test("a folder that is moved as a whole restarts nothing, and is watched where it is now", async () => {
  const root = TestRoot.create({
    "src/a.txt": "1",
    "manifests/w.json": JSON.stringify({
      name: "w",
      commands: { dev: { kind: "managed", run: ["sleep", "1000"], restartOn: { paths: ["src"], debounce: "50ms" } } },
    }),
  });
  const moved = join(root.base, "moved");
  const there = async () => JSON.parse((await root.dt(["ps", "--json"], { cwd: moved })).stdout)[0] as { pid: number };
  try {
    expect((await root.dt(["w", "dev", "-d"])).code).toBe(0);
    await until("it is watched", async () => (await why(root)).includes("Its host watches src") || null);
    const before = await now(root);
    renameSync(root.dir, moved);
    // What the move itself is taken for would have come by the third debounce.
    await Bun.sleep(500);
    expect((await there()).pid).toBe(before.pid as number);
    let edits = 1;
    await until("it is restarted there", async () => {
      writeFileSync(join(moved, "src/a.txt"), `${++edits}`);
      return ((await there())?.pid ?? before.pid) !== before.pid || null;
    });
    await root.dt(["stop", "--all"], { cwd: moved });
  } finally {
    renameSync(moved, root.dir);
    await root.dispose();
  }
}, 30_000);

const loop = (run: string, more = "", oneshot = "") =>
  TestRoot.create({
    "src/a.txt": "1",
    "manifests/w.json": `{"name":"w","commands":{${oneshot}
      "dev":{"kind":"managed","run":${JSON.stringify(run)},"restartOn":{"paths":["src"],"debounce":"50ms"${more}}}}}`,
  });

for (const [what, run, more, oneshot] of [
  ["writes when it starts", "echo x >> ../starts; sleep 0.1; date +%s%N > src/stamp; exec sleep 1000", "", ""],
  ["writes new files", "echo x >> ../starts; sleep 0.1; date > src/stamp.$$; exec sleep 1000", "", ""],
  [
    "has a `run` that does",
    "echo x >> ../starts; exec sleep 1000",
    `,"run":"w:gen"`,
    `"gen":{"kind":"oneshot","run":"date +%s%N > src/gen"},`,
  ],
  ["never stops writing", "echo x >> ../starts; while :; do date +%s%N > src/stamp; sleep 0.03; done", "", ""],
] as const)
  test(`a command that ${what} is not restarted for ever, and why says it; another file restarts it`, async () => {
    const root = loop(run, more, oneshot);
    const count = () => readFileSync(join(root.base, "starts"), "utf8").length / 2;
    try {
      expect((await root.dt(["w", "dev", "-d"])).code).toBe(0);
      await until("it is watched", async () => (await why(root)).includes("Its host watches src") || null);
      // Its first start may be over before it is watched; this begins the counting again.
      root.write("src/a.txt", "2");
      await until("it is told", async () => (await why(root)).includes("changed at the same moment") || null);
      expect((await now(root)).note).toMatch(/^changes src\/.* with each start: not restarted for it$/);
      const held = count();
      expect(held).toBeLessThanOrEqual(7);
      await Bun.sleep(1000);
      expect(count()).toBe(held);
      root.write("src/a.txt", "another");
      await until("it is started again", () => count() > held);
    } finally {
      await root.dispose();
    }
  });

test("edits of one file in a steady rhythm each restart it, while a pattern that names nothing is said", async () => {
  const root = TestRoot.create({
    "src/a.txt": "1",
    "manifests/w.json": `{"name":"w","commands":{"dev":{"kind":"managed","run":"echo x >> ../starts; exec sleep 1000",
      "restartOn":{"paths":["src","docs/*.md"],"debounce":"20ms"}}}}`,
  });
  const count = () => readFileSync(join(root.base, "starts"), "utf8").length / 2;
  try {
    expect((await root.dt(["w", "dev", "-d"])).code).toBe(0);
    await until(
      "it is said",
      async () => (await why(root)).includes('Of these "docs/*.md" matches no file so far.') || null,
    );
    const begun = Date.now();
    for (let edit = 1; edit <= 6; edit++) {
      await Bun.sleep(begun + edit * 700 - Date.now());
      root.write("src/a.txt", `edit ${edit}`);
    }
    await until("each restarted it", () => count() >= 7);
    expect(await why(root)).not.toContain("at the same moment");
    root.write("docs/a.md", "x");
    await until("it is said no longer", async () => !(await why(root)).includes("no file so far") || null);
  } finally {
    await root.dispose();
  }
});

test("a tree that never falls silent restarts it all the same", async () => {
  await within("", "", async (root) => {
    const before = await now(root);
    const noise = setInterval(() => root.write("src/noise", String(Math.random())), 15);
    try {
      await restarted(root, before);
    } finally {
      clearInterval(noise);
    }
  });
});
