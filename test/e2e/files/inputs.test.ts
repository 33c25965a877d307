/** `inputs` and `outputs`: a one-shot is skipped when dt has seen all of them unchanged, and never otherwise. */
import { expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { TestRoot, within } from "../../kit.ts";

async function withTask(
  fields: object,
  files: Record<string, string>,
  body: (at: Task) => Promise<void>,
): Promise<void> {
  const task = { kind: "oneshot", run: "echo x >> ../runs; ./work", ...fields };
  const root = TestRoot.create({
    work: "#!/bin/sh\n",
    ...files,
    "manifests/n.json": JSON.stringify({ name: "n", commands: { t: task } }),
  });
  Bun.spawnSync(["chmod", "+x", join(root.dir, "work")]);
  await within(root, () =>
    body({
      root,
      at: (path) => join(root.dir, path),
      up: async (...flags) => {
        const { code, stderr } = await root.dt(["up", "n:t", "-d", ...flags]);
        expect(code).toBe(0);
        return stderr.includes("unchanged since") ? "skipped" : (/is not skipped: (.*)/.exec(stderr)?.[1] ?? "ran");
      },
    }),
  );
}

interface Task {
  root: TestRoot;
  at(path: string): string;
  /** `skipped`, `ran`, or why it ran all the same. */
  up(...flags: string[]): Promise<string>;
}

for (const pattern of [
  "db/migrations",
  "db/migrations/",
  "db/**",
  "db/migrations/*.sql",
  "./db/migrations",
  "db/[v1]/../migrations",
])
  test(`a new file, an edit and a removal below ${pattern} run it`, async () => {
    await withTask({ inputs: [pattern] }, { "db/migrations/1.sql": "1" }, async ({ root, at, up }) => {
      expect(await up()).toBe("ran");
      expect(await up()).toBe("skipped");
      root.write("db/migrations/2.sql", "2");
      expect(await up()).toBe("ran");
      root.write("db/migrations/2.sql", "3");
      expect(await up()).toBe("ran");
      expect(await up()).toBe("skipped");
      expect(await up("--force")).toBe("ran");
      unlinkSync(at("db/migrations/2.sql"));
      expect(await up()).toBe("ran");
    });
  });

test("inputs may have brackets in their names; left out, git-ignored and editors' files do not count", async () => {
  const inputs = ["app/[slug]/page.ts", "src", "!src/gen"];
  const files = { "app/[slug]/page.ts": "1", "src/a.ts": "1", ".gitignore": "*.log\n" };
  await withTask({ inputs }, files, async ({ root, up }) => {
    expect(await up()).toBe("ran");
    for (const path of ["src/gen/x.ts", "src/a.log", "src/a.ts~", "src/.a.ts.swp", "app/s/page.ts"])
      root.write(path, "x");
    expect(await up()).toBe("skipped");
    root.write("app/[slug]/page.ts", "2");
    expect(await up()).toBe("ran");
  });
});

test("the logs of commands are no inputs", async () => {
  const other = {
    name: "o",
    commands: { dev: { kind: "managed", run: "true", log: "logs/o.log", logs: { keep: 1 } } },
  };
  const files = { "src/a.ts": "1", "logs/o.log": "1", "manifests/o.json": JSON.stringify(other) };
  await withTask({ inputs: ["."] }, files, async ({ root, up }) => {
    expect([await up(), await up()]).toEqual(["ran", "skipped"]);
    root.write("logs/o.log", "2");
    root.write("logs/o.log.1", "1");
    expect(await up()).toBe("skipped");
    root.write("logs/mine.log", "2");
    expect(await up()).toBe("ran");
  });
});

test("what a handler's manifest imports is an input of the handler", async () => {
  const root = TestRoot.create({
    "src/a": "1",
    "lib/w.ts": 'export const word = "one";',
    "manifests/h.ts": `import { word } from "../lib/w";
      import { appendFileSync } from "node:fs";
      export default { name: "h", commands: { t: { kind: "oneshot", inputs: ["src"], handler: () => appendFileSync("ran", word) } } };`,
  });
  try {
    for (const after of ["one", "one", "onetwo"]) {
      if (after === "onetwo") root.write("lib/w.ts", 'export const word = "two";');
      expect((await root.dt(["up", "h:t", "-d"])).code).toBe(0);
      expect(root.read("ran")).toBe(after);
    }
  } finally {
    await root.dispose();
  }
});

test("a one-shot whose inputs dt could not look at runs each time, and says why", async () => {
  await withTask({ inputs: ["src", "conf/*.yaml"] }, { "src/a.ts": "1" }, async ({ root, at, up }) => {
    const nothing = 'of its inputs "conf/*.yaml" matches no file';
    expect([await up(), await up()]).toEqual([nothing, nothing]);
    root.write("conf/a.yaml", "1");
    expect([await up(), await up()]).toEqual(["ran", "skipped"]);
    symlinkSync("nowhere", at("src/link"));
    expect([await up(), await up()]).toEqual(Array(2).fill(`${at("src/link")} is a link that leads nowhere`));
    unlinkSync(at("src/link"));
    expect(await up()).toBe("ran");
    mkdirSync(at("elsewhere"));
    symlinkSync("../elsewhere", at("src/link"));
    expect(await up()).toContain("is a link to a directory, and such links are not followed");
    unlinkSync(at("src/link"));
    expect([await up(), await up()]).toEqual(["ran", "skipped"]);
    // A file of the kernel's has no end; a pipe is no file, and is not waited for.
    Bun.spawnSync(["mkfifo", at("src/pipe")]);
    expect(await up()).toBe("skipped");
  });
});

test("an input that is a link to a file counts by content; a skipped need is reported as well", async () => {
  await withTask({ inputs: ["link"] }, { "real/a": "1" }, async ({ root, at, up }) => {
    symlinkSync("real/a", at("link"));
    expect([await up(), await up()]).toEqual(["ran", "skipped"]);
    root.write("real/a", "2");
    expect(await up()).toBe("ran");
    root.write(
      "manifests/m.json",
      `{"name":"m","commands":{"s":{"kind":"oneshot","run":"true","needs":["m:t"]},"t":{"kind":"oneshot","run":"true","inputs":["none"]}}}`,
    );
    expect((await root.dt(["m", "s"])).stderr).toContain('m:t is not skipped: of its inputs "none" matches no file');
  });
});

test("a missing, empty, deleted or replaced output runs the one-shot", async () => {
  const work = "#!/bin/sh\nmkdir -p data && echo x > data/pg && echo y > out.txt\n";
  await withTask(
    { inputs: ["work"], outputs: ["data", "out.txt", "dist/**/*.js"] },
    { work },
    async ({ root, at, up }) => {
      expect(await up()).toBe("its output dist/**/*.js is missing although it succeeded");
      root.write("work", `${work}mkdir -p dist/a && echo z > dist/a/x.js\n`);
      expect([await up(), await up()]).toEqual(["ran", "skipped"]);
      rmSync(at("data"), { recursive: true });
      expect([await up(), await up()]).toEqual(["its output data is missing", "skipped"]);
      rmSync(at("data/pg"));
      expect([await up(), await up()]).toEqual(["its output data is missing", "skipped"]);
      // A database that finds its directory gone makes another one.
      renameSync(at("data"), at("old"));
      mkdirSync(at("data"));
      root.write("data/pg", "x");
      expect([await up(), await up()]).toEqual(["its output data is not the one that it made", "skipped"]);
      unlinkSync(at("out.txt"));
      expect([await up(), await up()]).toEqual(["its output out.txt is missing", "skipped"]);
      rmSync(at("dist/a/x.js"));
      expect([await up(), await up()]).toEqual(["its output dist/**/*.js is missing", "skipped"]);
      root.write("data/pg", "what happens in it is not looked at");
      expect(await up()).toBe("skipped");
    },
  );
});

test("outputs without inputs, and a list that only leaves out, are refused", async () => {
  const root = TestRoot.create({
    "manifests/a.json": `{"name":"a","commands":{"t":{"kind":"oneshot","run":"true","outputs":["x"]}}}`,
    "manifests/b.json": `{"name":"b","commands":{"t":{"kind":"oneshot","run":"true","inputs":["!x"]}}}`,
  });
  try {
    const said = async (name: string) => (await root.dt([name, "t"])).stderr;
    expect(await said("a")).toContain("outputs: has an effect only with `inputs`");
    expect(await said("b")).toContain('expected at least one glob pattern without "!", found only exclusions');
  } finally {
    await root.dispose();
  }
});
