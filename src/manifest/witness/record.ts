/**
 * Records what one evaluation asked: each question once, with its answer at that time, and the first thing it did that
 * dt cannot check again.
 */
import { answerTo, type Question } from "../depends/questions.ts";

export interface Record {
  ask(question: Question): void;
  /** Notes something that cannot be checked again; `what` follows "the manifest", e.g. "reads the time". */
  cannotKnow(what: string): void;
  seen(): { [question: Question]: string };
  unknown(): string | null;
}

export function makeWitnessRecord(): Record {
  const seen = new Map<Question, string>();
  let unknown: string | null = null;
  // Computing an answer calls the watched functions too.
  let isAnswering = false;
  const answer = (question: Question) => {
    isAnswering = true;
    try {
      return answerTo(question);
    } finally {
      isAnswering = false;
    }
  };
  return {
    ask(question) {
      if (unknown !== null || isAnswering || seen.has(question)) return;
      const answered = answer(question);
      if (answered === null) unknown = "looks through very many files";
      else if (answered === "other" && !question.endsWith(" /dev/null")) unknown = "reads a device or a pipe";
      else seen.set(question, answered);
    },
    cannotKnow(what) {
      if (!isAnswering) unknown ??= what;
    },
    seen: () => Object.fromEntries(seen),
    unknown: () => unknown,
  };
}
