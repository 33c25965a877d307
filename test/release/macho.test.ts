/** Signatures of Mach-O files: what matches, what does not, and a new one. */
import { describe, expect, test } from "bun:test";
import { checkSignature, signAdHoc } from "../../release/macho.ts";

const PAGE = 4096;

/** The least that is a Mach-O file: a header, __TEXT, __LINKEDIT, a place for a signature, and some pages. */
function makeMachO(pages: number, rest = 100): Buffer {
  const limit = pages * PAGE + rest;
  const file = Buffer.alloc(limit + 64);
  for (let at = 512; at < limit; at++) file[at] = (at * 31) % 251;
  file.writeUInt32LE(0xfeedfacf, 0);
  file.writeUInt32LE(0x01000007, 4);
  file.writeUInt32LE(3, 16);
  file.writeUInt32LE(72 + 72 + 16, 20);
  const segment = (at: number, name: string, offset: number, size: number) => {
    file.writeUInt32LE(0x19, at);
    file.writeUInt32LE(72, at + 4);
    file.write(name, at + 8, "latin1");
    file.writeBigUInt64LE(BigInt(size), at + 32);
    file.writeBigUInt64LE(BigInt(offset), at + 40);
    file.writeBigUInt64LE(BigInt(size), at + 48);
  };
  segment(32, "__TEXT", 0, PAGE);
  segment(104, "__LINKEDIT", PAGE, limit + 64 - PAGE);
  file.writeUInt32LE(0x1d, 176);
  file.writeUInt32LE(16, 180);
  file.writeUInt32LE(limit, 184);
  file.writeUInt32LE(64, 188);
  return file;
}

describe("signing and checking", () => {
  test("each page matches its hash after signing, and so does a short last one", () => {
    const check = checkSignature(signAdHoc(makeMachO(5), "x.y"));
    expect(check).toEqual({ identifier: "x.y", adhoc: true, pages: 6, bad: [] });
  });

  for (const [what, at, page] of [
    ["in the first page", 300, 0],
    ["in the middle", 3 * PAGE + 17, 3],
    ["in the last, short one", 5 * PAGE + 50, 5],
  ] as const) {
    test(`a byte changed ${what} is found there, and signing again mends it`, () => {
      const file = signAdHoc(makeMachO(5), "x");
      file[at] = (file[at] as number) ^ 1;
      expect(checkSignature(file).bad).toEqual([page]);
      expect(checkSignature(signAdHoc(file, "x")).bad).toEqual([]);
    });
  }

  test("__LINKEDIT and the load command describe exactly what was appended for the signature", () => {
    const file = signAdHoc(makeMachO(2), "name");
    const [offset, size] = [file.readUInt32LE(184), file.readUInt32LE(188)];
    expect(offset + size).toBe(file.length);
    expect(Number(file.readBigUInt64LE(104 + 40)) + Number(file.readBigUInt64LE(104 + 48))).toBe(file.length);
    expect(Number(file.readBigUInt64LE(104 + 32))).toBeGreaterThanOrEqual(Number(file.readBigUInt64LE(104 + 48)));
  });

  test("signing twice gives the same bytes", () => {
    const once = signAdHoc(makeMachO(3), "n");
    expect(signAdHoc(once, "n").equals(once)).toBe(true);
  });
});

test("a file that is no Mach-O file, or has no signature to compare with, is reported", () => {
  expect(() => checkSignature(Buffer.from("#!/bin/sh\n".padEnd(64)))).toThrow("no thin 64-bit Mach-O");
  expect(() => checkSignature(makeMachO(1))).toThrow("no superblob");
  const file = signAdHoc(makeMachO(2), "n");
  file.writeUInt32LE(file.readUInt32LE(184) - 16, 184);
  expect(() => checkSignature(file)).toThrow();
});
