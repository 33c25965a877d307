/** `bun run bench peers --install`: fetches the peers with the clients of their registries, outside of the repository. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTemporary } from "../../kit/temporary.ts";
import { CACHE, PINS, type Pin } from "./pins.ts";
import type { Words } from "./types.ts";

/** What cannot be installed is reported and left out: the table then says that it is absent. */
export function installPeers(): void {
  mkdirSync(CACHE, { recursive: true });
  for (const [id, pin] of Object.entries(PINS)) {
    console.error(`installing ${id} …`);
    const problem = install(pin);
    if (problem !== null) console.error(`${id} was not installed: ${problem}`);
  }
}

/** Gives what went wrong. */
function install(pin: Pin): string | null {
  const words = installWords(pin);
  if (Bun.which(words[0]) === null) return `${words[0]} is not installed`;
  const scratch = makeTemporary("install");
  try {
    if (pin.by === "go") writeModule(scratch, pin);
    const ended = Bun.spawnSync([...words], { cwd: scratch, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    return ended.success ? null : (ended.stderr.toString().trim().split("\n").at(-1) ?? "");
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs in an empty directory; that of Go has the `go.mod` which `writeModule` wrote. */
export function installWords(pin: Pin, cache = CACHE): Words {
  switch (pin.by) {
    case "cargo":
      return ["cargo", "install", "--locked", "--root", join(cache, "cargo"), `${pin.what}@${pin.version}`];
    case "npm":
      // a folder of its own: an install with --no-save removes what it does not know
      return ["npm", "install", "--no-save", "--prefix", join(cache, "npm", pin.what), `${pin.what}@${pin.version}`];
    case "go":
      return ["go", "build", "-mod=mod", "-o", join(cache, "go", pin.as), pin.path];
    case "apt":
      return ["apt-get", "install", "-y", pin.what];
  }
}

/** A module of its own, not `go install`: that asks for the list of all versions, which a mirror may lack. */
function writeModule(directory: string, { what, version }: { what: string; version: string }): void {
  writeFileSync(join(directory, "go.mod"), `module peers\n\ngo 1.25\n\nrequire ${what} ${version}\n`);
}
