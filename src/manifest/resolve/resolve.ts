/**
 * Resolves a plugin as written to plain data: every variant merged, units as numbers, probes as a union by type. The
 * result survives JSON unchanged. Maps by name have no prototype, so a command may be called `constructor`.
 */
import { DEFAULT_VARIANT, wholeKey } from "../../values/key.ts";
import { parseSize } from "../../values/size.ts";
import type {
  CommonSettings,
  ManifestOrigin,
  ResolvedCommand,
  ResolvedCompose,
  ResolvedNeed,
  ResolvedPlugin,
  Settings,
} from "../model/resolved.ts";
import type { Command, ComposeOptions, Need, Plugin } from "../model/types.ts";
import { type Layer, type Merged, mergeFields } from "./merge.ts";
import { checkMerged, checkReferences, type Issue } from "./rules.ts";
import { aliveOf, DEBOUNCE_MS, policyOf, probeOf, resolvedDuration, restartOnOf } from "./supervised.ts";

/** The resolved plugin, and what is wrong with it. The plugin must have passed the schema. */
export function resolvePlugin(
  plugin: Plugin,
  { file, origin }: { file: string; origin: ManifestOrigin },
): { plugin: ResolvedPlugin; issues: Issue[] } {
  const issues: Issue[] = checkReferences(plugin);
  const commands: Record<string, ResolvedCommand> = Object.create(null);
  for (const [name, command] of Object.entries(plugin.commands)) {
    const variants: Record<string, Settings> = Object.create(null);
    const { kind, variants: written = {}, ...own } = command;
    const base: Layer = { ...commonOf(plugin), description: undefined };
    const told = new Set<string>();
    const layers: [string, Layer[], string[]][] = [
      [DEFAULT_VARIANT, [own as Layer, base], ["commands", name]],
      ...Object.entries(written).map(([variant, fields]): [string, Layer[], string[]] => [
        variant,
        [fields as Layer, own as Layer, base],
        ["commands", name, "variants", variant],
      ]),
    ];
    for (const [variant, from, path] of layers) {
      const merged = mergeFields(...from);
      for (const issue of checkMerged(kind, merged)) {
        const line = `${issue.path.join(".")} ${issue.message}`;
        // otherwise each variant would repeat a fault of the command itself
        if (!told.has(line)) issues.push({ path: [...path, ...issue.path], message: issue.message });
        if (variant === DEFAULT_VARIANT) told.add(line);
      }
      variants[variant] = resolveSettings(kind, merged);
    }
    commands[name] = { name, kind, description: command.description ?? null, variants };
  }
  return {
    issues,
    plugin: {
      name: plugin.name,
      description: plugin.description ?? null,
      file,
      origin,
      commands,
      groups: groupsOf(plugin),
      watch: (plugin.watch ?? []).map((watch) => ({
        paths: watch.paths,
        ignore: watch.ignore ?? [],
        debounceMs: watch.debounce === undefined ? DEBOUNCE_MS : resolvedDuration(watch.debounce),
        run: wholeKey(watch.run),
        target: typeof watch.target === "function" ? true : (watch.target ?? null),
        retries: watch.retries ?? 0,
      })),
      daemon: {
        commands: Object.fromEntries(
          Object.entries(plugin.daemon?.commands ?? {}).map(([name, key]) => [name, wholeKey(key)]),
        ),
        status: plugin.daemon?.status === undefined ? null : wholeKey(plugin.daemon.status),
      },
    },
  };
}

function commonOf({ cwd, env, envFile }: Plugin): Layer {
  return {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(envFile === undefined ? {} : { envFile }),
  };
}

function resolveSettings(kind: Command["kind"], merged: Merged): Settings {
  const common: CommonSettings = {
    description: merged.description ?? null,
    run: merged.run ?? null,
    cwd: merged.cwd,
    env: Object.assign(Object.create(null), merged.env),
    envFile: [merged.envFile].flat(),
    schedule: merged.schedule ?? null,
  };
  const { logs, stop } = merged;
  const maxBytes = parseSize(logs.maxSize as string);
  const logging = {
    log: merged.log ?? null,
    logs: {
      keep: logs.keep as number,
      maxBytes: maxBytes === "none" ? null : maxBytes,
      ...(logs.pipe === undefined ? {} : { pipe: logs.pipe }),
    },
  };
  if (kind === "oneshot")
    return {
      kind,
      ...common,
      handler: merged.handler !== undefined,
      capture: merged.capture,
      ...logging,
      needs: merged.needs.map(needOf),
      inputs: merged.inputs ?? null,
      outputs: merged.outputs ?? null,
    };
  return {
    kind,
    ...common,
    run: merged.run ?? [],
    compose: merged.compose === undefined ? null : composeOf(merged.compose),
    port: merged.port ?? null,
    ready: merged.ready === undefined ? [] : [merged.ready].flat().map(probeOf),
    ...logging,
    stop: {
      signal: stop.signal as string,
      timeoutMs: resolvedDuration(stop.timeout as string),
      spare: stop.spare as string[],
    },
    processGroup: merged.processGroup,
    alive: merged.alive === undefined ? [] : [merged.alive].flat().map(aliveOf),
    restart: policyOf(merged.restart),
    restartOn: merged.restartOn === undefined ? null : restartOnOf(merged.restartOn),
    needs: merged.needs.map(needOf),
    before: merged.before.map(wholeKey),
    tty: merged.tty,
    boot: merged.boot,
  };
}

function composeOf({ file, project, profiles, env, services, toggles = {}, ports }: ComposeOptions): ResolvedCompose {
  const resolved: Record<string, string[]> = Object.create(null);
  for (const [name, toggle] of Object.entries(toggles)) resolved[name] = toggle.services;
  return {
    file,
    project: project ?? null,
    profiles: profiles ?? [],
    env: Object.assign(Object.create(null), env),
    services: services ?? [],
    toggles: resolved,
    movePorts: ports === "auto",
  };
}

function needOf(need: string | Need): ResolvedNeed {
  return typeof need === "string"
    ? { key: wholeKey(need), condition: null }
    : { key: wholeKey(need.key), condition: need.condition ?? null };
}

function groupsOf({ groups = {} }: Plugin): Record<string, string[]> {
  const resolved: Record<string, string[]> = Object.create(null);
  for (const [name, keys] of Object.entries(groups)) resolved[name] = keys.map(wholeKey);
  return resolved;
}
