/**
 * Turns code into coloured HTML at build time. This is not a parser: each language has an ordered list of patterns, and
 * the first match wins. A wrong guess costs a colour, never a character: every byte of the source comes out, escaped.
 */

// Each repetition is bounded: an unclosed quote or comment then costs at most that bound for each character.

/** `c` comment, `s` string, `k` keyword, `n` number or literal, `p` property or option, `v` variable. */
type Kind = "c" | "s" | "k" | "n" | "p" | "v";
type Rule = [Kind, RegExp];

const STRING = /"(?:\\.|[^"\\\n]){0,999}"|'(?:\\.|[^'\\\n]){0,999}'/;
const NUMBER = /\b\d[\d_.]*\b/;

const TS_WORDS =
  "as|async|await|case|catch|class|const|default|else|export|extends|finally|for|from|function|if|import|interface|let|new|of|return|satisfies|switch|throw|try|type|typeof|while";

const RULES: Record<string, Rule[]> = {
  ts: [
    ["c", /\/\/.*|\/\*[\s\S]{0,9999}?\*\//],
    ["s", /`(?:\\.|[^`\\]){0,9999}`/],
    ["s", STRING],
    ["p", /(?<![\w$.])[A-Za-z_$][\w$]*(?=\??:(?!:))/],
    ["k", new RegExp(`(?<![\\w$.])(?:${TS_WORDS})(?![\\w$])`)],
    ["n", /\b(?:true|false|null|undefined)\b/],
    ["n", NUMBER],
  ],
  json: [
    ["c", /\/\/.*/],
    ["p", /"(?:\\.|[^"\\\n]){0,999}"(?=\s{0,99}:)/],
    ["s", STRING],
    ["n", /\b(?:true|false|null)\b/],
    ["n", NUMBER],
  ],
  yaml: [
    ["c", /(?<!\S)#.*/],
    ["p", /(?<![\w$.-])[\w$.-]{1,199}(?=:(?:\s|$))/],
    ["s", STRING],
    ["n", /\b(?:true|false|null)\b/],
    ["n", NUMBER],
  ],
  toml: [
    ["c", /(?<!\S)#.*/],
    ["k", /^[ \t]{0,99}\[[^\]\n]{0,999}\](?=[ \t]{0,99}$)/m],
    ["p", /(?<![\w$.-])[\w$.-]{1,199}(?=\s{0,99}=)/],
    ["s", STRING],
    ["n", /\b(?:true|false)\b/],
    ["n", NUMBER],
  ],
  sh: [
    ["c", /(?<!\S)#.*/],
    ["s", STRING],
    ["v", /\$(?:\w+|\{[^}\n]{0,999}\}|[?!#@*$])/],
    ["k", /(?<![\w./-])(?:dt|git|npm|npx|bun|go|cd|cat|curl|echo|tail|\.\/dialtone\.sh)(?![\w./-])/],
    ["p", /(?<!\S)--?[A-Za-z][\w-]*/],
  ],
};
const ALIASES: Record<string, string> = { typescript: "ts", js: "ts", bash: "sh", shell: "sh", jsonc: "json" };

/** The inner HTML of a code block. An unknown language comes out plain. */
export function highlight(code: string, language: string): string {
  if (language === "console") return highlightSession(code);
  const rules = RULES[ALIASES[language] ?? language];
  return rules ? applyRules(code, rules) : Bun.escapeHTML(code);
}

/** A terminal session: a line that begins with `$ ` was typed, every other line is output. */
function highlightSession(code: string): string {
  const lines = code.replace(/\n$/, "").split("\n");
  return lines
    .map((line) => {
      if (!line.startsWith("$ ")) return `<span class="line out">${Bun.escapeHTML(line)}</span>`;
      const typed = `<span class="typed">${highlight(line.slice(2), "sh")}</span>`;
      return `<span class="line"><span class="prompt" aria-hidden="true">$ </span>${typed}</span>`;
    })
    .join("");
}

function applyRules(code: string, rules: Rule[]): string {
  const all = new RegExp(rules.map(([, pattern]) => `(${pattern.source})`).join("|"), "gm");
  let html = "";
  let end = 0;
  for (const match of code.matchAll(all)) {
    const rule = rules[match.slice(1).findIndex((group) => group !== undefined)];
    html += Bun.escapeHTML(code.slice(end, match.index));
    html += rule ? `<span class="t-${rule[0]}">${Bun.escapeHTML(match[0])}</span>` : Bun.escapeHTML(match[0]);
    end = match.index + match[0].length;
  }
  return html + Bun.escapeHTML(code.slice(end));
}
