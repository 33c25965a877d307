/**
 * `dt init` in a clone that was made to lead it astray: it names what is wrong, writes nothing at all, inside or
 * outside, and never waits. What is only read may be anything.
 */
import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Result, TestRoot } from "../../kit.ts";
import { canBeTwo, OTHER } from "./users.kit.ts";

/** The first line by which dt knows a file of types as its own, and brings it up to date. */
const OWN_TYPES =
  "// The types of @dialtone/dt, for editors and tsc. Written by `dt init`, which also brings this file up to date.\nold\n";

/** A clone, and a place outside of it with what its user cares for. */
interface Clone {
  root: TestRoot;
  dir: string;
  outside: string;
}

function makeClone(): Clone {
  const root = TestRoot.create();
  rmSync(join(root.dir, "manifests"), { recursive: true });
  mkdirSync(join(root.dir, ".git"));
  const outside = join(root.base, "outside");
  mkdirSync(join(outside, "empty"), { recursive: true });
  writeFileSync(join(outside, "bashrc"), "original\n");
  writeFileSync(join(outside, "types"), OWN_TYPES);
  return { root, dir: root.dir, outside };
}

/** All that is below a directory: kinds, modes, owners, content. */
function pictureOf(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return entries
    .filter((path) => !path.startsWith(".dialtone"))
    .map((path) => {
      const file = join(directory, path);
      const stat = lstatSync(file);
      const text = stat.isFile() ? readFileSync(file, "utf8") : stat.isSymbolicLink() ? readlinkSync(file) : "";
      return `${path} ${stat.ino} ${stat.mode.toString(8)} ${stat.uid} ${text}`;
    });
}

const pipe = (path: string) => {
  if (Bun.spawnSync(["mkfifo", path]).exitCode !== 0) throw new Error(`no pipe at ${path}`);
};

interface Trap {
  lay(clone: Clone): void;
  /** What the error names. */
  named: string;
  /** What it says of that. */
  says: RegExp;
  /** `dt init plugin shop` instead of `dt init`. */
  plugin?: true;
  /** Only where a test can make files of another user. */
  two?: true;
}

const manifests = ({ dir }: Clone) => mkdirSync(join(dir, "manifests"));

