/**
 * Random edits of a tree by several hands, the daemon killed now and then: in the end each file that is there was
 * worked on with the content it now has, as a look at the whole tree says, and each that is gone was reported. CI does
 * a few hundred, the soak a day's worth (DT_WATCH_EDITS).
 */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { daemonPid, disposeWithDaemon } from "../e2e/kit/daemon.ts";
import { runs } from "../e2e/kit/launch.ts";
import { TestRoot, until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";

const EDITS = Number(process.env.DT_WATCH_EDITS ?? 400);
const KILL_EVERY = 150;
const SEED = Number(process.env.DT_SEED ?? 1);

/** The job notes the content of each path that it gets, or that the file is gone. */
const MANIFEST = `import { appendFileSync, existsSync, readFileSync } from "node:fs";
export default { name: "t", commands: { note: { kind: "oneshot", handler: (ctx) => {
  for (const path of ctx.job.paths) {
    let text = null;
    try { text = readFileSync(path, "utf8"); } catch {}
    appendFileSync("../notes", JSON.stringify([path, text]) + "\\n");
  }
} } }, watch: [{ paths: ["tree/**"], debounce: "30ms", run: "t:note", target: (path) => path.split("/")[1] }] };`;

test(`${EDITS} random edits: nothing is missed, memory is flat`, async () => {
  const root = TestRoot.create({ "manifests/t.ts": MANIFEST, "tree/a/0": "start" });
  let state = SEED;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const tree = join(root.dir, "tree");
  const all = (): string[] =>
    readdirSync(tree, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const directories = ["a", "b", "c", "d"];
  const pathOf = () =>
    join(tree, directories[random(4)] as string, ...(random(2) ? [`s${random(3)}`] : []), String(random(12)));
  const put = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const edit = (at: number): void => {
    const path = pathOf();
    const kind = random(10);
    if (existsSync(path) && kind < 2) rmSync(path, { recursive: true });
    else if (existsSync(path) && kind === 2) renameSync(path, `${dirname(path)}/moved${at}`);
    else if (kind === 3) {
      put(`${path}.tmp`, `by rename ${at}`);
      renameSync(`${path}.tmp`, path);
    } else if (kind === 4) rmSync(join(tree, directories[random(4)] as string), { recursive: true, force: true });
    else if (kind === 5 && existsSync(join(tree, "a")) && !existsSync(join(tree, "d")))
      renameSync(join(tree, "a"), join(tree, "d"));
    else put(path, `edit ${at}`);
  };
  const memory = (pid: number) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  try {
    await root.dt(["boot", "add"]);
    await root.dt(["daemon", "start"]);
    const log = join(root.env.DIALTONE_HOME as string, "logs/daemon.log");
    await until("it watches", () => readFileSync(log, "utf8").includes('"watches"'));
    const before = memory(await daemonPid(root));
    let kills = 0;
    const touched = new Set<string>();
    for (let at = 0; at < EDITS; at++) {
      for (const path of all()) touched.add(path);
      edit(at);
      for (const path of all()) touched.add(path);
      if (random(3) === 0) await Bun.sleep(random(40));
      if (at % KILL_EVERY === KILL_EVERY - 1) {
        const pid = await daemonPid(root);
        process.kill(pid, "SIGKILL");
        await until("it is gone", () => !runs(pid));
        kills++;
        for (let more = 0; more < 10; more++) edit(at + more / 100);
        for (const path of all()) touched.add(path);
        await root.dt(["daemon", "start"]);
      }
    }
    const noted = () => new Map(readNotes(root));
    await until(
      "each file was worked on as it is",
      () => {
        const last = noted();
        return all().every((path) => {
          const local = path.slice(root.dir.length + 1);
          const text = readFileSync(path, "utf8");
          return (local === "tree/a/0" && text === "start") || last.get(local) === text;
        });
      },
      60_000,
    );
    const there = new Set(all().map((path) => path.slice(root.dir.length + 1)));
    // A file noted with a content that is gone was reported as gone; one that came and went at once may never have been
    // reported.
    await until(
      "what is gone was told",
      () => [...noted()].every(([path, text]) => text === null || there.has(path)),
      30_000,
    );
    const after = memory(await daemonPid(root));
    tellNumbers(
      `watch: ${EDITS} edits of ${touched.size} paths, the daemon killed ${kills} times, 0 missed; memory ${Math.round(before)} MB before, ${Math.round(after)} MB after`,
    );
    expect(after - before).toBeLessThan(80);
    expect(readNotes(root).length).toBeGreaterThan(EDITS / 20);
  } finally {
    await disposeWithDaemon(root);
  }
}, 3_600_000);

function readNotes(root: TestRoot): [string, string | null][] {
  const path = join(root.base, "notes");
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
