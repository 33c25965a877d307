/**
 * `bun run release [--no-e2e] [target …]`: everything that is published, into dist/release: an archive and an npm package a target, the
 * npm package that picks one, SHA256SUMS, and what the changelog says of this version. Default: all targets.
 *
 * Each binary is tried as far as this machine can: the end-to-end suite on its own, arm64 under qemu-user, the signatures of macOS by
 * their page hashes; what could not be tried is said. Exit 1 when anything fails; then nothing is to be published.
 */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { makeArchive, sha256, writeSums } from "./archive.ts";
import { type Built, buildTarget } from "./build.ts";
import { sectionOf } from "./changelog.ts";
import { packAll } from "./npm.ts";
import { smokeTest } from "./smoke.ts";
import { hostTarget, TARGETS, type Target } from "./targets.ts";

const ROOT = join(import.meta.dir, "..");
const OUT = join(ROOT, "dist", "release");
/** Debian's cross libraries: what a glibc binary for arm64 needs under qemu-user. */
const ARM64_LIBRARIES = "/usr/aarch64-linux-gnu";

const words = process.argv.slice(2);
const asked = words.filter((word) => !word.startsWith("-"));
const wrong = words.find((word) =>
  word.startsWith("-") ? word !== "--no-e2e" : !TARGETS.some((one) => one.name === word),
);
if (wrong !== undefined) {
  console.error(
    `release: there is no ${wrong}, but --no-e2e and the targets ${TARGETS.map((one) => one.name).join(" ")}`,
  );
  process.exit(2);
}

const say = (text: string) => console.log(`release: ${text}`);
const { version } = manifest;
const about = { version, description: manifest.description, license: manifest.license };
const notes = sectionOf(readFileSync(join(ROOT, "CHANGELOG.md"), "utf8"), version);
const targets = TARGETS.filter((one) => asked.length === 0 || asked.includes(one.name));

const work = mkdtempSync(join(tmpdir(), "dt-release-"));
try {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const built: Built[] = [];
  for (const target of targets) built.push(await buildTarget(target, ROOT));
  for (const { target, signature } of built) if (signature !== null) say(describeSignature(target, signature));
  await checkSameBytes(built);
  for (const one of built) say(`${one.target.name}: ${tryBinary(one)}`);

  const archives: string[] = [];
  for (const { target, file } of built) {
    const archive = join(OUT, `dt-${version}-${target.name}.tar.gz`);
    const beside = (name: string) => ({ from: join(ROOT, name), mode: 0o644 });
    await makeArchive(archive, {
      dt: { from: file, mode: 0o755 },
      LICENSE: beside("LICENSE"),
      "README.md": beside("README.md"),
    });
    archives.push(archive);
    say(`${basename(archive)}: ${megabytes(archive)} MB (the binary: ${megabytes(file)} MB)`);
  }
  writeSums(join(OUT, "SHA256SUMS"), archives);
  copyFileSync(join(ROOT, "install.sh"), join(OUT, "install.sh"));
  writeFileSync(join(OUT, "RELEASE_NOTES.md"), notes);
  const tarballs = packAll(built, { root: ROOT, work: join(work, "npm"), out: join(OUT, "npm"), about });
  say(`${tarballs.length} npm packages in ${join("dist", "release", "npm")}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function describeSignature(target: Target, { check, signedAnew }: NonNullable<Built["signature"]>): string {
  const how = signedAnew ? "signed anew ad hoc, since Bun's did not match" : "as Bun signed it";
  return `${target.name}: ${check.pages} pages match their hashes (${how}, ${check.identifier})`;
}

/** A second build of this machine's target, or of the first there is, gives the same bytes. */
async function checkSameBytes(built: readonly Built[]): Promise<void> {
  const one = built.find(({ target }) => target.name === hostTarget().name) ?? built[0];
  if (one === undefined) return;
  const before = sha256(one.file);
  const kept = `${one.file}.first`;
  renameSync(one.file, kept);
  const again = await buildTarget(one.target, ROOT);
  const after = sha256(again.file);
  rmSync(kept);
  if (before !== after) throw new Error(`two builds of ${one.target.name} differ: ${before} and ${after}`);
  say(`${one.target.name}: two builds are the same bytes (${after.slice(0, 16)}…)`);
}

/** Gives what was tried. */
function tryBinary({ target, file }: Built): string {
  if (target.name === hostTarget().name) {
    const steps = smokeTest(file, { canStartItself: true });
    if (words.includes("--no-e2e")) return `${steps.length} smoke tests; the end-to-end suite was left out`;
    const suite = Bun.spawnSync([process.execPath, "test", "--timeout", "60000", "./test/e2e"], {
      cwd: ROOT,
      env: { ...process.env, DT_BINARY: file },
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (!suite.success) throw new Error(`the end-to-end suite failed on ${file}`);
    return `${steps.length} smoke tests and the end-to-end suite`;
  }
  if (target.os !== "linux") return "built and its signature checked; there is no macOS here to run it";
  if (target.libc === "musl")
    return "built; test/e2e/install/musl.test.ts runs the x64 one in a root directory with musl alone";
  const qemu = Bun.which("qemu-aarch64-static");
  if (target.cpu !== "arm64" || qemu === null)
    return "built; there is no emulator here to run it (Debian: qemu-user-static)";
  const canStartItself = canRunForeign();
  const steps = smokeTest(file, {
    before: canStartItself ? [] : [qemu],
    env: { QEMU_LD_PREFIX: ARM64_LIBRARIES },
    canStartItself,
  });
  return `${steps.length} smoke tests under qemu-user${canStartItself ? "" : "; none that starts a second dt, since the kernel knows no arm64 binaries here (binfmt_misc)"}`;
}

/** Whether the kernel hands arm64 binaries to qemu by itself. */
function canRunForeign(): boolean {
  try {
    return statSync("/proc/sys/fs/binfmt_misc/qemu-aarch64").isFile();
  } catch {
    return false;
  }
}

function megabytes(path: string): string {
  return (statSync(path).size / 1e6).toFixed(1);
}
