/**
 * The root's manifests, as far as this call may read them. The manifest loader is imported when a verb asks for them.
 */
import { LOADING } from "../../manifest/depends/begun.ts";
import { glanceIndex, peekIndex } from "../../manifest/glance.ts";
import { loadIndex, loadManifests } from "../../manifest/index.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { askerOf } from "../../state/asker.ts";
import { isInPlaceOfTrusted } from "../../state/trust.ts";
import { TICKET_MARK } from "../../supervisor/launch/marks.ts";
import type { Announced, Ground } from "../../supervisor/launch/types.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { remember } from "./acting.ts";
import { tellOnce } from "./once.ts";
import type { CallPlace } from "./place.ts";
import type { Acting, DtContext } from "./types.ts";

export interface CallManifests extends Pick<DtContext, "index" | "peek" | "glance" | "act"> {
  /** The start that was announced while the manifests were loaded; null before that. */
  announced(): Announced | null;
}

interface CallManifestsState {
  place: CallPlace;
  ground(): Ground;
  announced: Announced | null;
}

export function makeCallManifests(place: CallPlace, ground: () => Ground): CallManifests {
  const state: CallManifestsState = { place, ground, announced: null };
  const sight = () => ({ ...whereOf(place), reading: place.reading() });
  return {
    announced: () => state.announced,
    index: async ({ refresh = false } = {}) => {
      const index = await loadIndex({ ...sight(), refresh });
      tell(place, index);
      return index;
    },
    peek: async () => tell(place, peekIndex(sight())),
    glance: async () => glanceIndex(sight()),
    act: (wanted, isStart = true) => act(state, { wanted, isStart }),
  };
}

function whereOf({ root, home, cache, env, owner }: CallPlace) {
  return { root: root(), home: home(), cacheDir: cache(), env, owner: owner() };
}

function tell(place: CallPlace, index: ManifestIndex | null): ManifestIndex | null {
  if (index !== null && !place.isOfDaemon) tellOnce({ ...whereOf(place), talk: place.talk }, index);
  return index;
}

async function act(
  state: CallManifestsState,
  { wanted, isStart }: { wanted: string | undefined; isStart: boolean },
): Promise<Acting> {
  const { place } = state;
  const { env, talk, isOfDaemon } = place;
  // A job was begun for the folder that was there at the time.
  if (!isOfDaemon && env.DIALTONE_JOB !== undefined && isInPlaceOfTrusted(place.home(), place.root()))
    throw anotherFolder(place.root());
  const { index, entries } = await loadManifests({
    ...whereOf(place),
    reading: place.acting,
    ...(wanted === undefined ? {} : { wanted }),
    ...(isStart ? { onLoad: () => announce(state) } : {}),
  });
  return {
    index,
    begin: () =>
      void (isOfDaemon || remember({ ...whereOf(place), talk, isStrange: place.reading() === "data" }, entries)),
  };
}

/** A start under a ticket was announced already, and so was one that loads a manifest. */
async function announce(state: CallManifestsState): Promise<void> {
  const { globals, argv, ownEnv, env } = state.place;
  if (globals.dryRun || state.announced !== null || ownEnv[TICKET_MARK] !== undefined || env[LOADING] !== undefined)
    return;
  const { announceStart } = await import("../../supervisor/ticket/announced.ts");
  try {
    state.announced = announceStart(state.ground(), askerOf("user", argv));
  } catch (error) {
    // A one-shot needs no run directory; a start will report itself what is wrong with it.
    if (!(error instanceof DtError)) throw error;
  }
}

function anotherFolder(root: string): DtError {
  return new DtError(
    "another-folder",
    `Another folder is at ${root} now: a job that began for the previous one runs nothing of it.`,
    {
      status: EXIT.usage,
      hint: "`dt trust` there trusts it.",
    },
  );
}
