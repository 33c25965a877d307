/** Makes a ground. What costs time to open is opened when it is first used. */
import type { Ground } from "./types.ts";

type Opened = "table" | "store" | "openFiles";

interface GroundRequest extends Omit<Ground, Opened | "isStrange"> {
  table(): Ground["table"];
  store(): Ground["store"];
  openFiles(): Ground["openFiles"];
  /** Called each time: the user may trust the root meanwhile, or stop trusting it. Default: as `Ground` has it. */
  isStrange?(): boolean | undefined;
}

export function makeGround({ table, store, openFiles, isStrange, ...given }: GroundRequest): Ground {
  return {
    ...given,
    get table() {
      return table();
    },
    get store() {
      return store();
    },
    get openFiles() {
      return openFiles();
    },
    get isStrange() {
      return isStrange?.();
    },
  };
}
