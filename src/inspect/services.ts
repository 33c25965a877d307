/**
 * What the engine says about the stacks among the rows of `ps` and `status`. Containers are not children of the launch,
 * so only the engine knows.
 */
import type { Container } from "../compose/types.ts";
import type { KeyState, StackNote } from "../state/types.ts";
import { isLiving } from "../state/view.ts";
import type { Site } from "../supervisor/launch/types.ts";
import type { KeyReport } from "./types.ts";

/** Rows that are not stacks, or whose stack has no record, stay as they are. */
export function withServices(ground: Site, reports: readonly KeyReport[]): Promise<KeyReport[]> {
  return Promise.all(
    reports.map(async (report) => {
      const record = ground.store.record(report.key);
      if (record.is !== "there" || record.value.stack === undefined) return report;
      const { readStackMark } = await import("../supervisor/launch/stackmark.ts");
      const mark = readStackMark(ground, record.value.token);
      return describeStack(ground, {
        report,
        stack: record.value.stack,
        expected: mark.is === "there" ? mark.value.containers : [],
      });
    }),
  );
}

/** Each container with its state, and what is wrong; null for a row that is not a stack. */
export function describeServices(report: KeyReport | undefined): string | null {
  if (report?.services === undefined) return null;
  if (report.services === null) return "the engine does not answer, so nothing is known about them";
  const each = report.services.map(({ service, number, state, health, exitCode }) => {
    const word = health ?? state;
    return `${service}-${number} ${exitCode === null ? word : `${word} with code ${exitCode}`}`;
  });
  const gone = (report.note ?? "").split(", ").filter((part) => part.endsWith(" is gone"));
  return [...each, ...gone].join(", ") || "there are none";
}

async function describeStack(
  ground: Site,
  { report, stack, expected }: { report: KeyReport; stack: StackNote; expected: readonly string[] },
): Promise<KeyReport> {
  const { listContainers, troublesOf } = await import("../compose/containers.ts");
  const { stackEnvironment } = await import("../supervisor/end/stack.ts");
  const containers = await listContainers(stack, stackEnvironment(ground, stack));
  if (containers === null)
    return {
      ...report,
      services: null,
      note: report.note ?? `${stack.engine.split(/[- ]/)[0]} does not answer, so what is running is unknown`,
    };
  const services = containers.map(({ id: _id, name, ...rest }) => ({ ...rest, container: name }));
  const ports = [...new Set(containers.flatMap(publishedPorts))].sort((a, b) => a - b);
  const there = new Set(containers.map(({ service, number }) => `${service}-${number}`));
  const gone = expected.filter((name) => !there.has(name)).map((name) => `${name} is gone`);
  const trouble = [...gone, ...troublesOf(containers)];
  const judged = judge(report, { containers, trouble: trouble.length === 0 ? null : trouble.join(", ") });
  return { ...report, ...judged, services, ports: ports.length > 0 ? ports : report.ports };
}

const UP: ReadonlySet<KeyState> = new Set<KeyState>(["running", "ready"]);
const RUNS: ReadonlySet<string> = new Set(["running", "restarting", "paused"]);

function judge(
  { state, note }: KeyReport,
  { containers, trouble }: { containers: readonly Container[]; trouble: string | null },
): Pick<KeyReport, "state" | "note"> {
  const running = containers.some((one) => RUNS.has(one.state));
  if (!isLiving(state)) {
    const told = "its containers run, but nothing follows them: a rerun does, `dt stop` ends them";
    return running ? { state: "running", note: told } : { state, note };
  }
  if (!UP.has(state)) return { state, note };
  if (trouble !== null) return { state: "unhealthy", note: trouble };
  return running || containers.length === 0
    ? { state, note }
    : { state: "unhealthy", note: "none of its containers is running" };
}

/** The 8080 in `0.0.0.0:8080->80/tcp`. */
function publishedPorts({ ports }: Container): number[] {
  return ports.flatMap((text) => {
    const port = /:(\d+)->/.exec(text)?.[1];
    return port === undefined ? [] : [Number(port)];
  });
}
