/** The registry: `~/.orchestra/projects/<project>/project.yaml`, and `<codebase>.yaml` beside it. A file that is wrong is a fault of that one alone. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";

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
  /** Of one file each, by its path. */
  faults: { file: string; project: string; name: string; message: string }[];
}

export const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
export const TARGETS = ["CLAUDE.md", "AGENTS.md"];

export function projectsRoot(home: string): string {
  return join(home, ".orchestra", "projects");
}

export function loadRegistry(home: string): Registry {
  const root = projectsRoot(home);
  const registry: Registry = { projects: new Map(), codebases: [], faults: [] };
  for (const project of namesIn(root)) {
    const directory = join(root, project);
    const load = <T>(file: string, name: string, read: (value: Record<string, unknown>) => T): T | null => {
      try {
        return read(parseFile(file));
      } catch (error) {
        registry.faults.push({ file, project, name, message: (error as Error).message });
        return null;
      }
    };
    const own = join(directory, "project.yaml");
    const fallback = { name: project, conventions: [], links: {} };
    registry.projects.set(
      project,
      existsSync(own) ? (load(own, "*", (value) => projectOf(project, value)) ?? fallback) : fallback,
    );
    for (const file of namesIn(directory)) {
      const name = file.replace(/\.yaml$/, "");
      if (!file.endsWith(".yaml") || file === "project.yaml") continue;
      const codebase = load(join(directory, file), name, (value) => codebaseOf(project, name, value));
      if (codebase !== null) registry.codebases.push(codebase);
    }
  }
  return registry;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch {
    return [];
  }
}

function parseFile(file: string): Record<string, unknown> {
  const value = Bun.YAML.parse(readFileSync(file, "utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("expected fields, as `path: /where/it/is`");
  return value as Record<string, unknown>;
}

function projectOf(name: string, value: Record<string, unknown>): Project {
  check(value, ["name", "description", "conventions", "links"]);
  return { name, ...description(value), conventions: lines(value, "conventions"), links: map(value, "links") };
}

function codebaseOf(project: string, name: string, value: Record<string, unknown>): Codebase {
  check(value, ["name", "path", "description", "stack", "conventions", "commands", "links", "targets"]);
  if (value.name !== undefined && value.name !== name)
    throw new Error(`name: expected "${name}", as its file is called, found ${JSON.stringify(value.name)}`);
  const path = value.path;
  if (typeof path !== "string" || !isAbsolute(path))
    throw new Error(`path: expected an absolute path, found ${JSON.stringify(path)}`);
  const targets = value.targets === undefined ? TARGETS : lines(value, "targets");
  for (const target of targets)
    if (target.startsWith("/") || target.split("/").includes(".."))
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
    if (!known.includes(name)) throw new Error(`${name}: there is no such field; there is ${known.join(", ")}`);
}

function description({ description: text }: Record<string, unknown>): { description?: string } {
  if (text === undefined || text === null) return {};
  if (typeof text !== "string") throw new Error(`description: expected text, found ${JSON.stringify(text)}`);
  return { description: text };
}

function lines(value: Record<string, unknown>, name: string): string[] {
  const list = value[name] ?? [];
  if (!Array.isArray(list) || list.some((one) => typeof one !== "string"))
    throw new Error(`${name}: expected a list of texts, found ${JSON.stringify(list)}`);
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
    throw new Error(`${name}: expected texts by name, found ${JSON.stringify(found)}`);
  return found as Record<string, string>;
}

export function addCodebase(home: string, project: string, name: string, path: string): string {
  for (const [what, text] of [
    ["project", project],
    ["codebase", name],
  ] as const)
    if (!NAME.test(text))
      throw new Error(`${what}: expected letters, digits, _ . -, at most 64, found ${JSON.stringify(text)}`);
  if (name === "project") throw new Error('codebase: "project" is the name of the file that a project has');
  const file = join(projectsRoot(home), project, `${name}.yaml`);
  if (existsSync(file)) throw new Error(`${file} is there already`);
  const own = join(dirname(file), "project.yaml");
  mkdirSync(dirname(file), { recursive: true });
  if (!existsSync(own)) writeWhole(own, `name: ${project}\n`);
  writeWhole(file, `name: ${name}\npath: ${JSON.stringify(path)}\n`);
  return file;
}

export function removeCodebase(home: string, project: string, name: string): string {
  const file = join(projectsRoot(home), project, `${name}.yaml`);
  if (!NAME.test(project) || !NAME.test(name) || !existsSync(file)) throw new Error(`there is no ${project}/${name}`);
  rmSync(file);
  return file;
}

/** Nobody sees half of it. */
export function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

export function entrySchema(): object {
  const texts = { type: "array", items: { type: "string" } };
  const byName = { type: "object", additionalProperties: { type: "string" } };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A codebase of the registry",
    type: "object",
    properties: {
      name: { type: "string", description: "As the file is called." },
      path: { type: "string", description: "Where it is; absolute." },
      description: { type: "string" },
      stack: { ...texts, description: "Languages, frameworks, services." },
      conventions: { ...texts, description: "What to keep to; those of its project come first." },
      commands: { ...byName, description: "Command lines by what they do." },
      links: { ...byName, description: "Addresses by name." },
      targets: { ...texts, default: TARGETS, description: "The files to write, relative to the codebase." },
    },
    required: ["path"],
    additionalProperties: false,
  };
}
