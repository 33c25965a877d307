/** A text without the characters of one kind that it ends with. In linear time, which `/x+$/` is not: it tries each `x` as the first one. */
export function trimEnd(text: string, char: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === char) end--;
  return text.slice(0, end);
}
