/**
 * A CI in a folder: steps run as GitHub's runner runs them, with its files in place of its service, and a release in
 * place of the download.
 */
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import manifest from "../../../package.json" with { type: "json" };
import { DT, REPOSITORY, type TestRoot } from "../../kit.ts";

export const VERSION = manifest.version;

export interface Step {
  id?: string;
  uses?: string;
  with?: Record<string, string>;
  run?: string;
  if?: string;
  shell?: string;
  env?: Record<string, string>;
  "working-directory"?: string;
}

export interface Action {
  inputs: Record<string, { description: string; default: string }>;
  outputs: Record<string, { value: string }>;
  runs: { using: string; steps: Step[] };
}

export function readAction(): Action {
  return parse(readFileSync(join(REPOSITORY, "action.yml"), "utf8")) as Action;
}

/** A folder with what a release has: the archive of this machine's binary, its checksum, and the installer. */
export async function makeRelease(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const archive = `dt-${VERSION}-linux-${process.arch}.tar.gz`;
  const bin = join(directory, "content");
  mkdirSync(bin);
  cpSync(DT, join(bin, "dt"));
  await run(
    ["sh", "-ec", `tar -C content -cf - dt | gzip -1 >${archive}; sha256sum ${archive} >SHA256SUMS; rm -r content`],
    directory,
  );
  cpSync(join(REPOSITORY, "install.sh"), join(directory, "install.sh"));
}

async function run(argv: string[], cwd: string): Promise<void> {
  const child = Bun.spawn(argv, { cwd, stdout: "inherit", stderr: "inherit" });
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")} failed`);
}

/** A `curl` that finds in a folder what it is asked to download. */
export function makeCurl(bin: string, release: string): void {
  mkdirSync(bin, { recursive: true });
  const file = join(bin, "curl");
  writeFileSync(
    file,
    `#!/bin/sh
url= out=
while [ $# -gt 0 ]; do case $1 in -o | --output) out=$2; shift ;; http*) url=$1 ;; esac; shift; done
found='${release}'/\${url##*/}
[ -f "$found" ] || exit 22
if [ -n "$out" ]; then cp "$found" "$out"; else cat "$found"; fi
`,
  );
  chmodSync(file, 0o755);
}

export interface JobResult {
  /** Of the first step that failed; 0. */
  code: number;
  output: string;
  outputs: Record<string, string>;
}

/**
 * Runs the steps of a job; one that uses this action runs the action's. Nothing of a GitHub expression beyond what the
 * action and the docs use is understood.
 */
export class Job {
  private code = 0;
  private output = "";
  private readonly outputs: Record<string, string> = {};
  private readonly files: Record<string, string>;

  constructor(
    private readonly root: TestRoot,
    private readonly env: Record<string, string>,
  ) {
    const temporary = join(root.base, "runner");
    mkdirSync(temporary, { recursive: true });
    this.files = Object.fromEntries(["PATH", "ENV", "OUTPUT"].map((name) => [`GITHUB_${name}`, join(temporary, name)]));
    for (const file of Object.values(this.files)) writeFileSync(file, "");
    this.files.RUNNER_TEMP = temporary;
  }

  async run(steps: readonly Step[], values: Record<string, string> = {}): Promise<JobResult> {
    for (const step of steps) {
      if (!this.isDue(step, values)) continue;
      if (step.uses !== undefined) await this.use(step);
      else await this.execute(step, values);
    }
    return { code: this.code, output: this.output, outputs: this.outputs };
  }

  private isDue({ if: condition }: Step, values: Record<string, string>): boolean {
    if (condition === "always()") return true;
    if (condition === "failure()") return this.code !== 0;
    if (this.code !== 0) return false;
    return (
      condition === undefined ||
      condition.split("||").some((part) => {
        const name = /^\s*([\w.-]+) != ''\s*$/.exec(part)?.[1];
        if (name === undefined || values[name] === undefined) throw new Error(`not understood: ${condition}`);
        return values[name] !== "";
      })
    );
  }

  private async use({ uses, with: given = {} }: Step): Promise<void> {
    if (uses?.startsWith("actions/checkout@")) return;
    const ref = /^dialtone\/dt@(.+)$/.exec(uses ?? "")?.[1];
    if (ref === undefined) throw new Error(`not understood: ${uses}`);
    const { inputs, runs } = readAction();
    const unknown = Object.keys(given).filter((name) => inputs[name] === undefined);
    if (unknown.length > 0) throw new Error(`the action has no input ${unknown}`);
    await this.run(runs.steps, {
      ...Object.fromEntries(
        Object.entries(inputs).map(([name, one]) => [`inputs.${name}`, given[name] ?? one.default]),
      ),
      "github.action_path": join(this.root.base, "action"),
      "github.action_ref": ref,
    });
  }

  private async execute(step: Step, values: Record<string, string>): Promise<void> {
    const fill = (text: string) =>
      text.replace(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => {
        const names = expression.split(" || ");
        if (names.some((name) => values[name] === undefined)) throw new Error(`not understood: ${expression}`);
        return names.map((name) => values[name]).find((value) => value !== "") ?? "";
      });
    const read = (name: string) =>
      readFileSync(this.files[name] as string, "utf8")
        .split("\n")
        .filter(Boolean);
    const env = {
      ...this.root.env,
      CI: "true",
      GITHUB_ACTIONS: "true",
      ...this.files,
      ...this.env,
      ...Object.fromEntries(read("GITHUB_ENV").map((line) => line.split(/=(.*)/s, 2))),
      ...Object.fromEntries(Object.entries(step.env ?? {}).map(([name, value]) => [name, fill(value)])),
    };
    env.PATH = [...read("GITHUB_PATH").reverse(), env.PATH].join(":");
    const file = join(this.files.RUNNER_TEMP as string, "step.sh");
    writeFileSync(file, step.run as string);
    const cwd = join(this.root.dir, fill(step["working-directory"] ?? "."));
    const { code, output } = await runScript([step.shell ?? "bash", "-e", file], cwd, env);
    this.output += output;
    if (this.code === 0) this.code = code;
    for (const line of read("GITHUB_OUTPUT")) {
      const [name, value] = line.split(/=(.*)/s, 2) as [string, string];
      this.outputs[name] = value;
    }
  }
}

/** Both streams in the order they came, as a CI's log has them. */
export async function runScript(argv: string[], cwd: string, env: Record<string, string>) {
  const child = Bun.spawn(["sh", "-c", 'exec "$@" 2>&1', "sh", ...argv], {
    cwd,
    env,
    stdin: "ignore",
    stdout: "pipe",
    timeout: 60_000,
  });
  const output = await child.stdout.text();
  return { code: await child.exited, output };
}
