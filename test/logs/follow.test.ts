/** Following a log through all that can happen to its file. */
import { describe, expect, test } from "bun:test";
import { closeSync, openSync, renameSync, truncateSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type FollowOptions, followFile } from "../../src/logs/follow.ts";
import { openRun } from "../../src/logs/open.ts";
import { makeScratch } from "../kit/scratch.ts";
import { until } from "../kit.ts";

const scratch = makeScratch();

function follow(path: string, options: Partial<FollowOptions> = {}) {
  const chunks: Uint8Array[] = [];
  const stop = new AbortController();
  const events: string[] = [];
  const text = () => Buffer.concat(chunks).toString();
  const done = followFile({
    path,
    from: 0,
    onBytes(bytes) {
      chunks.push(new Uint8Array(bytes));
      return true;
    },
    onNewRun: () => events.push("new run"),
    signal: stop.signal,
    ...options,
  });
  return {
    text,
    events,
    done,
    seen: (end: string) => until(`${JSON.stringify(end.slice(-40))} was seen`, () => text().endsWith(end)),
    async end() {
      stop.abort();
      await done;
      return text();
    },
  };
}

function logFile(text = ""): string {
  const path = join(scratch(), "log");
  writeFileSync(path, text);
  return path;
}

function append(path: string, text: string): void {
  writeFileSync(path, text, { flag: "a" });
}

describe("one file", () => {
  test("following gives what is there from an offset, then what is written later", async () => {
    const path = logFile("old\nnew\n");
    const log = follow(path, { from: 4 });
    await log.seen("new\n");
    append(path, "more");
    await log.seen("more");
    append(path, "\nend\n");
    await log.seen("end\n");
    expect(await log.end()).toBe("new\nmore\nend\n");
    expect(log.events).toEqual([]);
  });

  test("everything written until following ends is delivered", async () => {
    const path = logFile();
    const log = follow(path);
    await log.seen("");
    append(path, "late\n");
    expect(await log.end()).toBe("late\n");
  });

  test("a character cut in two by two writes arrives whole", async () => {
    const path = logFile();
    const log = follow(path);
    const [head, rest] = [Buffer.from("€").subarray(0, 1), Buffer.from("€\n").subarray(1)];
    const fd = openSync(path, "a");
    writeSync(fd, head);
    await until("the first byte was seen", () => log.text().length > 0);
    writeSync(fd, rest);
    closeSync(fd);
    await until("the rest was seen", () => log.text() === "€\n");
    await log.end();
  });

  test("a write larger than the buffer arrives whole", async () => {
    const path = logFile();
    const log = follow(path);
    const text = Array.from({ length: 60_000 }, (_, at) => `line ${at}\n`).join("");
    append(path, text);
    await log.seen("line 59999\n");
    expect((await log.end()) === text).toBe(true);
  });

  test("a truncated file is followed from its beginning", async () => {
    const path = logFile("a long first line\n");
    const log = follow(path);
    await log.seen("line\n");
    truncateSync(path, 0);
    append(path, "short\n");
    await log.seen("short\n");
    expect(await log.end()).toBe("a long first line\nshort\n");
  });

  test("a file that does not exist yet is followed once it does", async () => {
    const path = join(scratch(), "log");
    const log = follow(path);
    append(path, "first\n");
    await log.seen("first\n");
    await log.end();
  });

  test("a file that is removed and made again loses no last line", async () => {
    const path = logFile("one\n");
    const log = follow(path);
    await log.seen("one\n");
    const fd = openSync(path, "a");
    unlinkSync(path);
    writeSync(fd, "after its removal\n");
    await log.seen("removal\n");
    closeSync(fd);
    writeFileSync(path, "two\n");
    await log.seen("two\n");
    expect(await log.end()).toBe("one\nafter its removal\ntwo\n");
    expect(log.events).toEqual(["new run"]);
  });

  test("following ends when its reader is gone, even while nothing is written", async () => {
    const path = logFile("x\n");
    await follow(path, { onBytes: () => false }).done;
    await follow(path, { isGone: () => true }).done;
  });

  test("following gives nothing before `after`, and starts with the file that was there at the call", async () => {
    const path = logFile("old run\n");
    let release = () => {};
    const after = new Promise<void>((resolve) => {
      release = resolve;
    });
    const log = follow(path, { after, oneRun: true });
    renameSync(path, `${path}.1`);
    writeFileSync(path, "new run\n");
    append(`${path}.1`, "its end\n");
    expect(log.text()).toBe("");
    release();
    await log.seen("its end\n");
    expect(await log.end()).toBe("old run\nits end\n");
  });
});

