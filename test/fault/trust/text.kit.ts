/** A world where every name is hostile. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestRoot } from "../../kit.ts";
import { EVIL } from "./hidden.kit.ts";

/** What a manifest's check lets through: it refuses control characters in a description. */
const SLY = "safe \u202egnihtyreve eteled\u200b\u{e0041}\u00ad\u2066";
/** As a program's name: the kernel keeps 15 bytes of it. */
const EVIL_NAME = "s\x1b[2J\x07\u202e\nF";

/** Manifests, files, processes and states, all with hostile names. `a:m` and `a:noisy` run, `a:dies` has ended. */
export async function makeWorld(port: number): Promise<TestRoot> {
  const root = TestRoot.create({}, `r${EVIL}`);
  const program = join(root.dir, EVIL_NAME);
  copyFileSync(Bun.which("sleep") as string, program);
  chmodSync(program, 0o755);
  writeManifests(root, program, port);
  root.write(".git/HEAD", "ref: refs/heads/x\x1b]52;c;ZXZpbA==\x07\u202e\r\n");
  root.write("package.json", JSON.stringify({ dialtone: { plugins: [EVIL, `./${EVIL}.json`] } }));
  writeState(root);
  for (const command of ["m", "noisy", "listens"]) {
    const { code, stderr } = await root.dt(["a", command, "-d"]);
    if (code !== 0) throw new Error(`the world is not as it is meant to be: ${stderr}`);
  }
  await root.dt(["a", "dies", "-d"]);
  await root.dt(["--capture", "a", "fails"]);
  return root;
}

function writeManifests(root: TestRoot, program: string, port: number): void {
  const env = { EVIL, B: "plain" };
  const say = `printf '%s\\n' "$EVIL" >&2`;
  const manifest = {
    name: "a",
    description: SLY,
    env,
    groups: { g: ["a:m"] },
    commands: {
      m: {
        kind: "managed",
        description: SLY,
        run: [program, "1000"],
        stop: { timeout: "1s", spare: [] },
      },
      noisy: { kind: "managed", run: ["sh", "-c", `${say}; exec sleep 1000`, EVIL] },
      listens: {
        kind: "managed",
        run: ["bun", "-e", `Bun.serve({ port: ${port}, hostname: "127.0.0.1", fetch: () => new Response("") })`, EVIL],
      },
      dies: { kind: "managed", run: ["sh", "-c", `${say}; exit 3`, EVIL], ready: { delay: "5s" } },
      never: {
        kind: "managed",
        run: ["sh", "-c", `${say}; exec sleep 1000`],
        ready: { log: `not like ${RegExp.escape(EVIL)}`, timeout: "200ms" },
      },
      nowhere: { kind: "managed", run: ["true"], cwd: EVIL, log: `${EVIL}/x.log` },
      gone: { kind: "managed", run: [`./${EVIL}`] },
      needy: { kind: "managed", run: ["sleep", "1000"], needs: ["a:dies"] },
      fails: { kind: "oneshot", run: ["sh", "-c", `exit 4`, EVIL], capture: false },
      say: { kind: "oneshot", run: ["printf", "%s."] },
      spawns: { kind: "oneshot", run: [`./${EVIL}`], cwd: "." },
      inside: { kind: "oneshot", run: ["sh", "-c", `dt a fails '${EVIL}'`] },
    },
    watch: [{ paths: [`${EVIL}/**`], run: "a:fails" }],
  };
  root.write("manifests/a.json", JSON.stringify(manifest));
  // Each fails in its own way, and its failure is shown.
  root.write(`manifests/syntax${EVIL}.yaml`, `name: [\n${EVIL}`);
  root.write(`manifests/syntax${EVIL}.toml`, `name = ${EVIL}`);
  root.write(`manifests/syntax${EVIL}.json`, `{"name": ${EVIL}`);
  root.write(
    "manifests/field.json",
    JSON.stringify({ name: "field", [EVIL]: EVIL, commands: { [EVIL]: { kind: EVIL } } }),
  );
  root.write(
    "manifests/needs.json",
    JSON.stringify({ name: "needs", commands: { x: { kind: "managed", run: ["true"], needs: [EVIL] } } }),
  );
  root.write("manifests/name.json", JSON.stringify({ name: EVIL, commands: {} }));
}

/** A project whose manifests are code, each of which fails in its own words. */
export function makeCode(): TestRoot {
  const root = TestRoot.create({}, `r${EVIL}`);
  root.write("manifests/throws.ts", `throw new Error(${JSON.stringify(EVIL)});`);
  root.write("manifests/prints.ts", `console.error(${JSON.stringify(EVIL)}); process.kill(process.pid, "SIGKILL");`);
  root.write("manifests/imports.ts", `import ${JSON.stringify(`./${EVIL}.ts`)};`);
  return root;
}

