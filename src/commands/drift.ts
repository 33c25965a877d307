/** Whether a launch differs from what the manifest, as last loaded, would start now; null when it cannot be told. */
import type { ManifestIndex } from "../manifest/resolved.ts";
import type { LaunchRecord } from "../state/types.ts";
import { findDrift } from "../supervisor/drift.ts";
import type { Ground } from "../supervisor/types.ts";

export function makeDriftOf(ground: Ground, index: ManifestIndex | null): (record: LaunchRecord) => boolean | null {
  return (record) => {
    const fields = findDrift(ground, index, record);
    return fields === null ? null : fields.length > 0;
  };
}
