/**
 * Each row of the table on top of src/sys/door/descend.ts, on Linux and as without /proc; and another process that swaps
 * directories meanwhile.
 */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { DtError } from "../../../src/sys/base/error.ts";
import { descend, descendInto, openThere } from "../../../src/sys/door/descend.ts";
import { openOwn, readOwn } from "../../../src/sys/door/door.ts";
import { MOST } from "../../../src/sys/door/keptopen.ts";
import { linkBeside, renameBeside } from "../../../src/sys/files/beside.ts";
import { createWhole, writeOwn } from "../../../src/sys/files/filewrite.ts";
import { removeEmptyDirectory, removeFile } from "../../../src/sys/files/removal.ts";
import { writeError } from "../../../src/sys/files/writeerror.ts";
import { checkPrivateDirectory, makePrivateDirectory } from "../../../src/sys/places/privatedirectory.ts";
import { makeSeal } from "../../../src/sys/seal/seal.ts";
import { failure } from "../../kit/failure.ts";
import { makeScratch } from "../../kit/scratch.ts";

const scratch = makeScratch();

/** A project with a run directory, and a directory elsewhere in which nothing is to change. */
function place() {
  const top = scratch();
  const [folder, elsewhere] = [join(top, "project"), join(top, "elsewhere")];
  const run = join(folder, ".dialtone/run");
  mkdirSync(join(run, "launch"), { recursive: true });
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, "state"), "mine");
  writeFileSync(join(run, "state"), "dt's");
  return { top, folder, run, elsewhere };
}

const WAYS: [name: string, throughProc: boolean][] = [["where a name in an open directory has no path", false]];
if (process.platform === "linux") WAYS.unshift(["through /proc", true]);

