/** The trees that a stop has to end. Each is a parent with one child. */

/** The argument of `family` (test/bench/programs/family.c), and its name in the page. */
export const SHAPES: Readonly<Record<string, string>> = {
  child: "a child",
  setsid: "a child in a session of its own",
  "setsid-twice": "a double fork",
  deaf: "a child that ignores SIGTERM",
  "setsid-deaf-closed": "a deaf child in a session of its own, with closed streams",
  "setsid-deaf-closed-bare": "the same with an empty environment",
};
