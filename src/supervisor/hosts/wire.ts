/**
 * What a host and its caller say to each other. The caller writes one line of JSON to the host's input, what to start,
 * and may write `cancel` behind it; the host writes its events, a line of JSON each.
 */
import { join } from "node:path";
import type { Reading } from "../../manifest/cache/reading.ts";
import { linesOf } from "../../sys/text/textlines.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";

/** On the host's input, after the line with what to start. */
export const CANCEL = "cancel";

/** Where detached hosts write the errors that they cannot report because their caller is gone. */
export function hostErrorFile(ground: Pick<Ground, "store">): string {
  return join(ground.store.directory, "host.err");
}

/** The ground of a host, as plain JSON. */
export interface HostGround {
  root: string;
  home: string | null;
  runDirectory: string;
  cache: string;
  openFiles: string | null;
  lockBackend: string | null;
  reading?: Reading;
  isStrange?: boolean;
  owner?: number | null;
}

export interface HostInput extends HostGround {
  spec: LaunchSpec;
}

export function hostGroundOf(ground: Ground): HostGround {
  return {
    root: ground.root,
    home: ground.home,
    runDirectory: ground.store.directory,
    cache: ground.cache,
    openFiles: ground.openFiles === null ? null : String(ground.openFiles),
    lockBackend: ground.lockBackend ?? null,
    ...(ground.reading === undefined ? {} : { reading: ground.reading }),
    ...(ground.isStrange === undefined ? {} : { isStrange: ground.isStrange }),
    owner: ground.owner ?? null,
  };
}

/** A line that a killed host did not finish is no event. */
export async function* readEvents<Event>(stream: ReadableStream<Uint8Array>): AsyncGenerator<Event> {
  for await (const line of linesOf(stream, false)) yield JSON.parse(line) as Event;
}
