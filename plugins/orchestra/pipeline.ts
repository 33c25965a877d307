/**
 * Writes the files from the registry: one function for the command line, the watched files and the daemon's socket. It
 * writes only the marked region of a file. The mark holds a digest of the written text, so an edit by hand within the
 * region is detected.
 *
 * A codebase may come from a stranger. Its files are reached without leaving it. A file that is a link out of it, has a
 * second name, is not a regular file, belongs to another user or is too long is left alone: that is reported, and the
 * other files are written.
 */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Within, within } from "@dialtone/dt";
import { type Codebase, loadRegistry, type Project, type Registry, readTemplate } from "./registry.ts";

export type Scope =
  | { is: "all" }
  | { is: "project"; project: string }
  | { is: "one"; project: string | null; name: string };

export interface Result {
  project: string;
  codebase: string;
  written: string[];
  unchanged: string[];
  error: string | null;
}

export type State = "current" | "stale" | "missing" | "edited" | "broken";

const BEGIN = /<!-- orchestra:begin ([0-9a-f]{16}) -->\n/;
const END = "<!-- orchestra:end -->";
/** Largest file in a codebase, in bytes. */
const LONGEST = 4 * 1024 * 1024;

export function run(home: string, { scope, dryRun }: { scope: Scope; dryRun: boolean }): Result[] {
  const registry = loadRegistry(home);
  const results = select(registry, scope).map((codebase) => sync(home, { registry, codebase, dryRun }));
  const faults = registry.faults
    .filter(
      ({ project, name }) =>
        scope.is === "all" ||
        (scope.is === "project"
          ? project === scope.project
          : name === scope.name && (scope.project ?? project) === project),
    )
    .map(({ project, name, file, message }) => ({
      project,
      codebase: name,
      written: [],
      unchanged: [],
      error: `${file}: ${message}`,
    }));
  return [...results, ...faults];
}

/** Throws when a name matches no codebase, or more than one. */
export function select({ codebases, faults }: Registry, scope: Scope): Codebase[] {
  if (scope.is === "all") return codebases;
  if (scope.is === "project") return codebases.filter(({ project }) => project === scope.project);
  const { project, name } = scope;
  const found = codebases.filter((one) => one.name === name && (project === null || one.project === project));
  if (found.length > 1)
    throw new Error(`${name} is in several projects: ${found.map((one) => `${one.project}/${one.name}`).join(", ")}`);
  const faulty = faults.some((one) => one.name === name && (project === null || one.project === project));
  if (found.length === 0 && !faulty)
    throw new Error(`no codebase ${project === null ? "" : `${project}/`}${name} in the registry`);
  return found;
}

/** `name` or `project/name`; `project/*`: all codebases of a project. */
export function scopeOf(text: string | undefined): Scope {
  if (text === undefined || text === "all") return { is: "all" };
  const [project, name] = text.includes("/") ? (text.split("/") as [string, string]) : [null, text];
  if (project !== null && name === "*") return { is: "project", project };
  return { is: "one", project, name };
}

function sync(
  home: string,
  { registry, codebase, dryRun }: { registry: Registry; codebase: Codebase; dryRun: boolean },
): Result {
  const result: Result = {
    project: codebase.project,
    codebase: codebase.name,
    written: [],
    unchanged: [],
    error: null,
  };
  const errors: string[] = [];
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      errors.push((error as Error).message);
    }
  };
  attempt(() => {
    const folder = openCodebase(codebase);
    for (const target of codebase.targets)
      attempt(() => {
        const file = join(codebase.path, target);
        const before = folder.read(target, LONGEST);
        const after = withRegion(before, { region: regionOf(home, { registry, codebase, target }), file });
        if (after === before) result.unchanged.push(file);
        else {
          if (!dryRun) folder.write(target, after);
          result.written.push(file);
        }
      });
  });
  return { ...result, error: errors.length === 0 ? null : errors.join("\n") };
}

function openCodebase({ project, name, path }: Codebase): Within {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`${project}/${name}: no directory ${path}`);
  const folder = within(path);
  // The next pull of a larger clone may turn a codebase in it into a link.
  if (folder.folder !== resolve(path))
    throw new Error(
      `${project}/${name}: ${path} is left alone: a link on the way leads to ${folder.folder}; if that is meant, write it as the entry's path`,
    );
  return folder;
}

