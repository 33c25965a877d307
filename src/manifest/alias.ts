/**
 * Whether a specifier that leads nowhere means an alias: a name of `imports` in a package.json, of `paths` in a tsconfig.json, or what no package can be
 * called. dt follows `imports` as Node does, and `paths` not at all.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Alias {
  message: string;
  hint: string;
}

const WRITE_RELATIVE = "Write the path of the file, relative to the importing one.";

export function aliasOf(specifier: string, importer: string): Alias | null {
  const quoted = JSON.stringify(specifier);
  if (specifier.startsWith("#")) {
    const file = nearest(importer, ["package.json"]);
    return {
      message: `imports ${quoted}, an alias, and ${file === null ? "there is no package.json with" : `${file} leads it to no file by`} \`imports\``,
      hint:
        file === null
          ? WRITE_RELATIVE
          : `Correct \`imports\` there, or write the path of the file, relative to the importing one.`,
    };
  }
  const config = configWith(specifier, importer);
  if (config === null && isPackageName(specifier)) return null;
  const where = config === null ? "" : ` of \`paths\` in ${config}`;
  return {
    message: `imports ${quoted}, which is an alias${where}: dt does not follow such aliases`,
    hint: WRITE_RELATIVE,
  };
}

/** What npm would take, with a path in it perhaps. */
function isPackageName(specifier: string): boolean {
  return /^(?:@[a-z0-9-][a-z0-9._~-]*\/)?[a-z0-9-][a-z0-9._~-]*(?:\/|$)/i.test(specifier);
}

/** The nearest configuration of TypeScript that has a path for it. */
function configWith(specifier: string, importer: string): string | null {
  const file = nearest(importer, ["tsconfig.json", "jsconfig.json"]);
  if (file === null) return null;
  try {
    const config = Bun.JSONC.parse(readFileSync(file, "utf8")) as {
      compilerOptions?: { paths?: Record<string, unknown> };
    } | null;
    const matches = (pattern: string) => {
      const [head = "", tail] = pattern.split("*");
      return tail === undefined
        ? specifier === pattern
        : head !== "" && specifier.startsWith(head) && specifier.endsWith(tail);
    };
    return Object.keys(config?.compilerOptions?.paths ?? {}).some(matches) ? file : null;
  } catch {
    return null;
  }
}

function nearest(importer: string, names: readonly string[]): string | null {
  for (let directory = dirname(importer); ; directory = dirname(directory)) {
    const found = names.map((name) => join(directory, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (dirname(directory) === directory) return null;
  }
}