describe.each(WAYS)("%s", (_, throughProc) => {
  const open = (path: string) => openThere(path, constants.O_RDONLY, throughProc);

  test("an existing file is opened, in the run directory and below it", () => {
    const { run } = place();
    writeFileSync(join(run, "launch/one"), "below");
    for (const [path, text] of [
      [join(run, "state"), "dt's"],
      [join(run, "launch/one"), "below"],
    ] as const) {
      const fd = open(path);
      expect(readFileSync(fd, "utf8")).toBe(text);
      closeSync(fd);
      expect(descend(path, (at) => readFileSync(at, "utf8"), throughProc)).toBe(text);
    }
  });

  test("a link above the project's folder is followed, as the user's own", () => {
    const { top, folder } = place();
    symlinkSync(folder, join(top, "short"));
    const path = join(top, "short/.dialtone/run/state");
    const fd = open(path);
    expect(readFileSync(fd, "utf8")).toBe("dt's");
    closeSync(fd);
    expect(descend(path, (at) => readFileSync(at, "utf8"), throughProc)).toBe("dt's");
  });

  for (const step of [".dialtone", ".dialtone/run", ".dialtone/run/launch"]) {
    test(`${step} is a link, or a file: refused by its name, whatever is asked`, () => {
      const { top, folder, elsewhere } = place();
      const directory = join(folder, step);
      const path = join(folder, ".dialtone/run/launch/state");
      mkdirSync(join(elsewhere, "run/launch"), { recursive: true });
      mkdirSync(join(elsewhere, "launch"));
      for (const at of ["launch", "run/launch"]) writeFileSync(join(elsewhere, at, "state"), "mine");
      renameSync(directory, join(top, "kept"));
      for (const [make, says] of [
        [() => symlinkSync(elsewhere, directory), "is a symbolic link"],
        [() => writeFileSync(directory, "a file"), "is not a directory"],
      ] as const) {
        make();
        for (const run of [
          () => open(path),
          () => open(`${path}.missing`),
          () => descend(path, (at) => unlinkSync(at), throughProc),
          () => descendInto(join(path, ".."), (at) => readdirSync(at), throughProc),
        ]) {
          const error = failure(run);
          expect(error.code).toBe("unsafe-file");
          expect(error.message).toStartWith(`${directory} ${says}`);
        }
        rmSync(directory);
      }
      expect(readFileSync(join(elsewhere, "launch/state"), "utf8")).toBe("mine");
    });
  }

  test("a missing file is the system's error, with the path that was asked for", () => {
    const { folder, run } = place();
    rmSync(join(run, "launch"), { recursive: true });
    for (const path of [join(run, "none"), join(run, "launch/none")]) {
      for (const error of [failure(() => open(path)), failure(() => descend(path, unlinkSync, throughProc))]) {
        expect(error.code).toBe("ENOENT");
        expect(error.message).toContain(path);
        expect(error.message).not.toContain("/proc/");
        expect(error.path).toBe(path);
      }
    }
    rmSync(folder, { recursive: true });
    expect(failure(() => descend(join(run, "none"), unlinkSync, throughProc)).code).toBe("ENOENT");
  });

  test("an error shows the path, not the descriptor, when a name of the path means something to replace()", () => {
    const top = join(scratch(), "$& $$ $` d");
    const path = join(top, ".dialtone/run/none");
    mkdirSync(join(path, ".."), { recursive: true });
    const error = failure(() => descend(path, unlinkSync, throughProc));
    expect([error.path, error.message]).toEqual([path, expect.stringContaining(`'${path}'`)]);
    const names = failure(() => descendInto(path, (at) => readdirSync(at), throughProc));
    expect([names.path, names.message]).toEqual([path, expect.stringContaining(`'${path}'`)]);
  });

  test("an error names a hidden file by its whole path", () => {
    const { run } = place();
    const error = failure(() => descendInto(run, (at) => unlinkSync(join(at, ".none")), throughProc));
    expect([error.path, error.message]).toEqual([join(run, ".none"), expect.stringContaining(`'${run}/.none'`)]);
  });

  test("the names in a directory are listed", () => {
    const { run } = place();
    expect(descendInto(run, (at) => readdirSync(at).sort(), throughProc)).toEqual(["launch", "state"]);
  });

  test("no descriptor is left open, whether a call succeeds or fails", () => {
    const { run, elsewhere } = place();
    const before = readdirSync("/dev/fd").length;
    for (let round = 0; round < 50; round++) {
      descend(join(run, "state"), () => {}, throughProc);
      closeSync(open(join(run, "state")));
      failure(() => descend(join(run, "none"), unlinkSync, throughProc));
      failure(() => descend(join(run, "none/none"), unlinkSync, throughProc));
    }
    rmSync(run, { recursive: true });
    symlinkSync(elsewhere, run);
    for (let round = 0; round < 50; round++) {
      failure(() => open(join(run, "state")));
      failure(() => descend(join(run, "state"), unlinkSync, throughProc));
    }
    // Those that are kept for the next use (keptopen.ts) are few; each round that left one would show.
    expect(readdirSync("/dev/fd").length).toBeLessThanOrEqual(before + MOST);
  });
});

test("the user's own directory is reached by its path, through links too", () => {
  const { top, elsewhere } = place();
  const home = join(top, ".dialtone");
  symlinkSync(elsewhere, home);
  expect(readOwn(join(home, "state")).toString()).toBe("mine");
  writeOwn(join(home, "more"), { text: "kept" });
  expect(readFileSync(join(elsewhere, "more"), "utf8")).toBe("kept");
});

test("of two run directories on one path the last counts", () => {
  const { run, elsewhere } = place();
  symlinkSync(elsewhere, join(run, ".dialtone"));
  mkdirSync(join(elsewhere, "run"));
  const path = join(run, ".dialtone/run/x");
  const error = failure(() => writeOwn(path, { text: "x" }));
  expect(error.message).toStartWith(`${join(run, ".dialtone")} is a symbolic link`);
  expect(readdirSync(join(elsewhere, "run"))).toEqual([]);
});

test("an unreadable directory is made private as any other", () => {
  const { run } = place();
  for (const mode of [0o333, 0o777, 0o755, 0o070]) {
    chmodSync(run, mode);
    checkPrivateDirectory(run);
    expect(statSync(run).mode & 0o777).toBe(0o700);
  }
});

