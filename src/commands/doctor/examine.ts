/**
 * What `dt doctor` looks at, in which order. If the run directory or the one above it is unsafe beyond repair, nothing
 * in it is read.
 */
import { join } from "node:path";
import { pluginsOfRoot } from "../../daemon/serving.ts";
import { checkCompose } from "../../inspect/doctor/compose.ts";
import { makeFinding } from "../../inspect/doctor/finding.ts";
import { checkLaunches } from "../../inspect/doctor/launches.ts";
import { checkLeftovers, namesIn } from "../../inspect/doctor/leftovers.ts";
import { checkLeftTasks } from "../../inspect/doctor/lefttasks.ts";
import { checkLocks } from "../../inspect/doctor/locks.ts";
import { checkLost } from "../../inspect/doctor/lost.ts";
import { checkNested } from "../../inspect/doctor/nested.ts";
import { checkRunDirectory } from "../../inspect/doctor/rundirectory.ts";
import { checkFileSystem, checkKernel, checkRoots, checkVersion, checkWrapper } from "../../inspect/doctor/system.ts";
import type { Finding } from "../../inspect/doctor/types.ts";
import { faultsOf } from "../../manifest/model/faults.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { askerOf } from "../../state/asker.ts";
import { DtError } from "../../sys/base/error.ts";
import { workingDirectory } from "../../sys/base/here.ts";
import { selfCommand } from "../../sys/base/self.ts";
import { isTracked } from "../../sys/files/tracked.ts";
import { homeDirectory, runDirectoryOf } from "../../sys/places/paths.ts";
import { trackedSentence } from "../context/rememberroot.ts";
import type { DtContext } from "../context/types.ts";
import { wordsOfUnread } from "../names/unread.ts";
import { unservedOf } from "../root/unserved.ts";

export async function examine(context: DtContext): Promise<Finding[]> {
  const { env } = context;
  const self = selfCommand();
  const home = homeDirectory(env);
  const general = [...checkVersion(self, { path: env.PATH, cwd: workingDirectory() ?? "/" }), ...checkKernel()];
  const root = rootOrNull(context);
  if (root === null) return [...general, ...checkRoots(home), noProject()];
  return [...general, ...checkWrapper(root, self), ...(await examineRoot(context, root)), ...checkRoots(home)];
}

async function examineRoot(context: DtContext, root: string): Promise<Finding[]> {
  const directory = runDirectoryOf(root, context.env);
  const uid = process.getuid?.() ?? 0;
  const above =
    directory === join(root, ".dialtone", "run") ? checkRunDirectory(join(root, ".dialtone"), uid).findings : [];
  const unsafe = above.filter((finding) => finding.level === "attention");
  const { findings, usable } = checkRunDirectory(directory, uid);
  if (unsafe.some((finding) => finding.repair === null)) return [...unsafe, ...checkManifests(await context.peek())];
  const index = await context.peek();
  const manifests = checkManifests(index);
  if (findings.some((finding) => finding.level === "attention" && finding.repair === null))
    return [...unsafe, ...findings, ...manifests];
  const ground = context.ground();
  const by = askerOf("user", context.argv);
  const names = namesIn(directory);
  return [
    ...unsafe,
    ...findings,
    ...checkTracked(join(root, ".dialtone")),
    ...(usable ? checkFileSystem(directory) : []),
    ...checkLocks(ground, names),
    ...checkLaunches(ground, by),
    ...checkLeftTasks(ground),
    ...checkLeftovers(ground, names),
    ...(await checkLost(ground, { index, by })),
    ...manifests,
    ...(index === null ? [] : [...(await checkCompose(ground, index)), ...checkServed(context, index)]),
  ];
}

function checkServed({ root, home, env }: DtContext, index: ManifestIndex): Finding[] {
  const unserved = unservedOf({ root: root(), home: home(), env }, pluginsOfRoot(index));
  if (unserved === null) return [];
  const text = `${unserved.text.charAt(0).toUpperCase()}${unserved.text.slice(1)}.`;
  return [makeFinding("daemon", { level: "note", text, hint: `${unserved.hint}.` })];
}

function checkTracked(directory: string): Finding[] {
  return isTracked(directory)
    ? [makeFinding("run-directory", { level: "note", text: `${trackedSentence(directory)}.` })]
    : [];
}

/** The manifests as last loaded: looking runs no plugin code. */
function checkManifests(index: ManifestIndex | null): Finding[] {
  if (index === null)
    return [
      makeFinding("manifest", {
        level: "note",
        text: "No manifest has been loaded yet.",
        hint: "`dt list` loads them.",
      }),
    ];
  const failed = index.failures.map(({ file, code, message, hint, plugin }) =>
    makeFinding("manifest", {
      level: "attention",
      text: faultsOf({ file, message }).join("\n"),
      hint,
      details: { file, code, plugin },
    }),
  );
  const unkept = (index.unkept ?? []).map(({ file, why }) =>
    makeFinding("manifest", {
      level: "note",
      text: `${file} is loaded at each call: its evaluation ${why}.`,
      hint: "dt could keep the result if that were left to the command that runs.",
      details: { file },
    }),
  );
  const count = Object.values(index.plugins).filter((plugin) => plugin.origin !== "binary").length;
  const loaded =
    count === 0 && failed.length > 0
      ? []
      : [
          makeFinding("manifest", {
            level: "fine",
            text: `${count} ${count === 1 ? "plugin is" : "plugins are"} loaded.`,
          }),
        ];
  const unread =
    index.unread.length === 0
      ? []
      : [
          makeFinding("manifest", {
            level: "note",
            text: wordsOfUnread(index.unread),
            details: { files: index.unread.map(({ file }) => file) },
          }),
        ];
  return [...loaded, ...unread, ...failed, ...unkept, ...checkNested(index)];
}

function rootOrNull(context: DtContext): string | null {
  try {
    return context.root();
  } catch (error) {
    // With -C a directory was named, and the error about it is the answer.
    if (
      error instanceof DtError &&
      ["no-root", "no-directory"].includes(error.code) &&
      context.globals.root === undefined
    )
      return null;
    throw error;
  }
}

function noProject(): Finding {
  const text = "There is no project here: neither this directory nor any above it holds `manifests/`.";
  return makeFinding("manifest", {
    level: "note",
    text,
    hint: "Go to a project, or name it with -C DIR, to check it too.",
  });
}
