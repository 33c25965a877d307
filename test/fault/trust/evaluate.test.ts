/**
 * Looking evaluates nothing of a stranger: every verb that only looks, in a root whose code this user never ran; what
 * runs by its words trusts.
 */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { VERBS } from "../../../src/commands/parse/verbs.ts";
import { type Strange, strangeRoot, writeFile } from "./trust.kit.ts";

/** Code of every kind that a root may hold, each with a mark of its own, and data beside it. */
function everyKind(): Strange {
  const code = (mark: string, name: string) => `${mark}
    export default { name: "${name}", groups: { default: ["${name}:dev"] }, commands: { one: { kind: "oneshot", run: ["echo", "${name}-ran"] },
      dev: { kind: "managed", run: ["sleep", "1000"] }, hand: { kind: "oneshot", handler: () => {} } } };`;
  const made = strangeRoot((mark) => ({
    "manifests/a.ts": `import "./helper/helped.ts"; ${code(mark("a.ts"), "a")}`,
    "manifests/helper/helped.ts": `${mark("helped")} export {};`,
    "manifests/b.js": code(mark("b.js"), "b"),
    "manifests/c.mjs": code(
      `import { createRequire } from "node:module"; const require = createRequire(import.meta.url); ${mark("c.mjs")}`,
      "c",
    ),
    "manifests/d.json": `{"name": "d", "description": "dwords", "groups": {"default": ["d:dev"]}, "commands": {"one": {"kind": "oneshot", "run": ["echo", "d-ran"]}, "dev": {"kind": "managed", "run": ["sleep", "1000"], "boot": true, "needs": ["a:dev"]}}}`,
    "manifests/e.yaml": `name: e\ndescription: ewords\ncommands: { one: { kind: oneshot, run: [echo, e-ran] } }\n`,
    "manifests/f.toml": `name = "f"\ndescription = "fwords"\n[commands.one]\nkind = "oneshot"\nrun = ["echo", "f-ran"]\n`,
    "elsewhere/linked.ts": code(mark("linked.ts"), "linked"),
    "package.json": `{"name": "x", "dialtone": {"plugins": ["pack", "packcjs"]}}`,
    "node_modules/pack/package.json": `{"name": "pack", "main": "index.js"}`,
    "node_modules/pack/index.js": code(mark("pack"), "pack"),
    "node_modules/packcjs/package.json": `{"name": "packcjs", "dialtone": {"manifest": "m.cjs"}}`,
    "node_modules/packcjs/m.cjs": `${mark("packcjs")} module.exports = { name: "packcjs", commands: {} };`,
  }));
  symlinkSync("../elsewhere/linked.ts", join(made.root.dir, "manifests/linked.ts"));
  return made;
}

const ALL_CODE = ["a.ts", "b.js", "c.mjs", "helped", "linked.ts", "pack", "packcjs"];

/** What a verb is walked with; null: a verb that runs commands by their words, with why it is not walked as it is. */
const WALKED: Partial<Record<string, string[][] | null>> = {
  up: [
    ["up", "--dry-run"],
    ["--dry-run", "up", "a"],
    ["up", "--help"],
  ],
  restart: [
    ["restart", "a:dev", "--dry-run"],
    ["restart", "--all"],
    ["restart", "a"],
  ],
  watch: [
    ["watch", "--dry-run"],
    ["watch", "a", "--dry-run"],
    ["watch", "--help"],
  ],
  attach: [["attach", "a:dev"]],
  wait: [
    ["wait", "a:dev", "--timeout", "1ms"],
    ["wait", "a", "--for", "exit"],
  ],
  logs: [["logs"], ["logs", "a"], ["logs", "a", "dev"], ["logs", "--json"]],
  port: [["port"], ["port", "1"]],
  gc: [["gc"], ["gc", "--yes"]],
  boot: [
    ["boot", "list"],
    ["boot", "add"],
    ["boot", "remove"],
  ],
  daemon: [
    ["daemon", "start"],
    ["daemon", "status"],
    ["daemon", "logs"],
    ["daemon", "restart"],
    ["daemon", "stop"],
  ],
  jobs: [["jobs"], ["jobs", "--all-roots"]],
  init: [["init"], ["init", "plugin", "mine", "--dry-run"], ["init", "plugin", "yours"]],
  help: [["help"], ["help", "a"], ["help", "d"], ["help", "nosuch"]],
  doctor: [["doctor"], ["doctor", "--json"], ["doctor", "--fix"]],
  list: [["list"], ["list", "--json"], ["list", "--refresh"]],
  untrust: [["untrust"]],
  trust: [
    ["trust", "--list"],
    ["trust", "--dry-run"],
    ["trust", "--list", "--json"],
  ],
};

