/** Ending a stack: `down`, and then whatever containers that left behind. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type ComposePlace, callCompose, composeError } from "./call.ts";
import { baseOf, downCommand, ENGINES } from "./command.ts";
import { listContainers } from "./containers.ts";
import { pastedLine } from "./pasted.ts";
import type { EngineEnvironment, Given, StackRecord } from "./types.ts";

type Tell = ((line: string) => void) | undefined;

interface TeardownRequest {
  env: EngineEnvironment;
  key: string;
  hard?: AbortSignal | undefined;
  given?: Given | undefined;
  onCommand?: Tell;
}

/**
 * Runs `down`, whatever the state of the stack. Once `hard` is aborted, containers get no
 * time to end. Throws `teardown`.
 */
export async function takeDown(
  stack: StackRecord,
  { env, key, hard, given, onCommand }: TeardownRequest,
): Promise<void> {
  const say = (argv: string[]) =>
    onCommand?.(
      pastedLine(argv, { engine: stack.engine, given: given ?? { project: stack.project, env: {}, files: [] } }),
    );
  const base = baseOf(stack);
  const place = { cwd: stack.cwd, env: { ...env, COMPOSE_PROJECT_NAME: stack.project } };
  const argv = downCommand(base, hard?.aborted === true);
  say(argv);
  let done = await callCompose(argv, { ...place, cut: hard?.aborted ? undefined : hard });
  if (done.cut) {
    const now = downCommand(base, true);
    say(now);
    done = await callCompose(now, place);
  }
  // Without its file (in a removed worktree, say) Compose can do nothing, but the engine still knows the containers.
  const fileIsGone = !existsSync(resolve(stack.cwd, stack.file));
  if (done.code !== 0 && !fileIsGone)
    throw composeError({ key, doing: "stop", argv, code: done.code, words: done.err || done.out });
  await removeRest(stack, { place, key, say });
}

/** Removes the containers that `down` left, since the file no longer names their service. */
async function removeRest(
  stack: StackRecord,
  { place, key, say }: { place: ComposePlace; key: string; say: (argv: string[]) => void },
): Promise<void> {
  const left = await listContainers(stack, place.env);
  if (left === null || left.length === 0) return;
  const argv = [ENGINES[stack.engine].client, "rm", "--force", ...left.map(({ name }) => name)];
  say(argv);
  const { code, out, err } = await callCompose(argv, place);
  if (code !== 0) throw composeError({ key, doing: "stop", argv, code, words: err || out });
}
