/**
 * The service files: the unit as systemd reads it, the property list as a library does. The unit at work:
 * test/e2e/daemon/systemd.test.ts.
 */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "plist";
import { daemonPaths } from "../../../src/daemon/socket/paths.ts";
import { launchdPlist } from "../../../src/daemon/unit/launchd.ts";
import { installPlan, type PlanRequest, uninstallPlan } from "../../../src/daemon/unit/plan.ts";
import { systemdUnit } from "../../../src/daemon/unit/systemd.ts";
import { makeScratch } from "../../kit/scratch.ts";

const scratch = makeScratch();
const paths = daemonPaths("/home/a b/.dialtone");
const logs = { log: paths.log, errors: paths.errors };
const request = (more: Partial<PlanRequest> = {}): PlanRequest => ({
  manager: "systemd",
  paths,
  binary: "/opt/dt",
  env: { HOME: "/home/a b", PATH: "/usr/bin:/opt/50%/bin", SECRET: "x", DIALTONE_HOME: "/home/a b/.dialtone" },
  uid: 501,
  user: "a",
  linger: false,
  ...more,
});

describe("launchd", () => {
  test("the launchd property list has each field", () => {
    const plist = launchdPlist({ binary: paths.binary, env: { PATH: "/usr/bin" }, logs });
    expect(parse(plist) as unknown).toEqual({
      Label: "dev.dialtone.daemon",
      ProgramArguments: ["/home/a b/.dialtone/bin/dt", "daemon", "start", "--foreground"],
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      EnvironmentVariables: { PATH: "/usr/bin" },
      StandardOutPath: "/home/a b/.dialtone/logs/daemon.log",
      StandardErrorPath: "/home/a b/.dialtone/logs/daemon-err.log",
      AbandonProcessGroup: true,
    });
  });

  test("property: a property list gives back any path and variable unchanged", () => {
    // What XML cannot hold is in no path that a shell would give.
    const text = fc
      .string({ minLength: 1, unit: "grapheme-composite" })
      .filter((one) => one.trim() === one && !/[\0-\x1f\ufffe\uffff]/.test(one));
    fc.assert(
      fc.property(text, fc.dictionary(fc.stringMatching(/^[A-Z_]{1,8}$/), text), (binary, env) => {
        expect(parse(launchdPlist({ binary, env, logs }))).toMatchObject({
          ProgramArguments: [binary, "daemon", "start", "--foreground"],
          EnvironmentVariables: env,
        });
      }),
      { examples: [["/a\u2028b\u0085c", { A: "! !", B: "!\u2028!", C: "!\u2029!" }]] },
    );
  });

  test("launchd is asked to unload an old service, load the new one and start it", () => {
    const plan = installPlan(request({ manager: "launchd" }));
    expect(
      plan.map((step) => (step.is === "run" ? step.argv.join(" ") : step.is === "write" ? step.path : step.is)),
    ).toEqual([
      "binary",
      "/home/a b/Library/LaunchAgents/dev.dialtone.daemon.plist",
      "launchctl bootout gui/501/dev.dialtone.daemon",
      "launchctl bootstrap gui/501 /home/a b/Library/LaunchAgents/dev.dialtone.daemon.plist",
      "launchctl kickstart -k gui/501/dev.dialtone.daemon",
    ]);
    expect(plan.filter((step) => step.is === "run" && step.mayFail)).toHaveLength(1);
  });
});

describe("systemd", () => {
  test("the systemd unit holds only the variables that its manager's environment lacks", () => {
    const [, write] = installPlan(request());
    expect(write).toMatchObject({ is: "write", path: "/home/a b/.config/systemd/user/dialtone.service" });
    const { text } = write as { text: string };
    for (const line of [
      "Type=notify",
      'ExecStart="/home/a b/.dialtone/bin/dt" daemon start --foreground',
      "Restart=on-failure",
      "KillMode=process",
      'Environment="PATH=/usr/bin:/opt/50%%/bin"',
      'Environment="DIALTONE_HOME=/home/a b/.dialtone"',
      'Environment="DIALTONE_MANAGER=systemd"',
      "WantedBy=default.target",
    ])
      expect(text.split("\n")).toContain(line);
    expect(text).not.toContain("SECRET");
  });

  test.skipIf(Bun.which("systemd-analyze") === null && !process.env.CI)("systemd-analyze accepts the unit", () => {
    const base = scratch();
    const file = join(base, "dialtone.service");
    const env = { PATH: "/a b:/c%d:/$HOME", DIALTONE_HOME: "/x'y\\z" };
    writeFileSync(file, systemdUnit({ binary: "/bin/true", env, logs }));
    const done = Bun.spawnSync(["systemd-analyze", "--user", "verify", "--man=no", file], {
      env: { ...process.env, XDG_RUNTIME_DIR: base },
    });
    expect(
      done.stderr
        .toString()
        .split("\n")
        .filter((line) => line.includes("dialtone.service")),
    ).toEqual([]);
    expect(done.exitCode).toBe(0);
  });

  test("systemd's install steps, with and without lingering, are each undone by uninstall", () => {
    const words = (plan: ReturnType<typeof installPlan>) =>
      plan.flatMap((step) => (step.is === "run" ? [step.argv.join(" ")] : []));
    expect(words(installPlan(request()))).toEqual([
      "systemctl --user daemon-reload",
      "systemctl --user enable dialtone.service",
      "systemctl --user restart dialtone.service",
    ]);
    expect(words(installPlan(request({ linger: true }))).at(-1)).toBe("loginctl enable-linger a");
    const away = uninstallPlan({ ...request(), lingers: true });
    expect(words(away)).toEqual([
      "systemctl --user disable --now dialtone.service",
      "systemctl --user daemon-reload",
      "loginctl disable-linger a",
    ]);
    const made = installPlan(request()).flatMap((step) =>
      step.is === "write" ? [step.path] : step.is === "binary" ? [step.to] : [],
    );
    const removed = away.flatMap((step) => (step.is === "remove" ? [step.path] : []));
    for (const path of made) expect(removed).toContain(path);
    expect(words(uninstallPlan({ ...request(), lingers: false }))).not.toContain("loginctl disable-linger a");
  });

  test("the unit goes to a moved configuration directory", () => {
    expect(installPlan(request({ env: { HOME: "/h", XDG_CONFIG_HOME: "/c" } }))[1]).toMatchObject({
      path: "/c/systemd/user/dialtone.service",
    });
  });
});
