/**
 * The npm packages of a release: one a platform with its binary, and `@dialtone/dt` with what plugins import, its types, and a shim
 * that becomes the right one of them. No install script: npm 12 runs none. The shim is a shell's `exec`, so it adds a millisecond and no process.
 */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packaged from "../src/supervisor/prepare/module.json" with { type: "json" };
import type { Target } from "./targets.ts";

const SCOPE = "@dialtone";

/** Fields that all packages share. */
interface About {
  version: string;
  description: string;
  license: string;
}

/** Looks where npm, pnpm and Bun put a package's optional dependencies: beside it, or below it. */
const SHIM = `#!/bin/sh
# Becomes the dt of this platform, which npm installed beside this package.
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self") || exit 127
  case $link in
  /*) self=$link ;;
  *) self=\${self%/*}/$link ;;
  esac
done
here=$(CDPATH='' cd -P -- "\${self%/*}/.." && pwd) || exit 127

case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
*) os=$(uname -s) ;;
esac
case $(uname -m) in
x86_64 | amd64) cpu=x64 ;;
aarch64 | arm64) cpu=arm64 ;;
*) cpu=$(uname -m) ;;
esac
names=$os-$cpu
if [ "$os" = linux ]; then
  names="$os-$cpu $os-$cpu-musl"
  for loader in /lib/ld-musl-*; do
    if [ -e "$loader" ] && ! [ -e /lib64/ld-linux-x86-64.so.2 ] && ! [ -e /lib/ld-linux-aarch64.so.1 ]; then names="$os-$cpu-musl"; fi
  done
fi
for name in $names; do
  for dt in "$here/../dt-$name/bin/dt" "$here/node_modules/${SCOPE}/dt-$name/bin/dt"; do
    if [ -x "$dt" ]; then exec "$dt" "$@"; fi
  done
done
printf 'dt: there is no binary for this machine (%s) beside %s.\\n' "$os-$cpu" "$here" >&2
printf '    npm installs it as an optional dependency (${SCOPE}/dt-%s): install again without --omit=optional.\\n' "$os-$cpu" >&2
exit 127
`;

export function platformPackage(target: Target, about: About) {
  return {
    name: `${SCOPE}/dt-${target.name}`,
    ...about,
    description: `${about.description} (the binary for ${target.name})`,
    os: [target.os],
    cpu: [target.cpu],
    ...(target.libc === null ? {} : { libc: [target.libc] }),
    files: ["bin/dt"],
    preferUnplugged: true,
  };
}

export function mainPackage(targets: readonly Target[], about: About) {
  return {
    name: `${SCOPE}/dt`,
    ...about,
    type: "module",
    bin: { dt: "bin/dt" },
    exports: { ".": { types: "./index.d.ts", default: "./index.js" } },
    types: "./index.d.ts",
    files: ["bin/dt", "index.js", "index.d.ts"],
    optionalDependencies: Object.fromEntries(targets.map((target) => [`${SCOPE}/dt-${target.name}`, about.version])),
  };
}

export interface Packed {
  root: string;
  /** Where the packages' folders are made. */
  work: string;
  /** Where the tarballs go. */
  out: string;
  about: About;
}

/** Gives the tarballs' paths, the main package's last: it is published when what it needs is there. */
export function packAll(binaries: readonly { target: Target; file: string }[], packed: Packed): string[] {
  const { root, work, out, about } = packed;
  mkdirSync(out, { recursive: true });
  const tarballs = binaries.map(({ target, file }) => {
    const folder = makeFolder(join(work, target.name), platformPackage(target, about), root);
    mkdirSync(join(folder, "bin"));
    copyFileSync(file, join(folder, "bin", "dt"));
    chmodSync(join(folder, "bin", "dt"), 0o755);
    return pack(folder, out, `dialtone-dt-${target.name}-${about.version}.tgz`);
  });
  const folder = makeFolder(
    join(work, "dt"),
    mainPackage(
      binaries.map(({ target }) => target),
      about,
    ),
    root,
  );
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "dt"), SHIM, { mode: 0o755 });
  writeFileSync(join(folder, "index.js"), packaged.text);
  copyFileSync(join(root, "docs", "dialtone.d.ts"), join(folder, "index.d.ts"));
  copyFileSync(join(root, "README.md"), join(folder, "README.md"));
  return [...tarballs, pack(folder, out, `dialtone-dt-${about.version}.tgz`)];
}

function makeFolder(folder: string, manifest: object, root: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  return folder;
}

function pack(folder: string, out: string, name: string): string {
  const before = new Set(readdirSync(out));
  const packed = Bun.spawnSync(["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", out], {
    cwd: folder,
    stderr: "pipe",
  });
  if (!packed.success) throw new Error(`npm pack failed in ${folder}:\n${packed.stderr}`);
  const made = readdirSync(out).find((file) => file.endsWith(".tgz") && (!before.has(file) || file === name));
  if (made === undefined) throw new Error(`npm pack left nothing in ${out}`);
  if (made !== name) renameSync(join(out, made), join(out, name));
  return join(out, name);
}
