/**
 * Compose's command lines as a person can paste them: what stands before them, which files are named, and what is never
 * printed.
 */
import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { givenTo, pastedLine } from "../../src/compose/pasted.ts";
import { makeScratch } from "../kit/scratch.ts";

const root = makeScratch()();

function lineOf(text: string, more: Partial<Parameters<typeof givenTo>[0]> = {}, argv = ["-f", "c.yaml", "up", "-d"]) {
  writeFileSync(join(root, "c.yaml"), text);
  const env = { A: "a b", B: "b", F: "filed", DOCKER_HOST: "unix:///x" };
  const set = ["A", "B", "GONE", "not-a-name"];
  const request = { root, cwd: root, file: "c.yaml", project: "p-1", env, inherited: {}, set, fromFiles: ["F"] };
  const given = givenTo({ ...request, envFile: ["dev.env", "not.env?"], ...more });
  return pastedLine(["docker", "compose", ...argv], { engine: "docker compose", given });
}

test("a pasted line sets the variables that the Compose file names, names their env file, and always names the project", () => {
  writeFileSync(join(root, "dev.env"), "F=filed\n");
  const up = "docker compose -f c.yaml up -d";
  expect(lineOf("services: {}")).toBe(`COMPOSE_PROJECT_NAME=p-1 ${up}`);
  expect(lineOf("x: $A")).toBe(`A='a b' COMPOSE_PROJECT_NAME=p-1 ${up}`);
  expect(lineOf("x: $GONE")).toBe(`env -u GONE COMPOSE_PROJECT_NAME=p-1 ${up}`);
  expect(lineOf("x: $F")).toBe("COMPOSE_PROJECT_NAME=p-1 docker compose --env-file dev.env -f c.yaml up -d");
  expect(lineOf("x: $F", { inherited: { F: "the shell's" } })).toBe(
    "env -u F COMPOSE_PROJECT_NAME=p-1 docker compose --env-file dev.env -f c.yaml up -d",
  );
  for (const text of ["include: [other.yaml]", "{services: {a: {extends: {file: x}}}}"])
    expect(lineOf(text)).toStartWith("env -u GONE A='a b' B=b COMPOSE_PROJECT_NAME=p-1 docker compose --env-file ");
  // Without its file, all that is set.
  expect(lineOf("", { file: "gone.yaml" })).toContain("B=b");
  expect(lineOf("x: $A $F")).not.toContain("filed");
  // The engine's own are always Compose's affair.
  expect(lineOf("x", { set: ["DOCKER_HOST"] })).toBe(`DOCKER_HOST=unix:///x COMPOSE_PROJECT_NAME=p-1 ${up}`);
});

test("a pasted line names Compose's own .env where --env-file would replace it", () => {
  writeFileSync(join(root, ".env"), "X=1\n");
  expect(lineOf("x: $F")).toContain(" --env-file .env --env-file dev.env -f ");
  expect(lineOf("x: $A")).not.toContain("--env-file");
  rmSync(join(root, ".env"));
});

test("a command line without a project stays as it is", () => {
  const given = { project: "p", env: { A: "a", DOCKER_HOST: "h" }, files: ["f"] };
  expect(pastedLine(["docker", "ps", "--quiet"], { engine: "docker compose", given })).toBe(
    "DOCKER_HOST=h docker ps --quiet",
  );
  expect(pastedLine(["docker", "compose", "version"], { engine: "docker compose", given })).toBe(
    "DOCKER_HOST=h docker compose version",
  );
  expect(pastedLine(["docker-compose", "-f", "c", "down"], { engine: "docker-compose", given })).toBe(
    "A=a DOCKER_HOST=h COMPOSE_PROJECT_NAME=p docker-compose --env-file f -f c down",
  );
});

test("a pasted line runs in a shell, whatever the values hold", () => {
  writeFileSync(join(root, "c.yaml"), "include: x");
  for (const value of ["it's", 'a "b" $c `d`', "a\nb", "", "=x", "'", "\\"]) {
    const given = { project: "p", env: { A: value, B: null }, files: [] };
    const line = pastedLine(["docker-compose", "-f", "c", "up"], { engine: "docker-compose", given });
    const script = `docker-compose() { printf '%s|%s|%s' "$A" "\${B-unset}" "$COMPOSE_PROJECT_NAME"; }; ${line.replace(/^env -u B /, "")}`;
    const done = Bun.spawnSync(["bash", "-c", script]);
    expect(done.stdout.toString()).toBe(`${value}|unset|p`);
  }
});
