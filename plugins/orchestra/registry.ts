/**
 * The registry: `~/.orchestra/projects/<project>/project.yaml`, and `<codebase>.yaml` files beside it. A wrong file is
 * a fault of that file alone. So is one that is a link out of `~/.orchestra`, is not a regular file, or is too long.
 */
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { type Within, within } from "@dialtone/dt";

export interface Project {
  name: string;
  description?: string;
  conventions: string[];
  links: Record<string, string>;
}

export interface Codebase {
  project: string;
  name: string;
  path: string;
  description?: string;
  stack: string[];
  conventions: string[];
  commands: Record<string, string>;
  links: Record<string, string>;
  targets: string[];
}

export interface Registry {
  projects: Map<string, Project>;
  codebases: Codebase[];
  /** Each fault belongs to one file, named by its path. */
  faults: { file: string; project: string; name: string; message: string }[];
}

export const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** Largest file of the registry, and largest template, in bytes. */
const LONGEST = 1024 * 1024;
export const TARGETS = ["CLAUDE.md", "AGENTS.md"];

export function projectsRoot(home: string): string {
  return join(home, ".orchestra", PROJECTS);
}

const PROJECTS = "projects";

/** Opens `~/.orchestra`; null if it does not exist. */
function openStore(home: string): Within | null {
  const path = join(home, ".orchestra");
  return existsSync(path) ? within(path) : null;
}

/** The user's own template for a target; null: the default is used. */
export function readTemplate(home: string, target: string): string | null {
  return openStore(home)?.read(join("templates", target), LONGEST) ?? null;
}

export function loadRegistry(home: string): Registry {
  const registry: Registry = { projects: new Map(), codebases: [], faults: [] };
  const store = openStore(home);
  if (store === null) return registry;
  for (const project of namesIn(store, PROJECTS)) {
    const directory = join(PROJECTS, project);
    if (store.stat(directory)?.isFile()) continue;
    const load = <T>(file: string, name: string, read: (value: Record<string, unknown>) => T): T | null => {
      try {
        return read(parseFile(store, join(directory, file)));
      } catch (error) {
        const path = join(home, ".orchestra", directory, file);
        registry.faults.push({ file: path, project, name, message: (error as Error).message });
        return null;
      }
    };
    let files: string[] = [];
    try {
      files = namesIn(store, directory);
    } catch (error) {
      const path = join(home, ".orchestra", directory);
      registry.faults.push({ file: path, project, name: "*", message: (error as Error).message });
    }
    const ofProject = files.find((file) => file.toLowerCase() === OF_PROJECT);
    const own = ofProject === undefined ? null : load(ofProject, "*", (value) => projectOf(project, value));
    registry.projects.set(project, own ?? { name: project, conventions: [], links: {} });
    for (const file of files) {
      const name = file.replace(/\.yaml$/i, "");
      if (name === file || file.toLowerCase() === OF_PROJECT) continue;
      const isTwice = registry.codebases.some((one) => one.project === project && one.name === name);
      if (isTwice) {
        const path = join(home, ".orchestra", directory, file);
        registry.faults.push({
          file: path,
          project,
          name,
          message: `another file already declares ${project}/${name}`,
        });
        continue;
      }
      const codebase = load(file, name, (value) => codebaseOf(project, { name, value }));
      if (codebase !== null) registry.codebases.push(codebase);
    }
  }
  return registry;
}

const OF_PROJECT = "project.yaml";

function namesIn(store: Within, directory: string): string[] {
  return store.names(directory).filter((name) => !name.startsWith("."));
}

function parseFile(store: Within, file: string): Record<string, unknown> {
  const value = Bun.YAML.parse(store.read(file, LONGEST) ?? "");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("expected fields, such as `path: /where/it/is`");
  return value as Record<string, unknown>;
}

function projectOf(name: string, value: Record<string, unknown>): Project {
  check(value, ["name", "description", "conventions", "links"]);
  return { name, ...description(value), conventions: lines(value, "conventions"), links: map(value, "links") };
}

