/**
 * install.sh from a folder of archives and from a server, in three shells; what it refuses, and that a kill leaves a
 * whole dt or the old one.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeArchive, writeSums } from "../../release/archive.ts";
import { makeScratch } from "../kit/scratch.ts";
import { REPOSITORY, until } from "../kit.ts";
import { findTool } from "../tools.ts";

const scratch = makeScratch();
const INSTALL = join(REPOSITORY, "install.sh");
const MACHINES = ["linux-x64", "linux-x64-musl", "linux-arm64", "darwin-x64", "darwin-arm64"];
const HOST = process.arch === "arm64" ? "linux-arm64" : "linux-x64";

let archives: string;

/** A release's folder with a dt for each machine that says its version and machine. */
async function addRelease(folder: string, version: string): Promise<void> {
  const files: string[] = [];
  for (const machine of MACHINES) {
    const dt = join(scratch(), "dt");
    writeFileSync(dt, `#!/bin/sh\n[ "$1" = --version ] && echo "dt ${version} (${machine})"\n`);
    const archive = join(folder, `dt-${version}-${machine}.tar.gz`);
    await makeArchive(archive, { dt: { from: dt, mode: 0o755 } });
    files.push(archive);
  }
  writeSums(
    join(folder, "SHA256SUMS"),
    readdirSync(folder)
      .filter((name) => name.endsWith(".gz"))
      .map((name) => join(folder, name)),
  );
}

beforeAll(async () => {
  archives = scratch();
  for (const version of ["0.1.0", "0.9.0", "0.10.0"]) await addRelease(archives, version);
});

interface Run {
  code: number | null;
  stderr: string;
  home: string;
  dt: string;
}

interface Options {
  shell?: string[];
  env?: Record<string, string | undefined>;
  home?: string;
  /** Programs put before all others on the PATH, as scripts. */
  fake?: Record<string, string>;
}

function command(args: string[], { shell = ["sh"], env = {}, home = scratch(), fake = {} }: Options) {
  const bin = scratch();
  for (const [name, script] of Object.entries(fake))
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const own: Record<string, string | undefined> = { PATH: `${bin}:/usr/bin:/bin`, HOME: home, LANG: "C", ...env };
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
  return { argv: [...shell, INSTALL, ...args], options: { env: given, cwd: home }, home };
}

function install(args: string[], options: Options = {}): Run {
  const { argv, options: spawn, home } = command(args, options);
  const run = Bun.spawnSync(argv, { ...spawn, stdin: "ignore", stderr: "pipe" });
  return { code: run.exitCode, stderr: run.stderr.toString(), home, dt: join(home, ".local/bin/dt") };
}

const versionOf = (dt: string) => Bun.spawnSync([dt, "--version"]).stdout.toString().trim();

for (const shell of [["dash"], ["busybox", "sh"], ["bash", "--posix"]] as [string, ...string[]][]) {
  test.skipIf(findTool(shell[0]) === null)(
    `the installer installs, upgrades, installs again and removes (${shell.join(" ")})`,
    () => {
      const first = install(["--from", archives, "--version", "0.1.0"], { shell });
      expect(first.code).toBe(0);
      expect(first.stderr).toContain(`installed dt 0.1.0 as ${first.dt}`);
      expect(first.stderr).toContain('export PATH="');
      expect(versionOf(first.dt)).toBe(`dt 0.1.0 (${HOST})`);
      const { home } = first;
      const env = { PATH: `${join(home, ".local/bin")}:/usr/bin:/bin` };
      // The newest, and 0.10.0 is newer than 0.9.0.
      const newest = install(["--from", archives], { shell, home, env });
      expect(newest.stderr).toContain("from 0.1.0 to 0.10.0");
      expect(newest.stderr).not.toContain("PATH");
      expect(install(["--from", archives, "--version", "v0.10.0"], { shell, home, env }).stderr).toContain(
        "installed dt 0.10.0 again",
      );
      expect(readdirSync(join(home, ".local/bin"))).toEqual(["dt"]);
      writeFileSync(join(home, "kept"), "");
      const removed = install(["--uninstall"], { shell, home });
      expect(removed).toMatchObject({ code: 0, stderr: expect.stringContaining("stay") });
      expect([existsSync(first.dt), existsSync(join(home, "kept"))]).toEqual([false, true]);
      expect(install(["--uninstall"], { shell, home })).toMatchObject({
        code: 0,
        stderr: expect.stringContaining("nothing was removed"),
      });
    },
  );
}

