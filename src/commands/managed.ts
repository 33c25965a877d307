/** The flags of every managed command: one definition for parsing and for help. */
import type { ArgsDef } from "citty";

export const MANAGED_ARGS = {
  detach: {
    type: "boolean",
    alias: "d",
    description: "Return when it is ready (or spawned, where no `ready` is declared)",
  },
  wait: {
    type: "boolean",
    description: "The same, said for CI",
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
    description: 'The port, instead of the manifest\'s; "auto": a free one, the same again for this root and key',
    valueHint: "auto",
  },
  take: { type: "boolean", description: "Stop the launch of yours that holds the port, in whichever root" },
  owner: {
    type: "string",
    description: "Stop it when this process is gone: a pid, `shell` or `agent`",
    valueHint: "agent",
  },
  timeout: { type: "string", description: "Time to become ready, instead of the manifest's", valueHint: "30s" },
} as const satisfies ArgsDef;
