/**
 * Where the arguments of a call go in a text for `sh -c`: where the text itself has `"$@"`, else after the words of its
 * last command. dt refuses arguments that cannot be passed there safely: none is lost in a comment, becomes a command
 * of its own, or changes what a here-document feeds.
 *
 * Known limit: this reads the shell's grammar, not what the words do. It does not see that an `alias` or a function
 * gave a name another meaning.
 */

export type ArgumentsPlace = { is: "used" } | { is: "at"; index: number } | { is: "refused"; why: string };

interface Current {
  /** Words of the command itself; assignments and redirections do not count. */
  words: number;
  first: string;
  end: number;
  /** The last word before what comes. */
  before: string;
  last: string;
  /** How many words come before the text of a `sh -c`; null: there is none. */
  script: number | null;
  kind: "simple" | "header" | "compound";
  heredoc: boolean;
  /** Redirected with `&>`: to a plain shell that is a `&`, followed by another command. */
  isCut: boolean;
}

const OPENERS = new Set(["if", "while", "until", "for", "select", "case", "{"]);
const CLOSERS: Record<string, string> = { fi: "if", done: "do", esac: "case", "}": "{" };
const GO_ON = new Set(["then", "elif", "else", "do", "!", "time"]);
/** Commands in which arguments would be lost or mean something else: the command they are meant for comes earlier. */
const WITHOUT_ARGUMENTS = new Set(
  ": true false exit wait cd set shift umask ulimit export readonly unset alias unalias local return break continue trap read eval times getopts fg bg jobs".split(
    " ",
  ),
);
const SHELL = /^(?:.*\/)?(?:ba|da|k|z|a|mk)?sh$/;

class Unreadable extends Error {}

/** `first`: its first word, where it begins with one. */
function begun(kind: Current["kind"], { end, first = "" }: { end: number; first?: string | undefined }): Current {
  const words = first === "" ? 0 : 1;
  return { words, first, end, kind, before: "", last: "", script: null, heredoc: false, isCut: false };
}

export function placeArguments(text: string): ArgumentsPlace {
  try {
    return new Reader(text).read();
  } catch (error) {
    if (error instanceof Unreadable) return { is: "refused", why: error.message };
    throw error;
  }
}

class Reader {
  private at = 0;
  private uses = false;
  private readonly open: { word: string; isFunction: boolean }[] = [];
  private readonly heredocs: { end: string; tabs: boolean; isQuoted: boolean }[] = [];
  private current: Current | null = null;
  private last: Current | null = null;
  private isFunctionNext = false;
  /** Inside a `case`, before the `)` of a pattern. */
  private inPattern = false;

  constructor(private readonly text: string) {}

  read(): ArgumentsPlace {
    while (this.at < this.text.length) this.step();
    this.endCommand();
    if (this.heredocs.length > 0) this.readHeredocs();
    if (this.uses) return { is: "used" };
    if (this.open.length > 0) return refused(`its \`${this.open.at(-1)?.word}\` is not closed`);
    const { last } = this;
    if (last === null) return refused("it contains no command");
    if (last.kind !== "simple")
      return refused("it ends in a compound command (`if`, a loop, `case`, `{ }`, `( )` or a function)");
    if (last.heredoc) return refused("its last command reads a here-document");
    if (last.words === 0) return refused("it ends in an assignment or a redirection, which has no arguments");
    if (last.isCut) return refused("its last command has `&>`, which is not a redirection in every `sh`");
    if (last.first === "[" || last.first === "[[") return refused(`it ends in a test, \`${last.first}\``);
    if (WITHOUT_ARGUMENTS.has(last.first)) return refused(`it ends in \`${last.first}\`, which has no use for them`);
    if (last.first === "exec" && last.words === 1) return refused("it ends in an `exec` without a program");
    if (last.script !== null && last.words === last.script + 1)
      return refused("it ends in the text of a `sh -c`, which would take the first argument for its name");
    return { is: "at", index: last.end };
  }

  private step(): void {
    const { text } = this;
    const char = text[this.at] as string;
    if (char === " " || char === "\t" || char === "\r") this.at++;
    else if (text.startsWith("\\\n", this.at)) this.at += 2;
    else if (char === "\n") {
      this.at++;
      this.endCommand();
      this.readHeredocs();
    } else if (char === "#") {
      const end = text.indexOf("\n", this.at);
      this.at = end < 0 ? text.length : end;
    } else if (char === "<" || char === ">" || text.startsWith("&>", this.at)) this.redirect();
    else if (char === ";" || char === "&" || char === "|") this.separate();
    else if (char === "(") this.openParenthesis();
    else if (char === ")") this.closeParenthesis();
    else this.word();
  }

