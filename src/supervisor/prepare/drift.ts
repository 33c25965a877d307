/**
 * The differences between a launch and what its manifest, as last loaded, would start now: argument vector, directory,
 * declared environment, port. Reads `.env` files, runs nothing.
 */
import { declaredUp, withoutFlags } from "../../compose/compare.ts";
import { settingsOf } from "../../manifest/model/find.ts";
import { mayDeclareMore } from "../../manifest/model/graph.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { messageOf } from "../../sys/base/error.ts";
import type { Ground } from "../launch/types.ts";
import { prepareCommand } from "./command.ts";
import { withStack } from "./stack.ts";

export type DriftField =
  | { field: "argv"; was: string[]; now: string[] }
  | { field: "cwd"; was: string; now: string }
  | { field: "port"; was: number | null; now: number | null }
  /** A null value removes the variable; undefined: the manifest does not mention it. */
  | { field: "env"; name: string; was: string | null | undefined; now: string | null | undefined }
  /** The manifest no longer declares it. */
  | { field: "command"; was: string; now: null }
  /** The current manifest could not be started at all. */
  | { field: "start"; now: string };

/**
 * Null when unknown: no manifest was ever loaded, the plugin's own was not read, or the key now names no managed
 * command.
 */
export function findDrift(
  ground: Ground,
  { index, record }: { index: ManifestIndex | null; record: LaunchRecord },
): DriftField[] | null {
  if (index === null) return null;
  const settings = settingsOf(index.plugins, record.key);
  if (settings === undefined && mayDeclareMore(index)) return null;
  if (settings === undefined) return [{ field: "command", was: record.key, now: null }];
  if (settings.kind !== "managed") return null;
  try {
    const { compose } = settings;
    const now = prepareCommand({
      ground,
      settings: compose === null ? settings : withStack(ground.root, { key: record.key, settings, compose }),
      run: settings.run,
      args: record.args,
      inherited: {},
      launch: null,
      looking: true,
    });
    const port = settings.port === "auto" ? record.port : settings.port;
    const fields: DriftField[] = [];
    if (compose === null && !sameWords(record.argv, now.argv))
      fields.push({ field: "argv", was: record.argv, now: now.argv });
    if (compose !== null && record.stack !== undefined)
      fields.push(
        ...stackDrift(
          record.argv,
          declaredUp(
            { root: ground.root, cwd: now.cwd, args: record.args },
            { stack: record.stack, declared: compose },
          ),
        ),
      );
    if (record.cwd !== now.cwd) fields.push({ field: "cwd", was: record.cwd, now: now.cwd });
    if (record.port !== port) fields.push({ field: "port", was: record.port, now: port });
    return [...fields, ...compareEnvironments(record.env, now.environment.declared)];
  } catch (error) {
    return [{ field: "start", now: messageOf(error) }];
  }
}

function stackDrift(argv: readonly string[], now: string[]): DriftField[] {
  const words = withoutFlags(argv);
  return sameWords(words, now) ? [] : [{ field: "argv", was: words, now }];
}

export function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, at) => word === b[at]);
}

export function compareEnvironments(was: LaunchRecord["env"], now: LaunchRecord["env"]): DriftField[] {
  return [...new Set([...Object.keys(was), ...Object.keys(now)])]
    .sort()
    .flatMap((name) =>
      was[name] === now[name] ? [] : [{ field: "env" as const, name, was: was[name], now: now[name] }],
    );
}
