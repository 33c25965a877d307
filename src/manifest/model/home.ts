/** In the paths of a manifest, a leading `~/` is the user's home directory. */
import type { Outcome } from "./outcome.ts";
import type { Settings } from "./resolved.ts";

/**
 * The outcome with such paths expanded, and whether there were any. Without a home they stay as they are and do not
 * exist.
 */
export function expandHome(outcome: Outcome, home: string | undefined): { outcome: Outcome; isExpanded: boolean } {
  if (outcome.is !== "plugin") return { outcome, isExpanded: false };
  let isExpanded = false;
  const whole = (path: string): string => {
    if (path !== "~" && !path.startsWith("~/")) return path;
    isExpanded = true;
    return home ? `${home}${path.slice(1)}` : path;
  };
  const expand = (settings: Settings): Settings => {
    const common = {
      cwd: whole(settings.cwd),
      envFile: settings.envFile.map(whole),
      log: settings.log === null ? null : whole(settings.log),
    };
    if (settings.kind === "oneshot") return { ...settings, ...common };
    const { compose } = settings;
    return { ...settings, ...common, compose: compose === null ? null : { ...compose, file: whole(compose.file) } };
  };
  const commands = Object.fromEntries(
    Object.entries(outcome.plugin.commands).map(([name, command]) => [
      name,
      {
        ...command,
        variants: Object.fromEntries(Object.entries(command.variants).map(([variant, one]) => [variant, expand(one)])),
      },
    ]),
  );
  return isExpanded
    ? { outcome: { is: "plugin", plugin: { ...outcome.plugin, commands } }, isExpanded }
    : { outcome, isExpanded };
}