test("an error of another dt about a directory is passed on unchanged", () => {
  const { run, elsewhere } = place();
  rmSync(run, { recursive: true });
  symlinkSync(elsewhere, run);
  const said = failure(() => removeFile(join(run, "state")));
  expect(writeError(run, { cause: said })).toBe(said);
});

test("a link, a rename and a removal within one directory touch one file alone", () => {
  const { run } = place();
  const [one, two] = [join(run, "one"), join(run, "two")];
  createWhole(one, { text: "1" });
  expect(failure(() => createWhole(one, { text: "2" })).code).toBe("EEXIST");
  linkBeside(one, two);
  expect(failure(() => linkBeside(one, two))).toMatchObject({ code: "EEXIST", dest: two, path: one });
  renameBeside(two, join(run, "three"));
  expect(readdirSync(run).sort()).toEqual(["launch", "one", "state", "three"]);
  removeFile(one);
  removeFile(one);
  expect(readdirSync(run).sort()).toEqual(["launch", "state", "three"]);
});

test("in a folder that is moved while its directory is held, work is done where the folder is now", () => {
  const { top, folder, run } = place();
  descend(join(run, "made"), (at) => {
    renameSync(folder, join(top, "moved"));
    writeFileSync(at, "there");
  });
  expect(readFileSync(join(top, "moved/.dialtone/run/made"), "utf8")).toBe("there");
});

