/** Which dt resolved a manifest: another version may resolve it differently, and two builds of one commit may differ as well. */
import { BUILD, COMMIT, VERSION } from "../../sys/base/version.ts";

const FORMAT = 1;

export function buildIdentity(): string {
  return `${FORMAT} ${VERSION} ${COMMIT} ${BUILD}`;
}
