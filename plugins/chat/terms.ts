/**
 * Finds frequent terms in bounded memory, with the algorithm of Misra and Gries: counts are exact up to `KEPT`
 * different terms, and beyond that too low by at most one in `KEPT` of all words. The result does not depend on how the
 * text was cut into pieces.
 */
const KEPT = 512;
const SHOWN = 20;
/** How much of a message counts, in characters. */
const READ = 8192;

const STOP = new Set(
  `the and for are was were that this with from have has had not but you your they them their its can could will would should what when where which who how why
 all any each some more most other than then there here into out about over only also just like been being does did doing one two use used using let get got
 make made see now our per via yes it's i'm don't der die das und ist nicht ein eine mit von auf für den dem des sich auch als wie wir ich sie`.split(
    /\s+/,
  ),
);

export function addTerms(counters: Record<string, number>, text: string): void {
  let size = Object.keys(counters).length;
  for (const [word] of text.slice(0, READ).matchAll(/[\p{L}][\p{L}\p{N}_'-]{2,39}/gu)) {
    const term = word.toLowerCase();
    if (STOP.has(term)) continue;
    const count = Object.hasOwn(counters, term) ? (counters[term] as number) : 0;
    if (count > 0) counters[term] = count + 1;
    else if (size < KEPT) {
      counters[term] = 1;
      size++;
    } else size -= decrement(counters);
  }
}

/** Returns how many terms were dropped. */
function decrement(counters: Record<string, number>): number {
  let gone = 0;
  for (const [term, times] of Object.entries(counters)) {
    if (times > 1) counters[term] = times - 1;
    else {
      delete counters[term];
      gone++;
    }
  }
  return gone;
}

export function frequent(counters: Readonly<Record<string, number>>): { term: string; count: number }[] {
  return Object.entries(counters)
    .map(([term, count]) => ({ term, count }))
    .sort((a, b) => b.count - a.count || (a.term < b.term ? -1 : 1))
    .slice(0, SHOWN);
}
