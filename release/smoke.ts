/** Whether a binary works, without the repository: its version, a manifest, a one-shot, a managed launch from start to stop. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MANIFEST = `import { definePlugin } from "@dialtone/dt";
export default definePlugin({
  name: "smoke",
  commands: {
    echo: { kind: "oneshot", run: ["printf", "<%s>"] },
    serve: { kind: "managed", run: "echo up; exec sleep 1000", ready: { log: "up" } },
  },
});
`;

/** One call and what it must say; `launch` ones need that the binary can start itself. */
const STEPS: { args: string[]; expect: RegExp; launch: boolean }[] = [
  { args: ["--version"], expect: /^dt \d+\.\d+\.\d+/, launch: false },
  { args: ["ps", "--json"], expect: /^\[\]/, launch: false },
  { args: ["smoke", "echo", "a b"], expect: /^<a b>$/, launch: true },
  { args: ["smoke", "serve", "--wait"], expect: /^smoke:serve:default ready pid \d+/m, launch: true },
  { args: ["logs", "smoke", "serve"], expect: /^up$/m, launch: true },
  { args: ["stop", "smoke", "serve", "--json"], expect: /"stopped":true/, launch: true },
];

export interface Smoke {
  /** What to put before the binary: an emulator and its flags. */
  before?: string[];
  env?: Record<string, string>;
  /** Whether the kernel can start the binary itself, which loading a manifest and a launch need. */
  canStartItself: boolean;
}

/** Gives what was run, as sentences; throws with all that was said when a step is not as it must be. */
export function smokeTest(binary: string, { before = [], env = {}, canStartItself }: Smoke): string[] {
  const base = mkdtempSync(join(tmpdir(), "dt-smoke-"));
  const root = join(base, "root");
  try {
    mkdirSync(join(root, "manifests"), { recursive: true });
    writeFileSync(join(root, "manifests", "smoke.ts"), MANIFEST);
    const own = {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      HOME: base,
      DIALTONE_HOME: join(base, "home"),
      TMPDIR: base,
      ...env,
    };
    return STEPS.filter((step) => canStartItself || !step.launch).map(({ args, expect }) => {
      const run = Bun.spawnSync([...before, binary, ...args], { cwd: root, env: own, stdin: "ignore", stderr: "pipe" });
      const said = run.stdout.toString();
      if (run.exitCode !== 0 || !expect.test(said))
        throw new Error(
          `dt ${args.join(" ")} ended with ${run.exitCode}, and said\n${said}${run.stderr}\nexpected ${expect}`,
        );
      return `dt ${args.join(" ")}: ${said.trim().split("\n").at(-1)}`;
    });
  } finally {
    Bun.spawnSync([...before, binary, "stop", "--all"], {
      cwd: root,
      env: { PATH: process.env.PATH ?? "", ...env },
      stdio: ["ignore", "ignore", "ignore"],
    });
    rmSync(base, { recursive: true, force: true });
  }
}
