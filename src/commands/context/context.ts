/**
 * What a verb needs, made once at the edge. The root, the process table, the store and the index wait until a verb
 * asks.
 */
import { wantsColor } from "../../output/talk.ts";
import { makeGrounds } from "./grounds.ts";
import { makeCallManifests } from "./manifests.ts";
import { type CallGiven, makeCallPlace } from "./place.ts";
import type { DtContext } from "./types.ts";

export interface ContextOptions extends CallGiven {
  /** The signals that were blocked when dt started, if it executed itself again to capture a one-shot; else null. */
  held: string | null;
}

export function makeContext({ held, ...given }: ContextOptions): DtContext {
  const place = makeCallPlace(given);
  const { globals, argv, ownEnv, env, talk } = place;
  const { store, ground, strangersGround } = makeGrounds(place);
  const { announced, index, peek, glance, act } = makeCallManifests(place, ground);
  return {
    globals,
    argv,
    ownEnv,
    env,
    talk,
    colored: () => wantsColor(1, { color: globals.color, env }),
    root: place.root,
    store,
    ground,
    runner: (asStranger = false) => ({
      ground: asStranger ? strangersGround() : ground(),
      talk,
      env,
      ownEnv,
      argv,
      json: globals.json,
      dryRun: globals.dryRun,
      verbose: globals.verbose,
      capture: globals.capture,
      held,
      announced: announced(),
    }),
    home: place.home,
    isStranger: place.isStranger,
    reading: place.reading,
    index,
    peek,
    glance,
    act,
  };
}
