/**
 * What the tests of the documentation site share: a copy of the plugin and the docs in a root of its own (so a test may
 * edit them), the site started in one place, and Chromium.
 */
import { cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { REPOSITORY, TestRoot } from "../../kit.ts";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** On a machine without Chromium the browser's tests are skipped; in CI they must run, so there they fail. */
export const NO_BROWSER = !existsSync(CHROMIUM) && !process.env.CI;
if (NO_BROWSER) console.warn(`The site is not tested in a browser: there is no ${CHROMIUM} (CHROMIUM names another).`);

/** A root with the plugin, its manifest and the docs of this repository. */
export function createSiteRoot(): TestRoot {
  const root = TestRoot.create();
  const own = (source: string) => !/\/(dist|.*\.log(\.\d+)?)$/.test(source);
  for (const path of ["plugins/www", "docs", "manifests/www.ts"]) {
    cpSync(join(REPOSITORY, path), join(root.dir, path), { recursive: true, filter: own });
  }
  linkPackage(root);
  return root;
}

/** For programs of a plugin that a test runs without dt, which otherwise brings this package. */
export function linkPackage(root: TestRoot): void {
  const packages = join(root.base, "node_modules", "@dialtone");
  mkdirSync(packages, { recursive: true });
  symlinkSync(REPOSITORY, join(packages, "dt"));
}

/** Runs one of the plugin's programs to its end. */
export async function runPlugin(root: TestRoot, program: "build" | "lint", args: string[] = [], env = {}) {
  const cwd = join(root.dir, "plugins/www");
  const child = Bun.spawn([process.execPath, "run", `${program}.ts`, ...args], {
    cwd,
    env: { ...root.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

export interface RunningSite {
  url: string;
  port: number;
  /** All it has printed. */
  output(): string;
  /** Sends SIGTERM and gives the exit code. */
  stop(): Promise<number>;
}

/** Starts the site as its users do, `dt www dev`, on a port of the test's own. The one place that knows how. */
export async function startSite(root: TestRoot, port = freePort()): Promise<RunningSite> {
  const manifest = root.read("manifests/www.ts");
  root.write("manifests/www.ts", manifest.replace(/\bport: \d+/, `port: ${port}`));
  const started = await root.dt(["www", "dev", "--wait"]);
  const line = new RegExp(`^www:dev:default ready pid \\d+ http://localhost:${port} log plugins/www/dev.log\n$`);
  if (started.code !== 0 || !line.test(started.stdout))
    throw new Error(`dt www dev: ${started.stdout}${started.stderr}`);
  return {
    url: `http://localhost:${port}/`,
    port,
    output: () => root.read("plugins/www/dev.log"),
    stop: async () => {
      const stopped = await root.dt(["stop", "www", "dev"]);
      if (stopped.code !== 0) throw new Error(`dt stop www dev: ${stopped.stderr}`);
      return JSON.parse(root.read(".dialtone/run/www:dev:default.exit.json")).code as number;
    },
  };
}

/** Starts the server and waits for nothing. */
export function spawnServer(root: TestRoot, port: number | string) {
  const child = Bun.spawn([process.execPath, "run", "server.ts"], {
    cwd: join(root.dir, "plugins/www"),
    env: { ...root.env, PORT: String(port) },
    stdout: "pipe",
    stderr: "pipe",
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    void (async () => {
      for await (const chunk of stream.pipeThrough(new TextDecoderStream())) text += chunk;
    })();
  }
  return { child, output: () => text };
}

/** Free a moment ago. */
function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

export function launchBrowser(): Promise<Browser> {
  const quiet = ["quic", "background-networking", "component-update", "sync", "gpu"].map((name) => `--disable-${name}`);
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--no-first-run", ...quiet] });
}

/**
 * Opens an address, gives the page to `look`, and fails when the console showed an error or a request left the machine.
 */
export async function withPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions,
  look: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (new URL(request.url()).host !== new URL(url).host) complaints.push(`asked for ${request.url()}`);
  });
  try {
    await page.goto(url);
    await look(page);
    if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join("\n")}`);
  } finally {
    await context.close();
  }
}
