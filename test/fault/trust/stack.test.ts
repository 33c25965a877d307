/**
 * A stack in a clone: who only looks at it runs neither the engine that it brings nor what it says the engine's client
 * should run.
 */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TestRoot } from "../../kit.ts";
import { STRANGE } from "./trust.kit.ts";

const LOOKS = [
  "t dev --dry-run",
  "t dev -d --no-a --dry-run",
  "t ports --dry-run",
  "list",
  "help t",
  "ps --all",
  "why t dev",
  "doctor",
  "status t dev",
];

/** A clone with a program in many places, each of which writes down that it ran. */
function makeClone(env: Record<string, string>) {
  const root = TestRoot.create({ "compose.yaml": "services: { a: { image: b, ports: ['1:1'] } }\n" });
  const ran = join(root.base, "ran");
  const stack = { kind: "managed", compose: { file: "compose.yaml", toggles: { a: { services: ["a"] } }, env } };
  const commands = { dev: stack, ports: { ...stack, compose: { ...stack.compose, ports: "auto" } } };
  root.write("manifests/t.json", JSON.stringify({ name: "t", commands }));
  for (const path of [
    ...["docker", "docker-compose", "podman", "git", "sh"].map((name) => `node_modules/.bin/${name}`),
    "planted/docker",
    "config/cli-plugins/docker-compose",
  ])
    chmodSync(root.write(path, `#!/bin/sh\necho "$0 $*" >> '${ran}'\n`), 0o755);
  return { root, ran: () => (existsSync(ran) ? readFileSync(ran, "utf8") : "") };
}

for (const [what, env] of Object.entries({
  "programs for its PATH": {},
  "a PATH of its own": { PATH: "planted:/usr/bin:/bin" },
  "plugins for Docker": { DOCKER_CONFIG: "config" },
})) {
  test(`looking at the stack of a clone that brings ${what} runs nothing of it`, async () => {
    const { root, ran } = makeClone(env);
    try {
      for (const words of LOOKS) await root.dt(words.split(" "), { env: STRANGE });
      expect(ran()).toBe("");
      const plan = await root.dt(["t", "dev", "-d", "--no-a", "--dry-run"], { env: STRANGE });
      expect(plan).toMatchObject({ code: 0 });
      expect(plan.stdout).toContain("docker compose -f compose.yaml up -d --scale a=0");
      expect((await root.dt(["t", "ports", "--dry-run"], { env: STRANGE })).stderr).toContain(
        "its host ports are chosen when it is started",
      );
    } finally {
      await root.dispose();
    }
  });
}

for (const [what, words] of [
  ["a stack was started there", ["t", "dev", "-d"]],
  ["it is trusted", ["trust"]],
] as const) {
  test(`once ${what}, a dry run asks the engine as the start does`, async () => {
    const { root, ran } = makeClone({});
    try {
      await root.dt([...words], { env: STRANGE, timeoutMs: 50_000 });
      await root.dt(["t", "dev", "-d", "--no-a", "--dry-run"], { env: STRANGE });
      expect(ran()).toContain("/docker compose version");
      expect(ran()).toContain("/docker compose -f compose.yaml config --services");
    } finally {
      await root.dispose();
    }
  }, 60_000);
}
