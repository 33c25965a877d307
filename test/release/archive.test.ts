/**
 * Archives and packages of a release: the same bytes each time, sums that others can check, a runtime that is the
 * locked one.
 */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeArchive, writeSums } from "../../release/archive.ts";
import { sectionOf } from "../../release/changelog.ts";
import { mainPackage, platformPackage } from "../../release/npm.ts";
import { checkIntegrity, lockedRuntime } from "../../release/runtime.ts";
import { TARGETS } from "../../release/targets.ts";
import { makeScratch } from "../kit/scratch.ts";
import { REPOSITORY } from "../kit.ts";

const scratch = makeScratch();

test("an archive is the same bytes whatever times, modes and owners its files have", async () => {
  const directory = scratch();
  const make = async (name: string, mode: number, when: number) => {
    const file = join(directory, `${name}.bin`);
    writeFileSync(file, "the binary");
    chmodSync(file, mode);
    utimesSync(file, when, when);
    const path = join(directory, `${name}.tar.gz`);
    await makeArchive(path, { dt: { from: file, mode: 0o755 }, LICENSE: { from: file, mode: 0o644 } });
    return path;
  };
  const [one, two] = [await make("one", 0o600, 1_000_000), await make("two", 0o777, 1_700_000_000)];
  expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
  const listed = Bun.spawnSync(["tar", "-tvzf", one]).stdout.toString();
  expect(listed).toMatch(/^-rwxr-xr-x .* dt\n-rw-r--r-- .* LICENSE\n$/);
});

test("sha256sum accepts the sums", () => {
  const directory = scratch();
  const files = ["b", "a"].map((name) => {
    writeFileSync(join(directory, name), name);
    return join(directory, name);
  });
  writeSums(join(directory, "SHA256SUMS"), files);
  expect(readFileSync(join(directory, "SHA256SUMS"), "utf8")).toMatch(/^[0-9a-f]{64} {2}a\n[0-9a-f]{64} {2}b\n$/);
  expect(Bun.spawnSync(["sha256sum", "-c", "SHA256SUMS"], { cwd: directory }).exitCode).toBe(0);
  writeFileSync(join(directory, "a"), "changed");
  expect(Bun.spawnSync(["sha256sum", "-c", "SHA256SUMS"], { cwd: directory, stderr: "ignore" }).exitCode).toBe(1);
});

test("each target's runtime is locked, at one version, with its sum", () => {
  const lock = JSON.parse(readFileSync(join(REPOSITORY, "package-lock.json"), "utf8"));
  const versions = TARGETS.map(({ runtime }) => lockedRuntime(lock, runtime).version);
  expect(new Set(versions)).toEqual(new Set([lock.packages["node_modules/bun"].version]));
  expect(() => lockedRuntime(lock, "@oven/bun-plan9")).toThrow("has no version and SHA-512 of @oven/bun-plan9");
});

test("a runtime that is not the locked one is refused", () => {
  const bytes = Buffer.from("bytes");
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  checkIntegrity(bytes, "x", { version: "1", integrity });
  expect(() => checkIntegrity(Buffer.from("other"), "x", { version: "1", integrity })).toThrow(
    "Nothing was built from it",
  );
});

test("a release without an entry in the changelog is refused", () => {
  const changelog = "# Changelog\n\n## 1.1.0\n\n- New.\n\n## 1.0.0 (2026-01-01)\n\n- First.\n\n## 0.9.0\n\n";
  expect(sectionOf(changelog, "1.1.0")).toBe("- New.\n");
  expect(sectionOf(changelog, "1.0.0")).toBe("- First.\n");
  expect(() => sectionOf(changelog, "2.0.0")).toThrow('has no section "## 2.0.0"');
  expect(() => sectionOf(changelog, "0.9.0")).toThrow("says nothing of 0.9.0");
  expect(() => sectionOf(changelog, "1.0")).toThrow("no section");
});

test("npm is told which package is for which machine", () => {
  const about = { version: "1.2.3", description: "d", license: "MIT" };
  for (const target of TARGETS) {
    const { os, cpu, ...rest } = platformPackage(target, about);
    expect([os, cpu, "libc" in rest ? rest.libc : null]).toEqual([
      [target.os],
      [target.cpu],
      target.libc === null ? null : [target.libc],
    ]);
  }
  expect(Object.entries(mainPackage(TARGETS, about).optionalDependencies)).toHaveLength(TARGETS.length);
});
