/**
 * How each peer is set up and called, for the page: made from the drivers themselves, so that it cannot differ. A
 * second row of a tool is explained by its remark.
 */
import { table } from "./table.ts";
import type { Peer, Place, Words } from "./types.ts";

const EXAMPLE: Place = {
  dir: "/app",
  port: 4050,
  commands: [{ name: "web", argv: ["/app/bin/web", "8080"] }],
};

export function formatSettings(peers: readonly Peer[]): string {
  const tools = peers.filter(({ measures }) => measures === null);
  return ["### Settings", ...tools.map(describe)].join("\n\n");
}

function describe(peer: Peer): string {
  const { commands } = EXAMPLE;
  const name = commands[0]?.name as string;
  const calls: [what: string, words: readonly Words[]][] = [
    ["set up", peer.up(EXAMPLE)],
    ["start", [peer.start(EXAMPLE, name)]],
    ["start of all", peer.startWhole === undefined ? [] : [peer.startWhole.words]],
    ["start again", peer.startAgain === undefined ? [] : [peer.startAgain(EXAMPLE, name)]],
    ["replace", peer.restart === null ? [] : [peer.restart(EXAMPLE, name)]],
    ["stop", [peer.stop(EXAMPLE, name)]],
    ["list", peer.list === null ? [] : [peer.list]],
  ];
  const rows = calls.map(([what, each]) => [what, each.map((words) => `\`${spell(words)}\``).join(", ") || "–"]);
  const environment = Object.entries(peer.env?.(EXAMPLE) ?? {}).map(([key, value]) => `\`${key}=${value}\``);
  const files = Object.entries(peer.files(EXAMPLE)).map(([path, text]) =>
    text === "" ? `\`${path}\` is empty.` : `\`${path}\`:\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\``,
  );
  return [
    `#### ${peer.id}`,
    table([
      ["", "Commands"],
      ["---", "---"],
      ...rows.filter(([what = "", cell]) => !what.startsWith("start ") || cell !== "–"),
    ]),
    ...(environment.length === 0 ? [] : [`Environment: ${environment.join(", ")}.`]),
    ...files,
  ].join("\n\n");
}

/** As typed in a shell; `|` would end a cell of the table. */
function spell(words: Words): string {
  return words
    .map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ")
    .replaceAll("|", "\\|");
}