const TRAPS: Record<string, Trap> = {
  "its .gitignore is a link to a file": {
    lay: ({ dir, outside }) => symlinkSync(join(outside, "bashrc"), join(dir, ".gitignore")),
    named: ".gitignore",
    says: /should be a file, but is a link to ".*outside\/bashrc"/,
  },
  "its .gitignore is a link to what is not there": {
    lay: ({ dir, outside }) => symlinkSync(join(outside, "new"), join(dir, ".gitignore")),
    named: ".gitignore",
    says: /is a link to/,
  },
  "its .gitignore is a link to /dev/zero": {
    lay: ({ dir }) => symlinkSync("/dev/zero", join(dir, ".gitignore")),
    named: ".gitignore",
    says: /is a link to "\/dev\/zero"/,
  },
  "its .gitignore is a pipe": {
    lay: ({ dir }) => pipe(join(dir, ".gitignore")),
    named: ".gitignore",
    says: /should be a file, but is a pipe/,
  },
  "its .gitignore is a directory": {
    lay: ({ dir }) => mkdirSync(join(dir, ".gitignore")),
    named: ".gitignore",
    says: /should be a file, but is a directory/,
  },
  "its .gitignore is another file too": {
    lay: ({ dir, outside }) => linkSync(join(outside, "bashrc"), join(dir, ".gitignore")),
    named: ".gitignore",
    says: /is a file with 2 names \(hard links\)/,
  },
  "its .gitignore is another user's": {
    lay({ dir }) {
      writeFileSync(join(dir, ".gitignore"), "x\n");
      chownSync(join(dir, ".gitignore"), OTHER, OTHER);
    },
    named: ".gitignore",
    says: new RegExp(`belongs to uid ${OTHER}`),
    two: true,
  },
  "its manifests is a link": {
    lay: ({ dir, outside }) => symlinkSync(join(outside, "empty"), join(dir, "manifests")),
    named: "manifests",
    says: /should be a directory, but is a link/,
  },
  "its manifests is a link to what is not there": {
    lay: ({ dir, outside }) => symlinkSync(join(outside, "new"), join(dir, "manifests")),
    named: "manifests",
    says: /should be a directory, but is a link/,
  },
  "its manifests is a file": {
    lay: ({ dir }) => writeFileSync(join(dir, "manifests"), ""),
    named: "manifests",
    says: /should be a directory, but is a file/,
  },
  "its manifests is another user's": {
    lay(clone) {
      manifests(clone);
      chownSync(join(clone.dir, "manifests"), OTHER, OTHER);
    },
    named: "manifests",
    says: new RegExp(`belongs to uid ${OTHER}`),
    two: true,
  },
  "its manifests may be written to by all": {
    lay(clone) {
      manifests(clone);
      chmodSync(join(clone.dir, "manifests"), 0o777);
    },
    named: "manifests",
    says: /may be changed by every user/,
  },
  "it is another user's": {
    lay: ({ dir }) => chownSync(dir, OTHER, OTHER),
    named: "",
    says: new RegExp(`belongs to uid ${OTHER}`),
    two: true,
  },
  "its types are a link to a file like dt's own": {
    lay(clone) {
      manifests(clone);
      symlinkSync(join(clone.outside, "types"), join(clone.dir, "manifests/dialtone.d.ts"));
    },
    named: "manifests/dialtone.d.ts",
    says: /should be a file, but is a link/,
  },
  "its types are another file too": {
    lay(clone) {
      manifests(clone);
      linkSync(join(clone.outside, "types"), join(clone.dir, "manifests/dialtone.d.ts"));
    },
    named: "manifests/dialtone.d.ts",
    says: /is a file with 2 names/,
  },
  "its manifests' tsconfig.json is a link to what is not there": {
    lay(clone) {
      manifests(clone);
      symlinkSync(join(clone.outside, "new"), join(clone.dir, "manifests/tsconfig.json"));
    },
    named: "manifests/tsconfig.json",
    says: /should be a file, but is a link/,
  },
  "its manifests is a link, and a plugin is to be made": {
    lay: ({ dir, outside }) => symlinkSync(join(outside, "empty"), join(dir, "manifests")),
    named: "manifests",
    says: /should be a directory, but is a link/,
    plugin: true,
  },
  "its plugins is a link": {
    lay(clone) {
      manifests(clone);
      symlinkSync(join(clone.outside, "empty"), join(clone.dir, "plugins"));
    },
    named: "plugins",
    says: /should be a directory, but is a link/,
    plugin: true,
  },
  "its plugins is another user's": {
    lay({ dir }) {
      mkdirSync(join(dir, "plugins"));
      chownSync(join(dir, "plugins"), OTHER, OTHER);
    },
    named: "plugins",
    says: new RegExp(`belongs to uid ${OTHER}`),
    plugin: true,
    two: true,
  },
  "its folder for the plugin is a link": {
    lay({ dir, outside }) {
      mkdirSync(join(dir, "plugins"));
      symlinkSync(join(outside, "empty"), join(dir, "plugins/shop"));
    },
    named: "plugins/shop",
    says: /already exists/,
    plugin: true,
  },
  "its manifest of the plugin is a link to what is not there": {
    lay(clone) {
      manifests(clone);
      symlinkSync(join(clone.outside, "new"), join(clone.dir, "manifests/shop.ts"));
    },
    named: "manifests/shop.ts",
    says: /already exists/,
    plugin: true,
  },
  "its types are a link, and a plugin is to be made": {
    lay(clone) {
      manifests(clone);
      symlinkSync(join(clone.outside, "new"), join(clone.dir, "manifests/dialtone.d.ts"));
    },
    named: "manifests/dialtone.d.ts",
    says: /should be a file, but is a link/,
    plugin: true,
  },
};

