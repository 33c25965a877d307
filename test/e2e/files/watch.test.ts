/**
 * Watched files and jobs through the binary: one job for what changed, none for what did not, and none missed, whoever
 * is killed.
 */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DT, stays, TestRoot, until } from "../../kit.ts";
import { findTool } from "../../tools.ts";
import { connectTo, daemonPid, disposeWithDaemon, socketOf, statusOf } from "../kit/daemon.ts";
import { runs } from "../kit/launch.ts";

interface Job {
  id: string;
  key: string;
  target: string;
  source: string;
  state: string;
  code: number | null;
  error: string | null;
  written: number | null;
  duration_ms: number | null;
  started_at: string;
  log: string;
}

/** Each job of `t:work` appends a line: its target, who wanted it, and its paths. */
const WORK = `work: { kind: "oneshot", run: 'echo "$DIALTONE_TARGET $DIALTONE_SOURCE" $(echo "$DIALTONE_PATHS" | sort) >> ../done' }`;

const make = (watch: string, commands = WORK, more: Record<string, string> = {}) =>
  TestRoot.create({
    "manifests/t.ts": `export default { name: "t", commands: { ${commands} }, watch: [${watch}] };`,
    ...more,
  });

const MARKDOWN = `{ paths: ["content/**/*.md"], debounce: "100ms", run: "t:work" }`;

const done = (root: TestRoot) =>
  existsSync(join(root.base, "done")) ? readFileSync(join(root.base, "done"), "utf8").trim().split("\n") : [];
const jobs = async (root: TestRoot) => JSON.parse((await root.dt(["jobs", "--json", "-n", "500"])).stdout) as Job[];

/** Registered, the daemon begun, and every watch of the root open. */
async function begin(root: TestRoot, watches = 1): Promise<void> {
  await root.dt(["boot", "add"]);
  await root.dt(["daemon", "start"]);
  await watching(root, watches);
}

async function watching(root: TestRoot, watches = 1): Promise<void> {
  const pid = await daemonPid(root);
  const log = join(root.env.DIALTONE_HOME as string, "logs/daemon.log");
  await until("all is watched", () => {
    const lines = readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { msg: string; pid?: number });
    const began = lines.findLastIndex((one) => one.msg === "started" && one.pid === pid);
    return lines.slice(began).filter(({ msg }) => msg === "watches").length >= watches;
  });
}

/** Makes a file of its own and waits until it is worked on: what changed before it was looked at by then. */
async function worksOn(root: TestRoot, path: string): Promise<void> {
  root.write(path, "1");
  await until(`${path} is worked on`, () => done(root).some((line) => line.includes(path)));
}

/** Waits until every watch has noted on disk what it worked on: nothing of it counts as begun any longer. */
async function untilNoted(root: TestRoot): Promise<void> {
  await until("what was worked on is noted", () => {
    const begun = [...new Bun.Glob("watch/*.begun.json").scanSync(root.run)].map((file) =>
      root.read(join(root.run, file)),
    );
    return begun.length > 0 && begun.every((text) => (JSON.parse(text) as { names: string[] }).names.length === 0);
  });
}

