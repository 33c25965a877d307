/**
 * The contents of the files that `inputs` names, as one digest: names and contents, ordered by name. If anything could
 * not be read there is no digest but a sentence saying why: what is not known to be unchanged is run again.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { relative } from "node:path";
import { sha256 } from "../../sys/base/digest.ts";
import { messageOf } from "../../sys/base/error.ts";
import type { Files } from "../../sys/match/groups.ts";

/** `why`: a sentence without a full stop. */
export type Inputs = { is: "known"; digest: string } | { is: "unknown"; why: string };

const CHUNK_BYTES = 256 * 1024;

/** `more`: files that count in addition to those that the patterns match. */
export async function digestInputs(request: Files, more: readonly string[]): Promise<Inputs> {
  const [{ findFiles }, { describeUnmatched }] = await Promise.all([
    import("../../sys/match/find.ts"),
    import("../../sys/watch/trees.ts"),
  ]);
  const { files, unmatched, unsure } = await findFiles(request);
  const [first] = unsure;
  if (first !== undefined) return { is: "unknown", why: first };
  if (unmatched.length > 0) return { is: "unknown", why: `of its inputs ${describeUnmatched(unmatched)}` };
  const lines: [string, string][] = [];
  for (const file of [...files, ...more]) {
    try {
      lines.push([relative(request.root, file), digestFile(file)]);
    } catch (error) {
      return { is: "unknown", why: `its input ${file} cannot be read: ${messageOf(error)}` };
    }
  }
  return { is: "known", digest: sha256(JSON.stringify(lines)) };
}

/** Throws if the file cannot be read, or is written meanwhile. */
function digestFile(path: string): string {
  const hasher = new Bun.CryptoHasher("sha256");
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const before = fstatSync(fd);
    if (!before.isFile()) throw new Error("it is not a regular file");
    const buffer = new Uint8Array(Math.min(before.size + 1, CHUNK_BYTES));
    // The kernel's own files have no size, and may have no end.
    let left = before.size;
    for (let count = -1; count !== 0 && left > 0; left -= count) {
      count = readSync(fd, buffer, 0, Math.min(buffer.length, left), null);
      hasher.update(buffer.subarray(0, count));
    }
    const after = fstatSync(fd);
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) throw new Error("it is being written");
    return hasher.digest("base64url");
  } finally {
    closeSync(fd);
  }
}
