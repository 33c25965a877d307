/** A target's binary out of the locked runtime, with nothing fetched while it is compiled; on macOS with a signature that holds. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkSignature, type SignatureCheck, signAdHoc } from "./macho.ts";
import { fetchRuntime } from "./runtime.ts";
import type { Target } from "./targets.ts";

const IDENTIFIER = "dialtone-dt";

export interface Built {
  target: Target;
  file: string;
  /** Of the macOS ones. */
  signature: { check: SignatureCheck; signedAnew: boolean } | null;
}

export async function buildTarget(target: Target, root: string): Promise<Built> {
  const runtime = await fetchRuntime(target, root);
  const built = Bun.spawnSync([process.execPath, "build.ts", target.bun, "--runtime", runtime], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (!built.success) throw new Error(`${target.name} could not be built`);
  const file = join(root, "dist", `dt-${target.name}`);
  return { target, file, signature: target.os === "darwin" ? ensureSigned(file) : null };
}

/** Bun 1.4.5 leaves the x64 runtime's own signature in place, which what it adds makes wrong: then the binary gets one of its own. */
function ensureSigned(file: string): Built["signature"] {
  const first = tryCheck(file);
  if (first !== null && first.bad.length === 0) return { check: first, signedAnew: false };
  const signed = `${file}.signed`;
  writeFileSync(signed, signAdHoc(readFileSync(file), IDENTIFIER), { mode: 0o755 });
  renameSync(signed, file);
  const check = checkSignature(readFileSync(file));
  if (check.bad.length > 0)
    throw new Error(`${file}: ${check.bad.length} of ${check.pages} pages do not match after signing`);
  return { check, signedAnew: true };
}

/** Null when the signature cannot even be read as one of the file. */
function tryCheck(file: string): SignatureCheck | null {
  try {
    return checkSignature(readFileSync(file));
  } catch {
    return null;
  }
}
