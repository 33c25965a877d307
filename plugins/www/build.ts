/**
 * `dt www build [--out DIR]`: writes the whole site as plain files for any web server. The folder is written beside its
 * destination and then moved there, so a failed build leaves the previous one intact. The same docs give the same
 * bytes.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { renderSite } from "./render.ts";
import { docsFolder, outFolder, UsageError } from "./settings.ts";
import { SiteError } from "./site.ts";

/** A file in every folder that this program wrote, so it never replaces a folder with other content. */
const MARK = ".dialtone-site";

function main(): void {
  const out = outFolder(process.argv.slice(2), process.cwd());
  if (existsSync(out) && readdirSync(out).length > 0 && !existsSync(join(out, MARK))) {
    throw new UsageError(`${out} holds files that are not from an earlier build; name another folder with --out`);
  }
  const { site, files } = renderSite(docsFolder(process.env));
  // A name that cannot be guessed, so no other user can have put a link there.
  mkdirSync(dirname(out), { recursive: true });
  const fresh = mkdtempSync(`${out}.new-`);
  try {
    writeFiles(fresh, new Map([...files, [MARK, ""]]));
    chmodSync(fresh, 0o777 & ~process.umask());
    rmSync(out, { recursive: true, force: true });
    renameSync(fresh, out);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  console.log(`built ${site.pages.length} pages (${files.size} files) into ${out}`);
}

function writeFiles(folder: string, files: Map<string, string | Uint8Array>): void {
  for (const [name, content] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

try {
  main();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof SiteError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
