/** Start at boot by a real systemd user manager: installed, killed, restarted, moved, rebooted as far as that can be, and removed without a trace. */
import { afterEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DT, TestRoot, until } from "../kit.ts";
import { psOf, runs } from "./launch.kit.ts";

const SYSTEMD = "/lib/systemd/systemd";
const missing =
  process.platform !== "linux"
    ? "this is no Linux"
    : !existsSync(SYSTEMD) || Bun.which("systemctl") === null
      ? "systemd is not installed"
      : !existsSync("/run/systemd/system") && process.getuid?.() !== 0
        ? "systemd does not run here, and only root can pretend that it does"
        : null;
if (missing !== null && process.env.CI) throw new Error(`CI must have systemd: ${missing}`);
if (missing !== null) console.error(`skipped: the tests of start at boot: ${missing}`);

const MANIFEST = `export default { name: "t", commands: {
  dev: { kind: "managed", run: "echo up $DIALTONE_MANAGER$NOTIFY_SOCKET; exec sleep 1000", boot: true, ready: { log: "up" } },
  web: { kind: "managed", run: "exec sleep 1001" },
} };`;

const managers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of managers.splice(0)) await one.stop();
  if (pretended.splice(0).length > 0) rmdirSync(BOOTED);
});

/** What tells programs that systemd is the system's manager; others than systemctl ask it too, so it is there no longer than needed. */
const BOOTED = "/run/systemd/system";
const pretended: string[] = [];

async function startManager(root: TestRoot) {
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

describe.skipIf(missing !== null)("systemd", () => {
  test("install, kill, restart, stop, start, move, reboot, uninstall: launches never notice, and nothing is left", async () => {
    const root = TestRoot.create({ "manifests/t.ts": MANIFEST });
    const manager = await startManager(root);
    const bin = join(root.base, "bin", "dt");
    mkdirSync(dirname(bin));
    copyFileSync(DT, bin);
    const run = async (program: string, ...words: string[]) => {
      const child = Bun.spawn([program, ...words], { cwd: root.dir, env: manager.env, stdout: "pipe", stderr: "pipe" });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      return { code: await child.exited, stdout, stderr };
    };
    const dt = (...words: string[]) => run(bin, ...words);
    const status = async () =>
      JSON.parse((await run(DT, "daemon", "status", "--json")).stdout) as {
        running: boolean;
        pid: number;
        manager: string;
        roots: string[];
      };
    try {
      await dt("boot", "add");
      // One that a person started gives way to the manager's.
      await dt("daemon", "start");
      const plan = await dt("daemon", "install", "--dry-run");
      expect(plan.stdout).toContain("KillMode=process");
      expect(existsSync(join(root.home, ".config"))).toBe(false);
      const installed = await dt("daemon", "install");
      expect(installed).toMatchObject({ code: 0, stdout: expect.stringContaining("systemd starts it at login") });
      // `Type=notify`: active only since it said that it listens.
      expect(manager.isActive()).toBe("active");
      expect(await status()).toMatchObject({ running: true, manager: "systemd", pid: manager.mainPid() });
      await until("what is marked boot runs", async () => (await psOf(root))?.state === "ready");
      // Nothing of the manager's own reaches a launch.
      expect(root.read(".dialtone/run/t:dev:default.log")).toBe("up\n");
      expect((await dt("t", "web", "-d")).code).toBe(0);
      const launches = async () => [(await psOf(root))?.pid, (await psOf(root, "t:web:default"))?.pid];
      const before = await launches();

      const first = manager.mainPid();
      process.kill(first, "SIGKILL");
      await until(
        "it is started again",
        () => manager.mainPid() > 0 && manager.mainPid() !== first && manager.isActive() === "active",
      );
      expect(await launches()).toEqual(before);
      manager.systemctl("restart", "dialtone.service");
      expect(await launches()).toEqual(before);
      expect(before.every((pid) => runs(pid as number))).toBe(true);

      // A stop stays one; start, restart and stop go through the manager.
      expect((await dt("daemon", "stop")).stdout).toBe("daemon stop requested\n");
      await until("it is inactive", () => manager.isActive() === "inactive");
      expect((await dt("daemon", "start")).stdout).toBe(`daemon started (pid ${manager.mainPid()})\n`);
      const third = manager.mainPid();
      expect((await dt("daemon", "restart")).stdout).toBe(`daemon restarted (pid ${manager.mainPid()})\n`);
      expect(manager.mainPid()).not.toBe(third);
      expect(await launches()).toEqual(before);

      // The binary is moved away, and the machine starts anew.
      renameSync(bin, join(root.base, "moved"));
      await manager.reboot();
      await until(
        "it runs after the reboot",
        async () => (await status()).running && (await status()).manager === "systemd",
      );
      await until("what is marked boot runs again", async () => {
        const now = await psOf(root);
        return now?.state === "ready" && now.host?.alive === true && now.pid !== before[0];
      });
      expect(manager.systemctl("is-enabled", "dialtone.service").stdout.toString()).toBe("enabled\n");

      const removed = await run(DT, "daemon", "uninstall");
      expect(removed).toMatchObject({ code: 0, stdout: "daemon uninstalled\n" });
      expect((await status()).running).toBe(false);
      expect(
        readdirSync(join(root.home, ".config", "systemd", "user")).filter((name) => name !== "default.target.wants"),
      ).toEqual([]);
      expect(existsSync(join(root.home, ".dialtone", "bin"))).toBe(false);
      expect(manager.systemctl("is-enabled", "dialtone.service").success).toBe(false);
      expect((await psOf(root))?.state).toBe("ready");
      expect((await run(DT, "daemon", "uninstall")).stdout).toBe("daemon is not installed\n");
    } finally {
      await run(DT, "daemon", "uninstall").catch(() => undefined);
      await root.dt(["stop", "--all"]);
      await managers.pop()?.stop();
      await root.dispose();
    }
  }, 120_000);

  test("no manager: a clear error with the line for cron, nothing changed, and the daemon that ran runs on", async () => {
    const root = TestRoot.create({ "manifests/t.ts": MANIFEST });
    const env = { XDG_RUNTIME_DIR: join(root.base, "none"), DBUS_SESSION_BUS_ADDRESS: undefined };
    try {
      await root.dt(["daemon", "start"], { env });
      const failed = await root.dt(["daemon", "install"], { env });
      expect(failed.code).toBe(1);
      expect(failed.stderr).toContain(
        "systemd's user manager does not answer here: `systemctl --user show --property=Version` ended with",
      );
      expect(failed.stderr).toContain(`@reboot ${DT} daemon start`);
      expect(existsSync(join(root.home, ".config"))).toBe(false);
      expect((await root.dt(["daemon", "status"], { env })).code).toBe(0);
      const plan = await root.dt(["daemon", "install", "--dry-run", "--manager", "launchd"], { env });
      expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining("<string>dev.dialtone.daemon</string>") });
      expect((await root.dt(["daemon", "install", "--manager", "upstart"], { env })).code).toBe(2);
    } finally {
      await root.dt(["daemon", "stop"], { env });
      await root.dispose();
    }
  });
});
