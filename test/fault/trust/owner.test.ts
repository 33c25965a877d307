/**
 * Whose a root is, judged before anything of it reaches PATH or is run: planted above, wholly another user's, with
 * files of a third one, in an open directory.
 */
import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { TestRoot } from "../../kit.ts";
import { CANNOT_BE_TWO, dtAs, strangeRoot, writeFile } from "./trust.kit.ts";

const [OTHER, THIRD] = [1234, 4321];
const ONE = `{"name": "t", "commands": {"one": {"kind": "oneshot", "run": "echo ran"}}}`;

function giveTo(uid: number, path: string): void {
  lchownSync(path, uid, uid);
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) giveTo(uid, join(path, name));
}

function plantPrograms(directory: string): void {
  for (const name of ["sh", "echo", "bun"])
    writeFile(join(directory, "node_modules/.bin", name), "#!/bin/sh\necho PLANTED\n", 0o755);
}

test.skipIf(CANNOT_BE_TWO)(
  "a manifests/ that another user planted in a shared directory above is passed by, and its programs with it",
  async () => {
    const strange = strangeRoot((mark) => ({
      "../shared/manifests/evil.ts": `${mark("evaluated")} export default { name: "evil", commands: { one: { kind: "oneshot", run: "echo x" } } };`,
      "../shared/manifests/t.json": ONE,
      "../shared/mine/sub/file": "",
      "../shared/mine/root/manifests/t.json": ONE,
      "../shared/mine/root/sub/file": "",
    }));
    const { root, dt } = strange;
    const shared = join(root.base, "shared");
    plantPrograms(shared);
    for (const name of ["manifests", "node_modules"]) giveTo(OTHER, join(shared, name));
    chmodSync(shared, 0o1777);
    writeFile(join(root.env.DIALTONE_HOME as string, "manifests/own.json"), ONE.replace('"t"', '"own"'));
    try {
      for (const cwd of [shared, join(shared, "mine"), join(shared, "mine/sub")])
        for (const words of [
          ["list"],
          ["t", "one"],
          ["evil", "one"],
          ["own", "one"],
          ["bun", "exec", "--version"],
          ["up"],
          ["ps"],
          ["trust"],
        ])
          for (const env of [{}, { DIALTONE_TRUST: "1" }, { DIALTONE_TRUST_OWNER: "1" }, { CI: "true" }]) {
            const result = await dt(words, { cwd, env });
            expect({ cwd, words, env, code: result.code, out: result.stdout }).toEqual({
              cwd,
              words,
              env,
              code: 2,
              out: "",
            });
            expect(result.stderr).toContain("is skipped");
          }
      expect(strange.marks()).toEqual([]);
      // One's own root below it works, with what is one's own.
      const cwd = join(shared, "mine/root/sub");
      expect(await dt(["t", "one"], { cwd })).toMatchObject({ code: 0, stdout: "ran\n" });
      // What was planted is looked past for a root further up, too.
      giveTo(OTHER, join(shared, "mine/root/manifests"));
      writeFile(join(root.base, "manifests/up.json"), ONE.replace('"t"', '"up2"'));
      expect((await dt(["list"], { cwd })).stdout).toContain("dt up2 one");
    } finally {
      await strange.dispose();
    }
  },
  120_000,
);

