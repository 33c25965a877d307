/** `dt port`: which process listens on a port; without a port, the ports of this root's launches. Changes nothing. */
import { beginLook, lookAtAll } from "../../inspect/look.ts";
import { formatLines } from "../../output/lines.ts";
import { formatTable } from "../../output/table.ts";
import { makePaint } from "../../output/talk.ts";
import { describeHolder, holdersOf } from "../../supervisor/port/holders.ts";
import { describeUnseen, isInTheWay, showAddress } from "../../supervisor/port/listening.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { formatDuration } from "../../values/duration.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { portNumber } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: {
    _: { type: "positional", required: false, description: "A port", valueHint: "3000" },
  },
  run({ args, data }) {
    const context = data as DtContext;
    const [text] = args._;
    if (text === undefined) return showAll(context);
    const port = portNumber(text);
    if (port === null) throw usage(`dt port takes a number from 1 to 65535, not "${text}".`);
    const ground = context.ground();
    const listeners = ground.table.listenersOn(port);
    const free = !listeners.some(isInTheWay);
    const { holders, unseen } = holdersOf(ground, listeners);
    if (context.globals.json) print(`${JSON.stringify({ port, free, holders, unseen })}\n`);
    else if (listeners.length === 0) print(`${port} is free\n`);
    else
      print(
        formatLines([
          ...holders.map((one) => `${port}  ${describeHolder(ground, one)}${where(port, one.addresses)}`),
          ...unseen.map((one) => `${port}  ${describeUnseen(one)}${where(port, [one.address])}`),
          ...(free ? [`${port} is free on every other address`] : []),
        ]),
      );
    return 0;
  },
});

/** The address, where it is not one that a user expects: a particular address of this machine. */
function where(port: number, addresses: readonly string[]): string {
  const plain = addresses.some((address) => isInTheWay({ address, onlyIpv6: false, uid: null, pids: [] }));
  return plain ? "" : `, on ${addresses.map((address) => showAddress(address, port)).join(" and ")}`;
}

function showAll(context: DtContext): number {
  const ground = context.ground();
  const look = beginLook(ground, () => null);
  const rows = lookAtAll(look, ground.store.keys())
    .flatMap(({ key, pid, ports, url, uptimeMs }) => ports.map((port) => ({ port, key, pid, url, uptimeMs })))
    .sort((a, b) => a.port - b.port);
  if (context.globals.json) {
    print(`${JSON.stringify(rows)}\n`);
    return 0;
  }
  const paint = makePaint(context.colored());
  const cells = rows.map(({ port, key, pid, uptimeMs }) => [
    String(port),
    key,
    String(pid ?? "-"),
    uptimeMs === null ? "-" : formatDuration(uptimeMs),
  ]);
  print(
    rows.length === 0
      ? "Nothing of this root listens.\n"
      : formatTable([["PORT", "KEY", "PID", "UP"].map(paint.bold), ...cells]),
  );
  return 0;
}
