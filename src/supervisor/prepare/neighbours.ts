/** Where the needs of a command can be reached: `<PLUGIN>_<COMMAND>_PORT` and `_URL` of each need that has a port. */
import type { ResolvedNeed } from "../../manifest/model/resolved.ts";
import { keyWords } from "../../values/key.ts";
import type { Ground } from "../launch/types.ts";

export function neighboursOf({ store }: Pick<Ground, "store">, needs: readonly ResolvedNeed[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { key } of needs) {
    const record = store.record(key);
    if (record.is !== "there" || record.value.port === null) continue;
    const name = nameOf(key);
    found[`${name}_PORT`] = String(record.value.port);
    if (record.value.url !== null) found[`${name}_URL`] = record.value.url;
  }
  return found;
}

/** A variant other than the default one is part of the name. */
function nameOf(key: string): string {
  return keyWords(key)
    .join("_")
    .replace(/[^A-Za-z0-9]/g, "_")
    .toUpperCase();
}
