/** Makes the page as text. A test can call it without a server. It escapes everything that it shows. */
export function makePage(greeting: string, key: string): string {
  const [title, name] = [greeting, key].map((text) => Bun.escapeHTML(text));
  return `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>${title}</title>
  <h1>${title}</h1>
  <p>I am <code>${name}</code>.</p>
</html>
`;
}
