/** Who wrote a state file: each row of the table on top of src/sys/seal/seal.ts, and the secret it hangs on. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { temporaryName } from "../../../src/sys/door/temporaryname.ts";
import { makeSeal } from "../../../src/sys/seal/seal.ts";
import { readSealed, writeSealed } from "../../../src/sys/seal/sealed.ts";
import { joinSealed, splitSealed } from "../../../src/sys/seal/sealtext.ts";
import { openSecrets } from "../../../src/sys/seal/secret.ts";
import { failure } from "../../kit/failure.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { until } from "../../kit.ts";
import type { SealPlan } from "./seal.worker.ts";

const scratch = makeScratch();
const VALUE = { version: 1, key: "a:b:c", argv: ["sh", "-c", "exec sleep 1"], at: { pid: 4, port: null } };
const isRoot = process.getuid?.() === 0;

function place() {
  const base = scratch();
  const [directory, home] = [join(base, "run"), join(base, "home")];
  mkdirSync(directory);
  const path = join(directory, "a:b:c.meta.json");
  return { base, directory, home, path, seal: makeSeal(directory, home) };
}

const whole = (value: unknown) => value;

describe("own", () => {
  test("a sealed file is read back without its seal, and is plain text", () => {
    const { path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    expect(readSealed(path, { seal, check: whole })).toEqual({ is: "there", value: VALUE });
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject(VALUE);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("property: any JSON object and any text can be sealed and read back", () => {
    const { path, seal } = place();
    const key = fc.oneof(
      fc.string(),
      fc.constantFrom("1", "0", "-1", "__proto__", "constructor", "toJSON", "mac", "é\u0000"),
    );
    const object = fc.dictionary(
      key.filter((name) => name !== "seal"),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(object, (value) => {
        const opened = seal.open(path, seal.close(path, value));
        // As JSON, which is all that is kept: -0 is 0 there.
        expect(opened.is === "own" && JSON.stringify(opened.value)).toBe(JSON.stringify(value));
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(seal.openText(path, seal.closeText(path, text))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test("property: the MAC is over the JSON without its indentation, whatever stands in keys and strings", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('"', "\\", ":", " ", "\n", "{", ",", "\ud800") }),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(text, fc.integer(), fc.array(tie("value")), fc.dictionary(text, tie("value"))),
    }));
    const mark = { path: '/a "b": c', mac: "0" };
    const bodyOf = (content: object) => splitSealed(joinSealed(content, mark));
    fc.assert(
      fc.property(fc.dictionary(text, value), (content) => {
        expect(bodyOf(content)).toEqual({ mark, body: JSON.stringify(content) });
      }),
      { numRuns: 1000 },
    );
    for (const part of ['"', "\\", "\n", "a", '": ']) {
      const long = part.repeat(1_000_000);
      const content = { a: [long, { [long]: long }], [long]: long };
      expect(bodyOf(content).body === JSON.stringify(content)).toBe(true);
    }
  });

  test("another process of the same user reads a sealed file with the secret in the home alone", () => {
    const { directory, home, path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    expect(makeSeal(directory, home).open(path, readFileSync(path, "utf8"))).toEqual({
      is: "own",
      value: VALUE,
      movedFrom: null,
    });
  });

  test("after a move of its directory a sealed file is own, and tells from where it came", () => {
    const { base, directory, home, path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    const moved = join(base, "elsewhere", "run");
    mkdirSync(join(base, "elsewhere"));
    renameSync(directory, moved);
    const text = readFileSync(join(moved, "a:b:c.meta.json"), "utf8");
    const opened = makeSeal(moved, home).open(join(moved, "a:b:c.meta.json"), text);
    expect(opened).toEqual({ is: "own", value: VALUE, movedFrom: directory });
  });

  test("while many files are opened, their directory is found once; afterwards it is found again", () => {
    const { base, directory, home, path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    const text = readFileSync(path, "utf8");
    const aside = join(base, "aside");
    const within = seal.holding(() => {
      renameSync(directory, aside);
      cpSync(aside, directory, { recursive: true });
      return seal.open(path, text).is;
    });
    expect([within, seal.open(path, text).is]).toEqual(["own", "foreign"]);
    rmSync(directory, { recursive: true });
    expect(makeSeal(directory, home).holding(() => "done")).toBe("done");
  });

  test("through a link to its directory a sealed file is in the same place", () => {
    const { base, directory, home, path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    symlinkSync(directory, join(base, "link"));
    const through = join(base, "link", "a:b:c.meta.json");
    expect(makeSeal(join(base, "link"), home).open(through, readFileSync(through, "utf8"))).toEqual({
      is: "own",
      value: VALUE,
      movedFrom: null,
    });
  });
});

describe("foreign: nothing in it is looked at", () => {
  const cases: [what: string, make: (at: ReturnType<typeof place>) => string, why: RegExp][] = [
    ["no seal", () => JSON.stringify(VALUE), /^not written by your dt$/],
    ["no object", () => "7", /^not written by your dt$/],
    ["null", () => "null", /^not written by your dt$/],
    ["a list", () => `[${JSON.stringify(VALUE)}]`, /^not written by your dt$/],
    ["a seal that is no seal", () => JSON.stringify({ ...VALUE, seal: "yes" }), /^not written by your dt$/],
    [
      "a seal of no bytes",
      ({ directory }) => {
        const { ino, dev } = statSync(directory);
        return JSON.stringify({ ...VALUE, seal: { path: directory, dev, ino, mac: "" } });
      },
      /or changed since$/,
    ],
    [
      "another user's secret",
      ({ base, directory, path }) => makeSeal(directory, join(base, "theirs")).close(path, VALUE),
      /or changed since$/,
    ],
    [
      "another key's file under this name",
      ({ directory, seal }) => seal.close(join(directory, "x:y:z.meta.json"), VALUE),
      /or changed since$/,
    ],
    [
      "another kind's file under this name",
      ({ directory, seal }) => seal.close(join(directory, "a:b:c.exit.json"), VALUE),
      /or changed since$/,
    ],
    [
      "a file of this name one folder below",
      ({ directory, seal }) => seal.close(join(directory, "launch", "a:b:c.meta.json"), VALUE),
      /or changed since$/,
    ],
    [
      "a field more",
      ({ path, seal }) => JSON.stringify({ ...JSON.parse(seal.close(path, VALUE)), extra: true }),
      /or changed since$/,
    ],
    [
      "a field less",
      ({ path, seal }) => {
        const { key: _, ...rest } = JSON.parse(seal.close(path, VALUE));
        return JSON.stringify(rest);
      },
      /or changed since$/,
    ],
    [
      "a seal that says it was written elsewhere",
      ({ path, seal }) => {
        const value = JSON.parse(seal.close(path, VALUE));
        return JSON.stringify({ ...value, seal: { ...value.seal, path: "/elsewhere" } });
      },
      /or changed since$/,
    ],
  ];
  for (const [what, make, why] of cases) {
    test(what, () => {
      const at = place();
      writeFileSync(at.path, make(at));
      let looked = false;
      const read = readSealed(at.path, {
        seal: at.seal,
        check: () => {
          looked = true;
        },
      });
      expect(read).toMatchObject({ is: "unreadable", foreign: true });
      expect(read.is === "unreadable" ? read.reason : "").toMatch(why);
      expect(looked).toBe(false);
    });
  }

  test("a sealed file in a copied or restored directory is foreign and names its original, which stays own", () => {
    const { base, directory, home, path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    const copy = join(base, "copy");
    cpSync(directory, copy, { recursive: true, preserveTimestamps: true });
    const copied = join(copy, "a:b:c.meta.json");
    expect(readSealed(copied, { seal: makeSeal(copy, home), check: whole })).toEqual({
      is: "unreadable",
      foreign: true,
      reason: `a copy of what your dt wrote in ${directory}`,
    });
    expect(readSealed(path, { seal, check: whole })).toMatchObject({ is: "there" });
  });

  test("a sealed file in a directory made again at the same path is foreign", () => {
    const { base, directory, home, path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    const text = readFileSync(path, "utf8");
    renameSync(directory, join(base, "aside"));
    mkdirSync(directory);
    writeFileSync(path, text);
    expect(readSealed(path, { seal: makeSeal(directory, home), check: whole })).toMatchObject({
      is: "unreadable",
      foreign: true,
    });
  });

  test("property: a sealed file with any byte changed is foreign or unreadable, or says the same", () => {
    const { path, seal } = place();
    const text = seal.close(path, VALUE);
    const bytes = Buffer.from(text, "latin1");
    const seen = { foreign: 0, unreadable: 0, same: 0 };
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ by;
        writeFileSync(path, changed);
        const read = readSealed(path, { seal, check: whole });
        if (read.is === "there") {
          seen.same++;
          expect(read.value).toEqual(VALUE); // white space, or an escape of the same letter
        } else seen[read.is === "unreadable" && read.foreign === true ? "foreign" : "unreadable"]++;
      }),
      { numRuns: 2000 },
    );
    expect(seen.foreign).toBeGreaterThan(100);
    expect(seen.unreadable).toBeGreaterThan(100);
    // Of text each byte counts.
    const note = seal.closeText(path, "one\ntwo\n");
    fc.assert(
      fc.property(fc.nat(note.length - 1), fc.integer({ min: 1, max: 127 }), (at, by) => {
        const changed = Buffer.from(note, "latin1");
        changed[at] = (changed[at] as number) ^ by;
        const opened = seal.openText(path, changed.toString("utf8"));
        if (opened !== null) expect([opened, at < note.indexOf("\n")]).toEqual(["one\ntwo\n", true]);
      }),
      { numRuns: 1000 },
    );
  });

  test("a large one is foreign without being parsed, and a short one that nests deeply without being written out", () => {
    const { directory, path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    const { dev, ino } = statSync(directory);
    const mark = JSON.stringify({ path: directory, dev, ino, mac: "0" });
    // No JSON: parsed, it would be an error.
    const large = `{\n  "a": ${'{"a":'.repeat(100_000)},\n  "seal": ${mark}\n}\n`;
    const deep = `{"seal":${mark},"a":${"[".repeat(30_000)}${"]".repeat(30_000)}}`;
    const changed = JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), more: 1 });
    for (const text of [large, deep, changed]) {
      writeFileSync(path, text);
      expect(readSealed(path, { seal, check: whole })).toEqual({
        is: "unreadable",
        foreign: true,
        reason: "not written by your dt, or changed since",
      });
    }
  });

  test("a file that a tool formatted in another way is still own", () => {
    const { path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    const parsed = JSON.parse(readFileSync(path, "utf8"));
    for (const space of [0, 4, "\t"]) {
      writeFileSync(path, JSON.stringify(parsed, null, space));
      expect(readSealed(path, { seal, check: whole })).toEqual({ is: "there", value: VALUE });
    }
  });

  test("a sealed file cut off at any length is unreadable, not foreign", () => {
    const { path, seal } = place();
    const text = seal.close(path, VALUE).trimEnd();
    for (let length = 0; length < text.length; length++) {
      writeFileSync(path, text.slice(0, length));
      const read = readSealed(path, { seal, check: whole });
      expect([length, read.is, "foreign" in read]).toEqual([length, "unreadable", false]);
    }
  });

  test("text without a seal, with another's seal or below an unfinished first line is foreign", () => {
    const { base, directory, path, seal } = place();
    const theirs = makeSeal(directory, join(base, "theirs")).closeText(path, "text");
    for (const text of [
      "",
      "text",
      "\ntext",
      "{}\ntext",
      "null\ntext",
      "{\ntext",
      theirs,
      `${" ".repeat(20_000)}\ntext`,
    ])
      expect(seal.openText(path, text)).toBeNull();
  });
});

describe("the secret", () => {
  test("the secret of 256 bits is made once, at the first write, for its user alone", () => {
    const { home, path, seal } = place();
    expect(seal.open(path, "{}")).toMatchObject({ is: "foreign" });
    expect(existsSync(home)).toBe(false); // looking makes none
    writeSealed(path, { seal, value: VALUE });
    const made = readFileSync(join(home, "secret"), "utf8");
    expect(made).toMatch(/^[0-9a-f]{64}\n$/);
    expect(statSync(join(home, "secret")).mode & 0o777).toBe(0o600);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    expect(readdirSync(home)).toEqual(["secret"]);
    const { path: other, home: otherHome, seal: otherSeal } = place();
    writeSealed(other, { seal: otherSeal, value: VALUE });
    expect(readFileSync(join(otherHome, "secret"), "utf8")).not.toBe(made);
    writeSealed(path, { seal, value: VALUE });
    expect(readFileSync(join(home, "secret"), "utf8")).toBe(made);
  });

  test("the secret is private, whatever the umask", () => {
    const { home } = place();
    const before = process.umask(0);
    try {
      openSecrets(home, home).needed();
    } finally {
      process.umask(before);
    }
    expect([home, join(home, "secret")].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o600]);
  });

  for (const [what, deny] of [
    ["made by ten processes at once is one", []],
    ["made by ten processes at once is one, without hard links too", ["link"]],
  ] as const) {
    test(what, async () => {
      for (let round = 0; round < 5; round++) {
        const { directory, home } = place();
        const names = Array.from({ length: 10 }, (_, at) => `p${at}.json`);
        const workers = names.map((name) => {
          const plan: SealPlan = { directory, home, name, deny: [...deny] };
          const worker = [process.execPath, join(import.meta.dir, "seal.worker.ts"), JSON.stringify(plan)];
          return Bun.spawn(worker, { stdio: ["ignore", "ignore", "pipe"] });
        });
        const ready = () => names.every((name) => existsSync(join(directory, `${name}.ready`)));
        await until("all wait", ready, 30_000);
        writeFileSync(join(directory, "go"), "");
        const ends = await Promise.all(
          workers.map(async (one) => ({ stderr: await one.stderr.text(), code: await one.exited })),
        );
        expect(ends).toEqual(names.map(() => ({ stderr: "", code: 0 })));
        const seal = makeSeal(directory, home);
        const read = names.map((name) => readSealed(join(directory, name), { seal, check: whole }));
        expect(read).toEqual(names.map((name) => ({ is: "there", value: { version: 1, name } })));
        expect(readdirSync(home)).toEqual(["secret"]);
      }
    }, 60_000);
  }

  test("the secret is read while its temporary file still exists, also when its maker was killed at that moment", () => {
    const { home, path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    linkSync(join(home, "secret"), temporaryName(join(home, "secret")));
    expect(makeSeal(join(path, ".."), home).open(path, readFileSync(path, "utf8"))).toMatchObject({ is: "own" });
  });

  test.each([
    ["empty", ""],
    ["cut off", "abc"],
    ["too long", `${"a".repeat(65)}\n`],
    ["no hexadecimal digits", `${"z".repeat(64)}\n`],
    ["upper case", `${"A".repeat(64)}\n`],
  ])("a secret that is %s is an error with a way out, and no other secret is made", (_, text) => {
    const { home, path, seal } = place();
    mkdirSync(home);
    writeFileSync(join(home, "secret"), text, { mode: 0o600 });
    const error = failure(() => seal.close(path, VALUE));
    expect(error).toMatchObject({ code: "bad-secret", hint: expect.stringContaining(`mv ${home}/secret`) });
    expect(error.message).toContain("expected 64 hexadecimal digits");
    expect(readFileSync(join(home, "secret"), "utf8")).toBe(text);
    // It cannot be distinguished from a foreign file, and is not taken for one either.
    writeFileSync(path, makeSeal(join(path, ".."), join(home, "other")).close(path, VALUE));
    const read = readSealed(path, { seal, check: whole });
    expect([read.is, "foreign" in read]).toEqual(["unreadable", false]);
  });

  test("a secret that is a link, a pipe or has another name is refused", () => {
    const makers: ((secret: string, base: string) => void)[] = [
      (secret, base) => {
        writeFileSync(join(base, "planted"), `${"a".repeat(64)}\n`);
        symlinkSync(join(base, "planted"), secret);
      },
      (secret) => expect(Bun.spawnSync(["mkfifo", secret]).exitCode).toBe(0),
      (secret, base) => {
        writeFileSync(join(base, "planted"), `${"a".repeat(64)}\n`);
        linkSync(join(base, "planted"), secret);
      },
    ];
    for (const make of makers) {
      const { base, home, path, seal } = place();
      mkdirSync(home);
      make(join(home, "secret"), base);
      expect(failure(() => seal.close(path, VALUE))).toMatchObject({ code: "unsafe-file" });
    }
  });

  test("a secret that others may read is made private again; one that others may write is refused", () => {
    const { home, path, seal, directory } = place();
    writeSealed(path, { seal, value: VALUE });
    const secret = join(home, "secret");
    for (const mode of [0o644, 0o640, 0o604]) {
      chmodSync(secret, mode);
      expect(readSealed(path, { seal: makeSeal(directory, home), check: whole })).toMatchObject({ is: "there" });
      expect(statSync(secret).mode & 0o777).toBe(0o600);
    }
    for (const mode of [0o666, 0o620, 0o602]) {
      chmodSync(secret, mode);
      expect(failure(() => makeSeal(directory, home).close(path, VALUE))).toMatchObject({
        code: "open-secret",
        message: `${secret} can be written by others (mode 0${mode.toString(8)}); expected 0600.`,
      });
      expect(readSealed(path, { seal: makeSeal(directory, home), check: whole })).toMatchObject({ is: "unreadable" });
      expect(statSync(secret).mode & 0o777).toBe(mode);
    }
    chmodSync(secret, 0o600);
    expect(readSealed(path, { seal: makeSeal(directory, home), check: whole })).toMatchObject({ is: "there" });
  });

  test("without the secret its sealed files are foreign, and another secret is made", () => {
    const { home, path, seal, directory } = place();
    writeSealed(path, { seal, value: VALUE });
    rmSync(join(home, "secret"));
    const next = makeSeal(directory, home);
    expect(readSealed(path, { seal: next, check: whole })).toMatchObject({ is: "unreadable", foreign: true });
    writeSealed(path, { seal: next, value: VALUE });
    expect(readSealed(path, { seal: next, check: whole })).toMatchObject({ is: "there" });
  });

  /** As another uid, with what it may read and write there. */
  function asNobody(directory: string, home: string | null, path: string): { stdout: string; stderr: string } {
    const script = `
      const { makeSeal } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/seal/seal.ts"))});
      const { readSealed } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/seal/sealed.ts"))});
      process.setgroups([]);
      process.setgid(54321);
      process.setuid(54321);
      const seal = makeSeal(${JSON.stringify(directory)}, ${JSON.stringify(home)});
      console.log(JSON.stringify(readSealed(${JSON.stringify(path)}, { seal, check: (value) => value })));`;
    const done = Bun.spawnSync([process.execPath, "-e", script]);
    return { stdout: done.stdout.toString(), stderr: done.stderr.toString() };
  }

  const places: [what: string, mode: number, below: string][] = [
    ["that this user may not read", 0o755, ""],
    ["in a home that this user may not search", 0o700, ""],
    ["in a home that would be below a file", 0o755, "secret/.dialtone"],
  ];
  test.skipIf(!isRoot).each(places)(
    "%s: what is there is foreign, and nothing is made (needs root)",
    (_, homeMode, below) => {
      const { base, home, directory, path, seal } = place();
      writeSealed(path, { seal, value: VALUE });
      for (const [one, mode] of [
        [base, 0o755],
        [directory, 0o755],
        [home, homeMode],
      ] as const)
        chmodSync(one, mode);
      chownSync(path, 54321, 54321);
      const seen = asNobody(directory, join(home, below), path);
      expect(seen.stderr).toBe("");
      expect(JSON.parse(seen.stdout)).toMatchObject({ is: "unreadable", foreign: true });
      expect(readdirSync(home)).toEqual(["secret"]);
    },
  );

  test.skipIf(!isRoot)("a secret of another user is not used (needs root)", () => {
    const { base, home, directory, path, seal } = place();
    writeSealed(path, { seal, value: VALUE });
    for (const one of [base, directory, home]) chmodSync(one, 0o755);
    chmodSync(join(home, "secret"), 0o644);
    chownSync(path, 54321, 54321);
    const seen = asNobody(directory, home, path);
    expect(seen.stdout + seen.stderr).not.toContain('"there"');
  });
});

