/**
 * `dt trust`: trusts the code of a root, and the daemon goes by its manifests as they are now. `--owner`: even if
 * another user owns the root.
 */
import { statSync } from "node:fs";
import { takeOver } from "../../manifest/cache/known.ts";
import { loadManifests } from "../../manifest/index.ts";
import { faultsOf } from "../../manifest/model/faults.ts";
import { formatLines } from "../../output/lines.ts";
import { formatTable } from "../../output/table.ts";
import { makePaint } from "../../output/talk.ts";
import { listTrusted, writeTrust } from "../../state/trust.ts";
import { EXIT } from "../../sys/base/error.ts";
import { cacheDirectoryOf, noRootError } from "../../sys/places/paths.ts";
import { nearestCandidate, otherOwnerOf } from "../../sys/places/root.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { shortPath } from "../../values/commandline.ts";
import type { DtContext } from "../context/types.ts";
import { directoryOf } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";
import { directoryAt, rootAt } from "../root/rootat.ts";
import { trustHomeOf } from "../root/trusthome.ts";

export default defineVerb({
  args: {
    list: { type: "boolean", description: "List the roots that are trusted" },
    owner: {
      type: "boolean",
      description: "Even if the root belongs to another user, whose files are then trusted",
    },
    _: { type: "positional", required: false, description: "A directory", valueHint: "DIR" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const [word] = args._;
    const directory = directoryOf("dt trust", word);
    const home = trustHomeOf(context);
    if (args.list) return showList(context, home);
    return trustRoot(context, { home, directory, withOwner: args.owner === true });
  },
});

async function trustRoot(
  context: DtContext,
  { home, directory, withOwner }: { home: string; directory: string | undefined; withOwner: boolean },
): Promise<number> {
  const { env, globals } = context;
  const root = withOwner ? candidateOf(context, directory) : rootAt(context, directory);
  const owner = withOwner ? (otherOwnerOf(root, env) ?? statSync(root).uid) : undefined;
  if (globals.dryRun) {
    print(formatLines([`would trust ${root}${owner === undefined ? "" : `, which belongs to uid ${owner}`}`]));
    return EXIT.done;
  }
  writeTrust(home, { root, how: "said", owner });
  const place = { root, home, cacheDir: cacheDirectoryOf(root, env), env, owner: otherOwnerOf(root, env) };
  const { index, entries } = await loadManifests({ ...place, reading: "all" });
  takeOver({ root, home, reading: "all" }, { taken: entries });
  const manifests = entries.map(({ file }) => file);
  const failed = index.failures.map(({ file, message }) => ({ file, message }));
  const faulty = manifests.filter((manifest) => failed.some(({ file }) => file === manifest)).length;
  const read = manifests.length - faulty;
  const count = `${read} ${read === 1 ? "manifest" : "manifests"} read${faulty === 0 ? "" : `, ${faulty} failed`}`;
  const of = owner === undefined ? "" : `, with the files of uid ${owner}`;
  if (globals.json) print(`${JSON.stringify({ root, owner: owner ?? null, manifests, failures: failed })}\n`);
  else {
    print(formatLines([`${root} is trusted${of}: ${count}`]));
    for (const failure of index.failures)
      context.talk.warn(`failed  ${shortPath(root, failure.file)}`, [
        ...faultsOf(failure),
        ...(failure.hint?.split("\n") ?? []),
      ]);
  }
  return EXIT.done;
}

function candidateOf({ globals }: DtContext, directory: string | undefined): string {
  const start = directoryAt(directory ?? globals.root ?? ".");
  const root = nearestCandidate(start);
  if (root === null) throw noRootError(start);
  return root;
}

function showList(context: DtContext, home: string): number {
  const rows = listTrusted(home).map(({ root, is, at, how, owner }) => ({ root, is, at, how, owner }));
  if (context.globals.json) print(`${JSON.stringify(rows)}\n`);
  else if (rows.length === 0) print("No root is trusted.\n");
  else
    print(
      formatTable([
        ["ROOT", "SINCE", "BY", "OWNER"].map(makePaint(context.colored()).bold),
        ...rows.map(({ root, is, at, how, owner }) => [
          is === "there" ? root : `${root} (${is === "gone" ? "gone" : "another folder is there now"})`,
          at.slice(0, 10),
          HOW[how],
          owner === null ? "-" : `uid ${owner}`,
        ]),
      ]),
    );
  return EXIT.done;
}

const HOW = {
  ran: "a command that was run",
  said: "dt trust",
  made: "dt init",
};
