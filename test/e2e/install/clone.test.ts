/**
 * The newcomer: a fresh clone of the last commit, an empty HOME, nothing on PATH but what the README asks for, and its
 * first line. Needs the network and port 3000, so it runs in CI (or with CI=1) and not with every `npm test`.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { REPOSITORY, TestRoot, until } from "../../kit.ts";
import { readBlocks } from "../kit/readme.ts";

const PORT = 3000;
const URL = `http://localhost:${PORT}/`;
const INSTALL_MS = 240_000;

/** What every Unix has. */
const UNIX = [
  "cat",
  "cp",
  "env",
  "find",
  "grep",
  "head",
  "ln",
  "mkdir",
  "mv",
  "ps",
  "readlink",
  "rm",
  "sed",
  "sh",
  "sleep",
  "uname",
];

/** How a network is reached is the machine's business, not HOME's. */
const NETWORK = /^((https?|all|no)_proxy|node_extra_ca_certs|ssl_cert_(file|dir)|(npm|bun)_config_registry)$/i;

const MACHINES: Record<string, (bin: (name: string, from: string) => void, root: TestRoot, path: string) => void> = {
  "git, Node and npm": (bin) => {
    for (const name of ["git", "node", "npm"]) bin(name, which(name));
  },
  "npm 12, which runs no install scripts": (bin, root, path) => {
    for (const name of ["git", "node"]) bin(name, which(name));
    const npx = which("npx");
    bin("npm", root.write(join(path, "../npm12"), `#!/bin/sh\nPATH="${path}" exec "${npx}" --yes npm@12 "$@"\n`));
  },
  "git and Bun": (bin) => {
    bin("git", which("git"));
    bin("bun", process.execPath);
  },
};

if (!process.env.CI)
  console.error("skipped: the README's first line in a fresh clone, which needs the network; CI=1 runs it");

describe.skipIf(!process.env.CI)("a fresh clone on a machine with", () => {
  test.each(Object.entries(MACHINES))(
    "%s serves the site by the README's first line",
    async (_, equip) => {
      if (await answers()) throw new Error(`port ${PORT} is taken on this machine; the README's line needs it`);
      const root = TestRoot.create();
      try {
        const clone = join(root.base, "clone");
        const cloned = Bun.spawnSync(["git", "clone", "--quiet", REPOSITORY, clone]);
        expect({ code: cloned.exitCode, said: cloned.stderr.toString() }).toMatchObject({ code: 0 });
        const path = join(root.base, "bin");
        mkdirSync(path);
        const bin = (name: string, from: string) => symlinkSync(from, join(path, name));
        for (const name of UNIX) bin(name, which(name));
        equip(bin, root, path);
        Bun.spawnSync(["chmod", "+x", ...(existsSync(join(root.base, "npm12")) ? [join(root.base, "npm12")] : [])]);
        const network = Object.entries(process.env).filter(([name]) => NETWORK.test(name));
        const env = { ...Object.fromEntries(network), PATH: path, HOME: root.home, TERM: "dumb" };
        const start = (words: string[]) =>
          Bun.spawn(words, { cwd: clone, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });

        const first = readBlocks("README.md").find(({ name }) => name === "serve")?.lines[0] as string;
        const dev = start(first.split(" "));
        const said = dev.stderr.text();
        const ended = dev.exited.then(async (code) => {
          throw new Error(`${first} ended with ${code}: ${await said}`);
        });
        await Promise.race([ended, until("the site answers", answers, INSTALL_MS)]);
        ended.catch(() => undefined);

        expect(await (await fetch(URL)).text()).toContain("Dialtone");
        const ps = start(["./dialtone.sh", "ps", "--json"]);
        expect(await ps.stdout.json()).toMatchObject([
          { key: "www:dev:default", ports: [PORT], url: URL.slice(0, -1) },
        ]);

        dev.kill("SIGINT");
        expect(await dev.exited).toBe(130);
        expect(await said).toMatch(/dialtone\.sh: installing[\s\S]*\nbuilding dt …\nbuilt dt in /);
        expect(await answers()).toBe(false);
        expect(root.processes()).toEqual([]);

        const again = start(["./dialtone.sh", "--version"]);
        expect(await again.stderr.text()).toBe("");
        const status = Bun.spawnSync(["git", "status", "--porcelain"], { cwd: clone });
        expect(status.stdout.toString()).toBe("");
      } finally {
        await root.dispose();
      }
    },
    INSTALL_MS + 60_000,
  );
});

function which(name: string): string {
  const path = Bun.which(name);
  if (path === null) throw new Error(`this test needs ${name}`);
  return path;
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port: PORT, host: "localhost" });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
