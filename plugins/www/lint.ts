/** `dt www lint`: prints the problems in the docs, one `file:line: sentence` each, and exits 1 if there are any. */
import { join, relative } from "node:path";
import { visible } from "@dialtone/dt";
import { checkSite } from "./check.ts";
import { docsFolder } from "./settings.ts";
import { readSite, SiteError } from "./site.ts";

try {
  const site = readSite(docsFolder(process.env));
  const problems = checkSite(site);
  for (const { file, line, message } of problems) {
    console.log(visible(`${relative(process.cwd(), join(site.docs, file))}:${line}: ${message}`));
  }
  const links = site.pages.reduce((count, page) => count + page.references.length, 0);
  console.error(`pages: ${site.pages.length}, links and images: ${links}, problems: ${problems.length}`);
  process.exitCode = problems.length > 0 ? 1 : 0;
} catch (error) {
  if (!(error instanceof SiteError)) throw error;
  console.error(visible(error.message, { lines: true }));
  process.exitCode = 1;
}
