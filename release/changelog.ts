/** What a release says of itself: its own section of CHANGELOG.md, without which there is no release. */
export function sectionOf(changelog: string, version: string): string {
  const lines = changelog.split("\n");
  const begin = lines.findIndex((line) => new RegExp(`^## ${RegExp.escape(version)}(?: |$)`).test(line));
  if (begin < 0)
    throw new Error(
      `CHANGELOG.md has no section "## ${version}": write what has changed since the release before, then release.`,
    );
  const rest = lines.slice(begin + 1);
  const end = rest.findIndex((line) => line.startsWith("## "));
  const text = (end < 0 ? rest : rest.slice(0, end)).join("\n").trim();
  if (text === "") throw new Error(`CHANGELOG.md says nothing of ${version}.`);
  return `${text}\n`;
}
