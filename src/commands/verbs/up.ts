/**
 * `dt up`: starts groups, plugins or keys, and all they need, in the order of the graph; healthy launches that have not
 * changed are left alone.
 */
import { becomeHost, runUp } from "../../runners/managed/up.ts";
import { pluginOf } from "../../values/key.ts";
import { beginHost } from "../context/beginhost.ts";
import { rememberRoot } from "../context/rememberroot.ts";
import type { DtContext } from "../context/types.ts";
import { asksForService } from "../names/called.ts";
import { defaultGroup, keysOfName, namesOf } from "../names/select.ts";
import { durationFlag } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";
import { isOfHome, refuseOfRoot } from "../root/strangers.ts";

export default defineVerb({
  args: {
    detach: {
      type: "boolean",
      alias: "d",
      description: "Return when all is ready, done or failed; prints one line per key",
    },
    wait: { type: "boolean", description: "The same as --detach, for CI" },
    force: { type: "boolean", description: "Run one-shots even if their inputs are unchanged" },
    timeout: { type: "string", description: "Time to become ready, instead of the manifests'", valueHint: "30s" },
    _: {
      type: "positional",
      required: false,
      description: "Groups, plugins, keys; none: the group default",
      valueHint: "name …",
    },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const { dryRun } = context.globals;
    const detach = args.detach === true || args.wait === true;
    if (detach) await beginHost(context);
    else if (!dryRun) becomeHost(context.runner());
    const { index, begin } = dryRun ? { index: await context.index(), begin: () => {} } : await context.act();
    const root = context.root();
    const named = { root, index, onDisk: [] };
    const keys =
      args._.length === 0
        ? defaultGroup(index, root)
        : [...new Set(namesOf(named, args._).flatMap((name) => keysOfName(named, name)))];
    if (!dryRun) {
      // A call of the daemon may be in a root that is not trusted. A call by words trusts the root, from here on.
      if (context.reading() === "known" && context.isStranger())
        for (const key of keys.filter((one) => isOfHome(index, one))) refuseOfRoot(index, { root, key });
      begin();
      rememberRoot(context);
      const names = new Set(keys.map(pluginOf));
      const asking = [...names].flatMap((name) => index.plugins[name] ?? []).filter(asksForService);
      if (asking.length > 0)
        (await import("../root/unserved.ts")).tellUnservedOf(context, { plugins: asking, once: false });
    }
    return runUp(context.runner(), {
      index,
      keys,
      detach,
      force: args.force === true,
      timeoutMs: durationFlag("--timeout", args.timeout),
      colored: context.colored(),
    });
  },
});
