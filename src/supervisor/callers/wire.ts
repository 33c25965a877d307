/**
 * What a host and its callers say to each other over the host's socket, a line of JSON each:
 *
 *   host     `hello`: it listens, and which dt it is
 *   caller   `start`, `up` or `adopt`: one request a connection
 *   host     `unlike`: it cannot start what the caller asked for as the caller would; nothing was begun. Else `taken`,
 *            and the events of what it begins
 *   caller   `cancel`: the user's Ctrl-C
 *
 * The end of a connection changes nothing of what was begun. A request that the host did not read whole, or whose
 * connection had ended by then, is not begun.
 */
import { join } from "node:path";
import type { Reading } from "../../manifest/cache/reading.ts";
import type { FailureReport, Ground, LaunchEvent, LaunchSpec } from "../launch/types.ts";
import type { HostedEvent, UpNode } from "./types.ts";

/** Raised with each change that an older or newer dt would misread. */
export const HOST_PROTOCOL = 2;
/** The longest request, in bytes. 1000 commands take about 3 MB. */
export const LONGEST_REQUEST = 8 * 1024 * 1024;

/** Where detached hosts write the errors that they cannot report because their caller is gone. */
export function hostErrorFile(ground: Pick<Ground, "store">): string {
  return join(ground.store.directory, "host.err");
}

/** The ground of a request, as plain JSON. */
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

/** What every request has. `env`: of the caller, and of each spec that has none. */
interface Asked {
  version: number;
  ground: HostGround;
  env: Record<string, string>;
  /** The session keyring that the kernel gave the caller: keyctl(2). */
  keyring: number;
  /** The signals that the caller has blocked, as in `Inherited`. */
  blocked: string;
}

export type HostAsk = Asked &
  (
    | { is: "start"; spec: LaunchSpec }
    | { is: "up"; nodes: UpNode[] }
    /** Launches without a host. Null: all of the root's. */
    | { is: "adopt"; keys: string[] | null }
  );

export type CallerWord = HostAsk | { is: "cancel" };

export type HostWord =
  | { is: "hello"; version: number; pid: number }
  /** `isOwn`: no host that others use can. */
  | { is: "unlike"; what: string; isOwn: boolean }
  /** It does what it was asked for. */
  | { is: "taken" }
  | LaunchEvent
  | HostedEvent
  /** Nothing more is said. */
  | { is: "over" };

/** What a new host writes to its standard output, once. */
export type Birth = { is: "listening" } | { is: "failed"; error: FailureReport };

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
