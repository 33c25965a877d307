/** A cursor names a place in a run: `<key>/<run>/<offset>`. Cursors of several keys are joined by commas. */
export interface Cursor {
  key: string;
  run: string;
  offset: number;
}

const CURSOR = /^([A-Za-z0-9_.:-]+)\/([0-9a-z]+)\/(\d{1,15})$/;

export function formatCursor({ key, run, offset }: Cursor): string {
  return `${key}/${run}/${offset}`;
}

/** Null when any part of the text is not a cursor. */
export function parseCursors(text: string): Cursor[] | null {
  const cursors = text.split(",").map((one): Cursor | null => {
    const match = CURSOR.exec(one.trim());
    return match === null ? null : { key: match[1] as string, run: match[2] as string, offset: Number(match[3]) };
  });
  return cursors.some((one) => one === null) ? null : (cursors as Cursor[]);
}
