/**
 * Start at boot by a real systemd user manager: installed, killed, restarted, moved, rebooted as far as that can be,
 * and removed without a trace.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { DT, TestRoot, until } from "../../kit.ts";
import { psOf, runs } from "../kit/launch.ts";
import { managers, missing, startManager, stopManagers } from "../kit/systemd.ts";

afterEach(stopManagers);

const MANIFEST = `export default { name: "t", commands: {
  dev: { kind: "managed", run: "echo up $DIALTONE_MANAGER$NOTIFY_SOCKET; exec sleep 1000", boot: true, ready: { log: "up" } },
  web: { kind: "managed", run: "exec sleep 1001" },
} };`;

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
      expect((await dt("daemon", "stop")).stdout).toMatch(/^daemon stopped \(pid \d+\)\n$/);
      await until("it is inactive", () => manager.isActive() === "inactive");
      expect((await dt("daemon", "start")).stdout).toBe(`daemon started (pid ${manager.mainPid()})\n`);
      const third = manager.mainPid();
      expect((await dt("daemon", "restart")).stdout).toBe(`daemon restarted (pid ${manager.mainPid()})\n`);
      expect(manager.mainPid()).not.toBe(third);
      expect(await launches()).toEqual(before);

      // The binary is moved away, and the machine starts again.
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
