/** `dt orchestra …`: prints for a person; the last line of a sync is its result as JSON, for jobs and the socket. */

import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { check, type Result, run, scopeOf } from "./pipeline.ts";
import { addCodebase, entrySchema, loadRegistry, projectsRoot, removeCodebase } from "./registry.ts";

const home = process.env.HOME || homedir();
const [verb = "", ...rest] = process.argv.slice(2);
const flags = new Set(rest.filter((word) => word.startsWith("--")));
const words = rest.filter((word) => !word.startsWith("--"));

function usage(text: string): never {
  console.error(text);
  process.exit(2);
}

function known(...names: string[]): void {
  for (const flag of flags) if (!names.includes(flag)) usage(`dt orchestra ${verb} has no flag ${flag}`);
}

/** Gives the exit code. */
function sync(target: string | undefined, source: string, dryRun: boolean): number {
  const began = performance.now();
  const results = run(home, scopeOf(target), dryRun);
  for (const one of results) tell(one, dryRun);
  const count = (of: (one: Result) => string[]) => results.reduce((sum, one) => sum + of(one).length, 0);
  const stale = check(home).filter(({ state }) => state !== "current");
  for (const { file, state, why } of dryRun ? [] : stale) console.error(`${state}: ${file}: ${why}`);
  console.log(
    JSON.stringify({
      target: target ?? "all",
      source,
      codebases: results.map(({ codebase }) => codebase),
      written: count(({ written }) => written),
      unchanged: count(({ unchanged }) => unchanged),
      duration_ms: Math.round(performance.now() - began),
    }),
  );
  return results.some(({ error }) => error !== null) ? 1 : 0;
}

function tell({ project, codebase, written, error }: Result, dryRun: boolean): void {
  if (error !== null) console.error(error);
  for (const file of written) console.error(`${project}/${codebase}: ${dryRun ? "would write" : "wrote"} ${file}`);
}

const VERBS: Record<string, () => number> = {
  init() {
    const root = projectsRoot(home);
    console.log(
      existsSync(root) ? `${root} is there already` : `${root} made; dt orchestra add PROJECT CODEBASE PATH is next`,
    );
    mkdirSync(root, { recursive: true });
    return 0;
  },
  list() {
    known("--json");
    const { codebases, faults } = loadRegistry(home);
    if (flags.has("--json")) console.log(JSON.stringify({ codebases, faults }));
    else for (const { project, name, path } of codebases) console.log(`${project}/${name}  ${path}`);
    for (const { file, message } of faults) console.error(`${file}: ${message}`);
    return faults.length > 0 ? 1 : 0;
  },
  add() {
    const [project, name, path] = words;
    if (project === undefined || name === undefined || path === undefined)
      usage("dt orchestra add PROJECT CODEBASE PATH");
    console.log(addCodebase(home, project, name, resolve(process.env.DIALTONE_CWD ?? process.cwd(), path)));
    return 0;
  },
  remove() {
    const [project, name] = words;
    if (project === undefined || name === undefined) usage("dt orchestra remove PROJECT CODEBASE");
    console.log(`${removeCodebase(home, project, name)} removed`);
    return 0;
  },
  sync() {
    known("--dry-run");
    return sync(words[0], process.env.DIALTONE_SOURCE ?? "command", flags.has("--dry-run"));
  },
  check() {
    known("--json");
    const all = check(home);
    const wrong = all.filter(({ state }) => state !== "current");
    if (flags.has("--json")) console.log(JSON.stringify(all));
    else for (const { file, state, why } of wrong) console.log(`${state}  ${file}: ${why}`);
    if (!flags.has("--json") && wrong.length === 0) console.log(`${all.length} files are as the registry says`);
    return wrong.length > 0 ? 1 : 0;
  },
  schema() {
    console.log(JSON.stringify(entrySchema(), null, 2));
    return 0;
  },
  /** Of a codebase whose entry was removed there is nothing to write: that is said. */
  job() {
    const target = process.env.DIALTONE_TARGET ?? "all";
    const scope = scopeOf(target);
    const { codebases, faults } = loadRegistry(home);
    const isThere =
      scope.is !== "one" ||
      [...codebases, ...faults].some(({ project, name }) => name === scope.name && project === scope.project);
    if (isThere) return sync(target, process.env.DIALTONE_SOURCE ?? "watcher", false);
    console.error(`${target} is not in the registry any more; its files stay as they are`);
    console.log(
      JSON.stringify({
        target,
        source: process.env.DIALTONE_SOURCE ?? "watcher",
        codebases: [],
        written: 0,
        unchanged: 0,
        duration_ms: 0,
      }),
    );
    return 0;
  },
  request() {
    const { codebase } = JSON.parse(process.env.DIALTONE_REQUEST ?? "{}") as { codebase?: unknown };
    if (codebase !== undefined && typeof codebase !== "string")
      usage(`codebase: expected a name, found ${JSON.stringify(codebase)}`);
    return sync(codebase, "socket", false);
  },
  status() {
    const { codebases } = loadRegistry(home);
    console.log(
      JSON.stringify({
        projects_root: projectsRoot(home),
        codebase_count: codebases.length,
        codebases: codebases.map(({ name }) => name),
      }),
    );
    return 0;
  },
};

try {
  process.exitCode = Object.hasOwn(VERBS, verb) ? VERBS[verb]?.() : usage(`there is: ${Object.keys(VERBS).join(" ")}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
