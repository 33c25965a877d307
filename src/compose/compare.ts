/** Comparing how a stack was brought up with how it would be brought up now. Pure. */
import { baseOf, fileWord, upCommand } from "./command.ts";
import type { DeclaredStack, StackRecord } from "./types.ts";

/** Without the flags that say how it is brought up, and not what: two launches that differ in them alone are the same. */
export function withoutManner(up: readonly string[]): [string, ...string[]] {
  return up.filter((word) => word !== "-d" && word !== "--force-recreate") as [string, ...string[]];
}

/** Without the services that were left out, too: that is a matter of flags, not of the manifest. */
export function withoutFlags(up: readonly string[]): string[] {
  return withoutManner(up).filter((word, at, all) => word !== "--scale" && all[at - 1] !== "--scale");
}

/** The same command line as today's manifest would write it. */
export function declaredUp(
  { root, cwd, args }: { root: string; cwd: string; args: readonly string[] },
  stack: StackRecord,
  declared: Pick<DeclaredStack, "file" | "profiles" | "services" | "toggles" | "movePorts">,
): string[] {
  const off = stack.off.flatMap((name) => declared.toggles[name] ?? []);
  const services = declared.services.filter((name) => !off.includes(name));
  const written = fileWord(root, declared.file, cwd);
  const file = declared.movePorts && stack.movedFrom === written ? stack.file : written;
  const base = baseOf({ engine: stack.engine, file, profiles: declared.profiles });
  return upCommand(base, { detach: false, recreate: false, without: [], services, args });
}
