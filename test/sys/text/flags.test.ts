/** dt's flags: declared by the commands, named below them through one table, and spelled nowhere else. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { ArgsDef } from "citty";
import { LOADERS } from "../../../src/commands/loaders.ts";
import { rowsOfFlags } from "../../../src/commands/parse/flagtable.ts";
import { rowsOfGlobals } from "../../../src/commands/parse/globals.ts";
import { MANAGED_ARGS, STACK_ARGS } from "../../../src/commands/parse/managed.ts";
import { FLAG } from "../../../src/sys/text/flags.ts";
import { lineAt, type Source, withoutComments } from "../../architecture/imports.ts";

/** Where words of this form are other programs': of Compose, systemd and launchd, Bun and Go. */
const OTHERS = /^src\/(?:compose\/|daemon\/unit\/plan\.ts$|manifest\/resolve\/builtin\.ts$)/;
const HOME = "src/sys/text/flags.ts";

async function declaredFlags(): Promise<Set<string>> {
  const verbs = await Promise.all(Object.values(LOADERS).map(async (load) => (await load()).default.args ?? {}));
  const rows = [
    ...rowsOfGlobals(),
    ...[...verbs, MANAGED_ARGS, STACK_ARGS].flatMap((args) => rowsOfFlags(args as ArgsDef)),
  ];
  return new Set(rows.flatMap(([flag = ""]) => flag.match(/(?<![\w-])--?[a-zA-Z][\w-]*/g) ?? []));
}

/** Long flags anywhere in code, as whole words, and the making of one that leaves out a toggle. */
function checkFlags(sources: readonly Source[], flags: ReadonlySet<string>): string[] {
  return sources
    .filter(({ path }) => path.startsWith("src/") && !path.startsWith("src/commands/") && path !== HOME)
    .flatMap(({ path, text }) => {
      const code = withoutComments(text);
      return [...code.matchAll(/(?<![\w-])--(?:no-\$\{|[a-z][\w-]*)/g)].flatMap(({ 0: flag, index }) =>
        flag.endsWith("{") || (flags.has(flag) && !OTHERS.test(path))
          ? [`${path}:${lineAt(code, index)} spells ${flag}: ${HOME} does`]
          : [],
      );
    });
}

describe("dt's flags", () => {
  test("each one in the table is declared by a command, and a long one stands under its name", async () => {
    const declared = await declaredFlags();
    expect(Object.values(FLAG).filter((flag) => !declared.has(flag))).toEqual([]);
    const long = Object.entries(FLAG).filter(([, flag]) => flag.startsWith("--"));
    expect(long.map(([name]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`)).toEqual(
      long.map(([, flag]) => flag),
    );
  });

  test("no room below the commands spells a long one", async () => {
    const root = join(import.meta.dir, "../../..");
    const paths = [...new Bun.Glob("src/**/*.ts").scanSync(root)];
    const sources = await Promise.all(
      paths.map(async (path): Promise<Source> => ({ path, text: await Bun.file(join(root, path)).text() })),
    );
    expect(sources.length).toBeGreaterThan(400);
    expect(checkFlags(sources, await declaredFlags())).toEqual([]);
  });

  test("one that is spelled is reported; a comment, another program's flag and the rooms of others are not", () => {
    const broken: Source[] = [
      { path: "src/supervisor/a.ts", text: 'const a = 1;\nconst hint = "Run it again with --take.";' },
      { path: "src/daemon/b.ts", text: "const words = [`--json`, `--jsonl`];" },
      { path: "src/jobs/c.ts", text: "// --take is a flag\nconst c = --taken;" },
      { path: "src/compose/d.ts", text: 'const d = ["--all"];\nnote(`--no-${toggle} changes nothing`);' },
      { path: "src/commands/e.ts", text: 'const e = "--take";' },
    ];
    expect(checkFlags(broken, new Set(["--take", "--json", "--all"]))).toEqual([
      `src/supervisor/a.ts:2 spells --take: ${HOME} does`,
      `src/daemon/b.ts:1 spells --json: ${HOME} does`,
      `src/compose/d.ts:2 spells --no-$\{: ${HOME} does`,
    ]);
  });
});
