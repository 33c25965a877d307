/** Whether a launch differs from what the manifest, as last loaded, would start now. Reads `.env` files, runs nothing. */
import type { ManifestIndex } from "../manifest/resolved.ts";
import type { LaunchRecord } from "../state/types.ts";
import { hashSpec, prepareCommand } from "../supervisor/prepare.ts";
import type { Ground } from "../supervisor/types.ts";

export function makeDriftOf(ground: Ground, index: ManifestIndex | null): (record: LaunchRecord) => boolean | null {
  return (record) => {
    if (index === null) return null;
    const settings = index.plugins[record.plugin]?.commands[record.command]?.variants[record.variant];
    if (settings?.kind !== "managed") return settings === undefined ? true : null;
    try {
      const now = prepareCommand({
        ground,
        settings,
        run: settings.run,
        args: record.args,
        inherited: {},
        launch: null,
        looking: true,
      });
      const port = settings.port === "auto" ? record.port : settings.port;
      return hashSpec(now, port) !== record.specHash;
    } catch {
      return true; // today's manifest could not even be started
    }
  };
}
