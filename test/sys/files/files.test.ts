/** Files written whole, and read with three answers. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { temporaryName } from "../../../src/sys/door/temporaryname.ts";
import { readJson, readText } from "../../../src/sys/files/fileread.ts";
import { createFile, createWhole, writeJson, writeWhole } from "../../../src/sys/files/filewrite.ts";
import { clearTemporaries, removeFile } from "../../../src/sys/files/removal.ts";
import { failure } from "../../kit/failure.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { until } from "../../kit.ts";

const scratch = makeScratch();

describe("reading has three answers", () => {
  const check = (value: unknown) => {
    if ((value as { ok?: boolean }).ok !== true) throw new Error("not ok");
    return "checked";
  };
  const cases: [what: string, make: (directory: string) => string, is: string, reason?: string | RegExp][] = [
    ["a file", (at) => write(at, '{"ok":true}'), "there"],
    ["a missing file", (at) => join(at, "nothing"), "absent"],
    ["a missing directory", (at) => join(at, "nothing", "below"), "absent"],
    ["a file where the directory should be", (at) => join(write(at, "x"), "below"), "absent"],
    ["a dangling link", (at) => link(at, "/nowhere"), "absent"],
    ["an empty file", (at) => write(at, ""), "unreadable", /JSON/],
    ["a cut-off file", (at) => write(at, '{"ok":tr'), "unreadable", /JSON/],
    ["a file with zeros", (at) => write(at, "\0\0\0"), "unreadable", /JSON/],
    ["something else", (at) => write(at, '{"ok":false}'), "unreadable", "not ok"],
    ["null", (at) => write(at, "null"), "unreadable", /null/],
    ["a directory", (at) => at, "unreadable", /not a regular file/],
    ["a circle of links", (at) => link(at, "f"), "unreadable", /ELOOP/],
    ["a name that is too long", (at) => join(at, "x".repeat(300)), "unreadable", /ENAMETOOLONG/],
  ];
  function write(directory: string, text: string): string {
    writeFileSync(join(directory, "f"), text);
    return join(directory, "f");
  }
  function link(directory: string, target: string): string {
    symlinkSync(target, join(directory, "f"));
    return join(directory, "f");
  }
  for (const [what, make, is, reason] of cases) {
    test(what, () => {
      const read = readJson(make(scratch()), check);
      expect(read.is).toBe(is as typeof read.is);
      if (read.is === "unreadable") expect(read.reason).toMatch(reason as string);
      if (read.is === "there") expect(read.value).toBe("checked");
    });
  }

  test("text comes as it is", () => {
    const file = join(scratch(), "f");
    writeFileSync(file, "ä\n\r\n");
    expect(readText(file)).toEqual({ is: "there", value: "ä\n\r\n" });
  });
});

describe("writing", () => {
  test("a file is written whole with mode 0600 over the old one, and leaves nothing beside it", () => {
    const directory = scratch();
    const file = join(directory, "f");
    writeFileSync(file, "old and longer than the new one", { mode: 0o644 });
    writeJson(file, { a: "ä" });
    expect(readFileSync(file, "utf8")).toBe('{\n  "a": "ä"\n}\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(["f"]);
  });

  test("a file is written with the requested mode", () => {
    const file = join(scratch(), "f");
    writeWhole(file, { text: "#!/bin/sh\n", mode: 0o755, durable: false });
    expect(statSync(file).mode & 0o777).toBe(0o755);
  });

  test("a reader never sees a part, and a writer killed at any instant leaves the old or the new", async () => {
    const directory = scratch();
    const file = join(directory, "f");
    const texts = ["a", "b"].map((letter) => letter.repeat(300_000));
    writeFileSync(file, texts[0] as string);
    const script = `
      const { writeWhole } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/files/filewrite.ts"))});
      const texts = ["a", "b"].map((letter) => letter.repeat(300_000));
      for (let at = 0; ; at++) writeWhole(${JSON.stringify(file)}, { text: texts[at % 2], durable: false });`;
    for (let round = 0; round < 4; round++) {
      const writer = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "ignore", "inherit"] });
      try {
        let changes = 0;
        let last = "";
        await until("it has changed often enough", () => {
          for (let look = 0; look < 20; look++) {
            const text = readFileSync(file, "utf8");
            if (!texts.includes(text)) throw new Error(`a part was seen: ${text.length} bytes`);
            if (text !== last) changes++;
            last = text;
          }
          return changes > 10 + round;
        });
      } finally {
        writer.kill("SIGKILL");
        await writer.exited;
      }
      expect(texts).toContain(readFileSync(file, "utf8"));
    }
    expect(
      readdirSync(directory)
        .filter((name) => name !== "f")
        .every((name) => /^\.f\.\d+\.\w+\.tmp$/.test(name)),
    ).toBe(true);
  }, 30_000);

  const refused: [what: string, make: (directory: string) => string, errno: string][] = [
    ["a missing directory", (at) => join(at, "nothing", "f"), "ENOENT"],
    ["a file where the directory should be", (at) => join(fileIn(at), "f"), "ENOTDIR"],
    ["a directory in its place", (at) => directoryIn(at), "EISDIR"],
  ];
  function fileIn(directory: string): string {
    writeFileSync(join(directory, "file"), "");
    return join(directory, "file");
  }
  function directoryIn(directory: string): string {
    mkdirSync(join(directory, "d", "full"), { recursive: true });
    return join(directory, "d");
  }
  for (const [what, make, errno] of refused) {
    test(`${what}: an error that names path and cause, and no temporary left`, () => {
      const directory = scratch();
      const file = make(directory);
      const error = failure(() => writeWhole(file, { text: "text" }));
      expect(error).toMatchObject({ code: "cannot-write", details: { path: file, errno } });
      expect(error.message).toStartWith(`Cannot write ${file}: `);
      expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    });
  }

  test("a full device: the hint says what to do, and nothing is left", () => {
    const probe = Bun.spawnSync(["unshare", "-m", "true"]);
    if (probe.exitCode !== 0) {
      console.error("skipped: this machine does not let us mount a small tmpfs");
      return;
    }
    const script = `
      const { writeWhole, createFile } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/files/filewrite.ts"))});
      const { removeFile } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/files/removal.ts"))});
      const { readFileSync, readdirSync, writeFileSync } = require("node:fs");
      const at = process.argv[1];
      const codes = [];
      const attempt = (run) => { try { run(); codes.push("done"); } catch (e) { codes.push(e.code + " " + (e.details?.errno ?? "") + " " + (e.hint ?? "")); } };
      writeFileSync(at + "/f", "old");
      attempt(() => writeWhole(at + "/f", { text: "x".repeat(100_000) }));
      attempt(() => createFile(at + "/g", { text: "x".repeat(100_000) }));
      codes.push(readFileSync(at + "/f", "utf8"), ...readdirSync(at));
      Bun.spawnSync(["mount", "-o", "remount,ro", at]);
      attempt(() => writeWhole(at + "/f", { text: "new" }));
      attempt(() => removeFile(at + "/f"));
      attempt(() => removeFile(at + "/not-there"));
      console.log(JSON.stringify(codes));`;
    const directory = scratch();
    const mount = `mount -t tmpfs -o size=64k none "$1" || exit 77; exec "$2" -e "$3" "$1"`;
    const child = Bun.spawnSync(["unshare", "-m", "sh", "-c", mount, "sh", directory, process.execPath, script]);
    if (child.exitCode === 77) {
      console.error("skipped: this machine does not let us mount a small tmpfs");
      return;
    }
    expect(child.stderr.toString()).toBe("");
    const readOnly = "cannot-write EROFS The file system is read-only: set DIALTONE_RUN_DIR to a writable directory.";
    expect(JSON.parse(child.stdout.toString())).toEqual([
      "cannot-write ENOSPC The disk is full: free some space and run it again.",
      "ENOSPC  ",
      "old",
      "f",
      readOnly,
      readOnly,
      "done",
    ]);
  });

  test("createFile never writes over what is there", () => {
    const file = join(scratch(), "f");
    createFile(file, { text: "first" });
    expect(failure(() => createFile(file, { text: "second" }))).toMatchObject({ code: "EEXIST" });
    expect(readFileSync(file, "utf8")).toBe("first");
  });

  test("createWhole never writes over what is there, nor through a link, and removes its temporary file", () => {
    const directory = scratch();
    const file = join(directory, "f");
    createWhole(file, { text: "first", mode: 0o640 });
    expect(failure(() => createWhole(file, { text: "second" }))).toMatchObject({ code: "EEXIST" });
    symlinkSync(join(directory, "elsewhere"), join(directory, "link"));
    expect(failure(() => createWhole(join(directory, "link"), { text: "x" }))).toMatchObject({ code: "EEXIST" });
    expect(readFileSync(file, "utf8")).toBe("first");
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(directory).sort()).toEqual(["f", "link"]);
  });

  test.skipIf(process.platform !== "linux")("createWhole works where there are no hard links", () => {
    const directory = scratch();
    const script = `
      const { denyCalls } = await import(${JSON.stringify(join(import.meta.dir, "../deny.ts"))});
      const { createWhole } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/files/filewrite.ts"))});
      const at = process.argv[1];
      denyCalls(["link"]);
      let code = "none";
      try { require("node:fs").linkSync("/etc/passwd", at + "/link"); } catch (error) { code = error.code; }
      createWhole(at + "/f", { text: "first" });
      try { createWhole(at + "/f", { text: "second" }); } catch (error) { code += " " + error.code; }
      console.log(code, require("node:fs").readFileSync(at + "/f", "utf8"), ...require("node:fs").readdirSync(at));`;
    const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script, directory]);
    expect([stdout.toString(), stderr.toString()]).toEqual(["EPERM EEXIST first f\n", ""]);
  });
});

describe("removing", () => {
  test("removing a file removes it; removing a missing one, or one below a file, is no error", () => {
    const directory = scratch();
    const file = join(directory, "f");
    writeFileSync(file, "");
    removeFile(file);
    removeFile(file);
    writeFileSync(file, "");
    removeFile(join(file, "below"));
    expect(existsSync(file)).toBe(true);
  });

  test("removing a link leaves what it points to", () => {
    const directory = scratch();
    writeFileSync(join(directory, "target"), "");
    symlinkSync("target", join(directory, "link"));
    removeFile(join(directory, "link"));
    expect(readdirSync(directory)).toEqual(["target"]);
  });

  test("removing a directory is refused", () => {
    expect(failure(() => removeFile(scratch()))).toMatchObject({ code: "cannot-write" });
  });
});

describe("temporaries that a crash left", () => {
  const OLD = Date.now() + 10 * 60_000;

  test("temporary files are named after the file and the process", () => {
    expect(temporaryName("/a/t:dev:default.meta.json")).toMatch(
      new RegExp(`^/a/\\.t:dev:default\\.meta\\.json\\.${process.pid}\\.[a-z0-9]+\\.tmp$`),
    );
  });

  test("old temporary files of dead processes are removed, and everything else stays", async () => {
    const directory = scratch();
    const child = Bun.spawn(["true"]);
    await child.exited;
    const dead = `.a:b:c.meta.json.${child.pid}.abc123.tmp`;
    const living = `.a:b:c.meta.json.${process.pid}.abc123.tmp`;
    const others = [".a.tmp", "a:b:c.log", ".gitignore", `x.${child.pid}.abc.tmp`, `.a.${child.pid}.tmp`];
    for (const name of [dead, living, ...others]) writeFileSync(join(directory, name), "");
    mkdirSync(join(directory, `.d.${child.pid}.abc.tmp`));
    clearTemporaries(directory, Date.now());
    expect(existsSync(join(directory, dead))).toBe(true);
    clearTemporaries(directory, OLD);
    expect(readdirSync(directory).sort()).toEqual([`.d.${child.pid}.abc.tmp`, living, ...others].sort());
  });

  test("looking for temporary files in a missing or unwritable directory is no error", () => {
    clearTemporaries(join(scratch(), "nothing"), OLD);
    const directory = scratch();
    writeFileSync(join(directory, ".a.4000000.abc.tmp"), "");
    chmodSync(directory, 0o500);
    clearTemporaries(directory, OLD);
    chmodSync(directory, 0o700);
  });
});
