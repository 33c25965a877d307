/**
 * A Docker engine of a test's own: Debian's `dockerd` without bridge and firewall, and an image made of busybox. Its
 * services use the host's network or none.
 */
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { makeTemporary } from "../../kit/temporary.ts";
import { until } from "../../kit.ts";

const APPLETS = "sh sleep date echo cat true false kill touch ls httpd seq".split(" ");
export const IMAGE = "busybox:test";

/** What dt will find, with a home of its own: a plugin of the system, or the program. */
export const COMPOSE = hasPlugin() ? "docker compose" : "docker-compose";

function hasPlugin(): boolean {
  if (Bun.which("docker") === null) return false;
  const env = { PATH: process.env.PATH ?? "", HOME: "/nowhere" };
  return Bun.spawnSync(["docker", "compose", "version"], { env, stdout: "ignore", stderr: "ignore" }).success;
}

export interface DockerEngine {
  /** What dt and Compose find it by. */
  env: { DOCKER_HOST: string };
  docker(...args: string[]): string;
  /** Names of all containers, whatever their state. */
  containers(): string[];
  /** The engine is killed, and started again on what it left. */
  restart(): Promise<void>;
  dispose(): Promise<void>;
}

/** Why there can be no engine here; null when there can. On CI there must be one. */
export function noEngine(): string | null {
  if (process.platform !== "linux") return "a Docker engine of one's own needs Linux";
  if (process.getuid?.() !== 0) return "a Docker engine of one's own needs root";
  for (const program of ["dockerd", "docker", COMPOSE.split(" ")[0] as string, "busybox"])
    if (Bun.which(program) === null) return `${program} is not installed`;
  return null;
}

export async function startEngine(): Promise<DockerEngine> {
  const base = makeTemporary("docker", "/tmp");
  const env = { DOCKER_HOST: `unix://${base}/s` };
  const docker = (...args: string[]): string => {
    const done = Bun.spawnSync(["docker", ...args], { env: { ...process.env, ...env }, stderr: "pipe" });
    if (!done.success) throw new Error(`docker ${args.join(" ")}: ${done.stderr}`);
    return done.stdout.toString().trim();
  };
  const start = async () => {
    const child = Bun.spawn(
      [
        "dockerd",
        ...["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"],
        ...["--data-root", `${base}/data`, "--exec-root", `${base}/exec`, "--pidfile", `${base}/pid`],
        ...["-H", env.DOCKER_HOST],
      ],
      { stdin: "ignore", stdout: Bun.file(`${base}/log`), stderr: Bun.file(`${base}/log`) },
    );
    await until("the engine answers", () => {
      if (child.exitCode !== null) throw new Error(`dockerd ended: see ${base}/log`);
      return Bun.spawnSync(["docker", "version"], { env: { ...process.env, ...env } }).success;
    });
    return child;
  };
  let engine = await start();
  const image = join(base, "image");
  for (const folder of ["bin", "tmp", "etc"]) mkdirSync(join(image, folder), { recursive: true });
  copyFileSync(Bun.which("busybox") as string, join(image, "bin/busybox"));
  chmodSync(join(image, "bin/busybox"), 0o755);
  for (const name of APPLETS) symlinkSync("busybox", join(image, "bin", name));
  const made = Bun.spawnSync(["sh", "-c", `tar -C ${image} -c . | docker import - ${IMAGE}`], {
    env: { ...process.env, ...env },
  });
  if (!made.success) throw new Error(made.stderr.toString());
  return {
    env,
    docker,
    containers: () =>
      docker("ps", "--all", "--format", "{{.Names}}")
        .split("\n")
        .filter((name) => name !== "")
        .sort(),
    restart: async () => {
      engine.kill("SIGTERM");
      await engine.exited;
      engine = await start();
    },
    dispose: async () => {
      const left = docker("ps", "--all", "--quiet").split("\n").filter(Boolean);
      if (left.length > 0) docker("rm", "--force", ...left);
      engine.kill("SIGTERM");
      await engine.exited;
      // What the host's network leaves mounted.
      Bun.spawnSync(["umount", "--lazy", `${base}/exec/netns/default`], { stderr: "ignore" });
      rmSync(base, { recursive: true, force: true });
    },
  };
}
