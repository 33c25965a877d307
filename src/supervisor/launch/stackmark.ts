/** The file that marks a detached stack as up. */
import { join } from "node:path";
import type { FollowMark } from "../../compose/follow.ts";
import type { FileRead } from "../../sys/files/fileread.ts";
import type { Ground } from "./types.ts";

/** Exists as soon as a detached stack is up, and names its containers, as in `page-1`. */
export function stackMark({ store }: Pick<Ground, "store">, token: string): string {
  return join(store.directory, "launch", `${token}.up`);
}

export function readStackMark({ store }: Pick<Ground, "store">, token: string): FileRead<FollowMark> {
  return store.read(`launch/${token}.up`, (value) => value as FollowMark);
}
