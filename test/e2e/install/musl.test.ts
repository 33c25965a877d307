/**
 * The musl binary in a root directory of its own, where nothing of glibc is: Debian's musl, a static busybox, and a
 * libstdc++ made for musl out of a Python wheel. Bun's musl build comes from npm. Both are kept below
 * node_modules/.cache.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import { REPOSITORY, TestRoot } from "../../kit.ts";
import { buildOther } from "../kit/build.ts";
import { FILES, isRoot, LIFE_ANSWER, LIFE_SCRIPT, level, runIn } from "../kit/emptyenv.ts";

const LOADER = "/lib/ld-musl-x86_64.so.1";
const missing = [
  ...(isRoot ? [] : ["root"]),
  ...(process.arch === "x64" ? [] : ["an x64 machine"]),
  ...(existsSync(LOADER) ? [] : ["musl (Debian's package of that name)"]),
  ...["cc", "pip3", "npm", "busybox"].filter((program) => Bun.which(program) === null),
];
if (missing.length > 0) console.error(`skipped: the musl binary's test needs ${missing.join(", ")}`);

const CACHE = join(REPOSITORY, "node_modules/.cache/dt-musl");
/**
 * Its libstdc++ is of GCC 10; the newer ones use a relocation (DT_RELR) that musl learned in 1.2.4, and Debian 12 has
 * 1.2.3.
 */
const WHEEL = "greenlet==3.0.3";
/** What Bun asks of a newer libstdc++: both only end the process. */
const SHIM = `void abort(void);
void _ZSt28__throw_bad_array_new_lengthv(void) { abort(); }
void _ZSt21__glibcxx_assert_failPKciS0_S0_(void) { abort(); }
`;

/** Downloads once; a directory that is there is whole. */
async function fetchParts(): Promise<void> {
  if (existsSync(CACHE)) return;
  const work = `${CACHE}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  const script = `
    npm pack --silent @oven/bun-linux-x64-musl@${manifest.devDependencies.bun} >/dev/null
    tar -xzf oven-bun-*.tgz --strip-components=2 package/bin/bun
    pip3 download -q --disable-pip-version-check --no-deps --only-binary=:all: --platform musllinux_1_1_x86_64 --python-version 311 ${WHEEL}
    python3 -m zipfile -e greenlet-*.whl wheel
    cp wheel/greenlet.libs/lib* .
    rm -r wheel *.whl *.tgz`;
  const { code, stderr } = await runIn(work, ["sh", "-ec", script], process.env as Record<string, string>);
  if (code !== 0) throw new Error(`the parts for musl could not be had: ${stderr}`);
  try {
    renameSync(work, CACHE);
  } catch {
    rmSync(work, { recursive: true }); // another run was faster
  }
}

describe.skipIf(missing.length > 0)("in a root directory with musl alone", () => {
  let root: TestRoot;
  let jail: string;

  beforeAll(async () => {
    await fetchParts();
    root = TestRoot.create();
    jail = join(root.base, "jail");
    for (const directory of ["bin", "lib", "usr/lib", "etc", "proc", "dev", "tmp", "root", "project/manifests"])
      mkdirSync(join(jail, directory), { recursive: true });
    cpSync(realpathSync(LOADER), join(jail, LOADER));
    writeFileSync(join(jail, "etc/ld-musl-x86_64.path"), "/lib\n/usr/lib\n");
    const libraries = readdirSync(CACHE).filter((name) => name.startsWith("lib"));
    for (const name of libraries) cpSync(join(CACHE, name), join(jail, "usr/lib", name));
    const real = libraries.find((name) => name.startsWith("libstdc++")) as string;
    writeFileSync(join(root.base, "shim.c"), SHIM);
    const link = ["-shared", "-nostdlib", "-fPIC", "-Wl,--no-as-needed", "-o", "usr/lib/libstdc++.so.6"];
    expect((await runIn(jail, ["cc", ...link, join(root.base, "shim.c"), `usr/lib/${real}`], root.env)).stderr).toBe(
      "",
    );
    cpSync(realpathSync(Bun.which("busybox") as string), join(jail, "bin/busybox"));
    for (const name of ["sh", "sleep", "printf", "echo", "env"]) symlinkSync("busybox", join(jail, "bin", name));
    await buildOther(join(jail, "bin/dt"), {
      version: manifest.version,
      platform: { target: "bun-linux-x64-musl", executablePath: join(CACHE, "bun") },
    });
    for (const [path, text] of Object.entries(FILES)) writeFileSync(join(jail, "project", path), text);
  }, 300_000);
  afterAll(() => root.dispose());

  /** A script in there, with the machine's /proc and /dev. */
  const inJail = (script: string) => {
    const mounts = `mount --bind /proc '${jail}/proc'; mount --bind /dev '${jail}/dev'`;
    const inside = `cd /project; export DT=/bin/dt; ${script}`;
    return runIn(
      root.dir,
      ["unshare", "-m", "sh", "-ec", `${mounts}; exec /usr/sbin/chroot '${jail}' /bin/sh -c "$0"`, inside],
      {
        PATH: "/bin:/usr/bin",
        HOME: "/root",
        // What proves at the end that nothing was left.
        DT_TEST_BASE: root.base,
      },
    );
  };

  test("the binary runs on musl", async () => {
    expect(await inJail("dt --version")).toEqual({ code: 0, stdout: `dt ${manifest.version}\n`, stderr: "" });
    expect(existsSync(join(jail, "lib64"))).toBe(false);
    expect(readdirSync(join(jail, "lib"))).toEqual(["ld-musl-x86_64.so.1"]);
  });

  test("on musl a launch can be started, listed, logged, replaced, restarted and stopped", async () => {
    const { code, stdout, stderr } = await inJail(LIFE_SCRIPT);
    expect({ code, stdout: level(stdout), stderr: /bug|rror/.exec(stderr) && stderr }).toEqual({
      code: 0,
      stdout: LIFE_ANSWER,
      stderr: null,
    });
  });

  test("every kernel call of dt works through musl", async () => {
    const { code, stdout } = await inJail("dt a nap -d; dt doctor; dt stop a nap");
    expect(code).toBe(0);
    for (const name of ["pidfd (check and signal in one step)", "subreaper", "hard links", "flock", "All is well."])
      expect(stdout).toContain(name);
  });
});
