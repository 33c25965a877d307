/**
 * The manifests of a root as the user last took them over, by running a command there or by `dt trust`. DIALTONE_HOME
 * holds their outcomes, with the digests of the files behind them. The daemon acts on these alone, so a `git checkout`
 * of another branch does not change what it runs until the user runs a command there.
 *
 * Known limits: a file that a manifest names (a program, a Compose file, a `.env` file) is read at the time of use,
 * with the content it has then. Whatever else the evaluation read (a folder, a variable) is not compared: its outcome
 * holds until the user runs a command there.
 */
import { sha256 } from "../../sys/base/digest.ts";
import { type FolderIdentity, identifyFolder, isSameFolder } from "../../sys/base/folder.ts";
import { readText } from "../../sys/files/fileread.ts";
import { writeWhole } from "../../sys/files/filewrite.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { homeFileOf, readHomeFile, removeHomeFile, writeHomeFile } from "../../sys/seal/homefiles.ts";
import { createHasher, type Digest, type Hasher, sameFiles } from "../depends/digest.ts";
import { discover, type FoundManifest } from "../discover/discover.ts";
import type { Judge } from "../discover/trust.ts";
import { isData } from "../imports/extensions.ts";
import { failed, type Outcome } from "../model/outcome.ts";
import { buildIdentity } from "./build.ts";

interface KnownManifest extends FoundManifest {
  outcome: Outcome;
  files: Digest;
  env: Digest;
}

interface KnownFile {
  version: 1;
  root: string;
  folder: FolderIdentity;
  /** The build of dt that wrote it; another build may resolve differently. */
  build: string;
  /** `data`: the root was not trusted, so manifests that are code were not read and do not count as missing. */
  reading: "all" | "data";
  manifests: KnownManifest[];
  unread: FoundManifest[];
}

export interface KnownPlace extends Judge {
  root: string;
  home: string;
}

export interface Taken extends FoundManifest {
  /** Null when the outcome is due to chance (a full disk, a busy machine). */
  entry: (Pick<KnownManifest, "outcome" | "files" | "env"> & { seen: Digest; unknown: string | null }) | null;
}

/**
 * Stores the manifests as taken over and returns the files that differ from what was known; none if nothing was known.
 * Throws when the file cannot be written. Every command that the user runs calls this, so a mark beside the file tells
 * cheaply that nothing changed.
 */
export function takeOver(
  { root, home, reading }: { root: string; home: string; reading: "all" | "data" },
  { taken, unread = [] }: { taken: readonly Taken[]; unread?: readonly FoundManifest[] | undefined },
): string[] {
  const folder = identifyFolder(root);
  if (folder === null) return [];
  const build = buildIdentity();
  const sources = taken.map(({ file, origin, entry }) => [file, origin, entry === null ? null : sourceOf(entry)]);
  const mark = sha256(JSON.stringify([build, folder.ino, folder.born, reading, sources, unread]));
  const beside = markFileOf(home, root);
  const noted = readText(beside);
  if (noted.is === "there" && noted.value === mark) return [];
  const before = readKnown(home, root);
  const manifests = taken.flatMap(({ file, origin, entry }) => {
    const kept = entry ?? before?.manifests.find((one) => one.file === file);
    return kept === undefined ? [] : [{ file, origin, outcome: kept.outcome, files: kept.files, env: kept.env }];
  });
  writeHomeFile<KnownFile>(home, {
    kind: "known",
    content: { version: 1, root, folder, build, reading, manifests, unread: [...unread] },
  });
  writeWhole(beside, { text: mark, durable: false });
  return before === null ? [] : differing(before.manifests, manifests);
}

/** Everything that the outcome depends on; if that is not fully known, the outcome itself. */
function sourceOf({ outcome, files, env, seen, unknown }: NonNullable<Taken["entry"]>) {
  return unknown === null && outcome.is !== "failure" ? [files, env, seen] : outcome;
}

function markFileOf(home: string, root: string): string {
  return `${homeFileOf(home, { kind: "known", root }).slice(0, -".json".length)}.mark`;
}

