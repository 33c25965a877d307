/** restartOn: the host watches, runs the one-shot first, restarts and says why; without a host nothing does. */
import { expect, test } from "bun:test";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { stays, TestRoot, until, within } from "../../kit.ts";
import { type Ps, psOf, runs } from "../kit/launch.ts";

const KEY = "w:dev:default";

async function watched(fields: string, more: string, body: (root: TestRoot) => Promise<void>): Promise<void> {
  const root = TestRoot.create({
    "src/a.txt": "1",
    ".gitignore": "*.out\n",
    "manifests/w.ts": `export default { name: "w", commands: {
      dev: { kind: "managed", run: "cat src/a.txt >> seen; exec sleep 1000", restartOn: { paths: ["src"], debounce: "50ms", ${fields} } }, ${more} } };`,
  });
  await within(root, async () => {
    expect((await root.dt(["w", "dev", "-d"])).code).toBe(0);
    await until("it is watched", async () => (await why(root)).includes("Its host watches src") || null);
    await body(root);
  });
}

const why = async (root: TestRoot, command = "dev") => (await root.dt(["why", "w", command])).stdout;

function restarted(root: TestRoot, before: Ps, key = KEY): Promise<Ps> {
  return until(`${key} runs anew`, async () => {
    const one = await psOf(root, key);
    return one?.state === "running" && one.pid !== before.pid ? one : null;
  });
}

const now = async (root: TestRoot, key = KEY) => (await psOf(root, key)) as Ps;