  private separate(): void {
    const operator = /^(?:;;&|;;|;&|&&|\|\||\|&|[;&|])/.exec(this.text.slice(this.at, this.at + 3))?.[0] ?? ";";
    this.at += operator.length;
    if (this.inPattern && operator === "|") return;
    this.endCommand();
    if (operator.startsWith(";;") || operator === ";&") this.inPattern = this.open.at(-1)?.word === "case";
  }

  private openParenthesis(): void {
    this.at++;
    if (this.inPattern) return;
    const { current } = this;
    if (
      current !== null &&
      current.kind === "simple" &&
      current.words === 1 &&
      /^\s*\)/.test(this.text.slice(this.at))
    ) {
      this.at = this.text.indexOf(")", this.at) + 1;
      this.current = null;
      this.isFunctionNext = true;
      return;
    }
    if (current !== null && current.words > 0) throw new Unreadable("it has a `(` that dt cannot interpret");
    this.open.push({ word: "(", isFunction: this.isFunctionNext });
    this.isFunctionNext = false;
    this.current = null;
  }

  private closeParenthesis(): void {
    this.at++;
    if (this.inPattern) {
      this.inPattern = false;
      this.current = null;
      return;
    }
    this.endCommand();
    this.close("(", ")");
  }

  private close(opener: string, word: string): void {
    const top = this.open.pop();
    if (top?.word !== opener) throw new Unreadable(`it has a \`${word}\` that closes nothing`);
    this.current = begun("compound", { end: this.at, first: word });
  }

  private endCommand(): void {
    if (this.current !== null) this.last = this.current;
    this.current = null;
  }

  private begin(): Current {
    this.current ??= begun("simple", { end: this.at });
    return this.current;
  }

  private word(): void {
    const start = this.at;
    const quoted = this.skipWord();
    const word = this.text.slice(start, this.at);
    if (this.inPattern) {
      if (word === "esac") this.endCase();
      return;
    }
    const isAtCommand = this.current === null || (this.current.kind === "simple" && this.current.words === 0);
    if (isAtCommand && !quoted && this.reserved(word)) return;
    // The `2` of `2>` belongs to the redirection and is no word.
    if (/^\d+$/.test(word) && /^[<>]/.test(this.text.slice(this.at, this.at + 1))) return;
    const current = this.begin();
    current.end = this.at;
    if (current.kind === "header" && current.first === "case" && word === "in") {
      this.current = null;
      this.inPattern = true;
      return;
    }
    if (current.words === 0 && /^[A-Za-z_]\w*\+?=/.test(word)) return;
    if (current.kind === "compound") throw new Unreadable("a word follows a compound command");
    if (current.words === 0) current.first = word;
    current.words++;
    if (SHELL.test(current.before) && /^-[a-z]*c$/.test(word)) current.script ??= current.words;
    else if (word === "--" && current.script === current.words - 1) current.script = current.words;
    // Other options, and the name that `-o` takes, may stand between a shell and its `-c`.
    const isOption = SHELL.test(current.before) && (/^[-+]/.test(word) || /^[-+][a-z]*o$/.test(current.last));
    if (!isOption) current.before = word;
    current.last = word;
    if (/^(?:shift|getopts)$/.test(current.first) && !this.isInFunction()) this.uses = true;
  }

  /** True when it was one. */
  private reserved(word: string): boolean {
    if (word === "function") {
      const name = /^[ \t]+[^\s(){}]+(?:\s*\(\s*\))?/.exec(this.text.slice(this.at))?.[0] ?? "";
      this.at += name.length;
      this.isFunctionNext = true;
      return true;
    }
    if (OPENERS.has(word)) {
      this.open.push({ word, isFunction: this.isFunctionNext });
      this.isFunctionNext = false;
      this.current = null;
      if (word === "for" || word === "select" || word === "case")
        this.current = begun("header", { end: this.at, first: word });
      // `for x; do` goes through the arguments.
      if (word === "for" && /^\s+\w+\s*(?:[;\n]\s*)*do\b/.test(this.text.slice(this.at)) && !this.isInFunction())
        this.uses = true;
      return true;
    }
    if (GO_ON.has(word)) {
      this.current = null;
      return true;
    }
    if (word === "esac") {
      this.endCase();
      return true;
    }
    if (!Object.hasOwn(CLOSERS, word)) return false;
    this.endCommand();
    const top = this.open.at(-1)?.word;
    this.close(
      word === "done" && top !== undefined && ["while", "until", "for", "select"].includes(top)
        ? top
        : (CLOSERS[word] as string),
      word,
    );
    return true;
  }

  private endCase(): void {
    this.inPattern = false;
    this.endCommand();
    this.close("case", "esac");
  }

  private isInFunction(): boolean {
    return this.open.some(({ isFunction }) => isFunction);
  }

  private redirect(): void {
    const operator =
      /^(?:&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||[<>])/.exec(this.text.slice(this.at, this.at + 3))?.[0] ?? ">";
    this.at += operator.length;
    if (this.text[this.at] === "(") throw new Unreadable("it has a process substitution");
    const gap = /^(?:[ \t]|\\\n)*/.exec(this.text.slice(this.at))?.[0].length ?? 0;
    this.at += gap;
    const start = this.at;
    const quoted = this.skipWord();
    if (this.at === start) throw new Unreadable(`nothing follows its \`${operator}\``);
    const current = this.begin();
    current.end = this.at;
    if (operator.startsWith("&")) current.isCut = true;
    if (operator !== "<<" && operator !== "<<-") return;
    current.heredoc = true;
    const end = this.text.slice(start, this.at).replace(/["'\\]/g, "");
    this.heredocs.push({ end, tabs: operator === "<<-", isQuoted: quoted });
  }

  private readHeredocs(): void {
    for (const { end, tabs, isQuoted } of this.heredocs.splice(0)) {
      for (;;) {
        if (this.at >= this.text.length) break;
        const newline = this.text.indexOf("\n", this.at);
        const stop = newline < 0 ? this.text.length : newline;
        const line = this.text.slice(this.at, stop);
        this.at = Math.min(stop + 1, this.text.length);
        if ((tabs ? line.replace(/^\t+/, "") : line) === end) break;
        if (!isQuoted) this.note(line.replace(/\\./g, ""));
      }
    }
  }

  /** Skips a word. Returns whether any part of it is quoted. */
  private skipWord(): boolean {
    const { text } = this;
    let quoted = false;
    for (; this.at < text.length; ) {
      const char = text[this.at] as string;
      if (/[\s;&|<>()]/.test(char)) break;
      if (char === "'") {
        quoted = true;
        const end = text.indexOf("'", this.at + 1);
        if (end < 0) throw new Unreadable("its quote `'` is not closed");
        this.at = end + 1;
      } else if (char === '"') {
        quoted = true;
        this.skipDouble();
      } else if (char === "\\") {
        quoted = true;
        if (this.at + 1 >= text.length) throw new Unreadable("it ends in a backslash");
        this.at += 2;
      } else if (char === "$" || char === "`") this.skipExpansion();
      else this.at++;
    }
    return quoted;
  }

  private skipDouble(): void {
    this.at++;
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined) throw new Unreadable('its quote `"` is not closed');
      if (char === '"') break;
      if (char === "\\") this.at += 2;
      else if (char === "$" || char === "`") this.skipExpansion();
      else this.at++;
    }
    this.at++;
  }

  private skipExpansion(): void {
    const { text } = this;
    if (text[this.at] === "`") {
      const end = /`(?:\\[\s\S]|[^`\\])*`/y;
      end.lastIndex = this.at;
      const found = end.exec(text)?.[0];
      if (found === undefined) throw new Unreadable("its quote ` is not closed");
      // As in `$(…)`: single-quoted text belongs to another program.
      this.note(found.replace(/'[^']*'/g, ""));
      this.at += found.length;
      return;
    }
    this.note(/^\$(?:\{[^$]{0,2}|.)/.exec(text.slice(this.at, this.at + 4))?.[0] ?? "");
    const next = text[this.at + 1];
    if (next === "{") this.skipBraces();
    else if (next === "(") this.skipParentheses();
    else this.at += next !== undefined && /[@*#0-9?$!-]/.test(next) ? 2 : 1;
  }

  private skipBraces(): void {
    this.at += 2;
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined) throw new Unreadable("its `${` is not closed");
      if (char === "}") break;
      if (char === "\\") this.at += 2;
      else if (char === '"') this.skipDouble();
      else if (char === "$" || char === "`") this.skipExpansion();
      else this.at++;
    }
    this.at++;
  }

  private skipParentheses(): void {
    this.at += 2;
    for (let depth = 1; depth > 0; ) {
      const char = this.text[this.at];
      if (char === undefined) throw new Unreadable("its `$(` is not closed");
      if (char === "'") {
        const end = this.text.indexOf("'", this.at + 1);
        if (end < 0) throw new Unreadable("its quote `'` is not closed");
        this.at = end + 1;
      } else if (char === '"') this.skipDouble();
      else if (char === "\\") this.at += 2;
      else if (char === "$" || char === "`") this.skipExpansion();
      else {
        if (char === "(") depth++;
        if (char === ")") depth--;
        this.at++;
      }
    }
  }

  /** Notes whether the shell inserts the arguments here. Inside a function they are the function's. */
  private note(part: string): void {
    if (!this.isInFunction() && !this.isFunctionNext && /\$[@*#1-9]|\$\{[#!]?[@*1-9]|\$\{#\}/.test(part))
      this.uses = true;
  }
}

function refused(why: string): ArgumentsPlace {
  return { is: "refused", why };
}
