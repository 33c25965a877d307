/** `dt boot`: which roots the daemon works for: what is marked `boot` is started with it, `schedule` and `watch` are run. */
import { resolve } from "node:path";
import { daemonPaths, makeDaemonHome, neededHome } from "../daemon/paths.ts";
import { declaredIn } from "../daemon/project.ts";
import { foreignRegistrations, registeredRoots, registerRoot, unregisterRoot } from "../daemon/roots.ts";
import { loadManifests, peekIndex } from "../manifest/index.ts";
import { isAnythingKnown, takeOver } from "../manifest/known.ts";
import { formatLines } from "../output/lines.ts";
import { formatTable } from "../output/table.ts";
import { makePaint } from "../output/talk.ts";
import { isTrusted } from "../state/trust.ts";
import { EXIT } from "../sys/error.ts";
import { cacheDirectoryOf, homeDirectory, noRootError } from "../sys/paths.ts";
import { findRoot, otherOwnerOf } from "../sys/root.ts";
import { statOf } from "../sys/stat.ts";
import { print } from "../sys/stdio.ts";
import { rootRequest } from "./acting.ts";
import { meantBy, usage } from "./args.ts";
import type { DtContext } from "./context.ts";
import { wordsOfUnread } from "./unread.ts";
import { defineVerb } from "./verb.ts";

export default defineVerb({
  meta: { name: "boot", description: "Register roots with the daemon: add, remove, list" },
  args: {
    _: {
      type: "positional",
      required: false,
      description: "add or remove this root, or that of a directory; or list",
      valueHint: "add|remove|list] [DIR",
    },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const paths = neededHome(homeDirectory(context.env));
    const [action = "list", directory] = args._;
    if (action === "list") return showList(context);
    if (action !== "add" && action !== "remove")
      throw usage(
        `dt boot has no ${JSON.stringify(action)}.`,
        meantBy(action, ["add", "remove", "list"]) ?? "dt boot add | remove | list",
      );
    const root = directory === undefined ? context.root() : rootAt(context, directory);
    if (action === "remove") {
      const removed = unregisterRoot(paths, root);
      if (context.globals.json) print(`${JSON.stringify({ root, removed })}\n`);
      else print(formatLines([`${root} ${removed ? "is registered no more" : "was not registered"}`]));
      return EXIT.done;
    }
    const reading = isTrusted({ home: paths.home, env: context.env }, root) ? "all" : "data";
    const { index, entries } = await loadManifests({ ...placeOf(context.env, paths.home, root), reading });
    makeDaemonHome(paths);
    takeOver({ root, home: paths.home, reading }, entries, index.unread);
    const added = registerRoot(paths, root);
    const { boot, scheduled } = countsOf(index);
    const how = added ? "is registered" : "was registered already";
    if (context.globals.json) print(`${JSON.stringify({ root, added, boot, scheduled })}\n`);
    else print(formatLines([`${root} ${how}: ${wordsOf(boot, scheduled)}`]));
    if (index.unread.length > 0) context.talk.warn(wordsOfUnread(index.unread));
    if (boot > 0)
      context.talk.say("they are started when the daemon begins: dt daemon start, or dt daemon install for each boot");
    return EXIT.done;
  },
});

function placeOf(env: Record<string, string>, home: string, root: string) {
  return { root, home, cacheDir: cacheDirectoryOf(root, env), env, owner: otherOwnerOf(root, env) };
}

/** One that is gone can be removed by its path. */
function rootAt({ env }: DtContext, directory: string): string {
  if (statOf(directory) === undefined) return resolve(directory);
  const root = findRoot(rootRequest({ root: directory }, process.cwd(), env));
  if (root === null) throw noRootError(directory);
  return root;
}

function countsOf(index: Parameters<typeof declaredIn>[0]): { boot: number; scheduled: number } {
  const declared = declaredIn(index);
  return {
    boot: declared.filter(({ settings }) => settings.kind === "managed" && settings.boot).length,
    scheduled: declared.filter(({ settings }) => settings.schedule !== null).length,
  };
}

function wordsOf(boot: number, scheduled: number): string {
  return `${boot} marked boot, ${scheduled} with a schedule`;
}

function showList(context: DtContext): number {
  const { env, globals } = context;
  const home = homeDirectory(env);
  const roots = home === null ? [] : registeredRoots(daemonPaths(home));
  const rows = roots.map((root) => {
    const isKnown = home !== null && isAnythingKnown({ root, home });
    const index = isKnown ? peekIndex({ ...placeOf(env, home, root), reading: "known" }) : null;
    const there = statOf(root) !== undefined;
    return { root, there, ...(index === null ? { boot: null, scheduled: null } : countsOf(index)) };
  });
  if (globals.json) print(`${JSON.stringify(rows)}\n`);
  else if (rows.length === 0) print("No root is registered.\n");
  else
    print(
      formatTable([
        ["ROOT", "BOOT", "SCHEDULED"].map(makePaint(context.colored()).bold),
        ...rows.map(({ root, there, boot, scheduled }) => [
          there ? root : `${root} (gone)`,
          String(boot ?? "-"),
          String(scheduled ?? "-"),
        ]),
      ]),
    );
  if (home !== null) for (const words of foreignRegistrations(daemonPaths(home))) context.talk.warn(words);
  return EXIT.done;
}
