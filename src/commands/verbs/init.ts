/**
 * `dt init`: makes a directory a project. `dt init plugin <name>`: copies the plugin `template` into one. No existing
 * file is overwritten.
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { loadIndexOnce } from "../../manifest/index.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { checkPlaces } from "../../manifest/start/places.ts";
import { checkPluginName, planPlugin } from "../../manifest/start/plan.ts";
import { planProject, replaceFiles } from "../../manifest/start/project.ts";
import { makeManifests, writeNewFiles } from "../../manifest/start/write.ts";
import { formatLines } from "../../output/lines.ts";
import { isTrusted, writeTrust } from "../../state/trust.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { resolveFrom, workingDirectory } from "../../sys/base/here.ts";
import { statOf } from "../../sys/base/stat.ts";
import { findRoot } from "../../sys/places/root.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { acceptedOwnerOf, rootRequest } from "../context/acting.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: {
    _: { type: "positional", required: false, description: "`plugin` and a name", valueHint: "plugin NAME" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const [what, name] = args._;
    if (what === undefined) return initProject(context);
    if (what !== "plugin")
      throw usage(`\`dt init\` takes no arguments, or \`plugin\` and a name, not "${what}".`, `dt init plugin ${what}`);
    if (name === undefined) throw usage("`dt init plugin` needs a name for the plugin.", "dt init plugin shop");
    return initPlugin(context, name);
  },
});

/** What `dt init --json` prints. */
export interface InitReport {
  /** The project root, absolute. */
  root: string;
  /** The plugin's name; null for `dt init` alone. */
  plugin: string | null;
  /** Whether this was a `--dry-run`, which writes nothing. */
  dryRun: boolean;
  /** Paths that were made, or would be, relative to the root. A directory ends in `/`. */
  written: string[];
  /** Existing files that were changed, or would be. */
  changed: string[];
}

async function initProject(context: DtContext): Promise<number> {
  const root = startingPoint(context);
  refuseNested(context, root);
  const { env } = context;
  checkPlaces(root, { paths: [MANIFESTS], env });
  const { dryRun } = context.globals;
  const { create, replace } = planProject(root);
  checkPlaces(root, { paths: [...create, ...replace].map(({ path }) => path), env });
  const made = makesManifests(root);
  if (!dryRun) {
    const before = made ? await indexOfFolder(context, root) : null;
    writeNewFiles(root, { files: create, env });
    makeManifests(root, env);
    replaceFiles(root, { files: replace, env });
    if (before !== null) trustMade(context, { root, before });
  }
  const written = [...(made ? [MANIFESTS] : []), ...create.map(({ path }) => path)];
  const changed = replace.map(({ path }) => path);
  report(context, { root, plugin: null, dryRun, written, changed });
  const { talk } = context;
  if (written.length + changed.length === 0) talk.say(`${root} is a project already, and nothing is missing in it`);
  if (!dryRun) talk.say("Next:", besides([["dt init plugin NAME", "start a plugin from a template"]]));
  return EXIT.done;
}

/** The manifests that are there before the folder is a root. If it is not trusted, their code is not read. */
function indexOfFolder({ env, home }: DtContext, root: string): Promise<ManifestIndex> {
  return loadIndexOnce({ root, home: home(), env, reading: isTrusted({ home: home(), env }, root) ? "all" : "data" });
}

/** Trusts the root: the user just made all code in it, unless some was there before, from a package for example. */
function trustMade({ env, home }: DtContext, { root, before }: { root: string; before: ManifestIndex }): void {
  const at = home();
  if (at === null || before.unread.length > 0 || isTrusted({ home: at, env }, root)) return;
  try {
    writeTrust(at, { root, how: "made" });
  } catch {
    // a read-only or full home: the first command that runs trusts it
  }
}

async function initPlugin(context: DtContext, name: string): Promise<number> {
  const { globals, talk, env } = context;
  const found = findRoot(rootRequest(globals, { cwd: workingDirectory(), env }));
  // A root that is known only by its running launches no longer has manifests.
  const made = found === null || makesManifests(found);
  const root = made ? startingPoint(context) : found;
  checkPlaces(root, { paths: [MANIFESTS, "plugins/"], env });
  const index = made ? await indexOfFolder(context, root) : await context.index();
  checkPluginName(name, index);
  const files = planPlugin(root, name);
  checkPlaces(root, { paths: files.map(({ path }) => path), env });
  const { dryRun } = globals;
  if (!dryRun) writeNewFiles(root, { files, env });
  if (!dryRun && made) trustMade(context, { root, before: index });
  report(context, { root, plugin: name, dryRun, written: files.map(({ path }) => path), changed: [] });
  if (made)
    talk.say(`there was no project here: with manifests/, ${root} ${dryRun ? "would become one" : "is one now"}`);
  else if (root !== workingDirectory()) talk.say(`the project is ${root}`);
  if (!dryRun)
    talk.say(
      `${talk.paint.bold(name)} is there. Try it, then make it yours in manifests/${name}.ts:`,
      besides([
        [`dt ${name} dev`, "serve its page until Ctrl-C (-d: in the background)"],
        [`dt ${name} check`, "lint, test, build, and ask for the page"],
        [`dt ${name}`, "list its commands"],
      ]),
    );
  return EXIT.done;
}

const MANIFESTS = "manifests/";

function makesManifests(root: string): boolean {
  return statOf(join(root, MANIFESTS)) === undefined;
}

/** `-C DIR`, else the working directory, by its real path. */
function startingPoint({ globals }: DtContext): string {
  const directory = resolveFrom(workingDirectory(), globals.root ?? ".");
  if (statOf(directory)?.isDirectory()) return realpathSync(directory);
  throw new DtError("no-root", `${directory} is not a directory.`, { status: EXIT.usage });
}

/** A user in a folder of a project hardly means a project inside it. With -C the directory was named. */
function refuseNested({ globals, env }: DtContext, directory: string): void {
  const around =
    globals.root === undefined
      ? findRoot({ cwd: directory, env: {}, acceptedOwner: (root) => acceptedOwnerOf(root, env) })
      : directory;
  if (around === null || around === directory || makesManifests(around)) return;
  throw new DtError("nested", `${directory} is in a project already: ${around}.`, {
    status: EXIT.usage,
    hint: "`dt init plugin NAME` starts a plugin in it. If this is to be a project of its own: dt -C . init",
  });
}

function report({ globals }: DtContext, result: InitReport): void {
  const [write, change] = result.dryRun ? ["would write", "would change"] : ["wrote", "changed"];
  const lines = [
    ...result.written.map((path) => `${write}  ${path}`),
    ...result.changed.map((path) => `${change}  ${path}`),
  ];
  print(globals.json ? `${JSON.stringify(result)}\n` : formatLines(lines));
}

/** Command lines for below a sentence, with what each does. */
function besides(commands: [string, string][]): string[] {
  const width = Math.max(...commands.map(([command]) => command.length));
  return commands.map(([command, does]) => `      ${command.padEnd(width)}   ${does}`);
}
