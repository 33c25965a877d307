/**
 * The text without the `char`s it ends with. Takes linear time, unlike `/x+$/`, which tries each `x` as the first one.
 */
export function trimEnd(text: string, char: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === char) end--;
  return text.slice(0, end);
}
