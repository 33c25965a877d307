/** What a release is made for: the name in archives and packages, Bun's name of the target, and the package that its runtime comes from. */
export interface Target {
  name: string;
  bun: string;
  runtime: string;
  os: "linux" | "darwin";
  cpu: "x64" | "arm64";
  /** Linux only. */
  libc: "glibc" | "musl" | null;
}

export const TARGETS: readonly Target[] = [
  { name: "linux-x64", bun: "bun-linux-x64", runtime: "@oven/bun-linux-x64", os: "linux", cpu: "x64", libc: "glibc" },
  {
    name: "linux-arm64",
    bun: "bun-linux-arm64",
    runtime: "@oven/bun-linux-aarch64",
    os: "linux",
    cpu: "arm64",
    libc: "glibc",
  },
  {
    name: "linux-x64-musl",
    bun: "bun-linux-x64-musl",
    runtime: "@oven/bun-linux-x64-musl",
    os: "linux",
    cpu: "x64",
    libc: "musl",
  },
  {
    name: "linux-arm64-musl",
    bun: "bun-linux-arm64-musl",
    runtime: "@oven/bun-linux-aarch64-musl",
    os: "linux",
    cpu: "arm64",
    libc: "musl",
  },
  { name: "darwin-x64", bun: "bun-darwin-x64", runtime: "@oven/bun-darwin-x64", os: "darwin", cpu: "x64", libc: null },
  {
    name: "darwin-arm64",
    bun: "bun-darwin-arm64",
    runtime: "@oven/bun-darwin-aarch64",
    os: "darwin",
    cpu: "arm64",
    libc: null,
  },
];

/** The target of this very machine. */
export function hostTarget(): Target {
  const musl = process.platform === "linux" && process.report !== undefined && isMusl();
  const found = TARGETS.find(
    (one) => one.os === process.platform && one.cpu === process.arch && (one.libc === "musl") === musl,
  );
  if (found === undefined) throw new Error(`no release is made for this machine (${process.platform} ${process.arch})`);
  return found;
}

function isMusl(): boolean {
  return (
    Array.from(new Bun.Glob("ld-musl-*").scanSync({ cwd: "/lib", onlyFiles: false })).length > 0 &&
    Bun.which("ldconfig") === null
  );
}
