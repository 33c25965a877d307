/** The lineage: what is made of a token, what is read of /proc, and that the kernel hands it on. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { isLineage, isLineageOf, lineageFor, readLineage } from "../../../src/sys/process/lineage.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { withCleanLimits } from "../../../src/sys/spawn/childstart.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

test("only a token of dt's has a lineage, and no other word", () => {
  expect(lineageFor(TOKEN)).toBe(0x4454012345678900n);
  expect(lineageFor("ffffffffffffffffffffffffffffffff")).toBe(0x4454ffffffffff00n);
  expect(lineageFor(TOKEN, 255)).toBe(0x44540123456789ffn);
  for (const other of ["", "postgres: writer", "0123", TOKEN.toUpperCase()]) expect(lineageFor(other)).toBeNull();
});

test("a guest's lineage is its launch's, and no other launch's", () => {
  for (const guest of [0, 1, 255]) expect(isLineageOf(lineageFor(TOKEN, guest), TOKEN)).toBe(true);
  expect(isLineageOf(lineageFor(`1${TOKEN.slice(1)}`, 1), TOKEN)).toBe(false);
  for (const none of [null, undefined, 2n ** 64n - 1n]) expect(isLineageOf(none, TOKEN)).toBe(false);
  expect(isLineageOf(lineageFor(TOKEN), "")).toBe(false);
});

test("a file-lock limit that another program set is no lineage", () => {
  const limits = (soft: string) =>
    `Limit    Soft Limit    Hard Limit    Units\nMax file locks            ${soft}  unlimited            locks\nMax x 1 2\n`;
  expect(readLineage(limits(String(0x44540123456789abn)))).toBe(0x44540123456789abn);
  for (const soft of ["unlimited", "0", "1024", String(2n ** 63n)]) expect(readLineage(limits(soft))).toBeNull();
  expect(readLineage("")).toBeNull();
  expect(isLineage(0x44550123456789abn)).toBe(false);
});

const onLinux = process.platform === "linux";

test.skipIf(!onLinux)(
  "a lineage passes through fork and exec with a new environment, and this process keeps its limits",
  async () => {
    const before = readFileSync("/proc/self/limits", "latin1");
    const child = withCleanLimits({ openFiles: null, lineage: lineageFor(TOKEN) }, () =>
      Bun.spawn(["sh", "-c", "env -i setsid sh -c 'cat /proc/self/limits'"], { stdout: "pipe" }),
    );
    expect(readLineage(await child.stdout.text())).toBe(lineageFor(TOKEN));
    expect(readFileSync("/proc/self/limits", "latin1")).toBe(before);
  },
);

test.skipIf(!onLinux)("null takes a lineage away, and without a request it stays", async () => {
  const program = `
    import { withCleanLimits } from "${import.meta.dir}/../../../src/sys/spawn/childstart.ts";
    const spawn = () => Bun.spawnSync(["cat", "/proc/self/limits"]);
    const run = (lineage) => withCleanLimits({ openFiles: null, lineage }, spawn).stdout.toString();
    console.log(JSON.stringify([run(), run(null)]));`;
  const child = withCleanLimits({ openFiles: null, lineage: lineageFor(TOKEN) }, () =>
    Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" }),
  );
  const [kept, taken] = JSON.parse(await child.stdout.text()) as [string, string];
  expect(readLineage(kept)).toBe(lineageFor(TOKEN));
  expect(taken).toContain("Max file locks            unlimited");
});

test.skipIf(!onLinux)(
  "the table knows the lineage of a process whose environment is closed, and none of a missing process",
  async () => {
    const table = makeProcessTable();
    const child = withCleanLimits({ openFiles: null, lineage: lineageFor(TOKEN) }, () =>
      Bun.spawn(["env", "-i", "sleep", "60"]),
    );
    try {
      expect(table.lineageOf(child.pid)).toBe(lineageFor(TOKEN));
      expect(table.lineageOf(process.pid)).toBeNull();
      expect(table.lineageOf(4_000_000)).toBeUndefined();
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  },
);
