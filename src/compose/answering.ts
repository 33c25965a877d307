/**
 * Whether the engine answers, and admits this user, before anything is touched. Its socket says so at once; the client
 * is asked only where that is not enough.
 */
import { join } from "node:path";
import { readText } from "../sys/files/fileread.ts";
import { mayConnect, type Peer, peerOf } from "../sys/net/peer.ts";
import { callCompose, composeError } from "./call.ts";
import { ENGINES } from "./command.ts";
import { labelOf } from "./containers.ts";
import { pastedLine } from "./pasted.ts";
import type { EngineName, Given } from "./types.ts";

export interface CheckRequest {
  key: string;
  /** Absolute. */
  cwd: string;
  /** With COMPOSE_PROJECT_NAME. */
  env: Record<string, string>;
  given: Given;
  /** Called with each command line that runs, as it can be pasted where it runs. */
  onCommand: (line: string) => void;
}

/**
 * Reports an engine that does not answer, or denies this user access, in its client's
 * words, before anything is touched.
 */
export async function checkEngine(request: CheckRequest, engine: EngineName): Promise<void> {
  const { client } = ENGINES[engine];
  const argv = [client, "ps", "--quiet", "--filter", labelOf(request.env.COMPOSE_PROJECT_NAME as string)];
  if (Bun.which(client, { PATH: request.env.PATH ?? "" }) === null) return;
  // The client takes tens of milliseconds to say what the socket says at once.
  if (await isEngineThere(client, request.env)) return;
  request.onCommand(pastedLine(argv, { engine, given: request.given }));
  const { code, out, err } = await callCompose(argv, request);
  // Any other failure of the client says nothing about the engine; Compose will.
  if (code === 0 || !/daemon|connect|permission|socket/i.test(err || out)) return;
  const hint = "Start the engine, or check that you may use it; DOCKER_HOST says where it is expected.";
  throw composeError({ key: request.key, doing: "start", argv, code, words: err || out, hint });
}

/**
 * Whether the engine answers at its socket. Also false where it has no socket on this
 * machine, or belongs to another user.
 */
async function isEngineThere(client: string, env: Record<string, string>): Promise<boolean> {
  if (client !== "docker" || env.DOCKER_CONTEXT !== undefined) return false;
  const unix = /^unix:\/\/(\/.*)$/.exec(env.DOCKER_HOST ?? `unix://${DEFAULT_SOCKET}`)?.[1];
  if (unix === undefined || (env.DOCKER_HOST === undefined && hasContext(env))) return false;
  const theirs = { peer: null as Peer | null };
  try {
    const look = (socket: unknown) => {
      theirs.peer = peerOf((socket as { fd: number }).fd);
    };
    (await Bun.connect({ unix, socket: { open: look, data() {} } })).end();
    // The system's engine is root's, a rootless one this user's. About any other the client may say more.
    return mayConnect(theirs.peer);
  } catch {
    return false;
  }
}

const DEFAULT_SOCKET = "/var/run/docker.sock";

/** Whether a context may be chosen (`docker context use`), which says where the engine is. */
function hasContext({ DOCKER_CONFIG, HOME = "/" }: Record<string, string>): boolean {
  const config = readText(join(DOCKER_CONFIG ?? join(HOME, ".docker"), "config.json"));
  return config.is === "there" ? config.value.includes('"currentContext"') : config.is === "unreadable";
}
