/**
 * From the request to what is launched: the command (command.ts), port, log, and for a stack its Compose command.
 * What can be refused without the key's lock is refused here, before an old launch is touched.
 */
import { withoutManner } from "../../compose/compare.ts";
import { checkLogPath, logPlaces } from "../../logs/open.ts";
import { sha256 } from "../../sys/base/digest.ts";
import { findExecutable } from "../../sys/spawn/executable.ts";
import type { Ground, LaunchSpec, Report } from "../launch/types.ts";
import type { PortClaim } from "../port/claim.ts";
import { choosePort } from "../port/port.ts";
import { urlOf } from "../port/url.ts";
import { type PreparedCommand, prepareCommand } from "./command.ts";
import { resolveIn } from "./environment.ts";
import { prepareStackLaunch, type StackLaunch, withStack } from "./stack.ts";

export interface PreparedLaunch extends PreparedCommand {
  token: string;
  /** For a stack. The leader that is executed is then not always `argv`, which is what dt shows. */
  stack: StackLaunch | null;
  port: number | null;
  claim: PortClaim | null;
  url: string | null;
  log: string;
  /** True for a log in the run directory. A log elsewhere is as readable as a shell would make it. */
  ownLog: boolean;
  specHash: string;
}

interface PrepareRequest {
  spec: LaunchSpec;
  report?: Report | undefined;
  dry?: boolean | undefined;
}

/** `dry`: only to show what would be started, although what runs before it has not run. */
export async function prepareLaunch(
  ground: Ground,
  { spec, report = () => {}, dry = false }: PrepareRequest,
): Promise<PreparedLaunch> {
  const { settings, key } = spec;
  const token = crypto.randomUUID().replaceAll("-", "");
  const { port, claim } = await choosePort(ground, { key, wanted: settings.port });
  const plain = prepareCommand({
    ground,
    settings:
      settings.compose === null ? settings : withStack(ground.root, { key, settings, compose: settings.compose }),
    run: settings.run,
    args: spec.args,
    inherited: spec.env,
    launch: { key, token, port, tty: settings.tty },
    needs: settings.needs,
    isStrange: spec.isStrange,
  });
  for (const text of plain.environment.notes) report({ is: "note", text });
  const stack =
    settings.compose === null
      ? null
      : await prepareStackLaunch(ground, { spec, declared: settings.compose, plain, report, dry });
  const command = stack === null ? plain : { ...plain, argv: stack.up };
  findExecutable(command.argv[0], { path: command.environment.env.PATH ?? "", cwd: command.cwd });
  const log = settings.log === null ? ground.store.path(key, "log") : resolveIn(ground.root, settings.log);
  if (settings.log !== null) checkLogPath(log, logPlaces(ground));
  return {
    ...command,
    token,
    stack,
    port,
    claim,
    url: urlOf(key, { settings, argv: command.argv, port }),
    log,
    ownLog: settings.log === null,
    specHash: hashLaunch({ ...command, stack }, { port, tty: settings.tty }),
  };
}

/** The hash that a launch has on this port. */
export function hashLaunch(
  { stack, ...command }: PreparedCommand & Pick<PreparedLaunch, "stack">,
  place: { port: number | null; tty: boolean },
): string {
  return hashSpec({ ...command, argv: stack === null ? command.argv : withoutManner(stack.up) }, place);
}

/** What `--ensure` compares: resolved command, directory, declared environment, port, and whether it has a terminal. */
export function hashSpec(
  { argv, cwd, environment }: PreparedCommand,
  { port, tty = false }: { port: number | null; tty?: boolean | undefined },
): string {
  const declared = Object.entries(environment.declared).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify([argv, cwd, declared, port, ...(tty ? ["tty"] : [])])).slice(0, 32);
}
