/** `dt list`: plugins, their commands with kind and variants, where they come from, and what failed to load. */
import { faultsOf } from "../../manifest/model/faults.ts";
import { groupsOf } from "../../manifest/model/graph.ts";
import type { ManifestFailure, ManifestIndex, ResolvedCommand, ResolvedPlugin } from "../../manifest/model/resolved.ts";
import { formatLines } from "../../output/lines.ts";
import { formatTable } from "../../output/table.ts";
import { makePaint, type Paint } from "../../output/talk.ts";
import { EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { shortPath } from "../../values/commandline.ts";
import { DEFAULT_VARIANT, shortKey } from "../../values/key.ts";
import type { DtContext } from "../context/types.ts";
import { lineOfUnread } from "../names/unread.ts";
import { defineVerb } from "../parse/verb.ts";
import { isVerb } from "../parse/verbs.ts";
import { tellUnserved } from "../root/unserved.ts";

export default defineVerb({
  args: { refresh: { type: "boolean", description: "Load every manifest again" } },
  async run({ args, data }) {
    const context = data as DtContext;
    const index = await context.index({ refresh: args.refresh === true });
    print(
      context.globals.json
        ? `${JSON.stringify(toJson(index))}\n`
        : formatIndex(context.root(), { index, paint: makePaint(context.colored()) }),
    );
    tellUnserved(context, index);
    return EXIT.done;
  },
});

function toJson(index: ManifestIndex) {
  const { plugins, failures } = index;
  const read = Object.values(plugins).map((plugin) => ({
    name: plugin.name,
    description: plugin.description,
    file: plugin.file,
    origin: plugin.origin,
    trusted: true,
    commands: Object.values(plugin.commands).map((command) => ({
      name: command.name,
      kind: command.kind,
      description: command.description,
      variants: Object.keys(command.variants).sort(),
      needs: needsOf(command),
    })),
  }));
  // These manifests were found and not read, so their names are not known.
  const unread = index.unread.map(({ file, origin }) => ({
    name: null,
    description: null,
    file,
    origin,
    trusted: false,
    commands: [],
  }));
  return { groups: Object.fromEntries(groupsOf(index)), plugins: [...read, ...unread], failures };
}

/** What each variant needs, as declared; a variant that needs nothing is left out. */
function needsOf({ variants }: ResolvedCommand): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(variants).flatMap(([name, settings]) =>
      settings.needs.length > 0 ? [[name, settings.needs.map(({ key }) => shortKey(key))]] : [],
    ),
  );
}

function formatIndex(root: string, { index, paint }: { index: ManifestIndex; paint: Paint }): string {
  const { plugins, failures } = index;
  const blocks = Object.values(plugins).map((plugin) => formatPlugin(root, { plugin, paint }));
  const failed = failures.map((failure) => formatFailure(root, { failure, paint }));
  const rows = [...groupsOf(index)].map(([name, keys]) => [`  dt up ${name}`, keys.map(shortKey).join(" ")]);
  const groups = rows.length === 0 ? [] : [`${paint.bold("groups")}\n${formatTable(rows)}`];
  const unread = index.unread.length === 0 ? [] : [lineOfUnread(root, index.unread)];
  return [...blocks, ...groups, ...failed, ...unread].join("\n");
}

function formatFailure(root: string, { failure, paint }: { failure: ManifestFailure; paint: Paint }): string {
  const hint = failure.hint?.split("\n").map((line) => `  ${paint.dim(line)}`) ?? [];
  return formatLines([
    `${paint.red("failed")}  ${shortPath(root, failure.file)}`,
    ...faultsOf(failure).map((line) => `  ${line}`),
    ...hint,
  ]);
}

/** One plugin with its commands; also the plugin's own help. */
export function formatPlugin(root: string, { plugin, paint }: { plugin: ResolvedPlugin; paint: Paint }): string {
  const source = plugin.origin === "binary" ? "inside dt" : shortPath(root, plugin.file);
  const rows = Object.values(plugin.commands).map((command) => {
    const variants = Object.keys(command.variants).filter((name) => name !== DEFAULT_VARIANT);
    const more = variants.length === 0 ? "" : `variants: ${variants.sort().join(" ")}`;
    return [
      `  dt ${isVerb(plugin.name) ? "-- " : ""}${plugin.name} ${command.name}`,
      paint.dim(command.kind),
      [command.description ?? "", more].filter(Boolean).join("  "),
    ];
  });
  const description = plugin.description === null ? "" : `${plugin.description}  `;
  return `${formatLines([`${paint.bold(plugin.name)}  ${description}${paint.dim(source)}`])}${formatTable(rows)}`;
}
