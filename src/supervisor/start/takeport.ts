/**
 * `--take`: stops the launches that hold a port as `dt stop` does, whichever root they are in. It never stops another
 * process.
 */
import { openStore } from "../../state/store.ts";
import { stopKey } from "../end/stopkey.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { describeHolder, holdersOf } from "../port/holders.ts";
import { isInTheWay } from "../port/listening.ts";

/** Does nothing if a process that is no launch, or that cannot be seen, holds the port; the start then names it. */
export async function freePort(
  ground: Ground,
  { spec, say }: { spec: LaunchSpec; say: (text: string) => void },
): Promise<void> {
  const { port } = spec.settings;
  if (typeof port !== "number") return;
  const { holders, unseen } = holdersOf(ground, ground.table.listenersOn(port).filter(isInTheWay));
  if (unseen.length > 0 || holders.some(({ launch }) => launch === null)) return;
  const stopped = new Set<string>();
  for (const holder of holders) {
    const { launch } = holder;
    if (launch === null || (launch.root === ground.root && launch.key === spec.key)) continue;
    const place = `${launch.runDirectory}/${launch.key}`;
    if (stopped.has(place)) continue;
    stopped.add(place);
    say(`port ${port} is held by ${describeHolder(ground, holder)}: stopping it`);
    const there: Ground = {
      ...ground,
      root: launch.root,
      store: openStore({ ...ground, directory: launch.runDirectory }),
    };
    const request = { key: launch.key, by: spec.asker, lockTimeoutMs: spec.lockTimeoutMs, timeoutMs: null };
    await stopKey(there, { ...request, report: (event) => event.is === "note" && say(event.text) });
  }
}
