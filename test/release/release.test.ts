/**
 * The release of this machine's target, whole: built from the locked runtime, twice the same, installed by install.sh,
 * and used.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hostTarget } from "../../release/targets.ts";
import { makeScratch } from "../kit/scratch.ts";
import { REPOSITORY } from "../kit.ts";

const scratch = makeScratch();

test("a release can be made, installed and used", () => {
  const target = hostTarget().name;
  const release = Bun.spawnSync([process.execPath, "release/run.ts", "--no-e2e", target], {
    cwd: REPOSITORY,
    stdin: "ignore",
    stderr: "pipe",
  });
  const said = release.stdout.toString();
  expect({ code: release.exitCode, stderr: release.exitCode === 0 ? "" : release.stderr.toString() }).toEqual({
    code: 0,
    stderr: "",
  });
  expect(said).toContain(`${target}: two builds are the same bytes`);
  expect(said).toContain(`${target}: 6 smoke tests`);
  const out = join(REPOSITORY, "dist", "release");
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8"));
  expect(readdirSync(out).sort()).toEqual(
    ["RELEASE_NOTES.md", "SHA256SUMS", `dt-${version}-${target}.tar.gz`, "install.sh", "npm"].sort(),
  );
  expect(readdirSync(join(out, "npm")).sort()).toEqual(
    [`dialtone-dt-${version}.tgz`, `dialtone-dt-${target}-${version}.tgz`].sort(),
  );

  const home = scratch();
  const env = { PATH: `${join(home, ".local/bin")}:/usr/bin:/bin`, HOME: home };
  const install = Bun.spawnSync(["sh", "install.sh", "--from", out], { cwd: REPOSITORY, env, stderr: "pipe" });
  expect({ code: install.exitCode, stderr: install.stderr.toString() }).toMatchObject({ code: 0 });
  const project = scratch();
  const dt = (...args: string[]) => Bun.spawnSync(["dt", ...args], { cwd: project, env, stderr: "pipe" });
  expect(dt("init", "plugin", "shop").exitCode).toBe(0);
  const started = dt("shop", "dev", "--wait");
  expect(started.stdout.toString()).toMatch(/^shop:dev:default ready pid \d+ http:\/\/localhost:\d+ log /m);
  expect(dt("stop", "--all").exitCode).toBe(0);
}, 180_000);
