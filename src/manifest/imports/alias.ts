/**
 * Tells whether a specifier that cannot be resolved is meant as an alias: one from `imports` in a package.json, one
 * from `paths` in a tsconfig.json, or a name that no package can have.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Fault } from "./installed.ts";
import { chainsAbove, configsOf, starOf, type TsConfig } from "./tsconfig.ts";

const WRITE_RELATIVE = "Write the path of the file, relative to the importing file.";

export function aliasOf(specifier: string, importer: string): Fault | null {
  if (specifier.startsWith("#")) {
    const file = nearestPackage(importer);
    return {
      message: `an alias, but ${file === null ? "there is no package.json with" : `${file} maps it to no file in`} \`imports\``,
      hint:
        file === null
          ? WRITE_RELATIVE
          : `Correct \`imports\` there, or write the path of the file, relative to the importing file.`,
    };
  }
  const alias = configWith(specifier, dirname(importer));
  if (alias !== null) {
    const { config, nearest } = alias;
    if (config === nearest)
      return {
        message: `an alias that ${config} maps to no file`,
        hint: "Correct `paths` or `baseUrl` there, or write the path of the file, relative to the importing file.",
      };
    const path = relative(dirname(nearest), config);
    return {
      message: `an alias of ${config}, which ${nearest} does not extend`,
      hint: `Write \`"extends": "${path.startsWith(".") ? path : `./${path}`}"\` in ${nearest}, or write the path of the file, relative to the importing file.`,
    };
  }
  if (isPackageName(specifier)) return null;
  return /^[a-z][a-z0-9+.-]*:/i.test(specifier)
    ? { message: "which this runtime does not have", hint: "Correct the name, or remove the import." }
    : { message: "an alias that no tsconfig.json defines", hint: WRITE_RELATIVE };
}

/** Whether npm would accept it as a package name, with or without a path inside the package. */
function isPackageName(specifier: string): boolean {
  return /^(?:@[a-z0-9-][a-z0-9._~-]*\/)?[a-z0-9-][a-z0-9._~-]*(?:\/|$)/i.test(specifier);
}

/**
 * The tsconfig.json that maps the specifier, and the nearest one, which counts. They differ if the nearest hides the
 * other, or extends it in a way that only TypeScript follows.
 */
function configWith(specifier: string, directory: string): { config: string; nearest: string } | null {
  const followed = configsOf(directory);
  const [first] = followed;
  if (first === undefined) return null;
  const config = followed.find((one) => leads(one, specifier))?.file;
  if (config !== undefined) return { config, nearest: config };
  const hidden = chainsAbove(directory, asTypeScript)
    .flat()
    .find((one) => leads(one, specifier));
  return hidden === undefined ? null : { config: hidden.file, nearest: first.file };
}

function leads({ paths, baseUrl }: TsConfig, specifier: string): boolean {
  if (Object.keys(paths).some((pattern) => pattern !== "*" && starOf(pattern, specifier) !== null)) return true;
  return baseUrl !== null && existsSync(join(baseUrl, specifier.split("/")[0] as string));
}

/** Also a list in `extends`, and a path without its extension. */
function asTypeScript({ file, extends: base }: TsConfig): string[] {
  const named = [base].flat().filter((one) => typeof one === "string" && one.startsWith("."));
  return named.flatMap((one) => ["", ".json"].map((ending) => resolve(dirname(file), `${one as string}${ending}`)));
}

function nearestPackage(importer: string): string | null {
  for (let directory = dirname(importer); ; directory = dirname(directory)) {
    const file = join(directory, "package.json");
    if (existsSync(file)) return file;
    if (dirname(directory) === directory) return null;
  }
}
