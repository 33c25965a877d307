/** The page around the picture. */
import { visible } from "@dialtone/dt";

export interface PageParts {
  /** The project's folder. */
  root: string;
  /** A live page links the server's style and script; a snapshot contains its style and has no script. */
  style: string;
  script: string;
  body: string;
  /** The initial text of the connection status. */
  status: string;
}

const LEGEND = ["ready", "running", "starting", "unhealthy", "backoff", "failed", "stopped"];

export function makePage({ style, script, body, status, ...parts }: PageParts): string {
  const root = visible(parts.root);
  const name = Bun.escapeHTML(root.split("/").at(-1) ?? root);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name} · dag</title>
${style}
</head>
<body>
<header>
<h1>${name}</h1>
<p class="path">${Bun.escapeHTML(root)}</p>
<label class="find"><span>Find</span><input type="search" id="find" autocomplete="off" spellcheck="false" placeholder="plugin, command, state"></label>
<p class="status" id="status" role="status">${Bun.escapeHTML(status)}</p>
</header>
<ul class="legend" aria-label="What the marks mean">
${LEGEND.map((state) => `<li data-state="${state}"><svg width="14" height="14" viewBox="5 14 14 14" aria-hidden="true"><path class="mark"/></svg>${state}</li>`).join("\n")}
<li><svg width="26" height="8" aria-hidden="true"><path class="needs" d="M1 4h18"/><path class="tip" d="M18 0l8 4-8 4z"/></svg>needs</li>
</ul>
<div id="failures" class="failures" hidden></div>
<main>
<div class="picture" id="picture" tabindex="-1">${body}</div>
<aside class="panel" id="panel" aria-live="polite" hidden></aside>
</main>
${script}
</body>
</html>
`;
}