describe("which archive", () => {
  const uname = (os: string, cpu: string) => `case $1 in -s) echo ${os} ;; -m) echo ${cpu} ;; esac`;
  const cases: [what: string, fake: Record<string, string>, machine: string][] = [
    ["Linux on arm64", { uname: uname("Linux", "aarch64") }, "linux-arm64"],
    ["musl", { uname: uname("Linux", "x86_64"), ldd: "echo 'musl libc (x86_64)' >&2; exit 1" }, "linux-x64-musl"],
    ["a Mac", { uname: uname("Darwin", "arm64"), sha256sum: "exit 127" }, "darwin-arm64"],
    ["an Intel Mac", { uname: uname("Darwin", "x86_64"), sysctl: "echo 0" }, "darwin-x64"],
    ["a Mac whose shell is translated", { uname: uname("Darwin", "x86_64"), sysctl: "echo 1" }, "darwin-arm64"],
  ];
  for (const [what, fake, machine] of cases) {
    test(what, () => {
      // Where there is no sha256sum that works, shasum does it.
      const tools = "sha256sum" in fake ? { ...fake, sha256sum: 'exec /usr/bin/sha256sum "$@"' } : fake;
      const { dt, code, stderr } = install(["--from", archives, "--version", "0.1.0"], { fake: tools });
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      expect(versionOf(dt)).toBe(`dt 0.1.0 (${machine})`);
    });
  }
  test("an unknown machine is refused", () => {
    for (const [os, cpu, text] of [
      ["SunOS", "x86_64", "there is no dt for SunOS"],
      ["Linux", "riscv64", "there is no dt for riscv64 machines"],
    ])
      expect(install(["--from", archives], { fake: { uname: uname(os as string, cpu as string) } })).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(text as string),
      });
  });
});

describe("refuses, and installs nothing", () => {
  const broken = (change: (folder: string) => void) => {
    const folder = scratch();
    cpSync(archives, folder, { recursive: true });
    change(folder);
    return folder;
  };
  const cases: [what: string, folder: () => string, args: string[], text: string][] = [
    [
      "an archive that is another",
      () => broken((folder) => writeFileSync(join(folder, `dt-0.1.0-${HOST}.tar.gz`), "x")),
      [],
      "is not what SHA256SUMS says",
    ],
    ["no sums", () => broken((folder) => Bun.spawnSync(["rm", join(folder, "SHA256SUMS")])), [], "has no SHA256SUMS"],
    [
      "sums that do not name it",
      () => broken((folder) => writeFileSync(join(folder, "SHA256SUMS"), "")),
      [],
      "does not name",
    ],
    ["a version that is not there", () => archives, ["--version", "7.0.0"], "has no dt-7.0.0"],
    ["a folder that is not there", () => "/nowhere", [], "there is no folder /nowhere"],
    ["an empty folder", () => scratch(), [], "holds no archive for this machine"],
  ];
  for (const [what, folder, args, text] of cases) {
    test(what, () => {
      const version = what.includes("version") || what.includes("folder") ? [] : ["--version", "0.1.0"];
      const run = install(["--from", folder(), ...version, ...args]);
      expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining(text) });
      expect(existsSync(run.dt)).toBe(false);
    });
  }
  test("a dt that does not run on this machine is not installed", async () => {
    const folder = scratch();
    const dt = join(folder, "dt");
    writeFileSync(dt, "\x7fELFnonsense", { mode: 0o755 });
    const archive = join(folder, `dt-0.1.0-${HOST}.tar.gz`);
    await makeArchive(archive, { dt: { from: dt, mode: 0o755 } });
    writeSums(join(folder, "SHA256SUMS"), [archive]);
    const run = install(["--from", folder]);
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining("does not run on this machine") });
    expect(existsSync(run.dt)).toBe(false);
  });
  test("without HOME, without a value or with an unknown flag nothing is installed", () => {
    expect(install(["--from", archives], { env: { HOME: undefined } })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("HOME is not set"),
    });
    expect(install(["--from"])).toMatchObject({ code: 2, stderr: expect.stringContaining("needs a value") });
    expect(install(["--frm", "x"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("there is no flag --frm"),
    });
  });
  test.skipIf(process.getuid?.() !== 0)("nothing is installed into a folder that may not be written to", () => {
    const to = scratch();
    chmodSync(archives, 0o755);
    for (let above = to; above !== "/tmp" && above !== "/"; above = join(above, "..")) chmodSync(above, 0o755);
    const run = install(["--from", archives, "--to", to], {
      shell: ["setpriv", "--reuid=12345", "--clear-groups", "sh"],
    });
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining("may not be written to") });
  });
});

