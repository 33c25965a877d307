/**
 * `dt orchestra …`: prints for users; the last line of a sync is its result as JSON, for jobs and the socket. Control
 * and invisible characters in the text of files and entries are made visible.
 */
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { visible, visibleJson } from "@dialtone/dt";
import { check, type Result, run, scopeOf } from "./pipeline.ts";
import { addCodebase, entrySchema, loadRegistry, projectsRoot, removeCodebase } from "./registry.ts";

const home = process.env.HOME || homedir();
const [verb = "", ...rest] = process.argv.slice(2);
const flags = new Set(rest.filter((word) => word.startsWith("--")));
const words = rest.filter((word) => !word.startsWith("--"));

const print = (text: string) => console.log(visible(text, { lines: true }));
const say = (text: string) => console.error(visible(text, { lines: true }));

const printJson = (value: unknown) => console.log(visibleJson(value, 0));

function usage(text: string): never {
  say(text);
  process.exit(2);
}

function known(...names: string[]): void {
  for (const flag of flags) if (!names.includes(flag)) usage(`dt orchestra ${verb} has no flag ${flag}`);
}

/** Returns the exit code. */
function sync(target: string | undefined, { source, dryRun }: { source: string; dryRun: boolean }): number {
  const began = performance.now();
  const results = run(home, { scope: scopeOf(target), dryRun });
  for (const one of results) tell(one, dryRun);
  const count = (of: (one: Result) => string[]) => results.reduce((sum, one) => sum + of(one).length, 0);
  const stale = check(home).filter(({ state }) => state !== "current");
  for (const { file, state, why } of dryRun ? [] : stale) say(`${state}: ${file}: ${why}`);
  printJson({
    target: target ?? "all",
    source,
    codebases: results.map(({ codebase }) => codebase),
    written: count(({ written }) => written),
    unchanged: count(({ unchanged }) => unchanged),
    duration_ms: Math.round(performance.now() - began),
  });
  return results.some(({ error }) => error !== null) ? 1 : 0;
}

function tell({ project, codebase, written, error }: Result, dryRun: boolean): void {
  if (error !== null) say(error);
  for (const file of written) say(`${project}/${codebase}: ${dryRun ? "would write" : "wrote"} ${file}`);
}

const VERBS: Record<string, () => number> = {
  init() {
    const root = projectsRoot(home);
    print(
      existsSync(root) ? `${root} already exists` : `created ${root}; next: dt orchestra add PROJECT CODEBASE PATH`,
    );
    mkdirSync(root, { recursive: true });
    return 0;
  },
  list() {
    known("--json");
    const { codebases, faults } = loadRegistry(home);
    if (flags.has("--json")) printJson({ codebases, faults });
    else for (const { project, name, path } of codebases) print(`${project}/${name}  ${path}`);
    for (const { file, message } of faults) say(`${file}: ${message}`);
    return faults.length > 0 ? 1 : 0;
  },
  add() {
    const [project, name, path] = words;
    if (project === undefined || name === undefined || path === undefined)
      usage("dt orchestra add PROJECT CODEBASE PATH");
    print(addCodebase(home, { project, name, path: resolve(process.env.DIALTONE_CWD ?? process.cwd(), path) }));
    return 0;
  },
  remove() {
    const [project, name] = words;
    if (project === undefined || name === undefined) usage("dt orchestra remove PROJECT CODEBASE");
    print(`removed ${removeCodebase(home, { project, name })}`);
    return 0;
  },
  sync() {
    known("--dry-run");
    return sync(words[0], { source: process.env.DIALTONE_SOURCE ?? "command", dryRun: flags.has("--dry-run") });
  },
  check() {
    known("--json");
    const all = check(home);
    const wrong = all.filter(({ state }) => state !== "current");
    if (flags.has("--json")) printJson(all);
    else for (const { file, state, why } of wrong) print(`${state}  ${file}: ${why}`);
    if (!flags.has("--json") && wrong.length === 0) print(`${all.length} files match the registry`);
    return wrong.length > 0 ? 1 : 0;
  },
  schema() {
    console.log(visibleJson(entrySchema()));
    return 0;
  },
  /** For a codebase whose entry was removed there is nothing to write, which is reported. */
  job() {
    const target = process.env.DIALTONE_TARGET ?? "all";
    const scope = scopeOf(target);
    const { codebases, faults } = loadRegistry(home);
    const isThere =
      scope.is !== "one" ||
      [...codebases, ...faults].some(({ project, name }) => name === scope.name && project === scope.project);
    if (isThere) return sync(target, { source: process.env.DIALTONE_SOURCE ?? "watcher", dryRun: false });
    say(`${target} is no longer in the registry; its files stay as they are`);
    printJson({
      target,
      source: process.env.DIALTONE_SOURCE ?? "watcher",
      codebases: [],
      written: 0,
      unchanged: 0,
      duration_ms: 0,
    });
    return 0;
  },
  request() {
    const { codebase } = JSON.parse(process.env.DIALTONE_REQUEST ?? "{}") as { codebase?: unknown };
    if (codebase !== undefined && typeof codebase !== "string")
      usage(`codebase: expected a name, found ${JSON.stringify(codebase)}`);
    return sync(codebase, { source: "socket", dryRun: false });
  },
  status() {
    const { codebases } = loadRegistry(home);
    printJson({
      projects_root: projectsRoot(home),
      codebase_count: codebases.length,
      codebases: codebases.map(({ name }) => name),
    });
    return 0;
  },
};

try {
  process.exitCode = Object.hasOwn(VERBS, verb) ? VERBS[verb]?.() : usage(`known: ${Object.keys(VERBS).join(" ")}`);
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}
