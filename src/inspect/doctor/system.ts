/** Which dt this is, what the system offers it, and what the file system can that holds its state. */
import { realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { listRootsIn } from "../../state/roots.ts";
import { DtError, errnoOf } from "../../sys/base/error.ts";
import { COMMIT, VERSION } from "../../sys/base/version.ts";
import { type FileSystemFacts, probeFileSystem } from "../../sys/files/filesystem.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { describeKernel } from "../../sys/kernel/kernel.ts";
import { findExecutable } from "../../sys/spawn/executable.ts";
import { showWord } from "../../sys/text/shell.ts";
import { formatBytes } from "../../values/size.ts";
import { FIX, makeFinding } from "./finding.ts";
import type { Finding } from "./types.ts";

export function checkVersion(
  self: readonly string[],
  { path, cwd }: { path: string | undefined; cwd: string },
): Finding[] {
  const build = `dt ${VERSION}${COMMIT === "" ? "" : ` (${COMMIT})`}, Bun ${Bun.version}, ${process.arch}`;
  const own = realpathOf(self[0] as string);
  const details = { version: VERSION, commit: COMMIT, bun: Bun.version, arch: process.arch, executable: own };
  const findings = [makeFinding("version", { level: "fine", text: `${build}, at ${own}.`, details })];
  const onPath = lookup("dt", { path: path ?? "", cwd });
  if (onPath === null || realpathOf(onPath) === own) return findings;
  const text = `\`dt\` on PATH is another binary: ${onPath}.`;
  return [...findings, makeFinding("version", { level: "note", text, details: { onPath } })];
}

/** The wrapper of a source checkout runs the `dist/dt` beside it. */
export function checkWrapper(root: string, self: readonly string[]): Finding[] {
  const wrapper = join(root, "dialtone.sh");
  if (statSync(wrapper, { throwIfNoEntry: false }) === undefined) return [];
  const binary = join(root, "dist", "dt");
  if (statSync(binary, { throwIfNoEntry: false }) === undefined)
    return [
      makeFinding("wrapper", {
        level: "note",
        text: `${wrapper} has no binary yet, and builds ${binary} when you run it.`,
      }),
    ];
  const same = realpathOf(binary) === realpathOf(self[0] as string);
  return [
    same
      ? makeFinding("wrapper", { level: "fine", text: `${wrapper} runs this very binary.` })
      : makeFinding("wrapper", { level: "note", text: `${wrapper} runs a different binary: ${binary}.` }),
  ];
}

export function checkKernel(): Finding[] {
  const features = describeKernel();
  const missing = features.filter((feature) => !feature.works);
  const fine = features.filter((feature) => feature.works).map((feature) => feature.name);
  return [
    ...(fine.length === 0
      ? []
      : [
          makeFinding("system", { level: "fine", text: `This system has: ${fine.join(", ")}.`, details: { features } }),
        ]),
    ...missing.map((feature) =>
      makeFinding("system", {
        level: "note",
        text: `This system lacks: ${feature.name}. So ${feature.without}.`,
        details: { feature },
      }),
    ),
    makeFinding("cgroups", {
      level: "fine",
      text: "dt uses no cgroups: it finds the processes of a launch by their parents, their session, and the token and lineage that they inherit, which needs no privileges and no daemon.",
    }),
  ];
}

/** A start writes a record, a want, a lock, a history and shims. */
const FEW_FILES = 100;
const LITTLE_BYTES = 1024 * 1024;

export function checkFileSystem(directory: string): Finding[] {
  const facts = probeFileSystem(directory);
  return [...describeAbilities(directory, facts), ...describeRoom(directory, facts)];
}

function describeAbilities(directory: string, facts: FileSystemFacts): Finding[] {
  const details = { ...facts, directory };
  if (facts.problem !== null) {
    const text = `dt cannot create a file in ${directory}: ${facts.problem}.`;
    const first = /^(?:EACCES|EPERM)\b/.test(facts.problem)
      ? `chmod u+rwx ${showWord(directory)}`
      : /^EROFS\b/.test(facts.problem)
        ? "Mount it writable"
        : "Free space";
    const hint = `${first}, or set DIALTONE_RUN_DIR to a writable directory.`;
    return [makeFinding("file-system", { level: "attention", text, details, hint })];
  }
  const abilities: [boolean | null, string, string][] = [
    [facts.links, "hard links", "dt takes locks by exclusive creation instead, which is as safe"],
    [facts.flock, "flock", `a stale lock is broken only by \`${FIX}\``],
    [facts.holes, "hole punching", "`logs.maxSize` has no effect: a log grows as long as its launch runs"],
  ];
  const works = abilities.flatMap(([there, name]) => (there === true ? [name] : []));
  const kind = `The file system of ${directory} (${facts.kind ?? "unknown"})`;
  return [
    ...(works.length === 0
      ? []
      : [makeFinding("file-system", { level: "fine", text: `${kind} has ${works.join(", ")}.`, details })]),
    ...abilities.flatMap(([there, name, without]) =>
      there === true
        ? []
        : [makeFinding("file-system", { level: "note", text: `${kind} lacks ${name}: ${without}.`, details })],
    ),
  ];
}

function describeRoom(directory: string, { freeBytes, freeFiles }: FileSystemFacts): Finding[] {
  if (freeBytes === null) return [];
  const details = { freeBytes, freeFiles };
  if (freeBytes < LITTLE_BYTES || (freeFiles !== null && freeFiles < FEW_FILES)) {
    const what = freeBytes < LITTLE_BYTES ? formatBytes(freeBytes) : `room for ${freeFiles} files`;
    const text = `The disk of ${directory} has only ${what} left: dt can stop launches but not start them, and what they write to their logs is lost.`;
    return [makeFinding("free-space", { level: "attention", text, details, hint: "Free some space." })];
  }
  return [makeFinding("free-space", { level: "fine", text: `${formatBytes(freeBytes)} are free there.`, details })];
}

/** The roots that are remembered in the user's home. */
export function checkRoots(home: string | null): Finding[] {
  if (home === null) return [];
  return listRootsIn(join(home, "roots")).flatMap(({ file, root }) => {
    if (isDirectory(root)) return [];
    const text = `dt remembers a project that no longer exists: ${root}.`;
    const repair = () => {
      removeFile(file);
      return { done: true, text: `forgot ${root}` };
    };
    return [makeFinding("root", { level: "attention", text, hint: FIX, details: { root, file }, repair })];
  });
}

/** Only a certain answer counts as gone: a directory that this user may not look at is there. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    const code = errnoOf(error);
    return code !== "ENOENT" && code !== "ENOTDIR";
  }
}

function realpathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Null also for dt's own shim on the PATH of a launch: it is this binary under another name. */
function lookup(name: string, { path, cwd }: { path: string; cwd: string }): string | null {
  try {
    const found = findExecutable(name, { path, cwd });
    return dirname(found).includes(`${join(".dialtone", "shims")}`) ? null : found;
  } catch (error) {
    if (error instanceof DtError) return null;
    throw error;
  }
}