test.skipIf(CANNOT_BE_TWO)(
  "a tree that is wholly another user's asks one question; either answer makes all of it work, and nothing of a third user's",
  async () => {
    const strange = strangeRoot((mark) => ({
      "manifests/a.ts": `import { words } from "./helper/words.ts"; ${mark("evaluated")}
      export default { name: "a", commands: { one: { kind: "oneshot", run: "echo " + words + " $FROM" , envFile: [".env"] }, own: { kind: "oneshot", run: ["tool"] }, hand: { kind: "oneshot", handler: () => console.log("handled") } } };`,
      "manifests/helper/words.ts": `export const words = "ran";`,
      ".env": "FROM=env\n",
      "package.json": `{"name": "x", "dialtone": {"plugins": ["pack"]}}`,
      "node_modules/pack/package.json": `{"name": "pack", "main": "index.js"}`,
      "node_modules/pack/index.js": `module.exports = { name: "pack", commands: { one: { kind: "oneshot", run: ["echo", "packed"] } } };`,
      "sub/file": "",
    }));
    const { root, dt } = strange;
    writeFile(join(root.dir, "node_modules/.bin/tool"), "#!/bin/sh\necho tooled\n", 0o755);
    giveTo(OTHER, root.dir);
    const works = async (env: Record<string, string>, cwd = root.dir) => {
      const at = { env, cwd };
      expect(await dt(["a", "one"], at)).toMatchObject({ code: 0, stdout: "ran env\n" });
      expect(await dt(["a", "own"], at)).toMatchObject({ code: 0, stdout: "tooled\n" });
      expect(await dt(["a", "hand"], at)).toMatchObject({ code: 0, stdout: "handled\n" });
      expect(await dt(["pack", "one"], at)).toMatchObject({ code: 0, stdout: "packed\n" });
    };
    try {
      for (const words of [
        ["list"],
        ["a", "one"],
        ["bun", "exec", "--version"],
        ["up"],
        ["trust"],
        ["boot", "add"],
        ["doctor"],
      ])
        for (const env of [{}, { CI: "true" }, { DIALTONE_TRUST: "1" }]) {
          const { code, stderr, stdout } = await dt(words, { env });
          expect({ words, env, code, stdout }).toEqual({ words, env, code: 2, stdout: "" });
          expect(stderr).toContain(`${root.dir} belongs to uid ${OTHER}`);
          expect(stderr).toContain(`dt trust --owner ${root.dir}`);
          expect(stderr).toContain("DIALTONE_TRUST_OWNER=1");
          expect(stderr).toContain(`chown -R 0 ${root.dir}`);
        }
      // -C and DIALTONE_ROOT name it: the same question.
      for (const [words, env] of [
        [["-C", root.dir, "list"], {}],
        [["list"], { DIALTONE_ROOT: root.dir }],
      ] as const)
        expect((await dt(words, { cwd: root.base, env })).stderr).toContain("dt trust --owner");
      expect(strange.marks()).toEqual([]);
      // A daemon that is started there has nothing to do with it.
      expect((await dt(["daemon", "start"])).code).toBe(0);

      await works({ DIALTONE_TRUST_OWNER: "1" });
      expect((await dt(["list"])).code).toBe(2);
      expect((await dt(["trust", "--owner"])).stdout).toContain(`with the files of uid ${OTHER}`);
      await works({}, join(root.dir, "sub"));
      expect((await dt(["trust", "--list"])).stdout).toContain(`uid ${OTHER}`);

      chownSync(join(root.dir, ".env"), THIRD, THIRD);
      expect((await dt(["a", "one"])).stderr).toContain(`belongs to uid ${THIRD}`);
      giveTo(OTHER, join(root.dir, ".env"));
      chownSync(join(root.dir, "node_modules/.bin"), THIRD, THIRD);
      expect((await dt(["a", "own"])).code).toBe(127);
      chownSync(join(root.dir, "node_modules/.bin"), OTHER, OTHER);
      chownSync(join(root.dir, "manifests/helper/words.ts"), THIRD, THIRD);
      expect((await dt(["a", "one"])).stderr).toContain(`belongs to uid ${THIRD}`);
      chownSync(join(root.dir, "manifests/helper/words.ts"), OTHER, OTHER);
      chownSync(join(root.dir, "package.json"), THIRD, THIRD);
      expect((await dt(["list"])).stdout).toContain(`package.json: belongs to uid ${THIRD}`);
      expect((await dt(["list"])).stdout).not.toContain("dt pack one");
      chownSync(root.dir, THIRD, THIRD);
      expect((await dt(["list"])).code).toBe(2);
      chownSync(root.dir, OTHER, OTHER);
      expect((await dt(["untrust"])).code).toBe(0);
      expect((await dt(["list"])).code).toBe(2);
    } finally {
      giveTo(0, root.dir);
      await strange.dispose();
    }
  },
  120_000,
);

