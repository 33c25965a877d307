/**
 * Whether something takes time in proportion to the text it gets: compared with reading that much text once, in the
 * same run on the same machine. It is asked of a short text first and then of longer ones, so that a test of what takes
 * the square of the length fails and does not hang.
 */
import { expect } from "bun:test";

const SIZES = [1_000, 8_000, 64_000, 1_000_000];
/**
 * Work for each code unit, in what it takes to read one. The square of the longest text would be a thousand times this.
 */
const MOST = 800;
/** What starts at all, is compiled or collected, in code units read. */
const ALWAYS = 64_000;

/** `make` gives a hostile text of about this many code units. */
export function expectLinear(make: (size: number) => string, body: (text: string) => unknown, most = MOST): void {
  for (const size of SIZES) {
    const text = make(size);
    expect(
      costInReads(() => body(text)),
      `work on ${size} code units, in code units read`,
    ).toBeLessThan(most * (text.length + ALWAYS));
  }
}

/** What something costs, in code units read. */
export function costInReads(body: () => unknown): number {
  return costOf(body) / (costOf(() => readOnce("x".repeat(1_000_000))) / 1_000_000);
}

function readOnce(text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum += text.charCodeAt(at);
  return sum;
}

/** Processor time, the best of three: how busy the machine is does not matter. */
function costOf(body: () => unknown): number {
  const once = () => {
    const before = process.cpuUsage();
    body();
    const { user, system } = process.cpuUsage(before);
    return Math.max(1, user + system);
  };
  return Math.min(once(), once(), once());
}
