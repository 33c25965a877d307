/**
 * Rules that need the merged layers, and rules between the commands of one plugin. Each fault is a path and a sentence.
 */
import { parseDuration } from "../../values/duration.ts";
import { DEFAULT_VARIANT, formatKey, keyParts, pluginOf, wholeKey } from "../../values/key.ts";
import { KIND_OF } from "../model/graph.ts";
import type { Plugin, Probe } from "../model/types.ts";
import type { Layer, Merged } from "./merge.ts";

export interface Issue {
  path: (string | number)[];
  message: string;
}

/** The faults in one variant's merged settings; paths begin at the variant. */
export function checkMerged(kind: "oneshot" | "managed", merged: Merged): Issue[] {
  const issues: Issue[] = [];
  if (kind === "managed") {
    if (merged.run === undefined && merged.compose === undefined)
      issues.push({ path: [], message: "has nothing to run; a managed command needs `run` or `compose`" });
    if (merged.run !== undefined && merged.compose !== undefined)
      issues.push({ path: [], message: "has both `run` and `compose`; a managed command has exactly one of them" });
    if (merged.compose !== undefined && merged.tty)
      issues.push({ path: ["tty"], message: "needs a `run`; a stack of containers has no terminal" });
    for (const field of ["ready", "alive"] as const) {
      const written = merged[field];
      for (const [index, probe] of (written === undefined ? [] : [written].flat()).entries()) {
        const path = [field, ...(Array.isArray(written) ? [index] : [])];
        for (const issue of checkProbe(probe, merged))
          issues.push({ path: [...path, ...issue.path], message: issue.message });
      }
    }
    return [...issues, ...checkRestart(merged)];
  }
  if (merged.run === undefined && merged.handler === undefined) {
    issues.push({ path: [], message: "has nothing to run; a oneshot needs `run` or `handler`" });
  }
  if (merged.run !== undefined && merged.handler !== undefined) {
    issues.push({ path: [], message: "has both `run` and `handler`; a oneshot has exactly one of them" });
  }
  if (merged.capture && merged.handler !== undefined) {
    issues.push({ path: ["capture"], message: "needs a `run`; a handler runs inside dt and is not captured" });
  }
  if (merged.outputs !== undefined && merged.inputs === undefined) {
    issues.push({
      path: ["outputs"],
      message: "has an effect only with `inputs`, and the command has no `inputs`",
    });
  }
  return issues;
}

function checkRestart({ restart }: Merged): Issue[] {
  if (typeof restart !== "object" || restart.delay === undefined || restart.maxDelay === undefined) return [];
  const { delay, maxDelay } = restart;
  return (parseDuration(maxDelay) ?? 0) < (parseDuration(delay) ?? 0)
    ? [{ path: ["restart", "maxDelay"], message: `${maxDelay} is shorter than the delay of ${delay}` }]
    : [];
}

function checkProbe(probe: Probe, merged: Merged): Issue[] {
  const issues: Issue[] = [];
  if (probe.port === true && merged.port === undefined) {
    issues.push({
      path: ["port"],
      message: "is true, which means the command's own port, but the command has no `port`",
    });
  }
  if (probe.http?.startsWith("/") && merged.port === undefined) {
    issues.push({
      path: ["http"],
      message: `${JSON.stringify(probe.http)} is requested from the command's own port, but the command has no \`port\`; set one or write a full URL`,
    });
  }
  if (probe.delay !== undefined && probe.timeout !== undefined) {
    if ((parseDuration(probe.timeout) ?? 0) < (parseDuration(probe.delay) ?? 0)) {
      issues.push({ path: ["timeout"], message: `${probe.timeout} is shorter than the delay of ${probe.delay}` });
    }
  }
  return issues;
}

/**
 * Keys in `needs`, `before`, `groups`, `watch` and `daemon` that name this plugin must exist and be of the right kind.
 */
export function checkReferences(plugin: Plugin): Issue[] {
  const issues: Issue[] = [];
  const refuse = (path: Issue["path"], key: string, kind: "oneshot" | "managed" | null) => {
    const message = checkReference(plugin, { key, kind });
    if (message !== null) issues.push({ path, message });
  };
  const refuseForDaemon = (path: Issue["path"], key: string) => {
    if (pluginOf(key) === plugin.name) refuse(path, key, "oneshot");
    else issues.push({ path, message: `${JSON.stringify(key)} does not belong to this plugin` });
  };
  for (const [index, watch] of (plugin.watch ?? []).entries()) refuse(["watch", index, "run"], watch.run, "oneshot");
  for (const [name, key] of Object.entries(plugin.daemon?.commands ?? {}))
    refuseForDaemon(["daemon", "commands", name], key);
  if (plugin.daemon?.status !== undefined) refuseForDaemon(["daemon", "status"], plugin.daemon.status);
  for (const [group, keys] of Object.entries(plugin.groups ?? {}))
    for (const [index, key] of keys.entries()) refuse(["groups", group, index], key, null);
  for (const [name, command] of Object.entries(plugin.commands)) {
    const own = command as Layer;
    const layers: { variant: string; fields: Layer; path: Issue["path"] }[] = [
      { variant: DEFAULT_VARIANT, fields: own, path: ["commands", name] },
      ...Object.entries(command.variants ?? {}).map(([variant, fields]) => ({
        variant,
        fields: fields as Layer,
        path: ["commands", name, "variants", variant],
      })),
    ];
    for (const { variant, fields, path } of layers) {
      for (const [index, need] of (fields.needs ?? own.needs ?? []).entries()) {
        const { key, condition } = typeof need === "string" ? { key: need, condition: undefined } : need;
        if (wholeKey(key) === formatKey({ plugin: plugin.name, command: name, variant }))
          issues.push({ path: [...path, "needs", index], message: `${JSON.stringify(key)} is this command itself` });
        else if (fields.needs !== undefined)
          refuse([...path, "needs", index], key, condition === undefined ? null : KIND_OF[condition]);
      }
      for (const [index, key] of (fields.before ?? []).entries()) refuse([...path, "before", index], key, "oneshot");
      if (fields.restartOn?.run !== undefined) refuse([...path, "restartOn", "run"], fields.restartOn.run, "oneshot");
    }
  }
  return issues;
}

function checkReference(
  plugin: Plugin,
  { key, kind }: { key: string; kind: "oneshot" | "managed" | null },
): string | null {
  const named = keyParts(wholeKey(key));
  if (named.plugin !== plugin.name) return null; // of another manifest: checked once all are loaded
  const command = Object.hasOwn(plugin.commands, named.command) ? plugin.commands[named.command] : undefined;
  const quoted = JSON.stringify(key);
  if (command === undefined) {
    return `${quoted} names no command of this plugin; it has ${Object.keys(plugin.commands).join(", ") || "none"}`;
  }
  if (kind !== null && command.kind !== kind) return `${quoted} is a ${command.kind} command, expected a ${kind} one`;
  if (named.variant !== DEFAULT_VARIANT && !Object.hasOwn(command.variants ?? {}, named.variant)) {
    const names = Object.keys(command.variants ?? {}).join(", ") || "none";
    return `${quoted} names no variant of that command; it has ${names}`;
  }
  return null;
}