test("no verb evaluates code of an untrusted root by looking, for each verb of the table", async () => {
  const strange = everyKind();
  try {
    const verbs = Object.entries(VERBS).flatMap(([verb, there]) => (there === null ? [] : [verb]));
    const walked = verbs.flatMap(
      (verb) => WALKED[verb] ?? [[verb], [verb, "a"], [verb, "d"], [verb, "--json"], [verb, "--all"]],
    );
    const others = [
      ["--help"],
      [],
      ["nosuch"],
      ["a"],
      ["d"],
      ["a", "--help"],
      ["a", "one", "--help"],
      ["a", "dev", "--help"],
      ["a", "dev", "-h"],
      ["d", "one", "--help"],
      ["d", "dev", "--help"],
      ["--dry-run", "a", "one"],
      ["--dry-run", "a", "dev", "-d"],
      ["--dry-run", "d", "one"],
      ["--dry-run", "d", "dev"],
      ["--dry-run", "pack", "one"],
      ["d", "dev", "--dry-run"],
      ["d", "dev", "--json", "--dry-run"],
      ["d", "dev", "default", "-d", "--dry-run"],
      ["a", "dev", "--dry-run"],
      ["a", "one", "--dry-run"],
      // Wrong usage is reported before anything is evaluated.
      ["a", "--dry-run", "one"],
      ["a", "--json"],
      ["", "--dry-run"],
      ["nosuch", "x", "--dry-run"],
      ["d", "nosuch", "--dry-run"],
      ["d", "nosuch"],
      ["d", "dev", "--dry-run=true"],
      ["d", "dev", "--help=x"],
      ["d", "dev", "--port", "--dry-run"],
      ["d", "dev", "--owner", "--dry-run"],
      ["--", "a"],
      ["bun", "exec", "--version"],
      ["top"],
    ];
    for (const words of [...walked, ...others]) {
      await strange.dt(words);
      expect({ words, evaluated: strange.marks() }).toEqual({ words, evaluated: [] });
    }
    expect(existsSync(join(strange.root.env.DIALTONE_HOME as string, "trust", "x"))).toBe(false);
    expect((await strange.dt(["trust", "--list"])).stdout).toBe("No root is trusted.\n");
  } finally {
    await strange.dispose();
  }
}, 240_000);

