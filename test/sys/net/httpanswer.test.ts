/** Where an HTTP answer ends, whichever way its server tells it, and however its bytes come. */
import { expect, test } from "bun:test";
import { makeAnswerReader } from "../../../src/sys/net/httpanswer.ts";

interface Read {
  status: number | null;
  whole: boolean;
  broken: boolean;
  closes: boolean;
}

function read(text: string, { size = text.length, ended = false } = {}): Read {
  const reader = makeAnswerReader();
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += size) reader.take(bytes.subarray(at, at + size));
  if (ended) reader.end();
  return {
    status: reader.status(),
    whole: reader.isWhole(),
    broken: reader.isBroken(),
    closes: reader.serverCloses(),
  };
}

const answer = (first: string, headers: string[], body = "") => `${[first, ...headers].join("\r\n")}\r\n\r\n${body}`;
const OK = "HTTP/1.1 200 OK";

const CASES: [what: string, text: string, expected: Partial<Read>][] = [
  ["a length", answer(OK, ["Content-Length: 2"], "ok"), { status: 200, whole: true, closes: false }],
  ["a length that is not there yet", answer(OK, ["Content-Length: 3"], "ok"), { status: 200, whole: false }],
  [
    "lines that end in a line feed alone",
    "HTTP/1.0 200 OK\nContent-Type: text/plain\nContent-Length: 2\n\nok",
    { status: 200, whole: true },
  ],
  [
    "chunks of such lines",
    `HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2\nok\n0\n\n`,
    { status: 200, whole: true, closes: false },
  ],
  ["a head that does not end", "HTTP/1.0 503 x\r\na: b", { status: null, whole: false, broken: false }],
  ["no body by its length", answer(OK, ["content-length:0"]), { whole: true, closes: false }],
  ["no body by its status", answer("HTTP/1.1 204 No Content", []), { status: 204, whole: true, closes: false }],
  ["not modified", answer("HTTP/1.1 304 x", ["content-length: 9"]), { status: 304, whole: true }],
  [
    "chunks",
    answer(OK, ["Transfer-Encoding: chunked"], "2\r\nok\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"),
    { whole: true },
  ],
  [
    "chunks and trailers",
    answer(OK, ["transfer-encoding: gzip, Chunked"], "1\r\na\r\n0\r\nx: y\r\n\r\n"),
    { whole: true },
  ],
  ["chunks without their end", answer(OK, ["Transfer-Encoding: chunked"], "2\r\nok\r\n0\r\n"), { whole: false }],
  ["a chunk without a size", answer(OK, ["Transfer-Encoding: chunked"], "zz\r\n"), { broken: true, status: 200 }],
  ["until it closes", answer(OK, [], "anything"), { status: 200, whole: false, closes: true }],
  [
    "a length, and it says that it closes",
    answer(OK, ["Connection: Close", "Content-Length: 1"], "x"),
    { whole: true, closes: true },
  ],
  ["the old way", answer("HTTP/1.0 200 OK", ["Content-Length: 1"], "x"), { whole: true, closes: true }],
  [
    "the old way, kept",
    answer("HTTP/1.0 200 OK", ["Connection: keep-alive", "Content-Length: 1"], "x"),
    { closes: false },
  ],
  [
    "interim answers come first",
    answer("HTTP/1.1 103 x", ["link: y"], answer("HTTP/1.1 404 Not Found", ["content-length: 0"])),
    { status: 404, whole: true },
  ],
  ["another protocol", "220 mail.example.org ESMTP\r\n", { broken: true, status: null }],
  ["another version", "HTTP/2 200\r\n\r\n", { broken: true, status: null }],
  ["a status that is none", "HTTP/1.1 OK\r\n\r\n", { broken: true, status: null }],
  ["nothing yet", "HTT", { broken: false, status: null, whole: false }],
];

for (const [what, text, expected] of CASES) {
  test(`${what}: in one piece, and byte by byte`, () => {
    for (const size of [text.length, 7, 1]) expect(read(text, { size })).toMatchObject(expected);
  });
}

test("a body without a length is whole when the connection ends; one with a length is not", () => {
  expect(read(answer(OK, [], "anything"), { ended: true })).toMatchObject({ whole: true });
  expect(read(answer(OK, ["Content-Length: 9"], "any"), { ended: true })).toMatchObject({ whole: false, closes: true });
});

test("an endless head is no answer", () => {
  expect(read(`${OK}\r\nx: ${"a".repeat(300_000)}`)).toMatchObject({ broken: true, status: null });
});

test("a head that only the connection's end ends still has its status", () => {
  expect(read("HTTP/1.0 503 x\r\na: b\r\n", { ended: true })).toMatchObject({ status: 503, broken: false });
  expect(read("HTTP/1.0 200 OK\n", { ended: true })).toMatchObject({ status: 200 });
  expect(read("HTTP/1.0 200 OK", { ended: true })).toMatchObject({ status: null });
  expect(read("HTTP/1.1 200 OK\r\nContent-Le", { ended: true })).toMatchObject({ status: null });
  expect(read("HTTP/1.", { ended: true })).toMatchObject({ status: null });
});
