/**
 * A hostile other user of this machine, and a `/tmp` of a test's own. Both need root; without it these tests are
 * skipped.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DT, type Result, type RunOptions, type TestRoot, until } from "../../kit.ts";

export const OTHER = 65534;

const as = (uid: number) => ["setpriv", "--reuid", String(uid), "--regid", String(uid), "--clear-groups", "--"];

/** Whether this machine lets a test be two users. On CI it must. */
export const canBeTwo = can([...as(OTHER), "perl", "-e", "1"], "two users");
/** Whether it lets a test have mounts of its own. */
export const canMount = canBeTwo && can(["unshare", "-m", "true"], "mounts of its own");

function can(command: string[], what: string): boolean {
  const works = process.getuid?.() === 0 && Bun.spawnSync(command, { stderr: "ignore" }).exitCode === 0;
  if (!works && process.env.CI) throw new Error(`CI must let a test have ${what}`);
  return works;
}

/** Answers at once with what a daemon, then what a terminal's host would say, and writes down what it is sent. */
const SERVER = `use IO::Socket::UNIX; $SIG{PIPE} = "IGNORE"; umask 0;
my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die "$!"; chmod oct($ARGV[1]), $ARGV[0];
open(my $heard, ">>", $ARGV[2]) or die "$!"; $heard->autoflush(1);
while (my $c = $s->accept) {
  print $c '{"ok":true,"data":{"running":true,"pid":1,"version":"EVIL","commit":"","protocol":1,"label":"x","socket":"x","started_at_unix":1,"roots":[],"manager":null,"binary":"x","upgraded":false,"clients":1,"running_jobs":0,"projects_root":null,"codebase_count":0,"codebases":[],"stopping":true},"is":"welcome","version":1,"token":"x","offset":0,"modes":"","alternate":false}', "\\n";
  $c->flush; while (sysread($c, my $b, 4096)) { print $heard $b } close $c }`;

export interface Impostor {
  /** Its socket. */
  path: string;
  /** All that it was ever sent. */
  heard(): string;
  stop(): Promise<void>;
}

/** The other user's server, in a directory of that user's below the root's base, open to all. */
export async function startImpostor(root: TestRoot, mode = "777"): Promise<Impostor> {
  const directory = join(root.base, `of-${OTHER}-${mode}`);
  mkdirSync(directory);
  chmodSync(root.base, 0o755);
  chmodSync(directory, 0o755);
  chownSync(directory, OTHER, OTHER);
  const [path, heard] = [join(directory, "x.sock"), join(directory, "heard")];
  const server = Bun.spawn([...as(OTHER), "perl", "-e", SERVER, path, mode, heard], { env: {}, cwd: "/" });
  await until("the other user listens", () => existsSync(heard));
  return {
    path,
    heard: () => readFileSync(heard, "utf8"),
    async stop() {
      server.kill("SIGKILL");
      await server.exited;
    },
  };
}

/** Runs a command as the other user; its output. */
export function asOther(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...as(OTHER), ...command], { env: { PATH: "/usr/bin:/bin" } });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout.toString();
}

export interface Inside {
  /** A command as some user, with another `/tmp`. */
  run(uid: number, ...command: string[]): string;
  /** dt in it. */
  dt(args: string[], options?: RunOptions & { uid?: number }): Promise<Result>;
}

/**
 * Gives a mount namespace in which `/tmp` is empty and has this mode; the root, and the binary, are where they were.
 * What is at `/mnt/short` there is a place outside of `/tmp`.
 */
export async function withOwnTmp(root: TestRoot, mode: string, work: (inside: Inside) => Promise<void>): Promise<void> {
  const [base, bin] = [root.base, dirname(DT)];
  const script = `set -e; mount -t tmpfs none /mnt; mkdir -p /mnt/1 /mnt/2 /mnt/short; mount --bind "$1" /mnt/1; mount --bind "$2" /mnt/2
    mount -t tmpfs -o mode=$3 none /tmp; mkdir -p "$1" "$2"; mount --bind /mnt/1 "$1"; mount --bind /mnt/2 "$2"; echo ready; exec sleep 1000`;
  const holder = Bun.spawn(["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", base, bin, mode], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdout: "pipe",
  });
  const enter = ["nsenter", "-t", String(holder.pid), "-m", "--"];
  try {
    const { value } = await holder.stdout.getReader().read();
    if (new TextDecoder().decode(value) !== "ready\n") throw new Error("no mount namespace was to be had");
    chmodSync(base, 0o755);
    await work({
      run(uid, ...command) {
        const { exitCode, stdout, stderr } = Bun.spawnSync([...enter, ...as(uid), ...command]);
        if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
        return stdout.toString().trim();
      },
      async dt(args, { uid = 0, env = {}, stdin } = {}) {
        const all = Object.entries({ ...root.env, ...env }).filter(([, value]) => value !== undefined);
        const child = Bun.spawn([...enter, ...as(uid), DT, ...args], {
          cwd: "/",
          env: Object.fromEntries(all) as Record<string, string>,
          stdin: stdin === undefined ? "ignore" : new TextEncoder().encode(stdin),
          stdout: "pipe",
          stderr: "pipe",
        });
        const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
        await child.exited;
        return { code: child.exitCode, signal: null, stdout, stderr };
      },
    });
  } finally {
    holder.kill("SIGKILL");
    await holder.exited;
  }
}
