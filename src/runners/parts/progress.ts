/** `dt up` on a terminal: a table that is redrawn in place while launches come up, and removed once they are. */
import { formatProgress, type ProgressRow } from "../../output/progress.ts";
import { placeOf } from "../../output/truth.ts";
import type { UpEvent, UpNode } from "../../supervisor/callers/types.ts";
import { writeBytes } from "../../sys/stdio/stdio.ts";
import { sizeOfTerminal } from "../../sys/terminal/keyboard.ts";
import { hideTyping } from "../../sys/terminal/typing.ts";
import { toTerminal } from "../../sys/text/visible.ts";
import { shortKey } from "../../values/key.ts";
import type { RunnerContext } from "./types.ts";

export interface Progress {
  hear(event: UpEvent): void;
  /** Removes the table; later output takes its place. */
  close(): void;
}

const REDRAW_MS = 100;
const SIZE = { columns: 80, rows: 24 };

type Change = Pick<ProgressRow, "state" | "open" | "failed" | "more">;
type LaunchEvent = Extract<UpEvent, { is: "launch" }>["event"];

const open = (state: string, more = ""): Change => ({ state, open: true, failed: false, more });
const done = (state: string, more = ""): Change => ({ state, open: false, failed: false, more });
const failed = (state: string, more = ""): Change => ({ state, open: false, failed: true, more });

/** The row that an event leads to; null: the table stays as it is. */
const OF_LAUNCH: { [E in LaunchEvent["is"]]: (event: Extract<LaunchEvent, { is: E }>) => Change | null } = {
  note: () => null,
  command: () => null,
  replacing: () => open("replacing"),
  replaced: () => open("starting"),
  unchanged: ({ line }) => done(line.state, "left alone"),
  joined: ({ probed, line }) => (probed ? open("starting") : done("running", placeOf(line) ?? "")),
  spawned: ({ probed, line }) => (probed ? open("starting") : done("running", placeOf(line) ?? "")),
  ready: ({ line }) => done("ready", placeOf(line) ?? ""),
  unhealthy: ({ why }) => failed("unhealthy", why),
  restarting: ({ because }) => open("backoff", because),
  ended: ({ exit }) => (exit.reason === "stopped" ? done("stopped", exit.text) : failed("failed", exit.text)),
  failed: ({ error }) => failed("failed", error.message.split("\n")[0] ?? ""),
};

/**
 * Null where standard error is no terminal, on CI, and where the user wants lines (`--verbose`) or nothing (`--quiet`).
 */
export function makeProgress({ talk, verbose }: RunnerContext, nodes: readonly UpNode[]): Progress | null {
  if (verbose || talk.onCi || !talk.isLive) return null;
  const rows = new Map<string, ProgressRow>(
    nodes.map(({ key }) => [key, { name: shortKey(key), since: performance.now(), tookMs: null, ...open("waiting") }]),
  );
  let drawn = 0;
  /** As bytes: it moves the cursor. */
  const moves = (text: string) => void writeBytes(2, Buffer.from(text));
  const clear = () => {
    if (drawn > 0) moves(`\x1b[${drawn}A\r\x1b[J`);
    drawn = 0;
  };
  const draw = () => {
    const lines = formatProgress([...rows.values()], {
      size: sizeOfTerminal(2) ?? SIZE,
      now: performance.now(),
      paint: talk.paint,
    });
    const up = drawn > 0 ? `\x1b[${drawn}A\r` : "";
    // One write, with each line cleared after its end: nothing flickers.
    moves(`${up}${lines.map((line) => `${toTerminal(line)}\x1b[K\n`).join("")}\x1b[J`);
    drawn = lines.length;
  };
  const change = (key: string, to: Change | null) => {
    const row = rows.get(key);
    if (row === undefined || to === null) return;
    const now = performance.now();
    const begun = row.state === "waiting" || !row.open ? now : row.since;
    rows.set(key, { ...row, ...to, since: begun, tookMs: to.open ? null : now - begun });
  };
  const showTyping = hideTyping(2);
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return {
    hear(event) {
      if (event.is === "up") return;
      if (event.is === "launch" && event.event.is === "note") {
        clear();
        talk.say(event.event.text);
      }
      if (event.is === "launch") change(event.key, OF_LAUNCH[event.event.is](event.event as never));
      else if (event.is === "called-off") change(event.key, done("stopped", event.because));
      else if (event.is === "prevented") change(event.key, failed("prevented", event.because));
      else change(event.key, ofTask(event.event));
      draw();
    },
    close() {
      clearInterval(timer);
      clear();
      showTyping();
    },
  };
}

function ofTask(event: Extract<UpEvent, { is: "task" }>["event"]): Change {
  if (event.is === "begun") return open("runs");
  if (event.is === "unchanged") return done("unchanged", `since ${event.since}`);
  return event.exit.code === 0 ? done("completed") : failed("failed", event.exit.text);
}
