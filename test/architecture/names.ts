/** One name, one thing: what `src` exports under a name, it exports once. */
import { type Source, withoutComments } from "./imports.ts";

/** Names that stand for the same thing in each of their files. */
export const SHARED: Readonly<Record<string, string>> = {
  makeProcessTable: "one a platform, and the choice between them",
  visible: "a plugin's programs import their own, which is bundled alone",
};

const EXPORT = /^export (?:default )?(?:async )?(?:declare )?(?:function\*?|const|let|type|interface|class) (\w+)/gm;

/** `x.linux.ts` and `x.darwin.ts` are one home. Also reports an exception that is no longer needed. */
export function checkNames(sources: readonly Source[], shared: Readonly<Record<string, string>> = SHARED): string[] {
  const homes = new Map<string, Set<string>>();
  for (const { path, text } of sources)
    for (const [, name = ""] of withoutComments(text).matchAll(EXPORT))
      homes.set(name, (homes.get(name) ?? new Set()).add(path.replace(/\.(?:linux|darwin)\.ts$/, ".ts")));
  const twice = [...homes].filter(([, paths]) => paths.size > 1);
  return [
    ...twice.flatMap(([name, paths]) =>
      Object.hasOwn(shared, name) ? [] : [`${name} is exported by ${[...paths].join(" and ")}`],
    ),
    ...Object.keys(shared).flatMap((name) => ((homes.get(name)?.size ?? 0) > 1 ? [] : [`${name} needs no exception`])),
  ];
}
