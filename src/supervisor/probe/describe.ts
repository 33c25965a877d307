/** What a probe waits for, as a phrase to follow "waits for". */
import type { ResolvedProbe } from "../../manifest/model/resolved.ts";
import { formatDuration } from "../../values/duration.ts";

export function describeProbe(
  probe: ResolvedProbe,
  { port, timeoutMs }: { port: number | null; timeoutMs: number | null },
): string {
  if (probe.type === "delay") return phraseOf(probe, port);
  return `${phraseOf(probe, port)} (at most ${formatDuration(timeoutMs ?? probe.timeoutMs)})`;
}

function phraseOf(probe: ResolvedProbe, port: number | null): string {
  switch (probe.type) {
    case "http": {
      const url = probe.target.startsWith("/") ? `http://localhost:${port}${probe.target}` : probe.target;
      return `${url} to answer${probe.status === null ? "" : ` ${probe.status}`}`;
    }
    case "port":
      return `a listener on port ${probe.port ?? port}`;
    case "log":
      return `a line of its log that matches /${probe.pattern}/`;
    case "exec":
      return `\`${probe.argv.join(" ")}\` to succeed`;
    case "stack":
      return "its containers to be started";
    case "delay":
      return `${formatDuration(probe.ms)} to pass`;
  }
}
