/** The lines of a stream of UTF-8 text, without their ends. */

/** `rest`: whether the text after the last newline is a line as well; otherwise it was cut off and is dropped. */
export async function* linesOf(stream: ReadableStream<Uint8Array>, rest: boolean): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
  if (rest && text !== "") yield text;
}
