/** The flags of every managed command: one definition for parsing and for help. */
import type { ArgsDef } from "citty";
import type { ManagedSettings } from "../../manifest/model/resolved.ts";

export const MANAGED_ARGS = {
  detach: {
    type: "boolean",
    alias: "d",
    description: "Return when it is ready (or spawned, where no `ready` is declared)",
  },
  wait: {
    type: "boolean",
    description: "The same as --detach, for CI",
    negativeDescription: "Detached, and return as soon as it is spawned",
  },
  needs: {
    type: "boolean",
    description: "Start what it needs and is not healthy (the default)",
    negativeDescription: "Do not start what it needs",
  },
  ensure: { type: "boolean", description: "Leave a healthy launch of the same command alone" },
  port: {
    type: "string",
    description: 'The port, instead of the manifest\'s; "auto": a free one, the same one next time while it is free',
    valueHint: "auto",
  },
  take: { type: "boolean", description: "Stop your launch that holds the port, in any root" },
  owner: {
    type: "string",
    description: "Stop it when this process is gone: a pid, `shell` or `agent`",
    valueHint: "agent",
  },
  timeout: { type: "string", description: "Time to become ready, instead of the manifest's", valueHint: "30s" },
} as const satisfies ArgsDef;

/** More flags for a command that is a stack of containers. */
export const STACK_ARGS = {
  recreate: { type: "boolean", description: "For a stack: recreate its containers, even if nothing changed" },
} as const satisfies ArgsDef;

/** With a flag `--no-NAME` for each of the stack's toggles. */
export function argsOf(settings: ManagedSettings): ArgsDef {
  if (settings.compose === null) return MANAGED_ARGS;
  const toggles = Object.entries(settings.compose.toggles).map(([name, services]) => [
    name,
    {
      type: "boolean",
      description: `With ${services.join(", ")} (the default)`,
      negativeDescription: `Without ${services.join(", ")}`,
    },
  ]);
  return { ...MANAGED_ARGS, ...STACK_ARGS, ...Object.fromEntries(toggles) };
}