test.skipIf(CANNOT_BE_TWO)(
  "a package that another user planted above is not imported, even without a package.json or named as a plugin",
  async () => {
    const strange = strangeRoot((mark) => ({
      "../shared/root/manifests/a.ts": `import "planted"; export default { name: "a", commands: {} };`,
      "../shared/root/manifests/b.ts": `let loaded = false; try { await import("planted"); loaded = true; } catch {}
        export default { name: "b", commands: { one: { kind: "oneshot", handler: () => console.log(loaded) } } };`,
      "../shared/root/package.json": `{"name": "x", "dialtone": {"plugins": ["plugged"]}}`,
      "../shared/node_modules/planted/index.js": mark("imported"),
      "../shared/node_modules/plugged/package.json": `{"name": "plugged", "main": "index.js"}`,
      "../shared/node_modules/plugged/index.js": `${mark("plugged")} module.exports = { name: "plugged", commands: {} };`,
    }));
    const { root, dt } = strange;
    const shared = join(root.base, "shared");
    const at = { cwd: join(shared, "root"), env: { DIALTONE_TRUST: "1" } };
    try {
      chmodSync(shared, 0o1777);
      giveTo(OTHER, join(shared, "node_modules"));
      for (const words of [["list"], ["list", "--refresh"], ["b", "one"], ["a", "one"], ["plugged", "one"]])
        await dt(words, at);
      expect(strange.marks()).toEqual([]);
      const failed = (await dt(["list"], at)).stdout;
      expect(failed).toContain(`node_modules/: belongs to uid ${OTHER}`);
      // Without it one is as missing as ever, and planted later it is seen at the next start.
      const away = join(root.base, "away");
      renameSync(join(shared, "node_modules"), away);
      expect((await dt(["b", "one"], at)).stdout).toBe("false\n");
      renameSync(away, join(shared, "node_modules"));
      expect((await dt(["b", "one"], at)).code).toBe(2);
      expect(strange.marks()).toEqual([]);
    } finally {
      await strange.dispose();
    }
  },
  60_000,
);

test.skipIf(CANNOT_BE_TWO)(
  "root by sudo trusts its caller's files, and every user trusts root's",
  async () => {
    const strange = strangeRoot(() => ({ "manifests/t.json": ONE }));
    const { root, dt } = strange;
    try {
      giveTo(OTHER, root.dir);
      expect(await dt(["t", "one"], { env: { SUDO_UID: String(OTHER) } })).toMatchObject({ code: 0, stdout: "ran\n" });
      expect((await dt(["t", "one"], { env: { SUDO_UID: String(THIRD) } })).code).toBe(2);
      giveTo(0, root.dir);
      chmodSync(root.base, 0o755);
      const home = join(root.base, "otherhome");
      mkdirSync(home);
      giveTo(OTHER, home);
      const env = {
        ...root.env,
        HOME: home,
        DIALTONE_HOME: join(home, ".dialtone"),
        DIALTONE_RUN_DIR: join(home, "run"),
      };
      expect(await dtAs(OTHER, ["t", "one"], { cwd: root.dir, env })).toMatchObject({ code: 0, stdout: "ran\n" });
    } finally {
      await strange.dispose();
    }
  },
  60_000,
);

test.skipIf(CANNOT_BE_TWO)(
  "a root below a directory where another user may rename things asks a question; CI and an answer allow it",
  async () => {
    const strange = strangeRoot(() => ({ "../open/root/manifests/t.json": ONE }));
    const { root, dt } = strange;
    const open = join(root.base, "open");
    const cwd = join(open, "root");
    try {
      chmodSync(open, 0o777);
      for (const words of [["list"], ["t", "one"], ["bun", "exec", "--version"]]) {
        const asked = await dt(words, { cwd });
        expect({ words, code: asked.code, out: asked.stdout }).toEqual({ words, code: 2, out: "" });
        expect(asked.stderr).toContain(`lies below ${open}`);
      }
      for (const env of [{ CI: "true" }, { DIALTONE_TRUST: "1" }, { DIALTONE_TRUST_OWNER: "1" }])
        expect((await dt(["t", "one"], { cwd, env })).stdout).toBe("ran\n");
      // What is only sticky, as /tmp, is no question.
      chmodSync(open, 0o1777);
      expect((await dt(["list"], { cwd })).code).toBe(0);
      chmodSync(open, 0o755);
      chownSync(open, OTHER, OTHER);
      expect((await dt(["list"], { cwd })).stderr).toContain(`${open}, which belongs to uid ${OTHER}`);
      expect((await dt(["trust", "--owner"], { cwd })).code).toBe(0);
      expect((await dt(["list"], { cwd })).code).toBe(0);
    } finally {
      chownSync(open, 0, 0);
      await strange.dispose();
    }
  },
  60_000,
);

