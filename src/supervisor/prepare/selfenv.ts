/**
 * The environment of dt's own hosts. Left out are Bun's switches that the user set for their programs (they would steer
 * dt), and the identity of the launch that dt was started in (a launch started inside a launch belongs to itself). The
 * commands get the user's environment back.
 */
import { STEERING } from "../../sys/base/steering.ts";
import { HOST_MARK, KNOWN_MARK, SAVED_ENVIRONMENT, START_MARK, TICKET_MARK } from "../launch/marks.ts";

/** What the dynamic loader puts into a program: ld.so(8), dyld(1). */
const PRELOADS = /^(LD_PRELOAD|LD_AUDIT|DYLD_INSERT_LIBRARIES)$/;
const OF_A_LAUNCH = ["DIALTONE_KEY", "DIALTONE_TOKEN"];

/** The environment of dt's caller, as it was before dt changed its own. */
export function callerEnvironment(own: Record<string, string | undefined>): Record<string, string> {
  const saved = own[SAVED_ENVIRONMENT];
  const env = { ...own } as Record<string, string>;
  for (const name in own) if (own[name] === undefined) delete env[name];
  delete env[SAVED_ENVIRONMENT];
  delete env[HOST_MARK];
  delete env[KNOWN_MARK];
  delete env[TICKET_MARK];
  delete env[START_MARK];
  return saved === undefined ? env : { ...env, ...(JSON.parse(saved) as Record<string, string>) };
}

/** The environment for a host. */
export function hostEnvironment(persons: Record<string, string>, root: string): Record<string, string> {
  const env: Record<string, string> = { ...persons, [HOST_MARK]: root };
  for (const name of Object.keys(env)) if (STEERING.test(name) || OF_A_LAUNCH.includes(name)) delete env[name];
  return env;
}

/**
 * The environment for a host that others use, too. A library that its first caller wants in every program (faketime,
 * proxychains) must not change what the host sees; the caller's own launches get it.
 */
export function sharedHostEnvironment(persons: Record<string, string>, root: string): Record<string, string> {
  const env = hostEnvironment(persons, root);
  for (const name of Object.keys(env)) if (PRELOADS.test(name)) delete env[name];
  return env;
}

/** Null when this process may host a launch as it is, else the environment in which dt must start itself again. */
export function cleanedForHosting(
  own: Record<string, string | undefined>,
  root: string,
): Record<string, string> | null {
  if (own[HOST_MARK] !== undefined) return null;
  const taken = Object.entries(own).filter(([name]) => STEERING.test(name) || OF_A_LAUNCH.includes(name));
  if (taken.length === 0) return null;
  return {
    ...hostEnvironment(callerEnvironment(own), root),
    [SAVED_ENVIRONMENT]: JSON.stringify(Object.fromEntries(taken)),
  };
}
