/** The mark of a detached stack that is up. */
import { join } from "node:path";
import type { Mark } from "../../compose/follow.ts";
import type { FileRead } from "../../sys/files/fileread.ts";
import type { Ground } from "./types.ts";

/** There as soon as a detached stack is up; names its containers, as `page-1`. */
export function stackMark({ store }: Pick<Ground, "store">, token: string): string {
  return join(store.directory, "launch", `${token}.up`);
}

export function readStackMark({ store }: Pick<Ground, "store">, token: string): FileRead<Mark> {
  return store.read(`launch/${token}.up`, (value) => value as Mark);
}