test.skipIf(CANNOT_BE_TWO)(
  "programs that another user put, or may put, beside one's own root are not on PATH; a planted link is no manifests/",
  async () => {
    const root = TestRoot.create({
      "manifests/t.json": `{"name": "t", "cwd": "app", "commands": {"one": {"kind": "oneshot", "run": "echo ran"}}}`,
      "app/x": "",
    });
    try {
      const places = [root.dir, join(root.dir, "app")];
      for (const place of places) plantPrograms(place);
      expect((await root.dt(["t", "one"])).stdout).toBe("PLANTED\n");
      for (const place of places) giveTo(OTHER, join(place, "node_modules"));
      expect((await root.dt(["t", "one"])).stdout).toBe("ran\n");
      for (const place of places) chownSync(join(place, "node_modules/.bin"), 0, 0);
      expect((await root.dt(["t", "one"])).stdout).toBe("ran\n");
      for (const place of places) giveTo(0, join(place, "node_modules"));
      for (const place of places) chmodSync(join(place, "node_modules/.bin"), 0o777);
      expect((await root.dt(["t", "one"])).stdout).toBe("ran\n");
      // A link of another user's to manifests of one's own makes no root of the folder that it lies in.
      const shared = join(root.base, "shared");
      mkdirSync(join(shared, "mine"), { recursive: true });
      chmodSync(shared, 0o1777);
      symlinkSync(join(root.dir, "manifests"), join(shared, "manifests"));
      lchownSync(join(shared, "manifests"), OTHER, OTHER);
      expect((await root.dt(["list"], { cwd: join(shared, "mine") })).stderr).toContain("is skipped");
    } finally {
      await root.dispose();
    }
  },
  60_000,
);

test.skipIf(CANNOT_BE_TWO)(
  "root by sudo leaves the trust of the home's owner readable to them, also where an earlier dt's roots are taken",
  async () => {
    const root = TestRoot.create({ "manifests/t.json": ONE });
    const home = root.env.DIALTONE_HOME as string;
    const strange = { DIALTONE_TRUST: undefined, CI: undefined, SUDO_UID: String(OTHER) };
    try {
      chmodSync(root.base, 0o755);
      writeFile(join(home, "roots", "root-000000000000"), `${root.dir}\n`);
      for (const path of [root.dir, root.home]) giveTo(OTHER, path);
      for (const words of [["list"], ["t", "one"], ["trust"]])
        expect((await root.dt(words, { env: strange })).code).toBe(0);
      const owners = (path: string) =>
        [path, ...readdirSync(path).map((name) => join(path, name))].map((one) => statSync(one).uid);
      for (const kind of ["trust", "known"]) expect(new Set(owners(join(home, kind)))).toEqual(new Set([OTHER]));
    } finally {
      for (const path of [root.dir, root.home]) giveTo(0, path);
      await root.dispose();
    }
  },
  60_000,
);

