/** A real systemd user manager of a test's own, with a runtime directory below the test's root. */
import { existsSync, mkdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestRoot, until } from "../../kit.ts";

const SYSTEMD = "/lib/systemd/systemd";
/** Why there can be none here; null when there can. */
export const missing =
  process.platform !== "linux"
    ? "this is no Linux"
    : !existsSync(SYSTEMD) || Bun.which("systemctl") === null
      ? "systemd is not installed"
      : !existsSync("/run/systemd/system") && process.getuid?.() !== 0
        ? "systemd does not run here, and only root can pretend that it does"
        : null;
if (missing !== null && process.env.CI) throw new Error(`CI must have systemd: ${missing}`);
if (missing !== null) console.error(`skipped: the tests of start at boot: ${missing}`);

/** Those that run, for a test that ends before it stops its own. */
export const managers: { stop(): Promise<void> }[] = [];
export async function stopManagers(): Promise<void> {
  for (const one of managers.splice(0)) await one.stop();
  if (pretended.splice(0).length > 0) rmdirSync(BOOTED);
}

/**
 * What tells programs that systemd is the system's manager; others than systemctl ask it too, so it is there no longer
 * than needed.
 */
const BOOTED = "/run/systemd/system";
const pretended: string[] = [];

export async function startManager(root: TestRoot) {
  if (!existsSync(BOOTED)) {
    mkdirSync(BOOTED, { recursive: true });
    pretended.push(BOOTED);
  }
  const runtime = join(root.base, "xdg");
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  const env = { ...root.env, XDG_RUNTIME_DIR: runtime };
  const systemctl = (...words: string[]) => Bun.spawnSync(["systemctl", "--user", ...words], { env });
  const boot = async () => {
    const child = Bun.spawn([SYSTEMD, "--user"], { env, stdio: ["ignore", "ignore", "ignore"] });
    await until("the manager answers", () => systemctl("show", "--property=Version").success);
    return child;
  };
  let manager = await boot();
  const stop = async () => {
    manager.kill("SIGKILL");
    await manager.exited;
  };
  managers.push({ stop });
  return {
    env,
    systemctl,
    mainPid: () => Number(systemctl("show", "-p", "MainPID", "--value", "dialtone.service").stdout.toString()),
    isActive: () => systemctl("is-active", "dialtone.service").stdout.toString().trim(),
    /** All of the user's processes are killed, as by a power cut, and the manager starts what is enabled. */
    async reboot() {
      await stop();
      for (let pids = root.processes(); pids.length > 0; pids = root.processes()) {
        for (const pid of pids) process.kill(pid, "SIGKILL");
        await Bun.sleep(20);
      }
      rmSync(runtime, { recursive: true, force: true });
      mkdirSync(runtime, { mode: 0o700 });
      manager = await boot();
    },
  };
}
