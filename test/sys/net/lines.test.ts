/** The connections of dt's own sockets. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { listenForLines } from "../../../src/sys/net/lineserver.ts";
import { makeScratch } from "../../kit/scratch.ts";

const scratch = makeScratch();

/** Connects, and ends at once. */
const PASSER = `const [path] = process.argv.slice(1);
  require("node:net").connect(path).on("connect", () => process.exit());`;

test("a peer that is gone before it was greeted is gone for the server, too", async () => {
  const path = join(scratch(), "s");
  const gone = Promise.withResolvers<void>();
  let greeted = 0;
  const server = listenForLines(path, {
    accept(line) {
      greeted++;
      line.send({ is: "hello" });
      return { onMessage() {}, onClose: gone.resolve };
    },
  });
  try {
    // Meanwhile this process hears of nothing.
    expect(Bun.spawnSync([process.execPath, "-e", PASSER, path]).exitCode).toBe(0);
    expect(greeted).toBe(0);
    await gone.promise;
    expect(greeted).toBe(1);
  } finally {
    server.stop();
  }
});

/** Says two words, and ends. */
const TALKER = `const [path] = process.argv.slice(1);
  const peer = require("node:net").connect(path);
  peer.on("connect", () => peer.write('"a"\\n"b"\\n', () => process.exit()));`;

test("what a peer said before it left is heard, although it can be told nothing any more", async () => {
  const path = join(scratch(), "s");
  const gone = Promise.withResolvers<void>();
  const heard: unknown[] = [];
  const server = listenForLines(path, {
    accept(line) {
      line.send({ is: "hello" });
      return {
        onMessage(word) {
          line.send({ is: "taken" });
          heard.push(word);
        },
        onClose: gone.resolve,
      };
    },
  });
  try {
    // It has left before this process hears of it.
    expect(Bun.spawnSync([process.execPath, "-e", TALKER, path]).exitCode).toBe(0);
    await gone.promise;
    expect(heard).toEqual(["a", "b"]);
  } finally {
    server.stop();
  }
});