test("an edit is one job, shown on the command line and over the socket; a save without a change is none", async () => {
  const root = make(MARKDOWN, WORK, { "content/a.md": "one" });
  try {
    await begin(root);
    const client = await connectTo(socketOf(root));
    await client.ask({ cmd: "subscribe" });
    root.write("content/a.md", "two");
    await until("it is done", () => done(root).length === 1);
    expect(done(root)).toEqual(["content/a.md watcher content/a.md"]);
    const states = [await client.next(), await client.next()] as { event: string; job: Job }[];
    expect(states.map(({ event, job }) => [event, job.target, job.state])).toEqual([
      ["job", "content/a.md", "running"],
      ["job", "content/a.md", "done"],
    ]);
    client.close();
    const [job] = await jobs(root);
    expect(job).toMatchObject({
      key: "t:work:default",
      target: "content/a.md",
      source: "watcher",
      state: "done",
      code: 0,
      error: null,
    });
    expect((await root.dt(["jobs"])).stdout).toMatch(/done +t:work:default +content\/a\.md +watcher/);
    // Saved as it is, by an editor's dance and in place; then created and removed at once.
    root.write("content/a.md~", "two");
    renameSync(join(root.dir, "content/a.md~"), join(root.dir, "content/a.md"));
    root.write("content/a.md", "two");
    root.write("content/gone.md", "x");
    unlinkSync(join(root.dir, "content/gone.md"));
    root.write("content/b.md", "last");
    await until("the last is done", () => done(root).length === 2);
    expect(done(root)[1]).toBe("content/b.md watcher content/b.md");
    unlinkSync(join(root.dir, "content/b.md"));
    await until("a removal counts", () => done(root).length === 3);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("a burst is one job with all its paths; files that are written for ever are worked on all the same", async () => {
  const root = make(`{ paths: ["in/*"], debounce: "100ms", run: "t:work", target: "all" }`);
  try {
    await begin(root);
    for (let at = 0; at < 20; at++) root.write(`in/${at % 4}`, String(at));
    await until("it is done", () => done(root).length === 1);
    expect(done(root)).toEqual(["all watcher in/0 in/1 in/2 in/3"]);
    const ended = Date.now() + 1600;
    for (let at = 0; Date.now() < ended; at++) {
      root.write("in/9", String(at));
      await Bun.sleep(40);
    }
    expect(done(root).length).toBeGreaterThan(1);
    const count = done(root).length;
    await until("the last change counts", async () => {
      const all = await jobs(root);
      return all.length >= count && all.every(({ state }) => state === "done");
    });
  } finally {
    await disposeWithDaemon(root);
  }
});

test.skipIf(findTool("vim") === null)("a save in vim is one job", async () => {
  const root = make(`{ paths: ["content/**"], debounce: "200ms", run: "t:work" }`, WORK, { "content/a.md": "one\n" });
  try {
    await begin(root);
    Bun.spawnSync(
      [
        "vim",
        "-u",
        "NONE",
        "-N",
        "-es",
        "-c",
        "set backup writebackup backupcopy=no",
        "-c",
        "normal Atwo",
        "-c",
        "wq",
        "content/a.md",
      ],
      {
        cwd: root.dir,
        env: root.env,
      },
    );
    expect(root.read("content/a.md")).toBe("onetwo\n");
    await until("it is done", () => done(root).some((line) => line.startsWith("content/a.md ")));
    await worksOn(root, "content/next");
    expect(done(root).filter((line) => line.startsWith("content/a.md ")).length).toBe(1);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("jobs run one at a time for a target and side by side for several; changes meanwhile are the next job", async () => {
  const slow = `work: { kind: "oneshot", run: 'echo "begin $DIALTONE_TARGET" >> ../done; while [ ! -e ../go ]; do sleep 0.02; done; echo "end $DIALTONE_TARGET" >> ../done' }`;
  const root = make(MARKDOWN, slow);
  try {
    await begin(root);
    root.write("content/a.md", "1");
    root.write("content/b.md", "1");
    await until("both run", () => done(root).length === 2);
    for (const text of ["2", "3"]) {
      root.write("content/a.md", text);
      await worksOn(root, `content/after${text}.md`);
    }
    expect(done(root).filter((line) => line.endsWith("a.md"))).toEqual(["begin content/a.md"]);
    root.write("../go", "");
    await until("all is done", () => done(root).length === 10);
    expect(done(root).filter((line) => line.endsWith("a.md"))).toEqual([
      "begin content/a.md",
      "end content/a.md",
      "begin content/a.md",
      "end content/a.md",
    ]);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("changes while no daemon runs, or in the middle of a job, are found by the next daemon, and nothing else is", async () => {
  const slow = `work: { kind: "oneshot", run: 'echo "$DIALTONE_TARGET" >> ../done; while [ -e ../hold ]; do sleep 0.02; done' }`;
  const root = make(MARKDOWN, slow, {
    "content/a.md": "1",
    "content/b.md": "1",
    "content/c.md": "1",
    "content/d/e.md": "1",
  });
  try {
    await begin(root);
    root.write("content/a.md", "2");
    await until("a is done", async () => (await jobs(root)).filter(({ state }) => state === "done").length === 1);
    await untilNoted(root);
    await root.dt(["daemon", "stop"]);
    root.write("content/b.md", "2");
    unlinkSync(join(root.dir, "content/c.md"));
    root.write("content/new/f.md", "1");
    await root.dt(["daemon", "start"]);
    await until(
      "all three are done",
      async () => (await jobs(root)).filter(({ state }) => state === "done").length === 4,
    );
    expect(done(root).sort()).toEqual(["content/a.md", "content/b.md", "content/c.md", "content/new/f.md"]);
    await untilNoted(root);
    // Killed in a job: that one is lost, and its change found again.
    root.write("../hold", "");
    root.write("content/d/e.md", "2");
    await until("it runs", () => done(root).length === 5);
    const pid = await daemonPid(root);
    process.kill(pid, "SIGKILL");
    await until("it is gone", () => !runs(pid));
    rmSync(join(root.base, "hold"));
    await root.dt(["daemon", "start"]);
    await until("it is worked on again", () => done(root).length === 6);
    expect(done(root).slice(4)).toEqual(["content/d/e.md", "content/d/e.md"]);
    expect((await jobs(root)).map(({ state }) => state)).toContain("lost");
  } finally {
    await disposeWithDaemon(root);
  }
});

test("a failed job is reported with its last words, tried again as often as declared, and its output kept", async () => {
  const root = make(
    `{ paths: ["in"], debounce: "50ms", run: "t:flaky", target: "all", retries: 2 }`,
    `flaky: { kind: "oneshot", run: 'echo x >> ../tries; echo "no luck" >&2; [ $(wc -l < ../tries) -ge 3 ]' }`,
  );
  try {
    await begin(root);
    root.write("in/a", "1");
    await until("it is done", async () => (await jobs(root)).some(({ state }) => state === "done"));
    const all = await jobs(root);
    expect(all.map(({ state }) => state)).toEqual(["done", "failed", "failed"]);
    // After a second, then after two, though the file differs from what was worked on last.
    const [third = 0, second = 0, first = 0] = all.map(({ started_at }) => Date.parse(started_at));
    expect(second - first).toBeGreaterThanOrEqual(1000);
    expect(third - second).toBeGreaterThanOrEqual(2000);
    expect(all[1]).toMatchObject({ code: 1, error: "it ended with 1: no luck" });
    expect((await root.dt(["jobs", all[1]?.id as string])).stdout).toBe("no luck\n");
    expect((await root.dt(["jobs", "nope"])).code).toBe(2);
  } finally {
    await disposeWithDaemon(root);
  }
}, 30_000);

test("a failed job that saves its file unchanged is tried again after its delay; a real change is worked on at once", async () => {
  const root = make(
    `{ paths: ["in"], debounce: "50ms", run: "t:flaky", target: "all", retries: 3 }`,
    `flaky: { kind: "oneshot", run: 'date +%s%N >> ../tries; cp in/a ../copy; mv ../copy in/a; grep good in/a' }`,
  );
  const tries = () =>
    existsSync(join(root.base, "tries"))
      ? readFileSync(join(root.base, "tries"), "utf8")
          .trim()
          .split("\n")
          .map((time) => Number(time) / 1e6)
      : [];
  try {
    await begin(root);
    root.write("in/a", "bad");
    await until("it was tried three times", () => tries().length === 3);
    await until("the third one is over", async () => (await jobs(root)).every(({ state }) => state === "failed"));
    root.write("../same", "bad"); // the same once more, while it waits
    renameSync(join(root.base, "same"), join(root.dir, "in/a"));
    // Nothing shows that it was looked at, which it is after 50 ms of quiet. The fourth try comes of itself after four
    // seconds.
    await stays("it is not tried again", () => tries().length === 3, 300);
    root.write("in/a", "good");
    await until("it is done", async () => (await jobs(root))[0]?.state === "done");
    const [first = 0, second = 0, third = 0, fourth = 0, ...more] = tries();
    expect(second - first).toBeGreaterThanOrEqual(1000);
    expect(third - second).toBeGreaterThanOrEqual(2000);
    expect(fourth - third).toBeLessThan(4000);
    expect(more).toEqual([]);
  } finally {
    await disposeWithDaemon(root);
  }
}, 30_000);

test("a function names the target, and the handler gets the job; it works outside of the root, and a broken function loses nothing", async () => {
  const text = (body: string) => `export default { name: "t", commands: {
      work: { kind: "oneshot", handler: async (ctx) => { await ctx.exec("sh", ["-c", "echo '" + JSON.stringify(ctx.job) + "' >> ../done"]); } } },
    watch: [{ paths: ["~/reg/**/*.yaml"], debounce: "100ms", run: "t:work", target: (path) => { ${body} } }] };`;
  const good = `const name = path.split("/").at(-1); return name === "project.yaml" ? "all" : name === "skip.yaml" ? null : name.replace(/\\.yaml$/, "");`;
  const root = TestRoot.create({ "manifests/t.ts": text(good) });
  try {
    await begin(root);
    mkdirSync(join(root.home, "reg/p"), { recursive: true });
    for (const name of ["project", "one", "skip"]) root.write(join(root.home, `reg/p/${name}.yaml`), "x");
    await until("both are done", () => done(root).length === 2);
    expect(
      done(root)
        .map((line) => JSON.parse(line))
        .sort((a, b) => (a.target < b.target ? -1 : 1)),
    ).toEqual([
      { target: "all", paths: [join(root.home, "reg/p/project.yaml")], source: "watcher" },
      { target: "one", paths: [join(root.home, "reg/p/one.yaml")], source: "watcher" },
    ]);
    expect((await root.dt(["t", "work"])).code).toBe(0);
    expect(done(root)[2]).toBe("null");
    root.write("manifests/t.ts", text('throw new Error("broken for now");'));
    const logged = (words: string) =>
      until(`"${words}" is logged`, async () =>
        (await root.dt(["daemon", "logs", "--stderr-only"])).stdout.includes(words),
      );
    root.write(join(root.home, "reg/p/two.yaml"), "x");
    await logged("changed since a person last ran a command");
    expect((await root.dt(["trust"])).code).toBe(0);
    await logged("broken for now");
    root.write("manifests/t.ts", text(good));
    expect((await root.dt(["trust"])).code).toBe(0);
    await until("it is done after all", () => done(root).some((line) => line.includes('"two"')), 20_000);
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("dt watch works on one plugin without the daemon until Ctrl-C, and only one of the two works on a root", async () => {
  const root = make(MARKDOWN);
  root.write(
    "manifests/u.ts",
    `export default { name: "u", commands: { w: { kind: "oneshot", run: "echo other >> ../done" } }, watch: [{ paths: ["content"], debounce: "50ms", run: "u:w" }] };`,
  );
  try {
    const watch = root.spawn(["watch", "t", "--json"]);
    const told = watch.stderr.getReader();
    let text = "";
    while (!text.includes("Ctrl-C ends it")) text += new TextDecoder().decode((await told.read()).value);
    root.write("content/a.md", "1");
    await until("it is done", () => done(root).length === 1);
    expect(done(root)).toEqual(["content/a.md command content/a.md"]);
    const second = await root.dt(["watch"]);
    expect(second).toMatchObject({ code: 1 });
    expect(second.stderr).toContain("already");
    // The daemon takes the root when no other process has it any longer.
    await root.dt(["boot", "add"]);
    await root.dt(["daemon", "start"]);
    await until("the daemon has loaded the root", async () => ((await statusOf(root)).roots as string[]).length === 1);
    watch.kill("SIGINT");
    expect(await watch.exited).toBe(130);
    const out = (await watch.stdout.text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Job);
    expect(out.map(({ target, state }) => [target, state])).toEqual([
      ["content/a.md", "running"],
      ["content/a.md", "done"],
    ]);
    await watching(root, 2);
    root.write("content/b.md", "1");
    await until("both plugins' are done", () => done(root).length >= 3);
    expect(done(root).sort()).toEqual([
      "content/a.md command content/a.md",
      "content/b.md watcher content/b.md",
      "other",
    ]);
    expect((await root.dt(["watch", "nope"])).code).toBe(2);
  } finally {
    await disposeWithDaemon(root);
  }
}, 30_000);

test("dt's own files and the logs of commands never trigger; what a job writes back is no change", async () => {
  const root = make(
    `{ paths: ["."], debounce: "100ms", run: "t:work", target: "all" }`,
    `${WORK.replace(">> ../done", ">> ../done; echo stamp > generated.txt")},
     dev: { kind: "managed", run: "while :; do echo x; sleep 0.05; done", log: "logs/dev.log" }`,
  );
  const log = join(root.dir, "logs/dev.log");
  try {
    await begin(root);
    await root.dt(["t", "dev", "-d"]);
    await until("it wrote ten lines", () => existsSync(log) && readFileSync(log, "utf8").split("\n").length > 10);
    expect(done(root)).toEqual([]);
    root.write("src/a", "1");
    // The first job wrote a new file, which is a change; each one after it wrote the same again, which is none.
    await until("both are done", () => done(root).length === 2);
    root.write("src/b", "1");
    await until("the third is done", () => done(root).length === 3);
    expect(done(root)).toEqual(["all watcher src/a", "all watcher generated.txt", "all watcher src/b"]);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("10,000 files, a checkout of another branch, and a build into the tree: each file is in a job, and the rest is not", async () => {
  const root = make(
    `{ paths: ["tree/**"], debounce: "300ms", run: "t:work", target: "all" }`,
    `work: { kind: "oneshot", handler: (ctx) => { require("node:fs").appendFileSync("../done", ctx.job.paths.join("\\n") + "\\n"); } }`,
  );
  const git = (...words: string[]) => {
    const ran = Bun.spawnSync(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", ...words], {
      cwd: root.dir,
      env: root.env,
      stderr: "pipe",
    });
    if (!ran.success) throw new Error(String(ran.stderr));
  };
  try {
    for (let at = 0; at < 2000; at++) root.write(`tree/${at % 40}/${at}`, "one");
    git("init", "-q", "-b", "one");
    git("add", "-A");
    git("commit", "-qm", "one");
    git("checkout", "-qb", "two");
    for (let at = 0; at < 2000; at += 2) root.write(`tree/${at % 40}/${at}`, "two");
    for (let at = 0; at < 500; at++) root.write(`tree/added/${at}`, "x");
    git("add", "-A");
    git("commit", "-qm", "two");
    await begin(root);
    const pid = await daemonPid(root);
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
    git("checkout", "-q", "one");
    const changed = [
      ...Array.from({ length: 1000 }, (_, at) => `tree/${(at * 2) % 40}/${at * 2}`),
      ...Array.from({ length: 500 }, (_, at) => `tree/added/${at}`),
    ];
    await until("all of the checkout is worked on", () => new Set(done(root)).size === changed.length, 30_000);
    expect([...new Set(done(root))].sort()).toEqual(changed.sort());
    const before = rss();
    for (let at = 0; at < 10_000; at++) root.write(`tree/new${at % 100}/${at}`, "x");
    await until("all 10,000 are worked on", () => new Set(done(root)).size === changed.length + 10_000, 60_000);
    expect(rss() - before).toBeLessThan(150);
  } finally {
    await disposeWithDaemon(root);
  }
}, 180_000);

test("without watches left, the command that raises the limit is printed and the rest is looked at every second", async () => {
  const limited = [
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    'echo 20 > /proc/sys/user/max_inotify_watches && exec "$@"',
    "sh",
  ];
  if (!Bun.spawnSync([...limited, "true"]).success) {
    if (process.env.CI) throw new Error("CI must have user namespaces");
    return console.warn("not tested: there are no user namespaces on this machine");
  }
  const root = make(`{ paths: ["content"], debounce: "50ms", run: "t:work" }`);
  for (let at = 0; at < 60; at++) root.write(`content/${at}/a`, "1");
  const watch = Bun.spawn([...limited, DT, "watch"], {
    cwd: root.dir,
    env: root.env,
    stdout: "ignore",
    stderr: "pipe",
  });
  try {
    const told = watch.stderr.getReader();
    let text = "";
    while (!text.includes("Ctrl-C ends it")) text += new TextDecoder().decode((await told.read()).value);
    expect(text).toContain("the system has no file watches left");
    expect(text).toContain("sudo sysctl fs.inotify.max_user_watches=");
    for (let at = 0; at < 60; at++) root.write(`content/${at}/a`, "2");
    root.write("content/new/deep/b", "1");
    await until("all of it is worked on", () => done(root).length === 61, 20_000);
  } finally {
    watch.kill("SIGKILL");
    await watch.exited;
    await root.dispose();
  }
}, 60_000);

test("rsync into the tree, which writes under other names and renames, has each file worked on once, and later only changed ones", async () => {
  if (Bun.which("rsync") === null) {
    if (process.env.CI) throw new Error("CI must have rsync");
    return console.warn("not tested: there is no rsync on this machine");
  }
  const note = `work: { kind: "oneshot", handler: (ctx) => { require("node:fs").appendFileSync("../done", ctx.job.paths.join("\\n") + "\\n"); } }`;
  const root = make(`{ paths: ["tree/**"], debounce: "200ms", run: "t:work", target: "all" }`, note);
  const rsync = () => Bun.spawnSync(["rsync", "-a", "--delete", "source/", "tree/"], { cwd: root.dir }).success;
  try {
    for (let at = 0; at < 1000; at++) root.write(`source/${at % 20}/${at}`, "one");
    await begin(root);
    expect(rsync()).toBe(true);
    await until("all of it is worked on", () => new Set(done(root)).size === 1000, 30_000);
    expect(done(root).filter((path) => !/^tree\/\d+\/\d+$/.test(path))).toEqual([]);
    rmSync(join(root.base, "done"));
    for (let at = 0; at < 100; at++) root.write(`source/${at % 20}/${at}`, "changed");
    rmSync(join(root.dir, "source/19"), { recursive: true });
    expect(rsync()).toBe(true);
    const gone = Array.from({ length: 50 }, (_, at) => 19 + at * 20);
    const changed = Array.from({ length: 100 }, (_, at) => at).filter((at) => at % 20 !== 19);
    const expected = [...gone, ...changed].map((at) => `tree/${at % 20}/${at}`).sort();
    await until("what changed is worked on", () => new Set(done(root)).size === expected.length, 30_000);
    expect([...new Set(done(root))].sort()).toEqual(expected);
  } finally {
    await disposeWithDaemon(root);
  }
}, 120_000);

test("dt watch --events prints changes as lines, and ends when its reader is gone", async () => {
  // Patterns named here include what git ignores.
  const root = TestRoot.create({ "a/one.md": "1", ".gitignore": "*.md\n" });
  const child = root.spawn(["watch", "--events", "a/**/*.md", "later/*.txt"]);
  const reader = child.stdout.getReader();
  const lines: Record<string, unknown>[] = [];
  let rest = "";
  const read = async (what: string, has: (line: Record<string, unknown>) => boolean) => {
    while (!lines.some(has)) {
      const { value, done: ended } = await reader.read();
      if (ended) throw new Error(`it ended before ${what}: ${JSON.stringify(lines)}`);
      const parts = (rest + new TextDecoder().decode(value)).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) lines.push(JSON.parse(line));
    }
  };
  const path = (name: string) => join(root.dir, name);
  try {
    await read("it is ready", ({ ready }) => ready === true);
    expect(lines).toEqual([
      { path: path("a/one.md"), exists: true, initial: true },
      { ready: true, files: 1 },
    ]);
    root.write("a/deep/two.md", "2");
    root.write("a/deep/no.txt", "2");
    root.write("later/three.txt", "3");
    await read("the new ones", (line) => line.path === path("later/three.txt"));
    await read("the new ones", (line) => line.path === path("a/deep/two.md"));
    rmSync(path("a"), { recursive: true });
    await read("the removal", (line) => line.path === path("a/one.md") && line.exists === false);
    expect(lines.some((line) => line.path === path("a/deep/no.txt"))).toBe(false);
    await reader.cancel();
    expect(await child.exited).toBe(0);
    expect((await root.dt(["watch", "--events"])).code).toBe(2);
    expect((await root.dt(["watch", "one", "two"])).code).toBe(2);
  } finally {
    child.kill("SIGKILL");
    await root.dispose();
  }
});

test("an edit right after a root was registered is a job, though watching begins later; files from before are none", async () => {
  const root = make(MARKDOWN, WORK, { "content/a.md": "one", "content/b.md": "one" });
  try {
    await root.dt(["daemon", "start"]);
    await Bun.sleep(50);
    await root.dt(["boot", "add"]);
    root.write("content/a.md", "two");
    root.write("content/new.md", "one");
    await until("both are done", () => done(root).length === 2);
    root.write("content/b.md", "two");
    await until("the next is done", () => done(root).length === 3);
    expect(
      done(root)
        .map((line) => line.split(" ")[0])
        .sort(),
    ).toEqual(["content/a.md", "content/b.md", "content/new.md"]);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("a job that changes its own input is held and reported until something else changes; a pattern that names nothing is reported", async () => {
  const root = make(
    `{ paths: ["content", "docs/*.md"], debounce: "50ms", run: "t:work", target: "all" }`,
    `work: { kind: "oneshot", run: "echo x >> ../done; date +%s%N > content/stamp" }`,
    { "content/a.md": "one" },
  );
  const watch = Bun.spawn([DT, "watch"], { cwd: root.dir, env: root.env, stdout: "ignore", stderr: "pipe" });
  let told = "";
  const reading = (async () => {
    for await (const chunk of watch.stderr) told += new TextDecoder().decode(chunk);
  })();
  try {
    await until("it watches", () => told.includes("Ctrl-C ends it"));
    expect(told).toContain('"docs/*.md" matches no file so far');
    root.write("content/a.md", "two");
    await until("it is told", () => told.includes("it looks as if the job changes what it is run for"));
    const count = done(root).length;
    expect(count).toBeLessThanOrEqual(6);
    // Such a job follows itself five times a second; that it is held shows in nothing else.
    await stays("it is held", () => done(root).length === count, 500);
    root.write("content/a.md", "three");
    await until("it runs again", () => done(root).length > count);
  } finally {
    watch.kill("SIGINT");
    await watch.exited;
    await reading;
    await root.dispose();
  }
});

/**
 * Hosts, daemons and watches look twice a second, or every second, whether their root is there, and tell nobody that
 * they looked.
 */
const LOOKED_MS = 2500;
const SLEEPS = `${WORK}, s: { kind: "managed", run: ["sleep", "1000"] }`;

test.each([
  ["in the project", {}],
  ["elsewhere below it", { DIALTONE_RUN_DIR: "state" }],
])(
  "a root that is removed while the daemon watches it and a launch runs is not made again, state %s",
  async (_where, env) => {
    const root = make(MARKDOWN, SLEEPS, { "content/a.md": "1" });
    const { base, dir } = root;
    const outside = { cwd: base, env };
    try {
      await root.dt(["t", "s", "-d"], { env });
      await root.dt(["boot", "add"], { env });
      await root.dt(["daemon", "start"], { env });
      await watching(root);
      rmSync(dir, { recursive: true });
      await stays("the root is gone", () => !existsSync(dir), LOOKED_MS);
      expect(done(root)).toEqual([]);
      expect((await root.dt(["gc"], outside)).stdout).toContain("t:s");
      expect((await root.dt(["daemon", "logs", "--stderr-only"], outside)).stdout).not.toContain("no such file");
      expect((await root.dt(["gc", "--yes"], outside)).code).toBe(0);
    } finally {
      mkdirSync(dir, { recursive: true });
      await disposeWithDaemon(root);
    }
  },
  60_000,
);

test("dt watch ends when its root is removed or moved away, and does not make it again", async () => {
  const root = make(MARKDOWN, WORK, { "content/a.md": "1", "content/b.md": "1" });
  const { base, dir } = root;
  try {
    for (const take of [() => renameSync(dir, join(base, "moved")), () => rmSync(dir, { recursive: true })]) {
      const watch = root.spawn(["watch"]);
      const told = watch.stderr.getReader();
      let text = "";
      while (!text.includes("Ctrl-C ends it")) text += new TextDecoder().decode((await told.read()).value);
      take();
      await until("it has ended", () => {
        expect(existsSync(dir)).toBe(false);
        return watch.exitCode !== null;
      });
      expect(watch.exitCode).toBe(1);
      expect(existsSync(dir)).toBe(false);
      expect(done(root)).toEqual([]);
      if (existsSync(join(base, "moved"))) renameSync(join(base, "moved"), dir);
    }
  } finally {
    mkdirSync(dir, { recursive: true });
    await root.dispose();
  }
}, 60_000);

test("what was removed and changed in a root while it was moved away is worked on when it is back", async () => {
  const root = make(MARKDOWN, WORK, { "content/a.md": "1", "content/b.md": "1", "content/c.md": "1" });
  const { base, dir } = root;
  const moved = join(base, "moved");
  try {
    await begin(root);
    renameSync(dir, moved);
    await stays("the root is gone", () => !existsSync(dir), LOOKED_MS);
    rmSync(join(moved, "content/a.md"));
    writeFileSync(join(moved, "content/b.md"), "2");
    renameSync(moved, dir);
    const both = ["content/a.md watcher content/a.md", "content/b.md watcher content/b.md"];
    await until("both are done", () => done(root).length >= 2);
    await worksOn(root, "content/next.md");
    expect(done(root).sort()).toEqual([...both, "content/next.md watcher content/next.md"]);
  } finally {
    mkdirSync(dir, { recursive: true });
    await disposeWithDaemon(root);
  }
}, 60_000);
