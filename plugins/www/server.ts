/**
 * `dt www dev`: serves the docs on localhost and keeps open pages up to date while files are edited. It runs until
 * SIGTERM or SIGINT and then ends at once; a page that cannot be rendered never ends it.
 */
import { serveLocal, visible } from "@dialtone/dt";
import { answer, isPage } from "./answer.ts";
import { checkSite } from "./check.ts";
import { type Change, createEventHub } from "./events.ts";
import { type Rendering, renderSite } from "./render.ts";
import { docsFolder, portNumber, UsageError } from "./settings.ts";
import { SiteError } from "./site.ts";
import { STYLE, THEME_DIR } from "./theme.ts";
import { watchFolder } from "./watch.ts";

function main(): void {
  const docs = docsFolder(process.env);
  const instance = `${process.pid}-${Date.now()}`;
  let renderings = 0;
  const version = () => `${instance}.${renderings}`;
  const hub = createEventHub(version);
  let current: Rendering | undefined;
  let failure: string | undefined;
  let reported = "";

  /** Renders everything again; on failure the last good assets stay, and pages show what failed. */
  const render = () => {
    const before = failure;
    renderings++;
    try {
      current = renderSite(docs, { version: version() });
      failure = undefined;
      if (before !== undefined) console.log("rendered again");
      report(current);
    } catch (error) {
      if (!(error instanceof SiteError)) console.error(error);
      failure = (error as Error).message;
      if (failure !== before) console.error(visible(`cannot render: ${failure}`, { lines: true }));
    }
  };

  /** Prints what `lint` would print, whenever that changes. */
  const report = ({ site }: Rendering) => {
    const lines = checkSite(site).map(({ file, line, message }) => visible(`${file}:${line}: ${message}`));
    if (lines.join("\n") !== reported && lines.length > 0) console.error(lines.join("\n"));
    reported = lines.join("\n");
  };

  render();
  const server = serveLocal({
    port: portNumber(process.env),
    isPage,
    fetch: (request) =>
      answer(request, { files: () => current?.files ?? new Map(), failure: () => failure, version, events: hub.open }),
  });

  const closing = new AbortController();
  const follow = (folder: string, accept: (name: string) => boolean, react: () => void, recursive = false) =>
    watchFolder(folder, {
      recursive,
      accept,
      onChange: react,
      onWarning: (sentence) => console.error(sentence),
      signal: closing.signal,
    });
  const renderAnd = (pick: (before: Rendering | undefined) => Change) => () => {
    const before = current;
    const failed = failure;
    render();
    hub.send(failed === failure && failure === undefined ? pick(before) : "reload");
  };

  follow(
    docs,
    (name) => !/(^|\/)\.|~$/.test(name),
    renderAnd(() => "page"),
    true,
  );
  follow(THEME_DIR, (name) => /\.(html|css|js|svg)$/.test(name), renderAnd(whatChanged));
  follow(
    import.meta.dir,
    (name) => /^[\w-]+\.ts$/.test(name),
    () => console.log("the plugin's own code changed: run `dt www dev` again to use it"),
  );

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, async () => {
      closing.abort();
      hub.close();
      await server.close();
      process.exit(0);
    });
  }

  /** If only the style sheet changed, pages replace it without a reload. */
  function whatChanged(before: Rendering | undefined): Change {
    const same = (name: string) => before?.files.get(name) === current?.files.get(name);
    const scripts = [...(current?.files.keys() ?? [])].filter((name) => name.endsWith(".js"));
    return scripts.every(same) && !same(`theme/${STYLE}`) ? "style" : "reload";
  }

  console.log(`serving ${current?.site.pages.length ?? 0} pages of ${docs} on http://localhost:${server.port}/`);
}

try {
  main();
} catch (error) {
  const isUsage = error instanceof UsageError || ["EADDRINUSE", "EACCES"].includes((error as { code: string }).code);
  if (!isUsage) throw error;
  console.error((error as Error).message);
  process.exit(1);
}
