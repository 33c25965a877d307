/** The line of truth: the last line of standard output after a detached start, for the user and for `awk`. */
import { shortPath } from "../values/commandline.ts";
import { formatLines } from "./lines.ts";

export interface Truth {
  key: string;
  state: string;
  pid: number | null;
  port: number | null;
  url: string | null;
  log: string;
}

/** Where it is reached: its URL where it speaks HTTP, otherwise its port; null without one. */
export function placeOf({ url, port }: Pick<Truth, "url" | "port">): string | null {
  return url ?? (port === null ? null : `port ${port}`);
}

/** `www:dev:default ready pid 4711 http://localhost:3000 log plugins/www/dev.log`; the path is relative to the root. */
export function formatTruth(root: string, truth: Truth): string {
  const parts = [
    truth.key,
    truth.state,
    ...(truth.pid === null ? [] : [`pid ${truth.pid}`]),
    ...(truth.url === null ? [] : [truth.url]),
    `log ${shortPath(root, truth.log)}`,
  ];
  return formatLines([parts.join(" ")]);
}
