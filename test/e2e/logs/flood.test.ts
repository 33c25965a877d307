/**
 * Many lines and many runs through followers, every byte accounted for by hash. DT_FLOOD_LINES lines through two
 * followers at once (the soak: ten million), DT_FLOOD_RUNS restarts under one (the soak: a hundred).
 */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { tellNumbers } from "../../fault/numbers.ts";
import { type TestRoot, until } from "../../kit.ts";
import { launchRoot, psOf } from "../kit/launch.ts";

const LINES = Number(process.env.DT_FLOOD_LINES ?? 200_000);
const RUNS = Number(process.env.DT_FLOOD_RUNS ?? 10);
const LONG_MS = 1_800_000;

/** Reads all that a follower prints, and hashes it as it comes, through `clean`. */
function hashOf(follower: ReturnType<TestRoot["spawn"]>, clean: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes) {
  const hash = createHash("sha256");
  const seen = { bytes: 0 };
  const done = (async () => {
    for await (const chunk of follower.stdout) {
      const own = clean(chunk);
      hash.update(own);
      seen.bytes += own.length;
    }
    return hash.digest("hex");
  })();
  return { seen, done };
}

/** Takes `t:flood │ ` off each line, wherever the chunks are cut. */
function withoutPrefix(prefix: string): (bytes: Uint8Array) => Uint8Array {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    const all = Buffer.concat([rest, bytes]);
    const end = all.lastIndexOf(10) + 1;
    rest = Buffer.from(all.subarray(end));
    return Buffer.from(all.toString("latin1", 0, end).replaceAll(Buffer.from(prefix).toString("latin1"), ""), "latin1");
  };
}

function fileHash(paths: string[]): { sha: string; bytes: number } {
  const hash = createHash("sha256");
  let bytes = 0;
  for (const path of paths) {
    const fd = Bun.spawnSync(["cat", path], { maxBuffer: undefined } as never).stdout;
    hash.update(fd);
    bytes += fd.length;
  }
  return { sha: hash.digest("hex"), bytes };
}

test(
  `${LINES} lines through two followers: every byte, in order`,
  async () => {
    const root = launchRoot(
      "plain",
      "",
      `flood: { kind: "managed", run: ["sh", "-c", "sleep 0.5; seq -f 'line %.0f of the flood, as long as a line of a log is' ${LINES}; echo end"] },`,
    );
    try {
      await root.dt(["t", "flood", "-d"]);
      const raw = root.spawn(["logs", "t", "flood", "-f", "-n", "all"]);
      const prefixed = root.spawn(["logs", "t", "-f", "-n", "all"]);
      const followers = [hashOf(raw), hashOf(prefixed, withoutPrefix("t:flood │ "))];
      const log = join(root.run, "t:flood:default.log");
      const began = performance.now();
      await until(
        "it has ended",
        async () => ["exited", "failed"].includes((await psOf(root, "t:flood:default"))?.state ?? ""),
        LONG_MS,
      );
      const { size } = statSync(log);
      await until("both followers have it all", () => followers.every(({ seen }) => seen.bytes >= size), LONG_MS);
      const seconds = (performance.now() - began) / 1000;
      raw.kill("SIGINT");
      prefixed.kill("SIGINT");
      const [rawSha, prefixedSha] = await Promise.all(followers.map(({ done }) => done));
      const { sha } = fileHash([log]);
      expect({ rawSha, prefixedSha, bytes: followers.map(({ seen }) => seen.bytes) }).toEqual({
        rawSha: sha,
        prefixedSha: sha,
        bytes: [size, size],
      });
      tellNumbers(
        `${LINES} lines (${Math.round(size / 1e6)} MB) through two followers in ${seconds.toFixed(1)} s, every byte by hash`,
      );
    } finally {
      await root.dispose();
    }
  },
  LONG_MS,
);

test(
  `a follower across ${RUNS} restarts: every byte of every run, in order`,
  async () => {
    const root = launchRoot(
      "plain",
      "",
      `run: { kind: "managed", run: ["sh", "-c", "seq -f \\"run $$ line %.0f\\" 2000; exec sleep 1000"], logs: { keep: 1000 } },`,
    );
    try {
      const log = join(root.run, "t:run:default.log");
      await root.dt(["t", "run", "-d"]);
      const follower = root.spawn(["logs", "t", "run", "-f", "-n", "all"]);
      const { seen, done } = hashOf(follower);
      for (let run = 0; run < RUNS; run++) expect((await root.dt(["restart", "t", "run"])).code).toBe(0);
      await until("the last run has printed", () => readFileSync(log, "utf8").includes("line 2000"));
      const paths = Array.from({ length: RUNS }, (_, at) => `${log}.${RUNS - at}`).filter(existsSync);
      expect(paths).toHaveLength(RUNS);
      const whole = fileHash([...paths, log]);
      await until("the follower has it all", () => seen.bytes >= whole.bytes);
      follower.kill("SIGINT");
      expect({ sha: await done, bytes: seen.bytes }).toEqual(whole);
      tellNumbers(`a follower across ${RUNS} restarts, ${whole.bytes} bytes, every byte by hash`);
    } finally {
      await root.dispose();
    }
  },
  LONG_MS,
);