describe("somebody swaps the directory for a link, as fast as can be", () => {
  const BEGUN = `const [run, kept, elsewhere] = process.argv.slice(1);
    const { renameSync, rmSync, symlinkSync, unlinkSync } = require("node:fs");
    console.log("begun");`;
  const SWAPPERS = {
    // dt may make the directory again where it is missing: then that one is swapped.
    replace: `${BEGUN}
      const attempt = (step) => { try { step(); return true; } catch { return false; } };
      for (;;) {
        if (!attempt(() => renameSync(run, kept))) attempt(() => rmSync(kept, { recursive: true }));
        attempt(() => symlinkSync(elsewhere, run));
        attempt(() => unlinkSync(run));
        attempt(() => renameSync(kept, run));
      }`,
    // At no time is there nothing.
    exchange: `${BEGUN}
      const { dlopen } = require("bun:ffi");
      const { renameat2 } = dlopen("libc.so.6", {
        renameat2: { args: ["i32", "buffer", "i32", "buffer", "u32"], returns: "i32" },
      }).symbols;
      symlinkSync(elsewhere, kept);
      const [a, b] = [run, kept].map((path) => Buffer.from(path + "\\0"));
      for (;;) renameat2(-100, a, -100, b, 2);`,
  };

  /** `.dialtone/run` is a directory of the project or a link to `elsewhere`, in turn. */
  async function swapped(
    work: (of: ReturnType<typeof place>) => Promise<void>,
    how: keyof typeof SWAPPERS = "replace",
  ): Promise<ReturnType<typeof place>> {
    const of = place();
    const argv = [process.execPath, "-e", SWAPPERS[how], of.run, join(of.folder, "kept"), of.elsewhere];
    const other = Bun.spawn(argv, { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await other.stdout.getReader().read();
      await work(of);
    } finally {
      other.kill("SIGKILL");
      await other.exited;
    }
    return of;
  }

  /**
   * Each step by itself, in a stretch of its own, until they were done, and refused, often enough to have met every
   * instant between two calls.
   */
  async function often(
    steps: (() => void)[],
    codes = ["unsafe-file", "unsafe-directory", "ENOENT", "EEXIST", "cannot-write"],
  ): Promise<void> {
    const seen = { done: 0, refused: 0 };
    const deadline = performance.now() + 8_000;
    while ((seen.done < 1500 || seen.refused < 1500) && performance.now() < deadline) {
      for (const step of steps) {
        try {
          step();
          seen.done++;
        } catch (error) {
          // ENOENT, EEXIST: in between there is neither, or the step before was refused.
          expect(codes).toContain((error as DtError).code);
          seen.refused++;
        }
        await null;
      }
    }
    expect(seen.done).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(100);
  }

  const untouched = ({ elsewhere }: ReturnType<typeof place>) =>
    readdirSync(elsewhere).map((name) => [name, readFileSync(join(elsewhere, name), "utf8")]);

  test("while another process swaps the directory for a link, dt makes, renames, removes and appends only in its own", async () => {
    const of = await swapped(({ run }) => {
      const [made, moved] = [join(run, "made"), join(run, "moved")];
      return often([
        () => writeOwn(made, { text: "made", durable: false }),
        () => renameBeside(made, moved),
        () =>
          closeSync(openOwn(join(run, "log"), { flags: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT })),
        () => linkBeside(moved, made),
        () => removeFile(moved),
        () => removeFile(made),
        () => removeFile(join(run, "state")),
      ]);
    });
    expect(untouched(of)).toEqual([["state", "mine"]]);
  });

  test("while another process swaps the directory for a link, dt reads its own files and finds them", async () => {
    await swapped(
      ({ run }) => often([() => expect(readOwn(join(run, "state")).toString()).toBe("dt's")], ["unsafe-file"]),
      "exchange",
    );
  });

  test("while another process swaps the directory for a link, what is sealed meanwhile is own", async () => {
    const home = join(scratch(), "home");
    const { run, elsewhere } = await swapped((of) => {
      writeFileSync(join(of.elsewhere, "sealed"), "{}");
      const seal = makeSeal(of.run, home);
      return often([
        () => writeOwn(join(of.run, "sealed"), { text: seal.close(join(of.run, "sealed"), { a: 1 }), durable: false }),
        () => {
          const text = readOwn(join(of.run, "sealed")).toString();
          expect(makeSeal(of.run, home).open(join(of.run, "sealed"), text)).toMatchObject({ is: "own" });
        },
      ]);
    }, "exchange");
    expect([readdirSync(elsewhere).sort(), existsSync(run)]).toEqual([["sealed", "state"], true]);
  });

  test("while another process swaps the directory for a link, directories are made only in the project", async () => {
    const of = await swapped(({ run, elsewhere }) => {
      mkdirSync(join(elsewhere, "launch"), { mode: 0o755 });
      return often([
        () => makePrivateDirectory(join(run, "jobs")),
        () => descend(join(run, "launch"), (at) => chmodSync(at, 0o755)),
        () => checkPrivateDirectory(join(run, "launch")),
        () => descend(join(run, "jobs"), (at) => rmdirSync(at)),
      ]);
    });
    expect(statSync(join(of.elsewhere, "launch")).mode & 0o777).toBe(0o755);
    expect(readdirSync(of.elsewhere).sort()).toEqual(["launch", "state"]);
  });
});

test("a directory that dt removes can be made again at once", () => {
  const run = join(scratch(), ".dialtone", "run");
  for (let round = 0; round < 2; round++) {
    makePrivateDirectory(join(run, "launch"));
    writeOwn(join(run, "made"), { text: "made", durable: false });
    removeFile(join(run, "made"));
    for (const path of [join(run, "launch"), run]) removeEmptyDirectory(path);
  }
  expect(existsSync(run)).toBe(false);
});

test.skipIf(process.getuid?.() !== 0)(
  "a directory of another user on the way is refused, and root takes the folder's owner's",
  () => {
    const { folder, run } = place();
    const chown = (uid: number, ...paths: string[]) =>
      expect(Bun.spawnSync(["chown", `${uid}:${uid}`, ...paths]).exitCode).toBe(0);
    chown(54321, run);
    const error = failure(() => writeOwn(join(run, "made"), { text: "x" }));
    expect([error.code, error.message]).toEqual([
      "unsafe-file",
      expect.stringContaining(`${run} belongs to uid 54321`),
    ]);
    expect(existsSync(join(run, "made"))).toBe(false);
    chown(54321, folder, join(folder, ".dialtone"));
    writeOwn(join(run, "made"), { text: "x" });
    const fd = openOwn(join(run, "made"), { flags: constants.O_RDONLY });
    expect(fstatSync(fd).uid).toBe(54321);
    closeSync(fd);
  },
);
