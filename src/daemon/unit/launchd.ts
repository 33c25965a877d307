/**
 * The property list for launchd. `KeepAlive` with `SuccessfulExit` false: the daemon is started again when it was
 * killed, but not when it was stopped.
 *
 * Known limit: tests parse it and compare it field by field; launchd itself never runs it there.
 */
import { join } from "node:path";
import { FLAG } from "../../sys/text/flags.ts";
import { LABEL } from "../socket/paths.ts";
import type { UnitFacts } from "./systemd.ts";

type Value = string | boolean | Value[] | { [key: string]: Value };

export function launchdPlist({ binary, env, logs }: UnitFacts): string {
  const plist: Value = {
    Label: LABEL,
    ProgramArguments: [binary, "daemon", "start", FLAG.foreground],
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    EnvironmentVariables: env,
    StandardOutPath: logs.log,
    StandardErrorPath: logs.errors,
    AbandonProcessGroup: true,
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    ...write(plist, ""),
    "</plist>",
    "",
  ].join("\n");
}

function write(value: Value, indent: string): string[] {
  const deeper = `${indent}  `;
  if (typeof value === "boolean") return [`${indent}<${value}/>`];
  if (typeof value === "string") return [`${indent}<string>${escapeXml(value)}</string>`];
  if (Array.isArray(value))
    return [`${indent}<array>`, ...value.flatMap((one) => write(one, deeper)), `${indent}</array>`];
  return [
    `${indent}<dict>`,
    ...Object.entries(value).flatMap(([key, one]) => [`${deeper}<key>${escapeXml(key)}</key>`, ...write(one, deeper)]),
    `${indent}</dict>`,
  ];
}

/** XML readers turn these into a plain line feed; some also those that only XML 1.1 names. */
const ENDS_OF_LINES = /[\r\u0085\u2028\u2029]/g;

function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(ENDS_OF_LINES, (one) => `&#${one.charCodeAt(0)};`);
}

export function launchdPlistPath(env: Record<string, string | undefined>): string {
  return join(env.HOME ?? "/", "Library", "LaunchAgents", `${LABEL}.plist`);
}
