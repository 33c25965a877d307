/**
 * A `watch` or a `schedule` that is declared while nothing acts on it: in one line, for `dt list`, `dt jobs`, `dt
 * doctor` and the start of a command.
 */
import { askedBy, pluginsOfRoot, type ServicePlace, serviceOf } from "../../daemon/serving.ts";
import type { ManifestIndex, ResolvedPlugin } from "../../manifest/model/resolved.ts";
import { isNews } from "../../state/told.ts";
import { isOfPerson } from "../context/acting.ts";
import type { DtContext } from "../context/types.ts";
import { asksForService } from "../names/called.ts";

export interface Unserved {
  /** What nothing acts on. */
  text: string;
  /** What to type. */
  hint: string;
}

/** Null when the daemon or `dt watch` acts on all of it, or when none of these plugins declares any. */
export function unservedOf(place: ServicePlace, plugins: readonly ResolvedPlugin[]): Unserved | null {
  const asking = plugins.filter(asksForService);
  if (asking.length === 0) return null;
  const { missing, isWatched } = serviceOf(place);
  if (missing === "nothing") return null;
  const left = asking.flatMap((plugin) => {
    const { scheduled, watches } = askedBy([plugin]);
    const isLeft = scheduled > 0 || (watches > 0 && !isWatched);
    return isLeft ? [{ name: plugin.name, scheduled: scheduled > 0, watches: watches > 0 && !isWatched }] : [];
  });
  if (left.length === 0) return null;
  const isWatch = left.some(({ watches }) => watches);
  const fields = [isWatch ? "`watch`" : "", left.some(({ scheduled }) => scheduled) ? "`schedule`" : ""].filter(
    Boolean,
  );
  return {
    text: `nothing acts on the ${fields.join(" and ")} of ${namesOf(left.map(({ name }) => name))}`,
    hint: `${WAYS[missing]}${isWatch ? "; `dt watch` does it in this terminal" : ""}`,
  };
}

const WAYS = {
  daemon: "`dt daemon start` has the daemon do it",
  registration: "`dt boot add` has the daemon do it",
  both: "`dt daemon start` has the daemon do it (`dt boot add` if it should begin later)",
};

/** A list of more names than this is not read. */
const MOST_NAMES = 4;

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

type Place = Pick<DtContext, "globals" | "talk" | "root" | "home" | "env">;

/** For verbs about the root as a whole: each time. */
export function tellUnserved(context: Place, { plugins }: Pick<ManifestIndex, "plugins">): void {
  if (!isToBeTold(context)) return;
  tell(context, unservedOf(placeOf(context), pluginsOfRoot({ plugins })));
}

/**
 * At the start of commands, about their plugins alone. `once`: the same message is not repeated in this root until the
 * matter changes.
 */
export function tellUnservedOf(
  context: Place,
  { plugins, once }: { plugins: readonly ResolvedPlugin[]; once: boolean },
): void {
  // On CI there is no daemon, and none is expected.
  if (!isToBeTold(context) || context.talk.onCi) return;
  const unserved = unservedOf(placeOf(context), plugins);
  if (unserved === null) return;
  const home = context.home();
  if (once && home !== null && !isNews(home, { root: context.root(), matter: "unserved", mark: unserved.text })) return;
  tell(context, unserved);
}

function isToBeTold({ globals, env }: Place): boolean {
  return !globals.json && !globals.quiet && isOfPerson(env);
}

function placeOf({ root, home, env }: Place): ServicePlace {
  return { root: root(), home: home(), env };
}

function tell({ talk }: Place, unserved: Unserved | null): void {
  if (unserved !== null) talk.say(`${unserved.text}: ${unserved.hint}`);
}
