import { expect, test } from "bun:test";
import fc from "fast-check";
import { bytesOf, isRaw, rawText } from "../../../src/sys/base/rawbytes.ts";

test("property: any bytes survive the conversion, also through JSON", () => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(bytes), (parts) => {
      const given = Buffer.concat(parts);
      const carried = JSON.parse(JSON.stringify(rawText(given)));
      expect(Buffer.from(bytesOf(carried)).equals(given)).toBe(true);
    }),
  );
});

test("UTF-8 is text as it is, including the replacement character", () => {
  for (const text of ["", "plain", "ü", "€", "😀", "\uFFFD", "a\uFEFFb"]) {
    expect(rawText(Buffer.from(text))).toBe(text);
    expect(isRaw(rawText(Buffer.from(text)))).toBe(false);
  }
});

test("overlong forms, surrogates, characters beyond the last and cut ones are bytes, not text", () => {
  for (const hex of ["c080", "eda080", "f4908080", "e282", "ff", "f0288c28"]) {
    const given = Buffer.from(hex, "hex");
    expect(isRaw(rawText(given))).toBe(true);
    expect(Buffer.from(bytesOf(rawText(given))).toString("hex")).toBe(hex);
  }
});
