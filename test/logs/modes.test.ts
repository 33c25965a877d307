/** What a program switched on in its terminal: for who joins, and undone for who leaves. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { makeModes } from "../../src/logs/modes.ts";

function after(text: string) {
  const modes = makeModes();
  modes.feed(Buffer.from(text, "latin1"));
  return modes;
}

test.each([
  ["nothing", "plain \x1b[31mred\x1b[m\r\n", "", "\x1b[m"],
  [
    "the other screen and the mouse",
    "\x1b[?1000;1006h\x1b[?1049h",
    "\x1b[?1049h\x1b[?1000h\x1b[?1006h",
    "\x1b[?1000l\x1b[?1006l\x1b[?1049l\x1b[m",
  ],
  ["a hidden cursor", "\x1b[?25l", "\x1b[?25l", "\x1b[?25h\x1b[m"],
  ["hidden and shown again", "\x1b[?25l\x1b[?25h", "", "\x1b[m"],
  ["the keypad", "\x1b=", "\x1b=", "\x1b>\x1b[m"],
  ["kitty's keys, twice", "\x1b[>1u\x1b[>5u", "\x1b[>1u\x1b[>5u", "\x1b[<2u\x1b[m"],
  ["kitty's keys, popped", "\x1b[>1u\x1b[>5u\x1b[<u", "\x1b[>1u", "\x1b[<1u\x1b[m"],
  ["xterm's keys", "\x1b[>4;2m", "\x1b[>4;2m", "\x1b[>4m\x1b[m"],
  ["the cursor's shape", "\x1b[5 q", "\x1b[5 q", "\x1b[0 q\x1b[m"],
  ["a reset", "\x1b[?1049h\x1b[?25l\x1b=\x1bc", "", "\x1b[m"],
  ["what is nobody's state", "\x1b[?2026h\x1b[?3h", "", "\x1b[m"],
])("%s", (_, written, set, undo) => {
  const modes = after(written);
  expect([modes.set(), modes.undo()]).toEqual([set, undo]);
});

test("undoing leaves no terminal mode on, and setting gives the same modes again", () => {
  const part = fc.oneof(
    fc
      .tuple(fc.constantFrom(1, 7, 25, 47, 1000, 1049, 2004), fc.constantFrom("h", "l"))
      .map(([n, x]) => `\x1b[?${n}${x}`),
    fc.constantFrom("\x1b=", "\x1b>", "\x1b[>1u", "\x1b[<u", "\x1b[>4;1m", "\x1b[3 q", "\x1bc", "text", "\x1b", "[?25"),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const modes = after(`${parts.join("")}.`);
      expect(after(modes.set()).set()).toBe(modes.set());
      modes.feed(Buffer.from(modes.undo()));
      expect(modes.set()).toBe("");
    }),
  );
});

test("terminal modes are the same wherever the stream is cut", () => {
  const text = "a\x1b[?1049hb\x1b[?25;7lc\x1b[>4;2md\x1b[5 qe\x1b=f\x1b[>1;2ug";
  for (let at = 0; at <= text.length; at++) {
    const modes = after(text.slice(0, at));
    modes.feed(Buffer.from(text.slice(at), "latin1"));
    expect(modes.set()).toBe(after(text).set());
    expect(modes.alternate()).toBe(true);
  }
});

test("an endless escape sequence takes bounded memory", () => {
  const modes = makeModes();
  for (let n = 0; n < 10_000; n++) modes.feed(Buffer.from(`\x1b[?${n + 3000}h\x1b[>${n}u`));
  expect(modes.set().length).toBeLessThan(2000);
});