test("an installer killed at any step leaves the old dt whole, and the next one clears up", async () => {
  const home = scratch();
  install(["--from", archives, "--version", "0.1.0"], { home });
  const dt = join(home, ".local/bin/dt");
  for (const program of ["cp", "tar", "chmod", "sha256sum", "mv"]) {
    const gate = join(scratch(), "reached");
    const { argv, options } = command(["--from", archives, "--version", "0.9.0"], {
      home,
      fake: { [program]: `touch ${gate}; exec sleep 1000` },
    });
    const child = Bun.spawn(["setsid", ...argv], { ...options, stdio: ["ignore", "ignore", "ignore"] });
    await until(`it runs ${program}`, () => existsSync(gate));
    Bun.spawnSync(["pkill", "-KILL", "-s", String(child.pid)]);
    await child.exited;
    expect(versionOf(dt)).toBe(`dt 0.1.0 (${HOST})`);
  }
  install(["--from", archives, "--version", "0.9.0"], { home });
  expect(versionOf(dt)).toBe(`dt 0.9.0 (${HOST})`);
  expect(readdirSync(join(home, ".local/bin"))).toEqual(["dt"]);
});

describe("from a server", () => {
  let server: ReturnType<typeof Bun.serve>;
  beforeAll(() => {
    server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/latest") return Response.redirect(`${server.url}tag/v0.10.0`, 302);
        const file = Bun.file(join(archives, pathname.split("/").at(-1) as string));
        return pathname.startsWith("/down/v0.")
          ? new Response(file)
          : new Response("", { status: pathname.startsWith("/tag") ? 200 : 404 });
      },
    });
  });
  afterAll(() => server.stop(true));
  for (const [tool, other] of [
    ["curl", "wget"],
    ["wget", "curl"],
  ] as const) {
    test.skipIf(findTool(tool) === null)(`the installer downloads with ${tool} alone`, async () => {
      // A PATH of links to everything but the other tool.
      const bin = scratch();
      for (const name of [
        "sh",
        "uname",
        "sed",
        "cut",
        "sha256sum",
        "tar",
        "gzip",
        "mkdir",
        "mv",
        "rm",
        "chmod",
        "grep",
        "head",
        "tail",
        "ldd",
        tool,
      ])
        Bun.spawnSync(["ln", "-s", Bun.which(name) as string, join(bin, name)]);
      const home = scratch();
      mkdirSync(join(home, "x"));
      const child = Bun.spawn([join(bin, "sh"), INSTALL], {
        env: { PATH: bin, HOME: home, DT_DOWNLOADS: `${server.url}down`, DT_LATEST: `${server.url}latest` },
        stdio: ["ignore", "ignore", "pipe"],
      });
      const stderr = await child.stderr.text();
      expect({ code: await child.exited, stderr, other: existsSync(join(bin, other)) }).toMatchObject({
        code: 0,
        other: false,
      });
      expect(versionOf(join(home, ".local/bin/dt"))).toBe(`dt 0.10.0 (${HOST})`);
    });
  }
  test("a release that does not exist is refused", async () => {
    const { argv, options } = command(["--version", "7.7.7"], { env: { DT_DOWNLOADS: `${server.url}down` } });
    const child = Bun.spawn(argv, { ...options, stdio: ["ignore", "ignore", "pipe"] });
    expect(await child.stderr.text()).toContain("Is there such a release");
    expect(await child.exited).toBe(1);
  });
});

test("the installer is one POSIX script that says how it is used", () => {
  expect(install(["--help"]).code).toBe(0);
  expect(readFileSync(INSTALL, "utf8")).toStartWith("#!/bin/sh\n");
});

test.skipIf(findTool("shellcheck") === null)("the installer is clean for shellcheck", () => {
  expect(Bun.spawnSync(["shellcheck", INSTALL]).stdout.toString()).toBe("");
});