test("in an untrusted root data is listed and code named; an unknown name's error says that code was not read", async () => {
  const strange = everyKind();
  try {
    const listed = (await strange.dt(["list"])).stdout;
    for (const words of ["dwords", "ewords", "fwords", "bun exec"]) expect(listed).toContain(words);
    expect(listed).toContain("6 manifests are code, not read: `dt trust` or running one of their commands reads them");
    for (const file of ["a.ts", "b.js", "c.mjs", "linked.ts"]) expect(listed).toContain(`manifests/${file}`);
    expect(listed).not.toContain("failed");
    const { plugins } = JSON.parse((await strange.dt(["list", "--json"])).stdout) as {
      plugins: { name: string | null; file: string; trusted: boolean; commands: unknown[] }[];
    };
    const unread = plugins.filter(({ trusted }) => !trusted);
    expect(unread.map(({ name, commands }) => [name, commands])).toEqual(Array.from({ length: 6 }, () => [null, []]));
    expect(unread.map(({ file }) => file)).toContain(join(strange.root.dir, "manifests/a.ts"));
    for (const words of [
      ["nosuch"],
      ["a", "one", "--help"],
      ["--dry-run", "a", "one"],
      ["up", "a", "--dry-run"],
      ["help", "a"],
    ]) {
      const refused = await strange.dt(words);
      expect({ words, code: refused.code }).toEqual({ words, code: 2 });
      expect(refused.stderr).toContain("6 manifests are code that was not read");
      expect(refused.stderr).toContain("dt trust");
      expect(refused.stderr).toContain("among the manifests that were read");
    }
    // Also where dt has no name to suggest but its own.
    expect((await strange.dt(["hel"])).stderr).toContain("Or did you mean help?");
    // A one-shot's own --help is not passed on: it would be run.
    const help = await strange.dt(["d", "one", "--help"]);
    expect(help.stdout).toContain("dwords");
    expect(help.stdout).not.toContain("d-ran");
    expect((await strange.dt(["doctor"])).stdout).toContain("6 manifests are code that was not read");
    expect(strange.marks()).toEqual([]);
  } finally {
    await strange.dispose();
  }
}, 60_000);

for (const words of [
  ["a", "one"],
  ["d", "one"],
  ["d", "dev", "-d"],
  ["up", "d:dev", "-d"],
  ["restart", "d:dev"],
  ["trust"],
]) {
  test(`dt ${words.join(" ")} trusts the root: all is read, and it is remembered; dt untrust forgets it and what was cached`, async () => {
    const strange = everyKind();
    try {
      const ran = await strange.dt(words);
      expect([ran.code, ran.stderr]).toEqual([0, expect.any(String)]);
      expect(strange.marks()).toEqual(ALL_CODE);
      const [trusted] = JSON.parse((await strange.dt(["trust", "--list", "--json"])).stdout);
      expect(trusted).toMatchObject({
        root: strange.root.dir,
        is: "there",
        how: words[0] === "trust" ? "said" : "ran",
      });
      const listed = (await strange.dt(["list"])).stdout;
      expect(listed).toContain("dt a one");
      expect(listed).toContain("dt pack one");
      await strange.dt(["stop", "--all"]);
      expect((await strange.dt(["untrust"])).code).toBe(0);
      strange.marks();
      const after = (await strange.dt(["list"])).stdout;
      expect(after).not.toContain("dt a one");
      expect(after).toContain("6 manifests are code");
      expect(strange.root.read(".dialtone/cache/index.json")).not.toContain("a-ran");
      expect(strange.marks()).toEqual([]);
    } finally {
      await strange.dispose();
    }
  }, 60_000);
}

