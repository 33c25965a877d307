/** Errors with the path that the caller gave: a system error names the descriptor, which means nothing to a user. */

/** Puts `name` where the error says `held`, but not in a longer name that begins so, as `/.probe` does with `/.`. */
export function withPath(error: unknown, { held, name }: { held: string; name: string }): unknown {
  if (!(error instanceof Error)) return error;
  const rename = (text: string) =>
    text.split(held).reduce((before, after) => `${before}${/^[\p{L}\p{N}_-]/u.test(after) ? held : name}${after}`);
  error.message = rename(error.message);
  const { path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  if (path !== undefined) Object.assign(error, { path: rename(path) });
  if (dest !== undefined) Object.assign(error, { dest: rename(dest) });
  return error;
}