test("an edit, a save by rename and a burst restart a launch, and why says so; git-ignored files do not", async () => {
  await watched("", "", async (root) => {
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
  await watched("", more, async (root) => {
    const first = await now(root);
    expect((await root.dt(["w", "talks", "-d"])).code).toBe(0);
    await until("it talks", () => root.read("src/talks.log").split("\n").length > 10 || null);
    expect((await now(root)).pid).toBe(first.pid);
    root.write("src/a.txt", "2");
    await restarted(root, first);
  });
});

test("restartOn's one-shot runs first; when it fails there is no restart, and why says so", async () => {
  const build = `build: { kind: "oneshot", run: "cp src/a.txt built && test ! -e bad" },`;
  await watched(`run: "w:build"`, build, async (root) => {
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

test("a stop during restartOn's one-shot ends that too, with all that it started", async () => {
  const build = `build: { kind: "oneshot", run: "sleep 1000 & echo $! > child; echo $$ > begun; sleep 1000" },`;
  await watched(`run: "w:build"`, build, async (root) => {
    root.write("src/a.txt", "2");
    await until("it runs", () => existsSync(join(root.dir, "begun")));
    expect((await root.dt(["stop", "w", "dev"])).code).toBe(0);
    expect([root.read("begun"), root.read("child")].map(Number).filter(runs)).toEqual([]);
  });
});

test("a restart is followed by one of each running launch that needs it, and no other", async () => {
  const more = `api: { kind: "managed", run: ["sleep", "1000"], needs: ["w:dev"] }, web: { kind: "managed", run: ["sleep", "1000"], needs: ["w:api"] },
    other: { kind: "managed", run: ["sleep", "1000"] },`;
  await watched("cascade: true", more, async (root) => {
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

test("without its host a launch is not watched, and why says so", async () => {
  await watched("", "", async (root) => {
    const { host, pid } = await now(root);
    process.kill(host?.pid as number, "SIGKILL");
    await until("it is told", async () => (await why(root)).includes("src is no longer watched") || null);
    root.write("src/a.txt", "2");
    expect((await now(root)).pid).toBe(pid);
  });
});

test("a change while a launch waits for its next run starts it at once", async () => {
  await watched(
    "",
    `crash: { kind: "managed", run: "test -e src/ok && exec sleep 1000", restart: { delay: "1h" }, restartOn: { paths: ["src"], debounce: "50ms" } },`,
    async (root) => {
      const key = "w:crash:default";
      await root.dt(["w", "crash", "-d", "--no-wait"]);
      await until("it waits", async () => (await psOf(root, key))?.state === "backoff" || null);
      await until("it is started", async () => {
        root.write("src/ok", String(Math.random())); // its watching may begin only after the first of these
        return (await psOf(root, key))?.state === "running" || null;
      });
      expect(await why(root, "crash")).toMatch(/because src\/ok changed/);
    },
  );
});

/** How often `w:dev` of `within` was started: each start copies `src/a.txt`. */
const starts = (root: TestRoot) => root.read("seen").length;

test("a touch, the same bytes and an editor's own files restart nothing; a new link and a save by rename do", async () => {
  await watched("", "", async (root) => {
    const file = join(root.dir, "src/a.txt");
    const begun = await now(root);
    utimesSync(file, new Date(), new Date());
    root.write("src/a.txt", "1");
    symlinkSync("a.txt", join(root.dir, "src/link"));
    const kept = [".a.txt.swp", "a.txt~", ".#a.txt", "#a.txt#", "4913", "a.txt___jb_tmp___"];
    for (const name of kept) root.write(`src/${name}`, "x");
    // The link is a file by its own name, so making it counts; nothing else does, though it is there when the link is
    // looked at.
    const linked = await restarted(root, begun);
    expect(await why(root)).toContain("because src/link changed");
    for (const name of kept) unlinkSync(join(root.dir, "src", name));
    root.write("src/a.txt.new", "2");
    renameSync(join(root.dir, "src/a.txt.new"), file);
    await restarted(root, linked);
    expect(await why(root)).toContain("because src/link and 1 more changed"); // the file that it leads to
    expect(starts(root)).toBe(3);
  });
});

test("removing a whole directory restarts a launch, with the names of the files that were in it", async () => {
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

/** A project that is moved while its `w:dev:default` is watched. `run`: a script that runs before each restart. */
async function movedWhileWatched(body: (place: MovedPlace) => Promise<void>, run?: string): Promise<void> {
  const root = TestRoot.create({
    "src/a.txt": "1",
    "src/b.txt": "1",
    "manifests/w.json": JSON.stringify({
      name: "w",
      commands: {
        dev: {
          kind: "managed",
          run: ["sleep", "1000"],
          restartOn: { paths: ["src"], debounce: "50ms", ...(run === undefined ? {} : { run: "w:build" }) },
        },
        ...(run === undefined ? {} : { build: { kind: "oneshot", run } }),
      },
    }),
  });
  const moved = join(root.base, "moved");
  const there = async () => JSON.parse((await root.dt(["ps", "--json"], { cwd: moved })).stdout)[0] as Ps;
  await within(root, async () => {
    expect((await root.dt(["w", "dev", "-d"])).code).toBe(0);
    await until("it is watched", async () => (await why(root)).includes("Its host watches src") || null);
    const before = await now(root);
    const since = watchedSince(root.dir);
    renameSync(root.dir, moved);
    try {
      await body({
        directory: moved,
        before,
        now: there,
        followed: () => until("its host follows the move", () => watchedSince(moved) !== since),
        edit(path, text) {
          // In one step: between cutting a file and writing it, a busy machine can take longer than the debounce.
          renameSync(root.write("../next", text), join(moved, path));
        },
        restarted: (before) =>
          until("it runs anew", async () => {
            const one = await there();
            return one?.state === "running" && one.pid !== before.pid ? one : null;
          }),
        why: async () => (await root.dt(["why", "w", "dev"], { cwd: moved })).stdout,
      });
    } finally {
      renameSync(moved, root.dir);
    }
  });
}

interface MovedPlace {
  directory: string;
  /** The launch before the move. */
  before: Ps;
  now(): Promise<Ps>;
  /** Resolves when the host watches the files where they are now. */
  followed(): Promise<unknown>;
  edit(path: string, text: string): void;
  restarted(before: Ps): Promise<Ps>;
  why(): Promise<string>;
}

/** When the watching of the only launch in this root began. */
function watchedSince(directory: string): string | undefined {
  const notes = join(directory, ".dialtone/run/launch");
  const name = readdirSync(notes).find((one) => one.endsWith(".json"));
  return name === undefined ? undefined : JSON.parse(readFileSync(join(notes, name), "utf8")).watch?.since;
}

test("moving the whole project restarts nothing, and it is watched where it is now", async () => {
  await movedWhileWatched(async ({ before, now, followed, edit, restarted, why }) => {
    await followed();
    expect(await now()).toMatchObject({ pid: before.pid, restarts: 0 });
    edit("src/a.txt", "2");
    const after = await restarted(before);
    // Taken for a change, the move would have restarted it too, or have changed both files.
    expect(after.restarts).toBe(1);
    expect(await why()).toContain("because src/a.txt changed");
  });
}, 30_000);

test("an edit right after the whole project was moved restarts it once, and so does the next", async () => {
  await movedWhileWatched(async ({ before, edit, restarted, why }) => {
    edit("src/a.txt", "2");
    const second = await restarted(before);
    expect(second.restarts).toBe(1);
    expect(await why()).toContain("because src/a.txt changed");
    edit("src/b.txt", "2");
    expect((await restarted(second)).restarts).toBe(2);
    expect(await why()).toContain("because src/b.txt changed");
  });
}, 30_000);

test("an edit while the one-shot runs for an edit right after a move waits for its end", async () => {
  const run = "echo begin >> said; until test -e go; do sleep 0.02; done; echo end >> said";
  await movedWhileWatched(async ({ directory, before, edit, restarted }) => {
    const said = () => (existsSync(join(directory, "said")) ? readFileSync(join(directory, "said"), "utf8") : "");
    edit("src/a.txt", "2");
    await until("the one-shot runs", () => said() === "begin\n");
    edit("src/b.txt", "2");
    // Ten times the debounce.
    await stays("no other runs beside it", () => said() === "begin\n", 500);
    writeFileSync(join(directory, "go"), "");
    await restarted(before);
    await until("it ran for both", () => said() === "begin\nend\nbegin\nend\n");
  }, run);
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
      // It would be restarted three times a second; that it is not shows in nothing else.
      await stays("it is held", () => count() === held, 700);
      root.write("src/a.txt", "another");
      await until("it is started again", () => count() > held);
    } finally {
      await root.dispose();
    }
  });

test("an edit while the one-shot runs for a loop that fell silent waits for its end", async () => {
  const gen =
    "echo begin >> ../said; until test ! -e ../slow; do sleep 0.02; done; date +%s%N > src/gen; echo end >> ../said";
  const root = loop("exec sleep 1000", `,"run":"w:gen"`, `"gen":{"kind":"oneshot","run":${JSON.stringify(gen)}},`);
  const said = () => root.read("../said");
  await within(root, async () => {
    expect((await root.dt(["w", "dev", "-d"])).code).toBe(0);
    await until("it is watched", async () => (await why(root)).includes("Its host watches src") || null);
    root.write("src/a.txt", "2");
    await until("it is told", async () => (await why(root)).includes("changed at the same moment") || null);
    const before = said();
    root.write("../slow", "");
    await until("the silence is over", () => said() === `${before}begin\n`);
    root.write("src/a.txt", "another");
    // Ten times the debounce.
    await stays("no other runs beside it", () => said() === `${before}begin\n`, 500);
    rmSync(join(root.base, "slow"));
    await until("it runs for the edit", () => said().startsWith(`${before}begin\nend\nbegin\n`));
  });
});

test("edits of one file in a steady rhythm each restart a launch, and a pattern that names nothing is reported", async () => {
  const root = TestRoot.create({
    "src/a.txt": "1",
    "manifests/w.json": `{"name":"w","commands":{"dev":{"kind":"managed","run":"echo x >> ../starts; exec sleep 1000",
      "restartOn":{"paths":["src","docs/*.md"],"debounce":"20ms"}}}}`,
  });
  const count = () => readFileSync(join(root.base, "starts"), "utf8").length / 2;
  try {
    expect((await root.dt(["w", "dev", "-d"])).code).toBe(0);
    await until("it is said", async () => (await why(root)).includes('"docs/*.md" matches no file so far.') || null);
    const begun = Date.now();
    for (let edit = 1; edit <= 6; edit++) {
      await Bun.sleep(begun + edit * 700 - Date.now()); // a rhythm by the clock, as of a person, is what is tried
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

test("a tree that is never quiet restarts a launch all the same", async () => {
  await watched("", "", async (root) => {
    const before = await now(root);
    const noise = setInterval(() => root.write("src/noise", String(Math.random())), 15);
    try {
      await restarted(root, before);
    } finally {
      clearInterval(noise);
    }
  });
});