test.skipIf(CANNOT_BE_TWO)(
  "root with another user's home believes that home where the two are one person, or where the user says so",
  async () => {
    const root = TestRoot.create({ "manifests/t.json": ONE });
    const run = (env: Record<string, string | undefined>) =>
      root.dt(["list"], { env: { DIALTONE_TRUST: undefined, CI: undefined, ...env } });
    try {
      chmodSync(root.base, 0o755);
      expect((await root.dt(["trust"])).code).toBe(0);
      giveTo(OTHER, root.home);
      for (const env of [{}, { SUDO_UID: String(THIRD) }, { CI: "false" }, { DIALTONE_TRUST: "1" }]) {
        const { code, stderr } = await run(env);
        expect({ env, code, stderr }).toMatchObject({ env, stderr: expect.stringContaining("trusts nothing") });
      }
      for (const env of [{ SUDO_UID: String(OTHER) }, { DIALTONE_TRUST_OWNER: "1" }, { CI: "true" }])
        expect({ env, ...(await run(env)) }).toMatchObject({ env, code: 0, stderr: "" });
    } finally {
      giveTo(0, root.home);
      await root.dispose();
    }
  },
  60_000,
);

test.skipIf(CANNOT_BE_TWO)(
  "what root makes to start a plugin in its caller's folder belongs to the folder's owner",
  async () => {
    const root = TestRoot.create({ "manifests/t.json": ONE });
    const sudo = { SUDO_UID: String(OTHER) };
    try {
      chmodSync(root.base, 0o755);
      giveTo(OTHER, root.dir);
      expect((await root.dt(["init", "plugin", "zed"], { env: sudo })).code).toBe(0);
      const made = readdirSync(root.dir, { recursive: true, encoding: "utf8" });
      expect(made).toContain("plugins/zed");
      const ofRoot = made.filter((name) => lstatSync(join(root.dir, name)).uid === 0);
      expect(ofRoot).toEqual([]);
    } finally {
      giveTo(0, root.dir);
      await root.dispose();
    }
  },
  60_000,
);

test.skipIf(CANNOT_BE_TWO)(
  "a home of dt that another user made first, as with a shared HOME, gives no trust, no manifests and no link",
  async () => {
    const strange = strangeRoot((mark) => ({
      "manifests/t.js": `${mark("evaluated")} module.exports = { name: "t", commands: {} };`,
    }));
    const { root } = strange;
    const shared = join(root.base, "sharedhome");
    const home = join(shared, ".dialtone");
    try {
      mkdirSync(shared);
      chmodSync(root.base, 0o755);
      chmodSync(shared, 0o1777);
      chmodSync(join(root.base, "marks"), 0o777);
      const at = { cwd: root.dir, env: { ...root.env, CI: "", DIALTONE_TRUST: "", HOME: shared, DIALTONE_HOME: "" } };
      await root.dt(["trust"], { env: { DIALTONE_HOME: home } });
      strange.marks();
      writeFile(
        join(home, "manifests/h.js"),
        `${strange.mark("of the home")} module.exports = { name: "h", commands: {} };`,
      );
      giveTo(OTHER, root.dir);
      const looks = async () => {
        for (const words of [["list"], ["trust", "--list"], ["bun", "exec", "--version"], ["status"], ["why"]]) {
          const { code, stderr } = await dtAs(OTHER, words, at);
          expect({ words, code, stderr }).toMatchObject({
            words,
            stderr: expect.stringContaining("trusts nothing in it"),
          });
        }
        expect(strange.marks()).toEqual([]);
      };
      giveTo(THIRD, home);
      await looks();
      // A link of theirs to a directory of one's own, which may be a clone.
      renameSync(home, join(root.base, "own"));
      giveTo(OTHER, join(root.base, "own"));
      symlinkSync(join(root.base, "own"), home);
      lchownSync(home, THIRD, THIRD);
      await looks();
      lchownSync(home, OTHER, OTHER);
      chmodSync(join(root.base, "own"), 0o777);
      await looks();
      chmodSync(join(root.base, "own"), 0o755);
      expect((await dtAs(OTHER, ["list", "--refresh"], at)).code).toBe(0);
      expect(strange.marks()).toContain("evaluated");
      // One that may not be entered is none, as ever.
      chmodSync(shared, 0o700);
      expect((await dtAs(OTHER, ["list"], at)).code).toBe(0);
    } finally {
      await strange.dispose();
    }
  },
  60_000,
);
