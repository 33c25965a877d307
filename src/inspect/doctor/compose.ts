/**
 * Whether the stacks of this root can be started here: Compose is installed, and its engine answers. In a root that is
 * not trusted this runs no program, and only looks whether one of them is on PATH.
 */
import { ENGINES } from "../../compose/command.ts";
import { listContainers } from "../../compose/containers.ts";
import { findEngine } from "../../compose/engine.ts";
import type { EngineName } from "../../compose/types.ts";
import { declaredIn } from "../../manifest/model/find.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { isTrusted } from "../../state/trust.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { DtError } from "../../sys/base/error.ts";
import { makeSeal } from "../../sys/seal/seal.ts";
import { shortKey } from "../../values/key.ts";
import { makeFinding } from "./finding.ts";
import type { Finding } from "./types.ts";

type Place = Pick<Ground, "root" | "home" | "env" | "cache">;

export async function checkCompose(place: Place, index: ManifestIndex): Promise<Finding[]> {
  const managed = declaredIn(index).flatMap(({ key, settings }) =>
    settings.kind === "managed" ? [{ key: shortKey(key), isStack: settings.compose !== null }] : [],
  );
  const keys = managed.flatMap(({ key, isStack }) => (isStack ? [key] : []));
  if (keys.length === 0) return [];
  const who = `${keys.join(", ")} ${keys.length === 1 ? "needs" : "need"} Compose`;
  const details = { keys };
  if (!isTrusted(place, place.root)) return isLikely(place.env) ? [] : [missing(who, { lines: [], details })];
  try {
    const { env, cache, home } = place;
    const request = { env, cwd: "/", cache, seal: makeSeal(cache, home), onCommand: () => {} };
    const engine = await findEngine(request);
    const answer = await listContainers({ engine, project: "none" }, env);
    if (answer !== null)
      return [
        makeFinding("compose", { level: "fine", text: `${engine} is installed, and its engine answers.`, details }),
      ];
    const text = `${who}: ${engine} is installed, but its engine does not answer \`${ENGINES[engine].client} ps\`.`;
    const hint = "Start the engine, or check that you are allowed to use it. DOCKER_HOST says where it is looked for.";
    // On many machines the engine is usually not running. That needs attention only if every managed command needs it.
    return [
      makeFinding("compose", {
        level: managed.every(({ isStack }) => isStack) ? "attention" : "note",
        text,
        hint,
        details,
      }),
    ];
  } catch (error) {
    if (!(error instanceof DtError) || error.code !== "no-compose") throw error;
    return [missing(who, { lines: error.lines, details })];
  }
}

function missing(who: string, { lines, details }: { lines: readonly string[]; details: Finding["details"] }): Finding {
  const said = lines.map((line) => line.trim()).join("; ");
  return makeFinding("compose", {
    level: "attention",
    text: `${who}, and none was found${said === "" ? "" : `: ${said}`}.`,
    hint: "Install Docker with its Compose plugin, docker-compose, or Podman.",
    details,
  });
}

function isLikely({ PATH = "" }: Record<string, string | undefined>): boolean {
  return (Object.keys(ENGINES) as EngineName[]).some(
    (engine) => Bun.which(ENGINES[engine].words[0] as string, { PATH }) !== null,
  );
}
