/** The kernel's text of a CPU mask as the words that sched_setaffinity(2) takes, lowest CPU first. */
import { expect, test } from "bun:test";
import { cpuMaskOf } from "../../../src/sys/inherit/puton.ts";

const MASKS: [text: string, bytes: number[]][] = [
  ["3", [3, 0, 0, 0, 0, 0, 0, 0]],
  ["00000003", [3, 0, 0, 0, 0, 0, 0, 0]],
  ["ffffffff,00000001", [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]],
  ["80,00000000,00000100", [0, 1, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]],
];

test.each(MASKS)("%s", (text, bytes) => {
  expect([...cpuMaskOf(text)]).toEqual(bytes);
});