/** Whatever dt makes of state that it did not write, it shows its names. */
function writeState(root: TestRoot): void {
  mkdirSync(join(root.run, "jobs"), { recursive: true, mode: 0o700 });
  mkdirSync(join(root.run, "launch"), { mode: 0o700 });
  const identity = { pid: 1, startTime: "1", bootId: EVIL, pidNamespace: "pid:[1]" };
  const by = { by: "user", pid: 1, command: EVIL };
  const at = "2026-01-01T00:00:00Z";
  const record = (key: string, more: object) => {
    const [plugin, command, variant] = key.split(":");
    const common = {
      version: 1,
      key,
      plugin,
      command,
      variant,
      token: "b".repeat(32),
      root: EVIL,
      argv: ["x", EVIL],
      cwd: EVIL,
      env: { [EVIL]: EVIL },
    };
    const launch = {
      args: [EVIL],
      port: null,
      url: `http://${EVIL}`,
      log: `/${EVIL}`,
      logFile: null,
      stop: { signal: "SIGTERM", timeoutMs: 1, spare: [EVIL] },
    };
    const life = {
      processGroup: true,
      probed: false,
      specHash: EVIL,
      startedAt: at,
      restarts: 0,
      detached: true,
      host: identity,
      leader: null,
      startedBy: by,
      stopping: null,
    };
    root.write(join(root.run, `${key}.meta.json`), JSON.stringify({ ...common, ...launch, ...life, ...more }));
  };
  record("f:backoff:default", { phase: "backoff", backoff: { because: EVIL, nextAt: at, inRow: 1 } });
  record("f:stopping:default", { phase: "stopping", stopping: { by, at } });
  record("f:ready:default", {
    phase: "running",
    owner: { ...identity, command: EVIL },
    needs: [EVIL],
    waitsFor: [EVIL],
  });
  record("f:stack:default", {
    phase: "running",
    stack: { client: EVIL, project: EVIL, down: [EVIL], env: {}, off: [EVIL] },
  });
  const exit = {
    version: 1,
    key: "f:ex:default",
    token: "",
    code: 1,
    signal: null,
    at,
    startedAt: at,
    uptimeMs: 1,
    restarts: 0,
    reason: "start-failed",
    text: EVIL,
    by,
  };
  const end = {
    argv: ["x", EVIL],
    cwd: `/${EVIL}`,
    log: `/${EVIL}`,
    lastLines: [EVIL],
    error: { code: "x", message: EVIL, hint: EVIL },
  };
  root.write(join(root.run, "f:ex:default.exit.json"), JSON.stringify({ ...exit, ...end }));
  root.write(join(root.run, "f:version:default.meta.json"), JSON.stringify({ version: EVIL }));
  root.write(join(root.run, "f:broken:default.meta.json"), EVIL);
  root.write(join(root.run, "f:broken:default.exit.json"), EVIL);
  root.write(join(root.run, "f:broken:default.meta.json.corrupt"), EVIL);
  root.write(
    join(root.run, "f:want:default.want.json"),
    JSON.stringify({ version: 1, key: "f:want:default", want: "run", at, by }),
  );
  root.write(
    join(root.run, "f:lock:default.lock"),
    JSON.stringify({ version: 1, holder: identity, command: EVIL, doing: EVIL, since: at, backend: EVIL }),
  );
  root.write(join(root.run, `${EVIL}.meta.json`), "{}");
  root.write(join(root.run, `launch/${EVIL}.json`), EVIL);
  root.write(join(root.run, "host.err"), `${EVIL}\n`);
  const job = {
    version: 1,
    id: "zz",
    root: EVIL,
    key: EVIL,
    target: EVIL,
    source: EVIL,
    state: "failed",
    started_at: at,
    duration_ms: 1,
    code: 1,
    error: EVIL,
  };
  root.write(
    join(root.run, "jobs/zz.json"),
    JSON.stringify({ ...job, written: null, unchanged: null, log: `/${EVIL}`, process: null }),
  );
  root.write(join(root.run, `jobs/${EVIL}.json`), EVIL);
  const home = root.env.DIALTONE_HOME as string;
  root.write(join(home, "roots", "evil"), `/nowhere/${EVIL}\n`);
  root.write(join(home, "boot", "evil.json"), JSON.stringify({ version: 1, root: `/nowhere/${EVIL}` }));
  mkdirSync(join(home, "manifests"), { recursive: true });
  writeFileSync(join(home, "manifests", `own${EVIL}.json`), EVIL);
}
