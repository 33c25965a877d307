/** The registry at work: by hand, by watched files, and over the daemon's socket, as its document's own test has it. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY, TestRoot, until } from "../../kit.ts";
import { connectTo, disposeWithDaemon, socketOf, statusOf } from "../kit/daemon.ts";

function make(): TestRoot {
  const root = TestRoot.create({
    "manifests/orchestra.ts": readFileSync(join(REPOSITORY, "manifests/orchestra.ts"), "utf8"),
  });
  cpSync(join(REPOSITORY, "plugins/orchestra"), join(root.dir, "plugins/orchestra"), { recursive: true });
  return root;
}

const lastJson = (text: string) => JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");

test("orchestra's init, add, sync, list, check and remove work by hand", async () => {
  const root = make();
  const code = join(root.base, "code");
  mkdirSync(code);
  const orchestra = (...words: string[]) => root.dt(["orchestra", ...words]);
  try {
    expect((await orchestra("init")).stdout).toContain(`created ${join(root.home, ".orchestra/projects")}`);
    expect((await orchestra("add", "shop", "api", code)).code).toBe(0);
    expect((await orchestra("list")).stdout).toBe(`shop/api  ${code}\n`);
    expect((await orchestra("check")).code).toBe(1);
    const dry = await orchestra("sync", "--dry-run");
    expect(lastJson(dry.stdout)).toMatchObject({ target: "all", written: 2, unchanged: 0 });
    const sync = await orchestra("sync", "api");
    expect(sync.code).toBe(0);
    expect(lastJson(sync.stdout)).toMatchObject({
      target: "api",
      source: "command",
      codebases: ["api"],
      written: 2,
      unchanged: 0,
      duration_ms: expect.any(Number),
    });
    expect(readFileSync(join(code, "AGENTS.md"), "utf8")).toContain("# api");
    expect(await orchestra("check")).toMatchObject({ code: 0, stdout: "2 files match the registry\n" });
    expect((await orchestra("sync", "nope")).stderr).toContain("no codebase nope");
    expect((await orchestra("nope")).code).not.toBe(0);
    expect(JSON.parse((await orchestra("schema")).stdout)).toMatchObject({ required: ["path"] });
    expect((await orchestra("remove", "shop", "api")).code).toBe(0);
    expect((await orchestra("list")).stdout).toBe("");
  } finally {
    await root.dispose();
  }
});

test("with the daemon an edit of the registry is in the generated file within two seconds, and status and sync work over the socket", async () => {
  const root = make();
  const code = join(root.base, "code");
  mkdirSync(code);
  try {
    await root.dt(["boot", "add"]);
    await root.dt(["daemon", "start"]);
    await until("it runs", async () => (await statusOf(root)).running === true);
    await root.dt(["orchestra", "init"]);
    await root.dt(["orchestra", "add", "shop", "api", code]);
    expect((await root.dt(["orchestra", "sync", "api"])).code).toBe(0);
    await until("its section tells", async () => (await statusOf(root)).codebase_count === 1);
    expect(await statusOf(root)).toMatchObject({
      projects_root: join(root.home, ".orchestra/projects"),
      codebases: ["api"],
    });
    await until("what was added is done", async () => {
      const jobs = JSON.parse((await root.dt(["jobs", "--json"])).stdout) as { state: string; target: string }[];
      return jobs.some(({ target, state }) => target === "shop/api" && state === "done");
    });

    const entry = join(root.home, ".orchestra/projects/shop/api.yaml");
    root.write(entry, `name: api\npath: ${code}\ndescription: SENTINEL one\n`);
    const edited = performance.now();
    const text = () => readFileSync(join(code, "CLAUDE.md"), "utf8");
    await until("the sentinel is there", () => text().includes("SENTINEL one"));
    expect(performance.now() - edited).toBeLessThan(2000);

    // What counts for the whole project, and what a person wrote beside it.
    root.write(join(code, "CLAUDE.md"), `mine\n${text()}`);
    root.write(join(root.home, ".orchestra/projects/shop/project.yaml"), "name: shop\nconventions: [SENTINEL two]\n");
    await until("the project's is there", () => text().includes("SENTINEL two"));
    expect(text()).toStartWith("mine\n");

    const client = await connectTo(socketOf(root));
    await until("all is quiet", async () => (await statusOf(root)).running_jobs === 0);
    expect(await client.ask({ cmd: "sync", codebase: "api" })).toMatchObject({
      ok: true,
      data: {
        target: "api",
        source: "socket",
        codebases: ["api"],
        written: 0,
        unchanged: 2,
        duration_ms: expect.any(Number),
      },
    });
    expect(await client.ask({ cmd: "sync" })).toMatchObject({ ok: true, data: { target: "all", source: "socket" } });
    expect(await client.ask({ cmd: "sync", codebase: "nope" })).toMatchObject({
      ok: false,
      error: expect.stringContaining("no codebase nope"),
    });
    client.close();

    await root.dt(["orchestra", "remove", "shop", "api"]);
    await until("its removal is said", async () => {
      const jobs = JSON.parse((await root.dt(["jobs", "--json"])).stdout) as {
        id: string;
        target: string;
        written: number;
      }[];
      const last = jobs.find(({ target }) => target === "shop/api");
      return last !== undefined && (await root.dt(["jobs", last.id])).stdout.includes("no longer in the registry");
    });
    await until("the status knows", async () => (await statusOf(root)).codebase_count === 0);
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("a relative path of orchestra starts where dt was called", async () => {
  const root = make();
  const code = join(root.base, "code");
  mkdirSync(code);
  mkdirSync(join(root.dir, "sub"));
  try {
    expect(
      (await root.dt(["orchestra", "add", "shop", "api", "../../code"], { cwd: join(root.dir, "sub") })).code,
    ).toBe(0);
    expect((await root.dt(["orchestra", "list"])).stdout).toBe(`shop/api  ${code}\n`);
  } finally {
    await root.dispose();
  }
});