for (const [what, { lay, named, says, plugin, two }] of Object.entries(TRAPS)) {
  test.skipIf(two === true && !canBeTwo)(`dt init refuses a clone in which ${what}, and writes nothing`, async () => {
    const clone = makeClone();
    const { root, dir, outside } = clone;
    try {
      lay(clone);
      const before = [pictureOf(dir), pictureOf(outside)];
      for (const flags of [[], ["--dry-run"]]) {
        const said: Result = await root.dt(["init", ...(plugin ? ["plugin", "shop"] : []), ...flags]);
        expect({ code: said.code, signal: said.signal, stdout: said.stdout }).toEqual({
          code: 2,
          signal: null,
          stdout: "",
        });
        expect(said.stderr).toContain(named === "" ? dir : named);
        expect(said.stderr).toMatch(says);
        expect(said.stderr).toMatch(/nothing was written/i);
        expect([pictureOf(dir), pictureOf(outside)]).toEqual(before);
      }
    } finally {
      chownSync(dir, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
      await root.dispose();
    }
  });
}

test("dt init reads past a pipe or an endless file beside the manifests and above the project", async () => {
  const { root, dir, outside } = makeClone();
  try {
    const sub = join(dir, "sub");
    mkdirSync(sub);
    symlinkSync("/dev/zero", join(dir, ".gitignore"));
    pipe(join(sub, "tsconfig.json"));
    const before = pictureOf(outside);
    const said = await root.dt(["init"], { cwd: sub });
    expect(said).toMatchObject({ code: 0, signal: null });
    rmSync(join(sub, "tsconfig.json"));
    symlinkSync("/dev/zero", join(sub, "tsconfig.json"));
    expect((await root.dt(["init", "plugin", "shop"], { cwd: sub })).code).toBe(0);
    expect(pictureOf(outside)).toEqual(before);
  } finally {
    await root.dispose();
  }
});

test("dt init makes an honest clone a project, adds to its own files, and changes nothing the second time", async () => {
  const { root, dir } = makeClone();
  try {
    mkdirSync(join(dir, "manifests"));
    writeFileSync(join(dir, ".gitignore"), "dist/\n", { mode: 0o640 });
    writeFileSync(join(dir, "manifests/dialtone.d.ts"), OWN_TYPES);
    expect((await root.dt(["init"])).stdout).toBe(
      "wrote  manifests/tsconfig.json\nchanged  manifests/dialtone.d.ts\nchanged  .gitignore\n",
    );
    expect(readFileSync(join(dir, ".gitignore"), "utf8")).toBe("dist/\n.dialtone/\n");
    expect(lstatSync(join(dir, ".gitignore")).mode & 0o777).toBe(0o640);
    // What is right as it is may have as many names as it likes.
    linkSync(join(dir, ".gitignore"), join(root.base, "backup"));
    const before = pictureOf(dir);
    expect(await root.dt(["init"])).toMatchObject({ code: 0, stdout: "" });
    expect(pictureOf(dir)).toEqual(before);
  } finally {
    await root.dispose();
  }
});

test("dt init runs no program of a clone's .git", async () => {
  const { root, dir } = makeClone();
  try {
    const ran = join(root.base, "ran");
    const program = root.write("program", `#!/bin/sh\ntouch '${ran}'\n`);
    chmodSync(program, 0o755);
    mkdirSync(join(dir, ".git/hooks"));
    for (const hook of ["post-index-change", "pre-commit", "reference-transaction"])
      symlinkSync(program, join(dir, ".git/hooks", hook));
    for (const [path, text] of Object.entries({ HEAD: "ref: refs/heads/main\n", config: "" }))
      root.write(`.git/${path}`, text);
    root.write(
      ".git/config",
      `[core]\n\trepositoryformatversion = 0\n\tfsmonitor = ${program}\n\tpager = ${program}\n\tsshCommand = ${program}\n[alias]\n\tstatus = !${program}\n[diff]\n\texternal = ${program}\n`,
    );
    for (const name of ["objects", "refs"]) mkdirSync(join(dir, ".git", name));
    root.write("manifests/t.json", JSON.stringify({ name: "t", commands: { o: { kind: "oneshot", run: ["true"] } } }));
    // The trap works.
    Bun.spawnSync(["git", "status"], { cwd: dir, env: { PATH: process.env.PATH ?? "", HOME: root.home } });
    expect(lstatSync(ran, { throwIfNoEntry: false })).toBeDefined();
    rmSync(ran);
    for (const words of [
      "init",
      "init plugin shop",
      "list",
      "ps --all",
      "doctor",
      "why t o",
      "jobs",
      "t o",
      "help t",
      "gc",
    ])
      await root.dt(words.split(" "));
    expect(lstatSync(ran, { throwIfNoEntry: false })).toBeUndefined();
  } finally {
    await root.dispose();
  }
});
