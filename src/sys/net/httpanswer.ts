/**
 * Reads one HTTP/1 response as its bytes arrive: its status, where its body ends, and whether the server closes the
 * connection afterwards. Keeps nothing of the body. Like browsers and curl, it accepts lines that end in a bare line
 * feed (RFC 9112, 2.2) and a head of whole lines that only the connection's end terminates.
 */

export interface AnswerReader {
  take(bytes: Uint8Array): void;
  /** The server has sent everything it will send. */
  end(): void;
  /** The final response's status; null until it has arrived. */
  status(): number | null;
  /** The last byte of the body has arrived. */
  isWhole(): boolean;
  /** The bytes received are not HTTP/1. */
  isBroken(): boolean;
  /** The server announced that it closes the connection, or can end the body in no other way. */
  serverCloses(): boolean;
}

/** More than any server sends. */
const MOST_HEAD_BYTES = 256 * 1024;
const MOST_LINE_BYTES = 4096;
const END_OF_LINE = /\r?\n/;
const END_OF_HEAD = /\r?\n\r?\n/;

type State =
  | { is: "head" }
  | { is: "bytes"; left: number; next: "whole" | "chunk-end" }
  /** A line of a chunked body: a size, the end of a chunk, or a trailer. */
  | { is: "line"; of: "size" | "chunk-end" | "trailer" }
  | { is: "until-close" | "whole" | "broken" };

export function makeAnswerReader(): AnswerReader {
  let state: State = { is: "head" };
  let held = "";
  let status: number | null = null;
  let closes = false;

  /** The text before `mark`, consumed together with `mark`; null when it has not all arrived. */
  const takeUntil = (mark: RegExp, most: number): string | null => {
    const found = mark.exec(held);
    if (found === null && held.length > most) state = { is: "broken" };
    if (found === null) return null;
    const before = held.slice(0, found.index);
    held = held.slice(found.index + found[0].length);
    return before;
  };

  const readHead = (): boolean => {
    const head = takeUntil(END_OF_HEAD, MOST_HEAD_BYTES);
    if (head !== null) return judgeHead(head);
    if (!"HTTP/1.".startsWith(held.slice(0, 7))) state = { is: "broken" };
    return false;
  };

  const judgeHead = (head: string): boolean => {
    const first = /^HTTP\/1\.([01]) (\d{3})\b/.exec(head);
    if (first === null) {
      state = { is: "broken" };
      return false;
    }
    const code = Number(first[2]);
    // An interim response is followed by the final one. (101 is final: dt never asks to upgrade.)
    if (code >= 100 && code < 200 && code !== 101) return true;
    status = code;
    const connection = valuesOf(head, "connection");
    closes = connection.includes("close") || (first[1] === "0" && !connection.includes("keep-alive"));
    state = bodyOf(head, code);
    closes ||= state.is === "until-close";
    return true;
  };

  const readLine = (of: "size" | "chunk-end" | "trailer"): boolean => {
    const line = takeUntil(END_OF_LINE, MOST_LINE_BYTES);
    if (line === null) return false;
    if (of === "chunk-end") state = { is: "line", of: "size" };
    else if (of === "trailer") state = line === "" ? { is: "whole" } : state;
    else {
      const size = /^[0-9a-f]+/i.exec(line)?.[0];
      if (size === undefined) state = { is: "broken" };
      else if (Number.parseInt(size, 16) === 0) state = { is: "line", of: "trailer" };
      else state = { is: "bytes", left: Number.parseInt(size, 16), next: "chunk-end" };
    }
    return true;
  };

  const readBytes = (left: number, next: "whole" | "chunk-end"): boolean => {
    const taken = Math.min(left, held.length);
    held = held.slice(taken);
    if (taken < left) state = { is: "bytes", left: left - taken, next };
    else state = next === "whole" ? { is: "whole" } : { is: "line", of: "chunk-end" };
    return taken === left;
  };

  const step = (): boolean => {
    if (state.is === "head") return readHead();
    if (state.is === "line") return readLine(state.of);
    if (state.is === "bytes") return readBytes(state.left, state.next);
    held = "";
    return false;
  };

  return {
    take(bytes) {
      held += Buffer.from(bytes).toString("latin1");
      while (step());
    },
    end() {
      if (state.is === "head" && held.endsWith("\n")) judgeHead(held);
      if (state.is === "until-close") state = { is: "whole" };
      closes = true;
    },
    status: () => status,
    isWhole: () => state.is === "whole",
    isBroken: () => state.is === "broken",
    serverCloses: () => closes,
  };
}

function bodyOf(head: string, code: number): State {
  if (code === 101) return { is: "until-close" };
  if (code === 204 || code === 304) return { is: "whole" };
  if (valuesOf(head, "transfer-encoding").includes("chunked")) return { is: "line", of: "size" };
  const [length] = valuesOf(head, "content-length");
  if (length === undefined || !/^\d{1,15}$/.test(length)) return { is: "until-close" };
  return Number(length) === 0 ? { is: "whole" } : { is: "bytes", left: Number(length), next: "whole" };
}

/** The values of a header, in lower case, with its comma-separated lists split. */
function valuesOf(head: string, name: string): string[] {
  return head
    .split(END_OF_LINE)
    .slice(1)
    .filter((line) => line.slice(0, line.indexOf(":")).trim().toLowerCase() === name)
    .flatMap((line) => line.slice(line.indexOf(":") + 1).split(","))
    .map((value) => value.trim().toLowerCase());
}
