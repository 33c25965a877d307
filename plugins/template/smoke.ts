/**
 * Requests the page from the real server. `--ensure` starts the server unless a healthy one runs; a server started here
 * is stopped here. The arguments are the words after `dt`: plugin, command and variant.
 */
export {}; // makes this a module, where `await` is allowed

const words = Bun.argv.slice(2);
const ranBefore = Bun.spawnSync(["dt", "status", ...words], { stdout: "ignore", stderr: "ignore" }).success;

const started = Bun.spawnSync(["dt", ...words, "--ensure", "--wait", "--json"], { stderr: "inherit" });
if (!started.success) throw new Error(`dt ${words.join(" ")} failed with exit code ${started.exitCode}`);
const { key, url } = JSON.parse(started.stdout.toString());

try {
  const response = await fetch(url);
  const page = await response.text();
  if (response.status !== 200 || !page.includes(key)) {
    throw new Error(
      `expected ${url} to answer 200 with ${key} in its page, but it answered ${response.status}: ${page}`,
    );
  }
  console.log(`${key} answers on ${url}`);
} finally {
  if (!ranBefore) Bun.spawnSync(["dt", "stop", key], { stderr: "inherit" });
}