describe("a large file is read whole only with a seal of this directory", () => {
  const large = "x".repeat(70_000);

  test("a large file that this dt wrote is read", () => {
    const { path, seal } = place();
    writeSealed(path, { seal, value: { ...VALUE, large } });
    expect(readSealed(path, { seal, check: (value) => value })).toEqual({ is: "there", value: { ...VALUE, large } });
  });

  // The body is no JSON: a reader that parsed it would fail. That its rest is not read is door.test.ts.
  const mark = (fields: object) => JSON.stringify({ path: "/x", dev: 1, ino: 1, mac: "0".repeat(64), ...fields });
  const cases: [what: string, end: string][] = [
    ["no seal", ""],
    ["a seal of another directory", `,"seal":${mark({})}}`],
    ["something that is called a seal", `,"seal":{"ino":1}}`],
    ["a seal that is cut off", `,"seal":${mark({}).slice(0, 20)}`],
    ["a seal that is followed by more", `,"seal":${mark({})},"more":{}}`],
  ];
  for (const [what, end] of cases)
    test(`a large file with ${what} is foreign, and is not parsed`, () => {
      const { path, seal } = place();
      writeFileSync(path, `{"large": ${large}${end}`);
      expect(readSealed(path, { seal, check: (value) => value })).toMatchObject({ is: "unreadable", foreign: true });
    });
});
