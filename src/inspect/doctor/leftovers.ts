/** Files in the run directory that are no longer needed, or that hold errors which were never shown. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { listSpecs } from "../../state/specs.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { descendInto, linkStatThere } from "../../sys/door/descend.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { showWord } from "../../sys/text/shell.ts";
import { FIX, makeFinding } from "./finding.ts";
import type { Finding } from "./types.ts";

/** A temporary file lives for milliseconds, but its writer may be in another pid namespace, where it cannot be seen. */
const YOUNG_MS = 60_000;
/** `.<name>.<pid>.<random>.tmp`, see sys/door/temporaryname.ts. */
const TEMPORARY = /^\..+\.(\d+)\.[a-z0-9]+\.tmp(\.link)?$/;

export function checkLeftovers(ground: Ground, names: readonly string[]): Finding[] {
  return [
    ...checkTemporaries(ground, names),
    ...checkHistories(ground),
    ...checkSpecs(ground),
    ...checkSetAside(ground, names),
    ...checkHostErrors(ground),
  ];
}

function checkTemporaries({ store, table }: Ground, names: readonly string[]): Finding[] {
  const left = names
    .filter((name) => {
      const pid = TEMPORARY.exec(name)?.[1];
      return pid !== undefined && table.entry(Number(pid)) === null && isOld(join(store.directory, name));
    })
    .map((name) => join(store.directory, name));
  if (left.length === 0) return [];
  const text = `${count(left.length, "temporary file")} of a dt that was killed ${left.length === 1 ? "is" : "are"} still in ${store.directory}.`;
  return [
    makeFinding("temporary", {
      level: "attention",
      text,
      hint: FIX,
      details: { files: left },
      repair: () => removeAll(left, "temporary file"),
    }),
  ];
}

/** A record is written before its history, so a history without a record belongs to a launch that is gone. */
function checkHistories({ store }: Ground): Finding[] {
  const directory = join(store.directory, "launch");
  const names = namesIn(directory).filter((name) => /^[0-9a-f]+\.json$/.test(name));
  const records = store.keys().map((key) => store.record(key));
  // One of them may belong to a record that cannot be read.
  if (records.some((record) => record.is === "unreadable")) return [];
  const tokens = new Set(records.flatMap((record) => (record.is === "there" ? [record.value.token] : [])));
  const left = names
    .map((name) => ({ name, token: name.replace(/\.\w+$/, "") }))
    // A file that this user's dt did not write stays.
    .filter(({ token }) => !tokens.has(token) && store.history(token).is === "there")
    .map(({ name }) => join(directory, name))
    .filter(isOld);
  if (left.length === 0) return [];
  const text = `${directory} has ${count(left.length, "leftover note")} about ended launches.`;
  return [
    makeFinding("history", {
      level: "attention",
      text,
      hint: FIX,
      details: { files: left },
      repair: () => removeAll(left, "note"),
    }),
  ];
}

/**
 * Specs (what a launch was started with) in the user's home whose launch is gone: of this run directory, or of a run
 * directory that is itself gone.
 */
function checkSpecs({ store, home }: Ground): Finding[] {
  const records = store.keys().map((key) => store.record(key));
  if (records.some((record) => record.is === "unreadable")) return [];
  const tokens = new Set(records.flatMap((record) => (record.is === "there" ? [record.value.token] : [])));
  const left = listSpecs(home, store.directory)
    .filter(({ token, runDirectory }) =>
      runDirectory === store.directory ? !tokens.has(token) : !existsSync(runDirectory),
    )
    .map(({ file }) => file)
    .filter(isOld);
  if (left.length === 0) return [];
  const text = `${dirname(left[0] as string)} has the start settings (with environment) of ${count(left.length, "ended launch")}.`;
  return [
    makeFinding("history", {
      level: "attention",
      text,
      hint: FIX,
      details: { files: left },
      repair: () => removeAll(left, "file"),
    }),
  ];
}

/** Kept for the user to look at, so only the user removes them. */
function checkSetAside({ store }: Ground, names: readonly string[]): Finding[] {
  const kept = names
    .filter((name) => name.endsWith(".corrupt") || name.endsWith(".foreign"))
    .map((name) => join(store.directory, name));
  if (kept.length === 0) return [];
  const text = `${count(kept.length, "file")} ${kept.length === 1 ? "was" : "were"} set aside as unreadable or not written by your dt.`;
  const hint = `Look at ${kept.length === 1 ? "it" : "them"}, then: rm ${kept.map(showWord).join(" ")}`;
  return [makeFinding("set-aside", { level: "note", text, hint, details: { files: kept } })];
}

function checkHostErrors({ store }: Ground): Finding[] {
  const file = join(store.directory, "host.err");
  const stat = linkStatThere(file);
  const size = stat?.isFile() ? stat.size : 0;
  if (size === 0) return [];
  const text = `${file} holds ${size} bytes of errors that hosts could not report elsewhere.`;
  return [
    makeFinding("host-errors", {
      level: "note",
      text,
      hint: `Read it, then: rm ${showWord(file)}`,
      details: { file, size },
    }),
  ];
}

function removeAll(files: readonly string[], what: string) {
  for (const file of files) removeFile(file);
  return { done: true, text: `removed ${count(files.length, what)}` };
}

function isOld(path: string): boolean {
  const stat = linkStatThere(path);
  // A time in the future (the clock was set back) says nothing about age.
  return stat !== undefined && Math.abs(Date.now() - stat.mtimeMs) > YOUNG_MS;
}

export function namesIn(directory: string): string[] {
  try {
    return descendInto(directory, (at) => readdirSync(at)).sort();
  } catch {
    return []; // not there: nothing was ever started
  }
}

function count(number: number, one: string): string {
  const many = `${one}${one.endsWith("ch") ? "es" : "s"}`;
  return `${number} ${number === 1 ? one : many}`;
}
