/** Which release of each peer `bun run bench peers --install` installs, and where its programs then are. */
import { homedir } from "node:os";
import { join } from "node:path";

export type Pin =
  | { by: "cargo"; what: string; version: string }
  | { by: "npm"; what: string; version: string }
  /** `path` is the package with `main`, `as` the program's name. */
  | { by: "go"; what: string; version: string; path: string; as: string }
  /** The version is the distribution's. */
  | { by: "apt"; what: string };

export const PINS: Readonly<Record<string, Pin>> = {
  mprocs: { by: "npm", what: "mprocs", version: "0.9.6" },
  overmind: {
    by: "go",
    what: "github.com/DarthSim/overmind/v2",
    version: "v2.5.1",
    path: "github.com/DarthSim/overmind/v2",
    as: "overmind",
  },
  pitchfork: { by: "cargo", what: "pitchfork-cli", version: "2.33.0" },
  pm2: { by: "npm", what: "pm2", version: "7.0.4" },
  "process-compose": {
    by: "go",
    what: "github.com/f1bonacc1/process-compose",
    version: "v1.64.1",
    path: "github.com/f1bonacc1/process-compose/src",
    as: "process-compose",
  },
  pueue: { by: "cargo", what: "pueue", version: "4.0.4" },
  s6: { by: "apt", what: "s6" },
  supervisor: { by: "apt", what: "supervisor" },
};

export const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "dialtone-peers");

/** Looked at before PATH. mprocs comes first as the program itself: npm puts a wrapper in Node.js before it. */
export function toolFolders(cache = CACHE): string[] {
  const mprocs = `mprocs-${versionOf("mprocs")}-linux-${process.arch === "arm64" ? "aarch64" : "x86_64"}-musl`;
  return [
    join(cache, "npm/mprocs/node_modules/mprocs", mprocs),
    join(cache, "cargo/bin"),
    join(cache, "go"),
    join(cache, "npm/pm2/node_modules/.bin"),
  ];
}

function versionOf(id: string): string {
  const pin = PINS[id];
  return pin !== undefined && "version" in pin ? pin.version : "";
}
