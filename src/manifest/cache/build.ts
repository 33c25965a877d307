/**
 * Identifies the dt that resolved a manifest: another version may resolve it differently, and so may another build of
 * one commit.
 */
import { BUILD, COMMIT, VERSION } from "../../sys/base/version.ts";

const FORMAT = 1;

export function buildIdentity(): string {
  return `${FORMAT} ${VERSION} ${COMMIT} ${BUILD}`;
}
