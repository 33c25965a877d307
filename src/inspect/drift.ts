/** Whether a launch differs from what the manifest, as last loaded, would start now; null when that is unknown. */
import type { ManifestIndex } from "../manifest/model/resolved.ts";
import type { LaunchRecord } from "../state/types.ts";
import type { Ground } from "../supervisor/launch/types.ts";

export function makeDriftOf(ground: Ground, index: ManifestIndex | null): (record: LaunchRecord) => boolean | null {
  return (record) => {
    // Loaded only when there is a record: it imports most of what a start needs.
    const { findDrift } = require("../supervisor/prepare/drift.ts") as typeof import("../supervisor/prepare/drift.ts");
    const fields = findDrift(ground, { index, record });
    return fields === null ? null : fields.length > 0;
  };
}