describe("runs", () => {
  test("a new run is followed after the end of the old one", async () => {
    const path = logFile("one\n");
    const log = follow(path);
    await log.seen("one\n");
    const old = openSync(path, "a");
    const next = openRun(path, { keep: 5, mode: 0o600 });
    writeSync(old, "the end of one\n");
    writeSync(next.fd, "two\n");
    closeSync(old);
    closeSync(next.fd);
    await log.seen("two\n");
    expect(await log.end()).toBe("one\nthe end of one\ntwo\n");
    expect(log.events).toEqual(["new run"]);
  });

  for (const runs of [2, 3, 5]) {
    test(`${runs} new runs between two looks are all followed`, async () => {
      const path = logFile("run 0\n");
      const log = follow(path);
      await log.seen("run 0\n");
      for (let run = 1; run <= runs; run++) {
        const { fd } = openRun(path, { keep: 5, mode: 0o600 });
        writeSync(fd, `run ${run}\n`);
        closeSync(fd);
      }
      await log.seen(`run ${runs}\n`);
      expect(await log.end()).toBe(Array.from({ length: runs + 1 }, (_, run) => `run ${run}\n`).join(""));
      expect(log.events).toHaveLength(runs);
    });
  }

  test("a run whose log was deleted is skipped, not waited for", async () => {
    const path = logFile("run 0\n");
    const log = follow(path);
    await log.seen("run 0\n");
    for (let run = 1; run <= 4; run++) {
      const { fd } = openRun(path, { keep: 1, mode: 0o600 });
      writeSync(fd, `run ${run}\n`);
      closeSync(fd);
    }
    await log.seen("run 4\n");
    await log.end();
  });

  test("property: no line is lost or given twice, however lines, new runs and pauses follow each other", async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ is: fc.constant("write" as const), lines: fc.integer({ min: 1, max: 50 }) }),
      },
      { weight: 2, arbitrary: fc.constant({ is: "rotate" as const }) },
      { weight: 2, arbitrary: fc.constant({ is: "look" as const }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const path = logFile();
        const log = follow(path);
        let { fd } = { fd: openSync(path, "a") };
        let written = 0;
        let unseen = 0;
        let expected = "";
        for (const one of steps) {
          if (one.is === "write") {
            for (let line = 0; line < one.lines; line++) {
              const text = `line ${written++}\n`;
              expected += text;
              writeSync(fd, text);
            }
          } else if (one.is === "rotate" && unseen < 5) {
            closeSync(fd);
            fd = openRun(path, { keep: 5, mode: 0o600 }).fd;
            unseen++;
          } else {
            await log.seen(expected);
            unseen = 0;
          }
        }
        closeSync(fd);
        await log.seen(expected);
        expect((await log.end()) === expected).toBe(true);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test("a writer that rotates as fast as it can loses no line", async () => {
    const path = logFile();
    const script = `
      const { openRun } = await import(${JSON.stringify(join(import.meta.dir, "../../src/logs/open.ts"))});
      const { closeSync, writeSync } = require("node:fs");
      let line = 0;
      for (let run = 0; run < 60; run++) {
        const { fd } = openRun(${JSON.stringify(path)}, { keep: 100, mode: 0o600 });
        for (let at = 0; at < 50; at++) writeSync(fd, "line " + line++ + "\\n");
        closeSync(fd);
        if (run % 3 === 0) await Bun.sleep(1);
      }`;
    const log = follow(path);
    const writer = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "inherit", "inherit"] });
    await writer.exited;
    await log.seen("line 2999\n");
    expect((await log.end()) === Array.from({ length: 3000 }, (_, at) => `line ${at}\n`).join("")).toBe(true);
  }, 30_000);
});
