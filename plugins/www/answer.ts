/**
 * Turns requests into responses, from a rendering in memory: no name that came over the network is ever read from disk.
 * `serveLocal` has already decided who may ask. Browsers never store pages; they may keep an asset requested by its
 * hash.
 */
import { NOT_FOUND } from "./render.ts";

export interface Answers {
  files: () => Map<string, string | Uint8Array>;
  /** Why the last rendering failed, as a sentence; undefined if it succeeded. */
  failure: () => string | undefined;
  /** The id of the latest rendering. */
  version: () => string;
  /** Opens the stream of changes. */
  events: (signal: AbortSignal) => Response;
}

const EVENTS = "/-/events";

/** Everything except the stream only shows rendered content, so any site may link to it. */
export function isPage(pathname: string): boolean {
  return pathname !== EVENTS;
}

export function answer(request: Request, { files, failure, version, events }: Answers): Response {
  const url = new URL(request.url);
  if (url.pathname === "/healthz") return text(200, { body: "ok\n" });
  if (url.pathname === EVENTS)
    return request.method === "GET"
      ? events(request.signal)
      : text(405, { body: "only GET is allowed here\n", headers: { Allow: "GET" } });

  const asked = decodePath(url.pathname);
  const path = asked === "" || asked.endsWith("/") ? `${asked}index.html` : asked;
  const isHtml = path.endsWith(".html") || !path.includes(".");
  const sentence = failure();
  if (sentence !== undefined && isHtml) return html(500, renderFailure(sentence, version()));
  const found = files().get(path);
  if (found !== undefined) {
    const kept = url.searchParams.has("v") && !path.endsWith(".html");
    return respond(200, {
      body: found,
      type: Bun.file(path).type,
      cache: kept ? "max-age=31536000, immutable" : "no-store",
    });
  }
  // Addresses that users type, and those that work on GitHub: /logs and /logs.md lead to /logs.html.
  const published = `${path.replace(/\.md$/, "")}.html`;
  if (files().has(published)) return new Response(null, { status: 302, headers: { Location: `/${published}` } });
  return html(404, String(files().get(NOT_FOUND) ?? "not found"));
}

/** A path with an invalid encoding stays as it is, and is then not found. */
function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname).slice(1);
  } catch {
    return pathname.slice(1);
  }
}

function text(
  status: number,
  { body, headers = {} }: { body: string; headers?: Record<string, string> | undefined },
): Response {
  return new Response(body, { status, headers: { "Content-Type": "text/plain; charset=utf-8", ...headers } });
}

function html(status: number, body: string): Response {
  return respond(status, { body, type: "text/html; charset=utf-8", cache: "no-store" });
}

function respond(
  status: number,
  { body, type, cache }: { body: string | Uint8Array; type: string; cache: string },
): Response {
  return new Response(body, {
    status,
    headers: { "Content-Type": type, "Cache-Control": cache },
  });
}

/**
 * Made without template and theme, since those may have failed; the reload script replaces the page once it renders
 * again.
 */
function renderFailure(sentence: string, version: string): string {
  return `<!doctype html>
<html lang="en" data-layout="failure"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cannot render · Dialtone</title><link rel="stylesheet" href="/theme/site.css"><script src="/theme/reload.js" data-version="${version}" defer></script></head>
<body><main id="content" class="failure"><h1>The site cannot be rendered</h1><p>${Bun.escapeHTML(sentence)}</p>
<p>This page reloads by itself as soon as the file is fixed.</p></main></body></html>
`;
}
