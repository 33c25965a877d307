/** One root, as the daemon works in it: its manifests as a person last took them over, and starts in it. */
import { existsSync } from "node:fs";
import { isAnythingKnown, type Waiting, waitingIn } from "../../manifest/cache/known.ts";
import { loadIndex } from "../../manifest/index.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { askerOf } from "../../state/asker.ts";
import { isTrusted } from "../../state/trust.ts";
import { groundOf, ownerIn, type World } from "../../supervisor/ground/ground.ts";
import { TICKET_MARK } from "../../supervisor/launch/marks.ts";
import { dropTicket, handTicket } from "../../supervisor/ticket/ticket.ts";
import { cacheDirectoryOf, runDirectoryOf } from "../../sys/places/paths.ts";
import { formatKey, parseKey } from "../../values/key.ts";

/** The manifests as a person last took them over. */
export function indexOf({ home, env }: World, root: string): Promise<ManifestIndex> {
  const place = { root, home, cacheDir: cacheDirectoryOf(root, env), env, owner: ownerIn({ home, env }, root) };
  return loadIndex({ ...place, reading: "known" });
}

/** Whether a start in this root would be the first: it is trusted, and none of its manifests was ever taken over. */
export function isFirstAct({ home, env }: Pick<World, "home" | "env">, root: string): boolean {
  return isTrusted({ home, env }, root) && !isAnythingKnown({ root, home });
}

/** The manifests that the daemon does not follow until a person takes them over. */
export function waitsIn({ home, env }: Pick<World, "home" | "env">, root: string): Waiting {
  return waitingIn({ root, home, env, owner: ownerIn({ home, env }, root) });
}

/**
 * Runs the start of a key under a ticket, so that a stop calls it off. Where nothing was ever started there is no
 * folder for a ticket, and nothing that a stop could be compared with.
 */
export async function asStart<T>(
  world: World,
  { root, word, run }: { root: string; word: string; run: (env: Record<string, string>) => Promise<T> },
): Promise<T> {
  const parts = parseKey(word);
  const ground = parts === null || !existsSync(runDirectoryOf(root, world.env)) ? null : groundOf(world, root);
  if (parts === null || ground === null) return run({});
  const key = formatKey(parts);
  const { ticket, mark } = handTicket(ground, { key, asker: askerOf("user", ["daemon"]) });
  try {
    return await run({ [TICKET_MARK]: mark });
  } finally {
    dropTicket(ground, { key, ticket });
  }
}