test("CI and DIALTONE_TRUST=1 trust for the call alone; CI=false and DIALTONE_TRUST=0 do not", async () => {
  const strange = everyKind();
  try {
    for (const env of [{ CI: "true" }, { CI: "1" }, { DIALTONE_TRUST: "1" }]) {
      expect((await strange.dt(["list"], { env })).stdout).toContain("dt a one");
      expect((await strange.dt(["a", "one"], { env })).stdout).toBe("a-ran\n");
      strange.marks();
      // What the cache holds by now is not used either.
      expect((await strange.dt(["list"])).stdout).not.toContain("dt a one");
      expect((await strange.dt(["a"])).code).toBe(2);
    }
    for (const env of [{ CI: "false" }, { CI: "0" }, { CI: "" }, { DIALTONE_TRUST: "0" }, { DIALTONE_TRUST: "" }])
      expect((await strange.dt(["list", "--refresh"], { env })).stdout).not.toContain("dt a one");
    expect(strange.marks()).toEqual([]);
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("with an unwritable home a command runs all the same, and one sentence says what cannot be remembered", async () => {
  const strange = everyKind();
  const { root } = strange;
  const home = { DIALTONE_HOME: join(root.dir, "manifests/a.ts/home") };
  try {
    for (const words of [["trust"], ["boot", "add"], ["daemon", "start"]]) {
      const refused = await strange.dt(words, { env: home });
      expect({ words, code: refused.code }).toEqual({ words, code: 1 });
      expect(refused.stderr).toStartWith(`dt: Cannot write ${home.DIALTONE_HOME}`);
    }
    expect((await strange.dt(["d", "one"], { env: home })).stdout).toContain("d-ran");
    // Whatever the path, it is one line.
    const gone = await strange.dt(["untrust", "/nowhere\nat all"]);
    expect(gone.stderr).toContain("There is no directory /nowhere ⏎ at all");
  } finally {
    await strange.dispose();
  }
});

test("dt trust reports a failing manifest as dt list does: its file, then each line of the fault", async () => {
  const strange = strangeRoot(() => ({ "manifests/e.ts": `throw new Error("one\\ntwo");` }));
  try {
    const { code, stderr } = await strange.dt(["trust", "--color"]);
    const file = join(strange.root.dir, "manifests/e.ts");
    expect([code, Bun.stripANSI(stderr)]).toEqual([0, `dt: failed  manifests/e.ts\n  ${file}:1: Error: one\n  two.\n`]);
    expect(stderr).not.toContain("\\x1b");
  } finally {
    await strange.dispose();
  }
});

test("neither an unknown name nor a command that fails before it runs trusts the root", async () => {
  const strange = everyKind();
  try {
    for (const words of [
      ["a", "nosuch"],
      ["d", "dev", "nosuch"],
      ["nosuch", "x"],
      ["up", "nosuch"],
      ["d", "dev", "--nosuch"],
    ]) {
      expect((await strange.dt(words)).code).toBe(2);
      expect({ words, listed: (await strange.dt(["trust", "--list"])).stdout }).toEqual({
        words,
        listed: "No root is trusted.\n",
      });
    }
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("another folder at a trusted path is a stranger again; one that was moved away and back is known", async () => {
  const strange = everyKind();
  const { root } = strange;
  const aside = join(root.base, "aside");
  try {
    await strange.dt(["trust"]);
    strange.marks();
    renameSync(root.dir, aside);
    mkdirSync(join(root.dir, "manifests"), { recursive: true });
    root.write("manifests/a.ts", `${strange.mark("other")} export default { name: "other", commands: {} };`);
    expect((await strange.dt(["list"])).stdout).toContain("1 manifest is code");
    expect((await strange.dt(["trust", "--list"])).stdout).toContain("another folder is there now");
    expect(strange.marks()).toEqual([]);
    rmSync(root.dir, { recursive: true });
    renameSync(aside, root.dir);
    expect((await strange.dt(["list"])).stdout).toContain("dt a one");
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("the user's own manifests in dt's home are read everywhere, and run without anything of an untrusted root", async () => {
  const strange = everyKind();
  const { root } = strange;
  try {
    root.write(
      join(root.env.DIALTONE_HOME as string, "manifests/own.ts"),
      `export default { name: "own", commands: {
      hi: { kind: "oneshot", run: "echo hi" }, dev: { kind: "managed", run: ["sleep", "1000"], before: ["own:hi"] } } };`,
    );
    for (const name of ["sh", "echo"]) {
      const file = root.write(`node_modules/.bin/${name}`, `#!/bin/sh\necho PLANTED\n`);
      expect(Bun.spawnSync(["chmod", "755", file]).exitCode).toBe(0);
    }
    expect((await strange.dt(["list"])).stdout).toContain("dt own hi");
    expect((await strange.dt(["own", "hi"])).stdout).toBe("hi\n");
    expect((await strange.dt(["own", "dev", "-d"])).code).toBe(0);
    expect((await strange.dt(["restart", "own:dev"])).code).toBe(0);
    expect(strange.marks()).toEqual([]);
    expect((await strange.dt(["trust", "--list"])).stdout).toBe("No root is trusted.\n");
    // A launch of code that is not read is no leftover.
    expect((await strange.dt(["a", "dev", "-d"], { env: { DIALTONE_TRUST: "1" } })).code).toBe(0);
    expect((await strange.dt(["gc", "--json"])).stdout).toBe("[]\n");
    const seen = JSON.parse((await strange.dt(["ps", "--json"])).stdout) as { key: string; drift: boolean | null }[];
    expect(seen.find(({ key }) => key === "a:dev:default")).toMatchObject({ state: "running", drift: null });
    // The root is trusted from here on, and its programs come first.
    strange.marks();
    await strange.dt(["trust"]);
    expect((await strange.dt(["own", "hi"])).stdout).toBe("PLANTED\n");
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("a command of the user's own takes nothing of a strange root that decides what runs: no needs, environment file or Compose file", async () => {
  const strange = strangeRoot(() => ({
    "manifests/db.json": `{"name": "db", "commands": {"dev": {"kind": "managed", "run": "touch RAN; sleep 1000"}, "prep": {"kind": "oneshot", "run": "touch RAN"}}}`,
    ".env": "FROM=file\n",
    "compose.yaml": "services: {}\n",
  }));
  const { root, dt } = strange;
  const home = root.env.DIALTONE_HOME as string;
  const managed = { kind: "managed", run: ["sleep", "1000"] };
  const commands = {
    env: { kind: "oneshot", run: ["sh", "-c", "echo $FROM"], envFile: [".env"] },
    absent: { kind: "oneshot", run: ["echo", "absent"], envFile: [".env.local?"] },
    need: { kind: "oneshot", run: ["echo", "ran"], needs: ["db:dev"] },
    far: { kind: "oneshot", run: ["echo", "ran"], needs: ["own:near"] },
    near: { ...managed, needs: ["db:dev"] },
    before: { ...managed, before: ["db:prep"] },
    changed: { ...managed, restartOn: { paths: ["x"], run: "db:prep" } },
    stack: { kind: "managed", compose: { file: "compose.yaml" } },
    linked: { kind: "oneshot", run: ["echo", "ran"], envFile: [join(home, "linked")] },
  };
  root.write(join(home, "manifests/own.json"), JSON.stringify({ name: "own", commands }));
  symlinkSync(join(root.dir, ".env"), join(home, "linked"));
  try {
    expect((await dt(["own", "absent"])).stdout).toBe("absent\n");
    for (const name of Object.keys(commands).filter((one) => one !== "absent"))
      for (const flags of [[], ["-d"]]) {
        if (commands[name as "env"].kind === "oneshot" && flags.length > 0) continue;
        const { code, stdout, stderr } = await dt(["own", name, ...flags]);
        expect({ name, code, stdout, stderr }).toMatchObject({ name, code: 2, stdout: "" });
        expect(stderr).toContain("`dt trust`");
      }
    expect((await dt(["restart", "own:near"])).code).toBe(2);
    expect(existsSync(join(root.dir, "RAN"))).toBe(false);
    expect((await dt(["trust", "--list"])).stdout).toBe("No root is trusted.\n");
    expect((await dt(["own", "env", "--dry-run"])).code).toBe(2);
    expect((await dt(["--dry-run", "own", "env"])).code).toBe(0);
    await dt(["trust"]);
    expect((await dt(["own", "linked"])).stdout).toBe("ran\n");
    expect((await dt(["own", "need"])).stdout).toBe("ran\n");
  } finally {
    await strange.dispose();
  }
}, 60_000);

test.skipIf(!existsSync("/proc/self/pagemap"))(
  "a manifest, a package.json, an import or an index of git that leads to a file of the kernel without an end is passed over at once",
  async () => {
    const strange = strangeRoot(() => ({
      "manifests/ok.json": `{"name": "ok", "description": "okwords", "commands": {}}`,
      "code/manifests/a.ts": `import "./endless.js"; export default { name: "a", commands: {} };`,
    }));
    const { root, dt } = strange;
    const endless = "/proc/self/pagemap";
    const looking = [
      ["list"],
      ["list", "--refresh"],
      ["doctor"],
      ["a"],
      ["--dry-run", "up"],
      ["bun", "exec", "--version"],
    ];
    try {
      for (const path of ["manifests/x.json", "manifests/x.yaml", "package.json", ".git/index", "manifests/x.ts"]) {
        mkdirSync(dirname(join(root.dir, path)), { recursive: true });
        symlinkSync(endless, join(root.dir, path));
        for (const words of looking) {
          const { code, stdout } = await dt(words, { timeoutMs: 10_000 });
          expect({ path, words, isDone: code !== null && code < 128 }).toEqual({ path, words, isDone: true });
          if (words[0] === "list") expect(stdout).toContain("okwords");
        }
        rmSync(join(root.dir, path));
      }
      symlinkSync(endless, join(root.dir, "code/manifests/endless.js"));
      const imported = await dt(["list"], {
        cwd: join(root.dir, "code"),
        env: { DIALTONE_TRUST: "1" },
        timeoutMs: 20_000,
      });
      expect(imported.code).toBe(0);
    } finally {
      await strange.dispose();
    }
  },
  120_000,
);

test("--dry-run of a stranger's stack runs nothing: neither a client of its own nor one that its environment leads to", async () => {
  const strange = strangeRoot(() => ({
    "manifests/s.json": JSON.stringify({
      name: "s",
      commands: {
        plain: { kind: "managed", compose: { file: "c.yaml" } },
        moved: {
          kind: "managed",
          compose: { file: "c.yaml", ports: "auto" },
          env: { PATH: "./node_modules/.bin:/usr/bin:/bin" },
        },
      },
    }),
    "c.yaml": "services: {}\n",
  }));
  const { root, dt } = strange;
  try {
    for (const name of ["docker", "docker-compose", "podman"])
      writeFile(join(root.dir, "node_modules/.bin", name), `#!/bin/sh\ntouch ${root.base}/marks/${name}\n`, 0o755);
    for (const words of [
      ["--dry-run", "s", "plain"],
      ["--dry-run", "s", "moved"],
      ["restart", "s:plain", "--dry-run"],
      ["up", "s", "--dry-run"],
      ["ps"],
      ["status", "s"],
    ]) {
      await dt(words);
      expect({ words, ran: strange.marks() }).toEqual({ words, ran: [] });
    }
    // What Compose would have to be asked is not said.
    for (const words of [
      ["--dry-run", "s", "plain"],
      ["s", "plain", "--dry-run"],
    ]) {
      const plan = await dt(words);
      expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining("docker compose -f c.yaml up") });
    }
    expect(strange.marks()).toEqual([]);
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("dt init makes a trusted root, unless code of a package was there before", async () => {
  const strange = strangeRoot((mark) => ({
    "../fresh/x": "",
    "../other/package.json": `{"name": "x", "dialtone": {"plugins": ["pack"]}}`,
    "../other/node_modules/pack/package.json": `{"name": "pack", "main": "index.js"}`,
    "../other/node_modules/pack/index.js": `${mark("pack")} module.exports = { name: "pack", commands: {} };`,
  }));
  const { root } = strange;
  try {
    const fresh = { cwd: join(root.base, "fresh") };
    expect((await strange.dt(["init", "plugin", "shop"], fresh)).code).toBe(0);
    expect((await strange.dt(["list"], fresh)).stdout).toContain("dt shop dev");
    expect((await strange.dt(["trust", "--list"], fresh)).stdout).toContain("dt init");
    const other = { cwd: join(root.base, "other") };
    expect((await strange.dt(["init"], other)).code).toBe(0);
    expect((await strange.dt(["init", "plugin", "shop"], other)).code).toBe(0);
    await strange.dt(["list"], other);
    expect(strange.marks()).toEqual([]);
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("trust and registrations of an earlier dt carry no seal and do not count, which dt boot list says", async () => {
  const strange = everyKind();
  const { root } = strange;
  const home = root.env.DIALTONE_HOME as string;
  try {
    for (const kind of ["roots", "boot"]) root.write(join(home, kind, "root-000000000000"), `${root.dir}\n`);
    expect((await strange.dt(["list"])).stdout).not.toContain("dt a one");
    expect((await strange.dt(["trust", "--list"])).stdout).toBe("No root is trusted.\n");
    const listed = await strange.dt(["boot", "list"]);
    expect(listed.stdout).toBe("No root is registered.\n");
    expect(listed.stderr).toContain(
      "was registered by an earlier dt, or with another secret, so it is no longer registered",
    );
    expect((await strange.dt(["boot", "add"])).code).toBe(0);
    expect((await strange.dt(["list"])).stdout).not.toContain("dt a one");
    expect(strange.marks()).toEqual([]);
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("a plugin with the name of a later verb works behind `dt --`, which is reported once", async () => {
  const strange = strangeRoot(() => ({
    "manifests/top.json": `{"name": "top", "commands": {"one": {"kind": "oneshot", "run": ["echo", "top-ran"]}, "ui": {"kind": "managed", "run": ["sleep", "1000"]}}}`,
  }));
  try {
    const first = await strange.dt(["--", "top", "one"]);
    expect(first.stdout).toBe("top-ran\n");
    expect(first.stderr).toContain("`dt -- top …`");
    expect((await strange.dt(["--", "top", "ui", "-d"])).code).toBe(0);
    const listed = await strange.dt(["list"]);
    expect(listed.stdout).toContain("dt -- top one");
    expect(listed.stderr).toBe("");
    const verb = await strange.dt(["top", "one"]);
    expect(verb.code).toBe(2);
    expect(verb.stderr).toContain("dt -- top");
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("a stranger's manifest takes no name of dt's own plugins or the user's, and none away from them, before it is trusted", async () => {
  const strange = strangeRoot((mark) => ({
    "manifests/bun.json": `{"name": "bun", "commands": {"exec": {"kind": "oneshot", "run": ["echo", "POISONED"]}}}`,
    "manifests/own.yaml": "name: own\ncommands: { hi: { kind: oneshot, run: [echo, POISONED] } }\n",
    "manifests/t.js": `${mark("evaluated")} module.exports = { name: "t", commands: {} };`,
  }));
  const { root, dt } = strange;
  const home = root.env.DIALTONE_HOME as string;
  try {
    root.write(
      join(home, "manifests", "own.json"),
      `{"name": "own", "commands": {"hi": {"kind": "oneshot", "run": ["echo", "mine"]}}}`,
    );
    expect((await dt(["bun", "exec", "--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await dt(["own", "hi"])).stdout).toBe("mine\n");
    expect((await dt(["list"])).stdout).toContain("a project that is not trusted cannot take it");
    expect([strange.marks(), (await dt(["trust", "--list"])).stdout]).toEqual([[], "No root is trusted.\n"]);
    // As a project of one's own may.
    expect((await dt(["trust"])).code).toBe(0);
    expect((await dt(["bun", "exec", "--version"])).stdout).toBe("POISONED --version\n");
  } finally {
    await strange.dispose();
  }
}, 60_000);

test("a file that a stranger's one-shot names as its log is no output of a run here", async () => {
  const command = { kind: "oneshot", run: ["true"], log: "/etc/hostname" };
  const strange = strangeRoot(() => ({ "manifests/s.json": JSON.stringify({ name: "s", commands: { hi: command } }) }));
  try {
    expect((await strange.dt(["list"])).code).toBe(0);
    const told = (await strange.dt(["why", "s:hi"])).stdout;
    expect(told).toContain("is a one-shot");
    expect(told).not.toContain("/etc/hostname");
  } finally {
    await strange.dispose();
  }
});
