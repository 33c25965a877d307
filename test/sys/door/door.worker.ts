/**
 * What another user sees through the door: becomes uid 54321, tries each path, prints what came as JSON. Started as
 * root, paths as arguments.
 */
import { closeSync, constants } from "node:fs";
import { checkOwn, openOwn, readOwn } from "../../../src/sys/door/door.ts";

function outcomeOf(run: () => unknown): string {
  try {
    return String(run());
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code}: ${message}`;
  }
}

export interface Seen {
  read: string;
  append: string;
  check: string;
}

if (import.meta.main) {
  process.setgroups?.([]);
  process.setgid?.(54321);
  process.setuid?.(54321);
  const seen = process.argv.slice(2).map(
    (path): Seen => ({
      read: outcomeOf(() => readOwn(path).toString()),
      append: outcomeOf(() => {
        closeSync(openOwn(path, { flags: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT }));
        return "opened";
      }),
      check: outcomeOf(() => {
        checkOwn(path);
        return "fine";
      }),
    }),
  );
  console.log(JSON.stringify(seen));
}