function differing(before: readonly KnownManifest[], now: readonly KnownManifest[]): string[] {
  const textsOf = (all: readonly KnownManifest[]) =>
    new Map(all.map(({ file, files }) => [file, JSON.stringify(files)]));
  const [was, is] = [textsOf(before), textsOf(now)];
  return [...new Set([...was.keys(), ...is.keys()])].filter((file) => was.get(file) !== is.get(file)).sort();
}

export function forgetKnown(home: string, root: string): void {
  removeFile(markFileOf(home, root));
  removeHomeFile(home, { kind: "known", root });
}

/** Null when nothing was ever taken over there, or only from another folder at this path. */
function readKnown(home: string, root: string): KnownFile | null {
  const read = readHomeFile<KnownFile>(home, { kind: "known", root });
  if (read.is !== "there") return null;
  const folder = identifyFolder(root);
  return folder !== null && isSameFolder(read.value.folder, folder) ? read.value : null;
}

export function isAnythingKnown({ root, home }: { root: string; home: string }): boolean {
  return readKnown(home, root) !== null;
}

/**
 * What is known of one manifest. `same`: another build of dt wrote it and its files are unchanged, so it may be loaded
 * again. `lost`: another build wrote it and its files have changed.
 */
export type Own =
  | { is: "known"; found: FoundManifest; outcome: Outcome }
  | { is: "same"; found: FoundManifest }
  | { is: "lost"; found: FoundManifest; outcome: Outcome };

export function knownManifests({ root, home, ...judge }: KnownPlace): { manifests: Own[]; unread: FoundManifest[] } {
  const known = readKnown(home, root);
  if (known === null) return { manifests: [], unread: [] };
  const isOurs = known.build === buildIdentity();
  const hasher = createHasher(judge);
  const manifests = known.manifests.map(({ file, origin, outcome, files }): Own => {
    const found = { file, origin };
    if (isOurs) return { is: "known", found, outcome };
    return sameFiles(files, hasher) ? { is: "same", found } : { is: "lost", found, outcome: lost(file) };
  });
  return { manifests, unread: known.unread };
}

function lost(file: string): Outcome {
  const message = `${file}: has changed since you last ran a command in its root, and its earlier content is known to another version of dt only.`;
  return failed({ file, code: "changed", message, hint: "Run a command there, or `dt trust`, to take it over." });
}

/** Whether a manifest and everything it imports are as they were taken over; false for one that never was. */
export function isAsKnown({ root, home, ...judge }: KnownPlace, file: string): boolean {
  const own = readKnown(home, root)?.manifests.find((one) => one.file === file);
  return own !== undefined && sameFiles(own.files, createHasher(judge));
}

export interface Waiting {
  /** Manifests that differ from what is known, are new, or are gone. */
  files: string[];
  /** Changes whenever the content of one of these files, or of a file they import, does. */
  mark: string;
}

/** The changes that the daemon ignores until the user takes them over. Reads files and evaluates nothing. */
export function waitingIn({ root, home, ...judge }: KnownPlace): Waiting {
  const known = readKnown(home, root);
  const there = discover({ root, home, ...judge }).manifests.filter(({ origin }) => origin !== "home");
  const hasher = createHasher(judge);
  const waiting = [
    ...there.flatMap(({ file }) => (isWaiting(known, { file, hasher }) ? [file] : [])),
    ...(known?.manifests ?? []).flatMap(({ file }) => (there.some((one) => one.file === file) ? [] : [file])),
  ];
  const files = [...new Set(waiting)].sort();
  const imported = files.flatMap((file) => Object.keys(known?.manifests.find((one) => one.file === file)?.files ?? {}));
  const contents = [...new Set([...files, ...imported])].map((file) => [file, hasher.hash(file)]);
  return { files, mark: sha256(JSON.stringify(contents)) };
}

function isWaiting(known: KnownFile | null, { file, hasher }: { file: string; hasher: Hasher }): boolean {
  const own = known?.manifests.find((one) => one.file === file);
  if (own !== undefined) return !sameFiles(own.files, hasher);
  return known?.reading !== "data" || isData(file);
}
