/**
 * What the engine reports about a stack's containers. They are found by the label that every Compose sets,
 * whatever the file says by now.
 */
import { bunSpawn } from "../sys/spawn/bunspawn.ts";
import { ENGINES } from "./command.ts";
import type { Container, EngineEnvironment, StackRecord } from "./types.ts";

const LABEL = "com.docker.compose.project";
const FIELDS = [
  "{{.ID}}",
  "{{.Names}}",
  '{{.Label "com.docker.compose.service"}}',
  '{{.Label "com.docker.compose.container-number"}}',
  "{{.State}}",
  "{{.Status}}",
  "{{.Ports}}",
];

export function labelOf(project: string): string {
  return `label=${LABEL}=${project}`;
}

export function listCommand({ engine, project }: Pick<StackRecord, "engine" | "project">): string[] {
  return [
    ENGINES[engine].client,
    "ps",
    "--all",
    "--no-trunc",
    "--filter",
    labelOf(project),
    "--format",
    FIELDS.join("\t"),
  ];
}

/** Null when the engine does not answer. */
export async function listContainers(
  stack: Pick<StackRecord, "engine" | "project">,
  env: EngineEnvironment,
): Promise<Container[] | null> {
  try {
    const [program, ...args] = listCommand(stack);
    const path = Bun.which(program as string, { PATH: env.PATH ?? "" });
    if (path === null) return null;
    const child = bunSpawn([path, ...args], {
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: ANSWER_MS,
    });
    const [text, code] = await Promise.all([child.stdout.text(), child.exited]);
    return code === 0 ? parseContainers(text) : null;
  } catch {
    return null;
  }
}

/** An engine that hangs must not hang the caller. */
const ANSWER_MS = 5000;

export function parseContainers(text: string): Container[] {
  return text
    .split("\n")
    .filter((line) => line.includes("\t"))
    .map((line): Container => {
      const [id = "", name = "", service = "", number = "", state = "", status = "", ports = ""] = line.split("\t");
      const health = /\((healthy|unhealthy|health: starting)\)/.exec(status)?.[1];
      const code = /^Exited \((\d+)\)/.exec(status)?.[1];
      return {
        id,
        name,
        service,
        number,
        state,
        health:
          health === undefined
            ? null
            : health === "health: starting"
              ? "starting"
              : (health as "healthy" | "unhealthy"),
        exitCode: code === undefined ? null : Number(code),
        ports: ports === "" ? [] : ports.split(", "),
      };
    })
    .sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : Number(a.number) - Number(b.number)));
}

const OVER = new Set(["exited", "dead", "removing"]);

/** Whether no container runs, or will run again by itself. */
export function areOver(containers: readonly Container[]): boolean {
  return containers.every(({ state }) => OVER.has(state));
}

/** What is wrong with a stack that still runs in part, one phrase each. */
export function troublesOf(containers: readonly Container[]): string[] {
  return containers.flatMap((one) => {
    if (one.exitCode !== null && one.exitCode !== 0) return [`${one.service} exited with code ${one.exitCode}`];
    if (one.state === "dead" || one.state === "restarting") return [`${one.service} is ${one.state}`];
    return one.health === "unhealthy" ? [`${one.service} is unhealthy`] : [];
  });
}
