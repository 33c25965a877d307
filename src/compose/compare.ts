/** Comparing how a stack was brought up with how it would be brought up now. Pure. */
import { baseOf, fileWord, upCommand } from "./command.ts";
import type { DeclaredStack, StackRecord } from "./types.ts";

/**
 * Drops the flags that say how a stack is brought up, not what it is: two launches that differ only in them are the
 * same.
 */
export function withoutManner(up: readonly string[]): [string, ...string[]] {
  return up.filter((word) => word !== "-d" && word !== "--force-recreate") as [string, ...string[]];
}

/** Also drops the services that were left out: flags do that, not the manifest. */
export function withoutFlags(up: readonly string[]): string[] {
  return withoutManner(up).filter((word, at, all) => word !== "--scale" && all[at - 1] !== "--scale");
}

/** The same command line as today's manifest would write it. */
export function declaredUp(
  { root, cwd, args }: { root: string; cwd: string; args: readonly string[] },
  {
    stack,
    declared,
  }: { stack: StackRecord; declared: Pick<DeclaredStack, "file" | "profiles" | "services" | "toggles" | "movePorts"> },
): string[] {
  const off = stack.off.flatMap((name) => declared.toggles[name] ?? []);
  const services = declared.services.filter((name) => !off.includes(name));
  const written = fileWord(root, { file: declared.file, cwd });
  const file = declared.movePorts && stack.movedFrom === written ? stack.file : written;
  const base = baseOf({ engine: stack.engine, file, profiles: declared.profiles });
  return upCommand(base, { detach: false, recreate: false, without: [], services, args });
}
