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
  if (config === null && /^[a-z][a-z0-9+.-]*:/i.test(specifier))
    return {
      message: `imports ${quoted}, which this runtime does not have`,
      hint: "Correct the name, or remove the import.",
    };
  const where = config === null ? "" : ` of ${config}`;
  return {
    message: `imports ${quoted}, which is an alias${where}: dt does not follow such aliases`,
    hint: WRITE_RELATIVE,
  };
}

/** What npm would take, with a path in it perhaps. */
function isPackageName(specifier: string): boolean {
  return /^(?:@[a-z0-9-][a-z0-9._~-]*\/)?[a-z0-9-][a-z0-9._~-]*(?:\/|$)/i.test(specifier);
}

interface Config {
  extends?: unknown;
  compilerOptions?: { paths?: Record<string, unknown>; baseUrl?: unknown };
}

/** The nearest configuration of TypeScript that leads it somewhere, with what that extends. */
function configWith(specifier: string, importer: string): string | null {
  let file = nearest(importer, ["tsconfig.json", "jsconfig.json"]);
  for (let depth = 0; file !== null && depth < EXTENDS_LIMIT; depth++) {
    const config = readConfig(file);
    if (config === null) return null;
    const { paths = {}, baseUrl } = config.compilerOptions ?? {};
    if (Object.keys(paths).some((pattern) => matches(pattern, specifier))) return file;
    const first = specifier.split("/")[0] as string;
    if (typeof baseUrl === "string" && existsSync(join(dirname(file), baseUrl, first))) return file;
    const base = [config.extends].flat().find((one) => typeof one === "string" && one.startsWith("."));
    file = base === undefined ? null : join(dirname(file), base as string);
    if (file !== null && !file.endsWith(".json")) file += ".json";
  }
  return null;
}

const EXTENDS_LIMIT = 5;

function matches(pattern: string, specifier: string): boolean {
  const [head = "", tail] = pattern.split("*");
  if (tail === undefined) return specifier === pattern;
  return head !== "" && specifier.startsWith(head) && specifier.endsWith(tail);
}

function readConfig(file: string): Config | null {
  try {
    return Bun.JSONC.parse(readFileSync(file, "utf8")) as Config | null;
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
