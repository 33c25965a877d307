/**
 * The Bun that a target's binary is made of, from the npm package that package-lock.json names: its version and its SHA-512 are the
 * lock's, so that what is shipped is what was tested, on whichever machine it is put together.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as tar from "tar";
import type { Target } from "./targets.ts";

export interface Locked {
  version: string;
  /** `sha512-…`, as npm writes it. */
  integrity: string;
}

export function lockedRuntime(lock: { packages: Record<string, Partial<Locked>> }, name: string): Locked {
  const entry = lock.packages[`node_modules/${name}`];
  if (entry?.version === undefined || !entry.integrity?.startsWith("sha512-"))
    throw new Error(
      `package-lock.json has no version and SHA-512 of ${name}: install again with all platforms (npm install)`,
    );
  return { version: entry.version, integrity: entry.integrity };
}

/** Throws when the bytes are not the locked ones. */
export function checkIntegrity(bytes: Uint8Array, name: string, { version, integrity }: Locked): void {
  const found = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (found !== integrity)
    throw new Error(
      `${name}@${version} is not what package-lock.json names: expected ${integrity}, found ${found}. Nothing was built from it.`,
    );
}

/** Gives the path of the runtime's executable; fetches it with npm where it is not in the cache. The only step that uses the network. */
export async function fetchRuntime({ runtime }: Target, root: string): Promise<string> {
  const locked = lockedRuntime(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")), runtime);
  const cache = join(root, "node_modules", ".cache", "dt-runtimes");
  const place = join(cache, `${runtime.replace("/", "+")}@${locked.version}`);
  const executable = join(place, "package", "bin", "bun");
  const archive = join(place, "package.tgz");
  if (!existsSync(executable)) {
    mkdirSync(cache, { recursive: true });
    const work = mkdtempSync(join(cache, ".fetch-"));
    try {
      const packed = Bun.spawnSync(
        ["npm", "pack", `${runtime}@${locked.version}`, "--silent", "--pack-destination", work],
        { cwd: root, stderr: "pipe" },
      );
      const [file] = readdirSync(work).filter((name) => name.endsWith(".tgz"));
      if (!packed.success || file === undefined)
        throw new Error(`npm could not fetch ${runtime}@${locked.version}:\n${packed.stderr}`);
      renameSync(join(work, file), join(work, "package.tgz"));
      checkIntegrity(readFileSync(join(work, "package.tgz")), runtime, locked);
      await tar.extract({ file: join(work, "package.tgz"), cwd: work });
      rmSync(place, { recursive: true, force: true });
      renameSync(work, place);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  // The archive is kept and looked at again: what lies in a cache is only as good as the last look at it.
  checkIntegrity(readFileSync(archive), runtime, locked);
  return executable;
}
