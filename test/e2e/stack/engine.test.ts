/** Which Compose is used, with fake ones in PATH: what is asked, remembered and reported. Needs no engine. */
import { expect, test } from "bun:test";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TestRoot } from "../../kit.ts";

const MANIFEST = `export default { name: "t", commands: { dev: { kind: "managed", compose: {
  file: "compose.yaml", toggles: { traefik: { services: ["traefik"] } }, env: { TAG: "v1" } } } } };`;

function make() {
  const root = TestRoot.create({ "manifests/t.ts": MANIFEST, "compose.yaml": "services: {}\n" });
  const bin = join(root.base, "bin");
  const asked = join(root.base, "asked");
  const program = (name: string, script: string) => {
    const file = root.write(
      join(bin, name),
      `#!/bin/sh\necho "${name} $* project=$COMPOSE_PROJECT_NAME tag=$TAG" >> ${asked}\n${script}\n`,
    );
    chmodSync(file, 0o755);
  };
  // Of the system only what scripts need: a real Docker beside it must not answer.
  for (const name of ["sh", "sleep", "env", "cat", "echo"]) {
    const real = Bun.which(name);
    if (real !== null) program(name, `exec ${real} "$@"`);
  }
  Bun.spawnSync(["ln", "-sf", Bun.which("sh") as string, join(bin, "sh")]);
  return {
    root,
    program,
    dt: (...args: string[]) => root.dt(args, { env: { PATH: bin } }),
    /** What was run since the last look, without what only asks the engine for containers. */
    asked: (): string[] => {
      const lines = readFileSync(asked, "utf8").trim().split("\n");
      rmSync(asked);
      return lines.filter((line) => !/^(docker|podman) (ps|events|logs)|^(sleep|env|cat|echo) /.test(line));
    },
  };
}

const V2 = 'case "$*" in *"config --services"*) printf "web\\ntraefik\\n";; *events*) exec sleep 1000;; esac';

test("docker compose is tried first and asked once, and again when the program changes; up, down and the project follow its environment", async () => {
  const { root, program, dt, asked } = make();
  try {
    program("docker", V2);
    program("docker-compose", "exit 1");
    const up = await dt("t", "dev", "-d", "--no-traefik");
    expect(up).toMatchObject({ code: 0 });
    expect(up.stdout).toStartWith("t:dev:default ready pid ");
    const project = /project=(root-t-dev-[0-9a-f]{8}) tag=v1$/;
    const lines = asked();
    for (const line of lines) expect(line).toMatch(project);
    expect(lines.map((line) => line.replace(/ project=.*/, ""))).toEqual([
      "docker compose version",
      "docker compose -f compose.yaml config --services",
      "docker compose -f compose.yaml up -d --scale traefik=0",
    ]);
    expect((await dt("stop", "t", "dev")).code).toBe(0);
    const down = asked();
    expect(down).toHaveLength(1);
    expect(down[0]).toMatch(/^docker compose -f compose.yaml down project=root-t-dev-[0-9a-f]{8} tag=v1$/);
    await dt("t", "dev", "-d");
    expect(asked().map((line) => line.replace(/ project=.*/, ""))).toEqual(["docker compose -f compose.yaml up -d"]);
    await dt("stop", "t", "dev");
    asked();
    program("docker", `case "$*" in "compose version") echo no such command >&2; exit 1;; esac\n${V2}`);
    program("docker-compose", V2);
    await dt("t", "dev", "-d");
    expect(asked().map((line) => line.replace(/ project=.*/, ""))).toEqual([
      "docker compose version",
      "docker-compose version",
      "docker-compose -f compose.yaml up -d",
    ]);
  } finally {
    await dt("stop", "--all");
    await root.dispose();
  }
});

test("without a Compose each candidate is named with its words", async () => {
  const { root, program, dt } = make();
  try {
    program("docker", 'echo "docker: unknown command: docker compose" >&2; exit 1');
    const up = await dt("t", "dev", "-d");
    expect(up.code).toBe(127);
    expect(up.stderr).toContain("t dev: start: no Compose was found:");
    expect(up.stderr).toContain("docker compose version ended with 1: docker: unknown command: docker compose");
    expect(up.stderr).toContain("podman compose: there is no podman in PATH");
  } finally {
    await root.dispose();
  }
});

test("an engine that refuses access is reported before anything is touched", async () => {
  const { root, program, dt } = make();
  try {
    program("docker", 'case "$1" in ps) echo "permission denied while trying to connect" >&2; exit 1;; esac');
    const up = await dt("t", "dev", "-d", "--json");
    expect(up.code).toBe(1);
    expect(JSON.parse(up.stdout).error.message).toContain("permission denied while trying to connect");
    expect(up.stderr).toMatch(
      /t dev: start: `docker ps --quiet --filter label=com\.docker\.compose\.project=root-t-dev-[0-9a-f]{8}` ended with code 1/,
    );
  } finally {
    await root.dispose();
  }
});