export function check(home: string): { project: string; codebase: string; file: string; state: State; why: string }[] {
  const registry = loadRegistry(home);
  const found = registry.codebases.flatMap((codebase) =>
    codebase.targets.map((target) => {
      const file = join(codebase.path, target);
      return {
        project: codebase.project,
        codebase: codebase.name,
        file,
        ...stateOf(home, { registry, codebase, target, file }),
      };
    }),
  );
  const faults = registry.faults.map(({ project, name, file, message }) => ({
    project,
    codebase: name,
    file,
    state: "broken" as const,
    why: message,
  }));
  return [...found, ...faults];
}

function stateOf(
  home: string,
  { registry, codebase, target, file }: { registry: Registry; codebase: Codebase; target: string; file: string },
): { state: State; why: string } {
  try {
    const text = openCodebase(codebase).read(target, LONGEST);
    if (text === null) return { state: "missing", why: "it was never written, or was removed" };
    const region = findRegion(text, file);
    if (region === null) return { state: "missing", why: "it has no marked region" };
    if (digestOf(region.text) !== region.digest)
      return { state: "edited", why: "it was edited by hand within its marks" };
    return region.text === regionOf(home, { registry, codebase, target })
      ? { state: "current", why: "" }
      : { state: "stale", why: "the registry has changed since" };
  } catch (error) {
    return { state: "broken", why: (error as Error).message };
  }
}

interface Region {
  from: number;
  to: number;
  digest: string;
  text: string;
}

function findRegion(text: string, file: string): Region | null {
  const begins = [...text.matchAll(new RegExp(BEGIN, "g"))];
  const ends = text.split(END).length - 1;
  if (begins.length === 0 && ends === 0) return null;
  const [begin] = begins;
  const end = text.indexOf(END);
  if (begins.length !== 1 || ends !== 1 || begin === undefined || end < begin.index)
    throw new Error(
      `${file}: expected one begin and one end of the marked region, found ${begins.length} and ${ends}: fix it by hand`,
    );
  return {
    from: begin.index,
    to: end + END.length,
    digest: begin[1] as string,
    text: text.slice(begin.index + begin[0].length, end),
  };
}

/** Replaces or appends the marked region; all other text stays, byte by byte. */
export function withRegion(before: string | null, { region, file }: { region: string; file: string }): string {
  const block = `<!-- orchestra:begin ${digestOf(region)} -->\n${region}${END}`;
  if (before === null) return `${block}\n`;
  const found = findRegion(before, file);
  if (found !== null) return before.slice(0, found.from) + block + before.slice(found.to);
  const gap = before === "" || before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
  return `${before}${gap}${block}\n`;
}

function digestOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);
}

function regionOf(
  home: string,
  { registry: { projects }, codebase, target }: { registry: Registry; codebase: Codebase; target: string },
): string {
  const project = projects.get(codebase.project) as Project;
  const parts = partsOf(project, codebase);
  const text = readTemplate(home, target) ?? DEFAULT;
  const filled = text
    .replace(/\{\{(\w+)\}\}/g, (whole, name: string) => (Object.hasOwn(parts, name) ? (parts[name] as string) : whole))
    .replace(/\n{3,}/g, "\n\n");
  return `${filled.trim()}\n`;
}

const DEFAULT = `# {{name}}

{{description}}

{{stack}}

{{commands}}

{{conventions}}

{{links}}
`;

function partsOf(project: Project, codebase: Codebase): Record<string, string> {
  const section = (title: string, rows: string[]) => (rows.length === 0 ? "" : `## ${title}\n\n${rows.join("\n")}`);
  const links = { ...project.links, ...codebase.links };
  return {
    name: codebase.name,
    project: project.name,
    path: codebase.path,
    description: [codebase.description, project.description && `Part of ${project.name}: ${project.description}`]
      .filter(Boolean)
      .join("\n\n"),
    stack: section(
      "Stack",
      codebase.stack.map((one) => `- ${one}`),
    ),
    commands: section(
      "Commands",
      Object.entries(codebase.commands).map(([name, line]) => `- ${name}: \`${line}\``),
    ),
    conventions: section(
      "Conventions",
      [...project.conventions, ...codebase.conventions].map((one) => `- ${one}`),
    ),
    links: section(
      "Links",
      Object.entries(links).map(([name, url]) => `- [${name}](${url})`),
    ),
  };
}
