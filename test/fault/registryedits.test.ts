/**
 * Edits of the registry by several hands while the daemon watches, and is killed now and then: in the end every
 * generated file is what the registry says, as a look at all of it tells. CI does few, the soak ten thousand over two
 * hundred codebases (DT_REGISTRY_EDITS, DT_REGISTRY_CODEBASES).
 */
import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { daemonPid, disposeWithDaemon } from "../e2e/kit/daemon.ts";
import { runs } from "../e2e/kit/launch.ts";
import { REPOSITORY, TestRoot, until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";

const EDITS = Number(process.env.DT_REGISTRY_EDITS ?? 150);
const CODEBASES = Number(process.env.DT_REGISTRY_CODEBASES ?? 12);
const PROJECTS = 4;
const KILL_EVERY = Math.max(100, EDITS / 20);

const memory = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

test(`${EDITS} edits of a registry of ${CODEBASES} codebases: nothing is missed, memory is flat`, async () => {
  const root = TestRoot.create({
    "manifests/orchestra.ts": readFileSync(join(REPOSITORY, "manifests/orchestra.ts"), "utf8"),
  });
  cpSync(join(REPOSITORY, "plugins/orchestra"), join(root.dir, "plugins/orchestra"), { recursive: true });
  let state = 3;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const projects = join(root.home, ".orchestra/projects");
  const codeOf = (at: number) => join(root.base, "code", String(at));
  const entryOf = (at: number) => join(projects, `p${at % PROJECTS}`, `c${at}.yaml`);
  const entry = (at: number, text: string) => `name: c${at}\npath: ${codeOf(at)}\ndescription: ${text}\n`;
  const edit = (nth: number) => {
    const at = random(CODEBASES);
    const kind = random(12);
    if (kind === 0)
      writeFileSync(
        join(projects, `p${at % PROJECTS}`, "project.yaml"),
        `name: p${at % PROJECTS}\nconventions: [edit ${nth}]\n`,
      );
    else if (kind === 1) {
      rmSync(entryOf(at), { force: true });
      writeFileSync(entryOf(at), entry(at, `again ${nth}`));
    } else if (kind < 5) {
      writeFileSync(`${entryOf(at)}.tmp`, entry(at, `by rename ${nth}`));
      renameSync(`${entryOf(at)}.tmp`, entryOf(at));
    } else writeFileSync(entryOf(at), entry(at, `edit ${nth}`));
  };
  const states = async () =>
    JSON.parse((await root.dt(["orchestra", "check", "--json"])).stdout) as { file: string; state: string }[];
  try {
    for (let at = 0; at < CODEBASES; at++) {
      mkdirSync(codeOf(at), { recursive: true });
      mkdirSync(join(projects, `p${at % PROJECTS}`), { recursive: true });
      writeFileSync(entryOf(at), entry(at, "begin"));
    }
    expect((await root.dt(["orchestra", "sync"])).code).toBe(0);
    await root.dt(["boot", "add"]);
    await root.dt(["daemon", "start"]);
    const log = join(root.env.DIALTONE_HOME as string, "logs/daemon.log");
    await until("it watches", () => existsSync(log) && readFileSync(log, "utf8").includes('"watches"'));
    const before = memory(await daemonPid(root));
    let kills = 0;
    for (let nth = 0; nth < EDITS; nth++) {
      edit(nth);
      if (random(4) === 0) await Bun.sleep(random(30));
      if (nth % KILL_EVERY !== KILL_EVERY - 1) continue;
      const pid = await daemonPid(root);
      process.kill(pid, "SIGKILL");
      await until("it is gone", () => !runs(pid));
      kills++;
      for (let more = 0; more < 5; more++) edit(nth + more / 10);
      await root.dt(["daemon", "start"]);
    }
    await until(
      "every file is as the registry says",
      async () => (await states()).every((one) => one.state === "current"),
      180_000,
    );
    expect(await states()).toHaveLength(CODEBASES * 2);
    expect(JSON.parse((await root.dt(["orchestra", "sync", "--dry-run"])).stdout)).toMatchObject({
      written: 0,
      unchanged: CODEBASES * 2,
    });
    const after = memory(await daemonPid(root));
    tellNumbers(
      `registry: ${EDITS} edits over ${CODEBASES} codebases, the daemon killed ${kills} times: every file matches the registry; memory ${Math.round(before)} MB before, ${Math.round(after)} MB after`,
    );
    expect(after - before).toBeLessThan(80);
  } finally {
    await disposeWithDaemon(root);
  }
}, 3_600_000);