function codebaseOf(project: string, { name, value }: { name: string; value: Record<string, unknown> }): Codebase {
  check(value, ["name", "path", "description", "stack", "conventions", "commands", "links", "targets"]);
  if (value.name !== undefined && value.name !== name)
    throw new Error(`name: expected "${name}", like the name of its file, found ${JSON.stringify(value.name)}`);
  const path = value.path;
  if (typeof path !== "string" || !isAbsolute(path))
    throw new Error(`path: expected an absolute path, found ${JSON.stringify(path)}`);
  const targets = value.targets === undefined ? TARGETS : lines(value, "targets");
  for (const target of targets)
    if (isAbsolute(target) || target.split("/").includes("..") || /[\0-\x1f\x7f]/.test(target))
      throw new Error(`targets: ${JSON.stringify(target)} is not within the codebase`);
  return {
    project,
    name,
    path,
    ...description(value),
    stack: lines(value, "stack"),
    conventions: lines(value, "conventions"),
    commands: map(value, "commands"),
    links: map(value, "links"),
    targets,
  };
}

function check(value: Record<string, unknown>, known: string[]): void {
  for (const name of Object.keys(value))
    if (!known.includes(name)) throw new Error(`${name}: unknown field; known: ${known.join(", ")}`);
}

function description({ description: text }: Record<string, unknown>): { description?: string } {
  if (text === undefined || text === null) return {};
  if (typeof text !== "string") throw new Error(`description: expected text, found ${JSON.stringify(text)}`);
  return { description: text };
}

function lines(value: Record<string, unknown>, name: string): string[] {
  const list = value[name] ?? [];
  if (!Array.isArray(list) || list.some((one) => typeof one !== "string"))
    throw new Error(`${name}: expected a list of strings, found ${JSON.stringify(list)}`);
  return list as string[];
}

function map(value: Record<string, unknown>, name: string): Record<string, string> {
  const found = value[name] ?? {};
  if (
    typeof found !== "object" ||
    found === null ||
    Array.isArray(found) ||
    Object.values(found).some((one) => typeof one !== "string")
  )
    throw new Error(`${name}: expected strings by name, found ${JSON.stringify(found)}`);
  return found as Record<string, string>;
}

/** Stores the real path: a path through a link is resolved now. */
export function addCodebase(
  home: string,
  { project, name, path }: { project: string; name: string; path: string },
): string {
  for (const [what, text] of [
    ["project", project],
    ["codebase", name],
  ] as const)
    if (!NAME.test(text))
      throw new Error(`${what}: expected letters, digits, _ . -, at most 64, found ${JSON.stringify(text)}`);
  if (name === "project") throw new Error('codebase: "project" is reserved for the project\'s own file');
  const file = join(projectsRoot(home), project, `${name}.yaml`);
  mkdirSync(projectsRoot(home), { recursive: true });
  const store = within(join(home, ".orchestra"));
  const [entry, own] = [`${name}.yaml`, OF_PROJECT].map((one) => join(PROJECTS, project, one)) as [string, string];
  if (store.stat(entry) !== null) throw new Error(`${file} already exists`);
  if (store.stat(own) === null) store.write(own, `name: ${project}\n`, { directories: true });
  store.write(entry, `name: ${name}\npath: ${JSON.stringify(realPath(path))}\n`, { directories: true });
  return file;
}

/** A codebase may be added before its directory exists. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

export function removeCodebase(home: string, { project, name }: { project: string; name: string }): string {
  const isName = NAME.test(project) && NAME.test(name);
  if (!isName || openStore(home)?.remove(join(PROJECTS, project, `${name}.yaml`)) !== true)
    throw new Error(`no ${project}/${name} in the registry`);
  return join(projectsRoot(home), project, `${name}.yaml`);
}

export function entrySchema(): object {
  const texts = { type: "array", items: { type: "string" } };
  const byName = { type: "object", additionalProperties: { type: "string" } };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A codebase of the registry",
    type: "object",
    properties: {
      name: { type: "string", description: "The name of the file, without its extension." },
      path: { type: "string", description: "The absolute path of the codebase." },
      description: { type: "string" },
      stack: { ...texts, description: "Languages, frameworks, services." },
      conventions: { ...texts, description: "Conventions to follow; those of its project come first." },
      commands: { ...byName, description: "Command lines, by what they do." },
      links: { ...byName, description: "Addresses, by name." },
      targets: { ...texts, default: TARGETS, description: "The files to write, relative to the codebase." },
    },
    required: ["path"],
    additionalProperties: false,
  };
}
