/**
 * A peer at work in a temporary directory, which is its home too, so that no daemon of the user is touched. What it
 * started is found by that directory, in the environment or the command line, and killed in the end.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { makeTemporary } from "../../kit/temporary.ts";
import { DT } from "../../kit.ts";
import type { Programs } from "../ground.ts";
import { begin, type Program, reapAll } from "../spawn.ts";
import { toolFolders } from "./pins.ts";
import type { Command, Peer, Place, Words } from "./types.ts";

/** What all sessions of a run share. */
export interface Ground {
  peers: readonly Peer[];
  programs: Programs;
  /** Those that are open: ended when the run is interrupted. */
  sessions: Set<Session>;
}

const UP_LIMIT_MS = 15_000;
export const SEARCH = [...toolFolders(), process.env.PATH ?? "/usr/bin:/bin"].join(delimiter);

/** The path of a program, or null: as the peers' own calls find it. */
export function findProgram(name: string): string | null {
  return name === "dt" ? DT : Bun.which(name, { PATH: SEARCH });
}

export class Session {
  readonly place: Place;
  /** What was started before, which some peers start in another way. */
  private readonly startedBefore = new Set<string>();

  /** `commandsIn` gets the directory of the session. */
  constructor(
    readonly peer: Peer,
    private readonly ground: Ground,
    commandsIn: (dir: string) => Command[],
  ) {
    const dir = makeTemporary("peer");
    ground.sessions.add(this);
    this.place = { dir, port: freePort(), commands: commandsIn(dir) };
    for (const folder of ["run", "tmp"]) mkdirSync(join(dir, folder), { mode: 0o700 });
    for (const [path, text] of Object.entries(peer.files(this.place))) {
      const file = join(dir, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      if (text.startsWith("#!")) chmodSync(file, 0o755);
    }
  }

  private get env(): Record<string, string> {
    const { dir } = this.place;
    return {
      PATH: SEARCH,
      HOME: dir,
      XDG_RUNTIME_DIR: join(dir, "run"),
      XDG_CONFIG_HOME: join(dir, ".config"),
      XDG_DATA_HOME: join(dir, ".local/share"),
      XDG_STATE_HOME: join(dir, ".local/state"),
      XDG_CACHE_HOME: join(dir, ".cache"),
      TMPDIR: join(dir, "tmp"),
      LANG: "C.UTF-8",
      TERM: "xterm",
      USER: process.env.USER ?? "root",
      ...this.peer.env?.(this.place),
    };
  }

  program([name, ...rest]: Words): Program {
    const path = findProgram(name);
    if (path === null) throw new Error(`${name} is not installed`);
    return { argv: [path, ...rest], cwd: this.place.dir, env: this.env };
  }

  /** Each call is repeated until it succeeds: the one before it may have left something that is still being born. */
  async up(): Promise<void> {
    for (const words of this.peer.up(this.place)) {
      const end = Date.now() + UP_LIMIT_MS;
      while (begin(this.program(words)).wait() !== 0) {
        if (Date.now() > end) throw new Error(`${this.peer.id}: \`${words.join(" ")}\` fails`);
        reapAll(); // what a peer has ended is gone only when nobody has to wait for it
        await Bun.sleep(50);
      }
    }
  }

  startWords(name: string): Words {
    const { peer, place } = this;
    const again = this.startedBefore.has(name) ? peer.startAgain : undefined;
    this.startedBefore.add(name);
    return (again ?? peer.start)(place, name);
  }

  /** Living processes of a command, whoever started them. */
  instances(name: string): number[] {
    const argv = this.place.commands.find((command) => command.name === name)?.argv.join("\0");
    return this.processes().filter((pid) => readProc(pid, "cmdline") === `${argv}\0`);
  }

  /** What the tool added, without the commands themselves. */
  toolProcesses(): number[] {
    const foreign = this.peer.foreign ?? [];
    return this.processes().filter((pid) => {
      const path = programOf(pid);
      return path !== "" && dirname(path) !== this.ground.programs.directory && !foreign.includes(basename(path));
    });
  }

  processes(): number[] {
    const { dir } = this.place;
    return readdirSync("/proc").flatMap((name) => {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) return [];
      const isOurs = readProc(pid, "environ").includes(dir) || readProc(pid, "cmdline").includes(dir);
      return isOurs && isAlive(pid) ? [pid] : [];
    });
  }

  end(): void {
    this.killEverything();
    rmSync(this.place.dir, { recursive: true, force: true });
    this.ground.sessions.delete(this);
  }

  /** Again and again, since what is killed may be started again by what is not yet. */
  killEverything(): void {
    for (let quiet = 0; quiet < 2; ) {
      const left = this.processes();
      quiet = left.length === 0 ? quiet + 1 : 0;
      killAll(left);
      Bun.sleepSync(20);
    }
  }
}

export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ended meanwhile
    }
  }
}

/** Neither gone nor a zombie. */
export function isAlive(pid: number): boolean {
  const state = /^State:\s*(\w)/m.exec(readProc(pid, "status"))?.[1];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Empty where the process is gone or another user's. */
export function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return "";
  }
}

function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "";
  }
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
