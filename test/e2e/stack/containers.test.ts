/**
 * Stacks of containers under keys, against a real Docker engine: up, followed, converged, killed at each step, and
 * always ended.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pressUntilEnded, REPOSITORY, TestRoot, until } from "../../kit.ts";
import { COMPOSE, type DockerEngine, IMAGE, noEngine, startEngine } from "../kit/docker.ts";
import { freePorts, lastLine, readLog } from "../kit/launch.ts";
import { startTmux } from "../kit/tmux.ts";

const missing = noEngine();
if (missing !== null) console.error(`skipped: the tests of Compose stacks: ${missing}`);

interface Row {
  key: string;
  state: string;
  pid: number;
  note: string | null;
  host: { pid: number; alive: boolean };
  services: { service: string; state: string; exitCode: number | null }[] | null;
}

const service = (script: string, more = "") =>
  `{ image: "${IMAGE}", network_mode: none, init: true, stop_grace_period: 1s, command: ["sh", "-c", ${JSON.stringify(script)}]${more} }`;

const TICK = "i=0; while :; do i=$$((i+1)); echo tick $$i; sleep 0.2; done";
const file = (services: Record<string, string>) =>
  `version: "2.4"\nservices:\n${Object.entries(services)
    .map(([name, text]) => `  ${name}: ${text}\n`)
    .join("")}`;

const TWO = file({ clock: service(TICK), proxy: service("echo proxy; exec sleep 1000") });

const manifest = (compose: object, more: object = {}) =>
  `export default ${JSON.stringify({
    name: "t",
    commands: {
      dev: { kind: "managed", compose: { file: "stack/compose.yaml", ...compose }, ...more },
      web: { kind: "managed", run: ["sleep", "1000"], needs: ["t:dev"] },
      db: { kind: "managed", run: "echo db; exec sleep 1000" },
    },
  })};`;

const TOGGLES = {
  toggles: { proxy: { services: ["proxy"] }, mail: { services: ["mail"] }, both: { services: ["proxy", "mail"] } },
};

describe.skipIf(missing !== null)("a stack", () => {
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await startEngine();
  }, 60_000);
  afterAll(async () => {
    await engine?.dispose();
  }, 60_000);

  const make = (compose = TWO, text = manifest(TOGGLES), name = "root") =>
    TestRoot.create({ "manifests/t.ts": text, "stack/compose.yaml": compose }, name);
  const dt = (root: TestRoot, ...args: string[]) => root.dt(args, { env: engine.env, timeoutMs: 60_000 });
  const row = async (root: TestRoot, key = "t:dev:default") =>
    (JSON.parse((await dt(root, "ps", "--all", "--json")).stdout) as Row[]).find((one) => one.key === key) as Row;
  const statesOf = ({ services }: Row) => Object.fromEntries((services ?? []).map((one) => [one.service, one.state]));
  /** Nothing of a test may be there for the next one. */
  async function finish(root: TestRoot): Promise<void> {
    await dt(root, "stop", "--all");
    await root.dispose();
    const left = engine.containers();
    if (left.length > 0) engine.docker("rm", "--force", ...left);
    expect(left).toEqual([]);
  }

  test("a detached stack prints the line of truth, is one row with its services, logs its containers, and stop is down", async () => {
    const root = make();
    try {
      const up = await dt(root, "--verbose", "t", "dev", "-d");
      expect(up).toMatchObject({ code: 0 });
      expect(up.stderr).toContain(`${COMPOSE} -f stack/compose.yaml up -d\n`);
      expect(lastLine(up)).toMatch(/^t:dev:default ready pid \d+ log /);
      const shown = await row(root);
      expect(shown).toMatchObject({ state: "ready", note: null });
      expect(statesOf(shown)).toEqual({ clock: "running", proxy: "running" });
      expect((await dt(root, "ps", "--tree")).stdout).toMatch(/\n {2}clock-1 +running .*\n {2}proxy-1 +running /);
      expect((await dt(root, "status", "t", "dev")).stdout).toContain("services clock-1 running; proxy-1 running");
      await until("its output is in the log", () => /^clock-1 \| tick 2$/m.test(readLog(root)));
      expect(readLog(root)).toContain("proxy-1 | proxy\n");
      const stop = await dt(root, "--verbose", "stop", "t", "dev");
      expect(stop).toMatchObject({ code: 0 });
      expect(stop.stderr).toContain(`${COMPOSE} -f stack/compose.yaml down\n`);
      expect(engine.containers()).toEqual([]);
      expect(await row(root)).toMatchObject({ state: "stopped" });
    } finally {
      await finish(root);
    }
  });

  test("a toggle leaves out a service of the file, and says so for a missing one; the command line is the same each time", async () => {
    const root = make();
    try {
      const plan = await dt(root, "t", "dev", "-d", "--no-proxy", "--no-mail", "--dry-run");
      expect(plan.stdout).toContain(`${COMPOSE} -f stack/compose.yaml up -d --scale proxy=0\n`);
      expect(plan.stderr).toContain("--no-mail changes nothing: stack/compose.yaml has none of its services");
      const both = await dt(root, "t", "dev", "-d", "--no-both", "--dry-run");
      expect(both.stdout).toContain(" --scale proxy=0\n");
      expect(both.stderr).toContain("--no-both leaves out proxy; stack/compose.yaml has no mail");
      expect((await dt(root, "t", "dev", "-d", "--no-proxy")).code).toBe(0);
      expect(statesOf(await row(root))).toEqual({ clock: "running" });
      // A restart keeps what was left out; a rerun decides again.
      expect((await dt(root, "restart", "t", "dev")).code).toBe(0);
      expect(statesOf(await row(root))).toEqual({ clock: "running" });
      expect((await dt(root, "t", "dev", "-d")).code).toBe(0);
      expect(statesOf(await row(root))).toEqual({ clock: "running", proxy: "running" });
      expect((await dt(root, "t", "dev", "-d", "--no-traefik")).code).toBe(2);
    } finally {
      await finish(root);
    }
  });

  test("a rerun converges: what is as declared stays, --recreate makes it again, --ensure leaves everything alone", async () => {
    const root = make();
    const ids = () => engine.docker("ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}").split("\n").sort();
    try {
      await dt(root, "t", "dev", "-d");
      const first = ids();
      const { pid } = await row(root);
      expect((await dt(root, "t", "dev", "-d", "--ensure")).code).toBe(0);
      expect((await row(root)).pid).toBe(pid);
      expect((await dt(root, "t", "dev", "-d")).code).toBe(0);
      expect(ids()).toEqual(first);
      expect((await row(root)).pid).not.toBe(pid);
      expect((await dt(root, "t", "dev", "-d", "--recreate")).code).toBe(0);
      expect(ids().filter((one) => first.includes(one))).toEqual([]);
      // A start that fails on the way leaves no container without a record.
      root.write("stack/compose.yaml", file({ clock: service(TICK), other: '{ image: "nowhere.invalid/none" }' }));
      expect((await dt(root, "t", "dev", "-d")).code).toBe(1);
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("a Compose file's variables come from the manifest and the user's environment, and are there when the stack ends", async () => {
    const text = file({
      clock: service("echo $${WORD}; exec sleep 1000", ', environment: ["WORD=${WORD:?} ${MORE:?}"]'),
    });
    const root = make(text, manifest({}, { env: { WORD: "tick" } }));
    try {
      const up = await root.dt(["t", "dev", "-d"], { env: { ...engine.env, MORE: "tack" }, timeoutMs: 60_000 });
      expect(up).toMatchObject({ code: 0 });
      await until("both are there", () => readLog(root).includes("clock-1 | tick tack\n"));
      expect(await dt(root, "stop", "t", "dev")).toMatchObject({ code: 0 });
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("what --verbose prints can be pasted from any directory: up changes nothing, down ends everything", async () => {
    // The second file is one that the first takes in, with variables of its own; the last comes from an environment
    // file.
    const base = `version: "2.4"\nservices: {base: {image: "${IMAGE}", network_mode: none, stop_grace_period: 1s, environment: ["A=$\{A_WORD:?}", "B=$\{FILED:?}"]}}\n`;
    const clock = `{extends: {file: base.yaml, service: base}, command: ["sh", "-c", "exec sleep 1000"], environment: ["C=$\{WORD:?}"]}`;
    const text = `version: "2.4"\nservices:\n  clock: ${clock}\n`;
    const root = make(
      text,
      manifest({ env: { WORD: "it's two words" } }, { env: { A_WORD: "a" }, envFile: ["dev.env"] }),
    );
    root.write("stack/base.yaml", base);
    root.write("dev.env", "FILED=topsecret\n");
    root.write("below/file", "");
    const ids = () => engine.docker("ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}");
    const linesOf = (stderr: string) =>
      stderr.split("\n").flatMap((line) => (line.startsWith("dt: $ ") ? [line.slice("dt: $ ".length)] : []));
    const paste = (line: string | undefined, cwd: string) => {
      const env = { ...root.env, ...engine.env };
      const done = Bun.spawnSync(["bash", "-c", line ?? "false"], { cwd, env, stdout: "pipe", stderr: "pipe" });
      expect({ line, code: done.exitCode, err: done.exitCode === 0 ? "" : done.stderr.toString() }).toMatchObject({
        code: 0,
      });
    };
    try {
      const cwd = join(root.dir, "below");
      const up = await root.dt(["--verbose", "t", "dev", "-d"], { cwd, env: engine.env, timeoutMs: 60_000 });
      expect(up).toMatchObject({ code: 0 });
      expect(up.stderr).not.toContain("topsecret");
      const first = ids();
      paste(
        linesOf(up.stderr).find((line) => / up -d$/.test(line)),
        cwd,
      );
      expect(ids()).toBe(first);
      const stop = await root.dt(["--verbose", "stop", "t", "dev"], { cwd, env: engine.env, timeoutMs: 60_000 });
      expect(stop).toMatchObject({ code: 0 });
      const down = linesOf(stop.stderr).find((line) => / down$/.test(line));
      expect((await root.dt(["t", "dev", "-d"], { env: engine.env, timeoutMs: 60_000 })).code).toBe(0);
      expect(engine.containers()).toHaveLength(1);
      paste(down, cwd);
      await until("it is gone", () => engine.containers().length === 0);
      await until("that is seen", async () => !["ready", "running"].includes((await row(root)).state));
    } finally {
      await finish(root);
    }
  });

  test("a variable of an extended file is there when anyone ends the stack, and is not kept in the project", async () => {
    const base = `version: "2.4"\nservices: {base: {image: "${IMAGE}", network_mode: none, stop_grace_period: 1s, environment: ["A=$\{DB_PASS:?}"]}}\n`;
    const clock = `{extends: {file: base.yaml, service: base}, command: ["sh", "-c", "exec sleep 1000"]}`;
    const root = make(`version: "2.4"\nservices:\n  clock: ${clock}\n`);
    root.write("stack/base.yaml", base);
    const secret = "topsecret-4711";
    const start = () => root.dt(["t", "dev", "-d"], { env: { ...engine.env, DB_PASS: secret }, timeoutMs: 60_000 });
    try {
      for (const end of [["stop", "t", "dev"], ["down"]]) {
        expect(await start()).toMatchObject({ code: 0 });
        expect(Bun.spawnSync(["grep", "-rl", secret, root.dir]).stdout.toString()).toBe("");
        // Another shell, with another engine even: the stack is where it was started.
        const ended = await root.dt(end, { env: { DOCKER_HOST: "unix:///nowhere" }, timeoutMs: 60_000 });
        expect(ended).toMatchObject({ code: 0 });
        expect(engine.containers()).toEqual([]);
      }
      expect(await start()).toMatchObject({ code: 0 });
      // A living host would write the record again, and then nothing is left over.
      const { host, pid } = await row(root);
      for (const one of [host.pid, pid]) process.kill(one, "SIGKILL");
      rmSync(root.run, { recursive: true });
      expect((await dt(root, "gc", "--yes")).code).toBe(0);
      await until("it is gone", () => engine.containers().length === 0);
      expect(existsSync(join(root.env.DIALTONE_HOME as string, "stacks"))).toBe(true);
      expect(
        Bun.spawnSync(["grep", "-rl", secret, join(root.env.DIALTONE_HOME as string, "stacks")]).stdout.toString(),
      ).toBe("");
    } finally {
      await finish(root);
    }
  });

  test("over reruns no line of a container is lost or written twice, though nothing follows in between", async () => {
    const root = make(file({ clock: service(TICK) }));
    const read = (name: string) => (existsSync(join(root.run, name)) ? root.read(`.dialtone/run/${name}`) : "");
    try {
      for (let run = 0; run < 3; run++) {
        await dt(root, "t", "dev", "-d");
        const from = readLog(root).length;
        await until("it goes on", () => readLog(root).slice(from).includes("tick"));
      }
      // And when host and follower were killed.
      const { host, pid } = await row(root);
      for (const one of [host.pid, pid]) process.kill(one, "SIGKILL");
      await dt(root, "t", "dev", "-d");
      const size = readLog(root).length;
      await until("it goes on", () => readLog(root).length > size + 20);
      await dt(root, "stop", "t", "dev");
      const all = [3, 2, 1].map((run) => read(`t:dev:default.log.${run}`)).join("") + readLog(root);
      const ticks = [...all.matchAll(/^clock-1 \| tick (\d+)$/gm)].map(([, number]) => Number(number));
      expect(ticks.length).toBeGreaterThan(4);
      expect(ticks).toEqual(ticks.map((_, at) => at + 1));
    } finally {
      await finish(root);
    }
  });

  test("a start that gives up before its leader leaves no container without a record of it", async () => {
    const root = make();
    try {
      await dt(root, "t", "dev", "-d");
      expect(engine.containers()).toHaveLength(2);
      // Only found out when the old leader is gone: the port was claimed by a launch that does not listen on it.
      const [port] = freePorts(1);
      const db = { kind: "managed", run: ["sleep", "1000"], port };
      const dev = { kind: "managed", compose: { file: "stack/compose.yaml" }, port };
      root.write("manifests/t.ts", `export default ${JSON.stringify({ name: "t", commands: { db, dev } })};`);
      expect((await dt(root, "t", "db", "-d")).code).toBe(0);
      const up = await dt(root, "t", "dev", "-d");
      expect(up.code).toBe(1);
      expect(up.stderr).toContain("needs port");
      expect(engine.containers()).toEqual([]);
      expect(await row(root)).toMatchObject({ state: "failed", host: null });
    } finally {
      await finish(root);
    }
  });

  test("the log goes on across a container's restart and recreation, with each line once", async () => {
    const root = make(
      file({ clock: service("echo began; n=0; while :; do n=$$((n+1)); echo line $$n; sleep 0.1; done") }),
    );
    const lines = () => [...readLog(root).matchAll(/^clock-1 \| .*$/gm)].map(([line]) => line);
    try {
      await dt(root, "t", "dev", "-d");
      await until("it writes", () => lines().includes("clock-1 | line 5"));
      const [name] = engine.containers();
      engine.docker("restart", "--time", "0", name as string);
      await until("it writes again", () => lines().filter((line) => line === "clock-1 | line 5").length === 2);
      const runs = lines().join("\n").split("clock-1 | began\n").slice(1);
      expect(runs).toHaveLength(2);
      for (const run of runs) {
        const numbers = [...run.matchAll(/line (\d+)/g)].map(([, number]) => Number(number));
        expect(numbers).toEqual(numbers.map((_, at) => at + 1));
      }
      const follower = root.spawn(["logs", "-f", "t", "dev"], { env: engine.env });
      engine.docker("rm", "--force", name as string);
      await until("its end is told", async () => (await row(root)).state === "failed");
      expect(readLog(root)).toContain("the containers are gone");
      follower.kill();
      expect(await follower.stdout.text()).toContain("clock-1 | line");
    } finally {
      await finish(root);
    }
  });

  test("containers killed, removed or ended without dt are shown as that", async () => {
    const root = make(
      file({ a: service("exec sleep 1000"), b: service("exec sleep 1000"), c: service("exec sleep 1000") }),
    );
    try {
      await dt(root, "t", "dev", "-d");
      const name = (which: string) =>
        engine.containers().find((one) => new RegExp(`[_-]${which}[_-]1$`).test(one)) as string;
      engine.docker("kill", name("a"));
      expect(await row(root)).toMatchObject({ state: "unhealthy", note: "a exited with code 137" });
      expect((await dt(root, "why", "t", "dev")).stdout).toContain(
        "Its containers: a-1 exited with code 137, b-1 running, c-1 running.",
      );
      engine.docker("rm", "--force", name("b"));
      expect((await row(root)).note).toContain("b-1 is gone");
      engine.docker("kill", name("c"));
      await until("it has ended", async () => (await row(root)).state === "failed");
      await until("the rest is gone", () => engine.containers().length === 0);
      expect((await dt(root, "why", "t", "dev")).stdout).toContain("137");
    } finally {
      await finish(root);
    }
  });

  test("a stack in the foreground shows its output, and Ctrl-C, SIGTERM and closing the window take it down", async () => {
    const root = make();
    const rc = join(root.base, "rc");
    const open = () =>
      startTmux(root, [
        "sh",
        "-c",
        `trap : INT; DOCKER_HOST=${engine.env.DOCKER_HOST} "$DT" t dev; echo $? > ${rc}; sleep 1000`,
      ]);
    const first = open();
    try {
      await first.shows(/clock[_-]1 .*tick/);
      expect(engine.containers()).toHaveLength(2);
      first.keys("C-c");
      await until("it has ended", () => readOr(rc) === "130\n");
      expect(engine.containers()).toEqual([]);
      first.close();

      const child = root.spawn(["--verbose", "t", "dev"], { env: engine.env });
      await until("it is up", () => engine.containers().length === 2 && readLog(root).includes("tick"));
      child.kill("SIGTERM");
      const stderr = await child.stderr.text();
      expect(stderr).toContain(`${COMPOSE} -f stack/compose.yaml up\n`);
      expect(stderr).toContain(`${COMPOSE} -f stack/compose.yaml down\n`);
      // Compose's own code: 0 of version 1, 130 of version 2.
      expect([0, 130]).toContain(await child.exited);
      expect(engine.containers()).toEqual([]);

      writeFileSync(rc, "");
      const third = open();
      await until("it is up", () => engine.containers().length === 2 && readLog(root).includes("tick"));
      third.kill();
      await until("nothing is left", () => engine.containers().length === 0);
      third.close();
    } finally {
      first.close();
      await finish(root);
    }
  });

  test("a second Ctrl-C ends a container that takes its time", async () => {
    const slow = service("trap '' TERM; while :; do sleep 0.1; done", ", stop_signal: SIGTERM").replace(
      "stop_grace_period: 1s",
      "stop_grace_period: 60s",
    );
    const root = make(file({ slow }), manifest({}, { stop: { timeout: "60s" } }));
    try {
      const child = root.spawn(["t", "dev"], { env: engine.env });
      await until("it is up", () => engine.docker("ps", "--quiet") !== "");
      const began = performance.now();
      child.kill("SIGINT");
      await until("it is being stopped", () => /[Ss]topping|[Gg]racefully/.test(readLog(root)));
      await pressUntilEnded(child, "SIGINT");
      expect(await child.exited).toBe(130);
      expect(performance.now() - began).toBeLessThan(30_000);
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("a failing start of a stack prints the command and its words, is not 0, and leaves nothing", async () => {
    const root = make(file({ good: service("exec sleep 1000"), bad: '{ image: "nowhere.invalid/none" }' }));
    try {
      const up = await dt(root, "t", "dev", "-d");
      expect(up.code).toBe(1);
      expect(up.stderr).toContain(`t dev: start: \`${COMPOSE} -f stack/compose.yaml up -d\` `);
      expect(up.stderr).toMatch(/nowhere\.invalid/);
      expect(up.stderr).toContain("without --detach");
      expect(engine.containers()).toEqual([]);
      root.write("stack/compose.yaml", "services: [");
      const broken = await dt(root, "t", "dev", "-d", "--no-proxy");
      expect(broken.code).toBe(1);
      expect(broken.stderr).toContain(
        `t dev: start: \`${COMPOSE} -f stack/compose.yaml config --services\` ended with`,
      );
      root.write("manifests/t.ts", manifest({ file: "stack/none.yaml" }));
      const none = await dt(root, "t", "dev", "-d");
      expect(none).toMatchObject({ code: 2 });
      expect(none.stderr).toContain("t dev: start: there is no file stack/none.yaml");
      root.write("manifests/t.ts", manifest({ services: ["nobody"] }));
      root.write("stack/compose.yaml", TWO);
      const unknown = await dt(root, "t", "dev", "-d");
      expect(unknown.code).toBe(1);
      expect(unknown.stderr).toContain("nobody");
    } finally {
      await finish(root);
    }
  });

  test("without an engine that answers, or without Compose, there is one sentence with the command and its words", async () => {
    const root = make();
    try {
      const down = await root.dt(["t", "dev", "-d"], { env: { DOCKER_HOST: `unix://${root.base}/no.sock` } });
      expect(down.code).toBe(1);
      expect(down.stderr).toContain("t dev: start: `docker ps ");
      expect(down.stderr).toContain("no.sock");
      const bare = await root.dt(["t", "dev", "-d"], { env: { PATH: join(root.base, "bin") } });
      expect(bare.code).toBe(127);
      expect(bare.stderr).toContain("t dev: start: no Compose was found");
      expect(bare.stderr).toContain("docker-compose: there is no docker-compose in PATH");
    } finally {
      await finish(root);
    }
  });

  test("a failed teardown is reported, hides nothing, and is done by the next stop", async () => {
    const root = make();
    const program = COMPOSE.split(" ")[0] as string;
    const shim = join(root.base, "shim");
    const broken = root.write(join(root.base, "broken"), "");
    root.write(
      join(shim, program),
      `#!/bin/sh\ncase "$*" in *" down") if [ -e ${broken} ]; then echo no way >&2; exit 9; fi;; esac\nexec ${Bun.which(program)} "$@"\n`,
    );
    chmodSync(join(shim, program), 0o755);
    try {
      // Compose is found on the PATH of the dt that ends the stack, not of the one that started it.
      const env = { ...engine.env, PATH: `${shim}:${root.env.PATH}` };
      const child = root.spawn(["t", "dev"], { env });
      await until("it is up", () => engine.containers().length === 2 && readLog(root).includes("tick"));
      child.kill("SIGINT");
      const stderr = await child.stderr.text();
      expect(await child.exited).toBe(130);
      expect(stderr).toContain(`t dev: stop: \`${COMPOSE} -f stack/compose.yaml down\` ended with code 9: ⏎ no way`);
      const again = await root.dt(["stop", "t", "dev"], { env, timeoutMs: 60_000 });
      expect(again.code).toBe(5);
      expect(again.stderr).toContain("t dev: stop:");
      expect(engine.containers()).toHaveLength(2);
      rmSync(broken);
      expect((await dt(root, "stop", "t", "dev")).code).toBe(0);
      expect(engine.containers()).toEqual([]);
    } finally {
      rmSync(broken, { force: true });
      await finish(root);
    }
  });

  test("a stack's start killed at each step leaks and forgets nothing", async () => {
    const root = make();
    try {
      // In the middle of `up`, before a container is there: a Compose that waits for a word.
      const shim = join(root.base, "shim");
      const program = COMPOSE.split(" ")[0] as string;
      const real = Bun.which(program) as string;
      root.write(
        join(shim, program),
        `#!/bin/sh\ncase "$*" in *" up"*) touch ${root.base}/reached; while [ ! -e ${root.base}/go ]; do sleep 0.02; done;; esac\nexec ${real} "$@"\n`,
      );
      Bun.spawnSync(["chmod", "755", join(shim, program)]);
      const slow = { ...engine.env, PATH: `${shim}:${root.env.PATH}` };
      const caller = root.spawn(["t", "dev", "-d"], { env: slow });
      await until("up has begun", () => readOr(join(root.base, "reached")) !== null);
      const starting = await row(root);
      expect(starting.state).toBe("starting");
      process.kill(starting.host.pid, "SIGKILL");
      caller.kill("SIGKILL");
      root.write(join(root.base, "go"), "");
      await until("up has gone on", () => engine.containers().length === 2);
      expect((await dt(root, "stop", "t", "dev")).code).toBe(0);
      expect(engine.containers()).toEqual([]);

      // The host of what is up.
      await dt(root, "t", "dev", "-d");
      const up = await row(root);
      process.kill(up.host.pid, "SIGKILL");
      await until("the host is gone", async () => !(await row(root)).host.alive);
      const before = readLog(root).length;
      await until("the log goes on", () => readLog(root).length > before);
      // And the follower: the engine still tells.
      process.kill((await row(root)).pid, "SIGKILL");
      await until("nothing follows", async () => (await row(root)).note?.includes("nothing follows") === true);
      expect(await row(root)).toMatchObject({ state: "running" });
      expect(engine.containers()).toHaveLength(2);
      // A rerun follows the same containers again.
      expect((await dt(root, "t", "dev", "-d")).code).toBe(0);
      expect(await row(root)).toMatchObject({ state: "ready", note: null });

      // The follower alone: its host ends the stack.
      process.kill((await row(root)).pid, "SIGKILL");
      await until("the host has ended it", () => engine.containers().length === 0);
      await until("it is shown as failed", async () => (await row(root)).state === "failed");

      // dt in the foreground.
      const shown = root.spawn(["t", "dev"], { env: engine.env });
      await until("it is up", () => engine.containers().length === 2 && readLog(root).includes("tick"));
      shown.kill("SIGKILL");
      await shown.exited;
      expect(engine.containers()).toHaveLength(2);
      expect((await dt(root, "stop", "t", "dev")).code).toBe(0);
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("after the engine restarts, what ended with it is reported, and a stop leaves nothing", async () => {
    const root = make();
    try {
      await dt(root, "t", "dev", "-d");
      await engine.restart();
      await until("its end is noticed", async () => (await row(root)).state === "failed");
      expect((await dt(root, "stop", "t", "dev")).code).toBe(0);
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("up and down know that a process needs a stack, and a stack a process", async () => {
    const root = make(TWO, manifest({}, { needs: ["t:db"] }));
    try {
      expect((await dt(root, "t", "web", "-d")).code).toBe(0);
      expect(await row(root)).toMatchObject({ state: "ready" });
      expect(await row(root, "t:db:default")).toMatchObject({ state: "running" });
      expect((await dt(root, "down")).code).toBe(0);
      expect(engine.containers()).toEqual([]);
      const up = await dt(root, "up", "t:web", "-d");
      expect(up.code).toBe(0);
      expect(engine.containers()).toHaveLength(2);
      expect((await dt(root, "down")).code).toBe(0);
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("gc finds the containers of a removed root, and ends them with --yes; those of a moved root are left alone", async () => {
    const root = make();
    const other = root.write("../other/manifests/t.ts", manifest({}));
    root.write("../other/stack/compose.yaml", TWO);
    const cwd = join(other, "../..");
    try {
      expect((await root.dt(["t", "dev", "-d"], { env: engine.env, cwd })).code).toBe(0);
      // One that was only moved is known where it is.
      const moved = `${cwd}.moved`;
      renameSync(cwd, moved);
      expect((await dt(root, "gc", "--yes")).stdout).toBe("Nothing is left over.\n");
      rmSync(moved, { recursive: true });
      const listed = JSON.parse((await dt(root, "gc", "--json")).stdout) as { key: string; pid: number | null }[];
      expect(listed).toContainEqual(expect.objectContaining({ key: "t:dev:default", pid: null }));
      expect(engine.containers()).toHaveLength(2);
      expect((await dt(root, "gc", "--yes")).code).toBe(0);
      expect(engine.containers()).toEqual([]);
      expect((await dt(root, "gc")).stdout).toBe("Nothing is left over.\n");
      // A launch whose host, follower and record are gone.
      await dt(root, "t", "dev", "-d");
      const { host, pid } = await row(root);
      expect((await dt(root, "gc")).stdout).toBe("Nothing is left over.\n");
      for (const one of [host.pid, pid]) process.kill(one, "SIGKILL");
      rmSync(join(root.run, "t:dev:default.meta.json"));
      expect((await dt(root, "gc", "--yes")).stdout).toContain("no launch names it any longer");
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("fixed ports of the Compose file get free ones, which reruns keep and --dry-run shows", async () => {
    const fixed = `version: "2.4"\nservices:\n  web:\n    image: "${IMAGE}"\n    ports: ["127.0.0.1:8080:80", "53:53/udp", "90"]\n`;
    const root = make(fixed, manifest({ ports: "auto" }));
    try {
      const plan = await dt(root, "t", "dev", "-d", "--dry-run");
      expect(plan).toMatchObject({ code: 0 });
      const moved = /web 80: port (2\d{4}) in place of 8080/.exec(plan.stderr)?.[1];
      expect(moved).toBeDefined();
      expect(plan.stderr).toMatch(/web 53\/udp: port 2\d{4} in place of 53/);
      expect(plan.stdout).toContain("-f .dialtone/run/t:dev:default.compose.yaml up -d");
      // An engine without a bridge cannot publish them: what is asked of it is what counts here.
      expect((await dt(root, "t", "dev", "-d")).code).toBe(1);
      const given = Bun.YAML.parse(root.read(".dialtone/run/t:dev:default.compose.yaml")) as {
        services: { web: object };
      };
      expect(JSON.stringify(given.services.web)).toContain(String(moved));
      expect(JSON.stringify(given.services.web)).not.toContain("8080");
      const again = await dt(root, "t", "dev", "-d", "--dry-run");
      expect(again.stderr).toContain(`web 80: port ${moved} in place of 8080`);
    } finally {
      await finish(root);
    }
  });

  test("moved ports are no drift, and a changed Compose file is", async () => {
    const root = make(TWO, manifest({ ports: "auto" }));
    const why = async () => (await dt(root, "why", "t", "dev")).stdout;
    try {
      expect((await dt(root, "t", "dev", "-d")).code).toBe(0);
      expect(await row(root)).toMatchObject({ drift: false });
      expect(await why()).not.toContain("manifest");
      root.write("manifests/t.ts", manifest({ ports: "auto", file: "./other.yaml" }));
      await dt(root, "list");
      expect(await row(root)).toMatchObject({ drift: true });
      expect(await why()).toContain("other.yaml");
    } finally {
      await finish(root);
    }
  });

  test("dt wait waits until a stack is up and ready, until it ends, or until it is stopped", async () => {
    const root = make(
      file({ job: service("sleep 2; exit 3") }),
      manifest({}, { ready: { exec: ["test", "-f", "go"], timeout: "60s" } }),
    );
    try {
      expect((await dt(root, "t", "dev", "-d", "--no-wait")).code).toBe(0);
      expect(await dt(root, "wait", "t:dev", "--timeout", "50ms")).toMatchObject({ code: 124 });
      const ended = dt(root, "wait", "t:dev", "--for", "exit");
      root.write("go", "");
      expect(await dt(root, "wait", "t:dev")).toMatchObject({ code: 0, stdout: "t:dev:default ready\n" });
      expect(engine.containers()).toHaveLength(1);
      expect((await ended).code).not.toBe(0);
      expect((await dt(root, "wait", "t:dev", "--for", "stopped")).code).toBe(0);
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("this repository's own stack is rendered first, to the same bytes each time, with and without its proxy", async () => {
    const root = TestRoot.create();
    for (const path of [
      "manifests/stack.ts",
      "plugins/stack/stack.yaml",
      "plugins/stack/render.ts",
      "plugins/stack/compose.ts",
    ])
      root.write(path, readFileSync(join(REPOSITORY, path), "utf8"));
    for (const image of ["busybox:1.36", "traefik:v3.1"]) engine.docker("tag", IMAGE, image);
    try {
      const up = await dt(root, "--verbose", "stack", "dev", "-d", "--no-traefik");
      expect(up).toMatchObject({ code: 0 });
      expect(up.stderr).toContain("stack:render:default runs before stack:dev:default");
      expect(up.stderr).toContain(`${COMPOSE} -f .stagecraft/dev/compose.yaml up -d --scale traefik=0\n`);
      expect(statesOf(await row(root, "stack:dev:default"))).toEqual({ clock: "running", page: "running" });
      const first = root.read(".stagecraft/dev/compose.yaml");
      expect((await dt(root, "stack", "render")).stdout).toBe(".stagecraft/dev/compose.yaml unchanged\n");
      rmSync(join(root.dir, ".stagecraft"), { recursive: true });
      expect((await dt(root, "stack", "render")).stdout).toBe(".stagecraft/dev/compose.yaml written\n");
      expect(root.read(".stagecraft/dev/compose.yaml")).toBe(first);
      expect((await dt(root, "stop", "stack", "dev")).code).toBe(0);
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("a stop killed in the middle is finished by the next one, and several starts at once leave one stack", async () => {
    const root = make();
    try {
      for (const afterMs of [50, 150, 300, 450]) {
        expect((await dt(root, "t", "dev", "-d")).code).toBe(0);
        const stop = root.spawn(["stop", "t", "dev"], { env: engine.env });
        await Bun.sleep(afterMs); // wherever it is by then
        stop.kill("SIGKILL");
        await stop.exited;
        expect((await dt(root, "stop", "t", "dev")).code).toBe(0);
        expect(engine.containers()).toEqual([]);
      }
      const starts = await Promise.all(Array.from({ length: 4 }, () => dt(root, "t", "dev", "-d")));
      expect(starts.some(({ code }) => code === 0)).toBe(true);
      await until("one is ready", async () => (await row(root)).state === "ready");
      expect(engine.containers()).toHaveLength(2);
      const cancelled = root.spawn(["t", "dev", "-d", "--recreate"], { env: engine.env });
      await Bun.sleep(300); // wherever it is by then
      cancelled.kill("SIGINT");
      await cancelled.exited;
      await dt(root, "stop", "t", "dev");
      expect(engine.containers()).toEqual([]);
    } finally {
      await finish(root);
    }
  });

  test("two checkouts side by side are two projects, and a stop of one leaves the other", async () => {
    const [one, other] = [make(), make()];
    try {
      await Promise.all([dt(one, "t", "dev", "-d"), dt(other, "t", "dev", "-d")]);
      expect(engine.containers()).toHaveLength(4);
      await dt(one, "stop", "t", "dev");
      expect(statesOf(await row(other))).toEqual({ clock: "running", proxy: "running" });
    } finally {
      await dt(other, "stop", "--all");
      await one.dispose();
      await finish(other);
    }
  });
});

function readOr(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
