/**
 * `bun run picture` draws docs/images/dag.png too: the dag plugin's page of a small project with a bit of everything,
 * in Chromium.
 */
import { cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { launchBrowser } from "../e2e/kit/www.ts";
import { REPOSITORY, TestRoot, until } from "../kit.ts";

const sleeper = (fields = "") =>
  `{ kind: "managed", run: "echo up; exec sleep 1000", ready: { log: "up" }, ${fields} }`;

const root = TestRoot.create(
  {
    "manifests/www.ts": `export default { name: "www", commands: { dev: ${sleeper('description: "Serve the site", needs: ["api:dev"]')}, build: { kind: "oneshot", run: "true" } } };\n`,
    "manifests/api.ts": `export default { name: "api", commands: { dev: ${sleeper('needs: ["db:postgres", "db:redis"]')}, worker: { kind: "managed", run: "exit 3", needs: ["db:redis"] }, migrate: { kind: "oneshot", run: "true" } } };\n`,
    "manifests/db.ts": `export default { name: "db", commands: { postgres: ${sleeper()}, redis: ${sleeper()} } };\n`,
  },
  "shop",
);
const browser = await launchBrowser();
try {
  for (const path of ["plugins/dag", "manifests/dag.ts"])
    cpSync(join(REPOSITORY, path), join(root.dir, path), { recursive: true });
  symlinkSync(join(REPOSITORY, "node_modules"), join(root.dir, "node_modules"));
  await root.dt(["www", "dev", "-d"]);
  await root.dt(["api", "worker"]);
  const url = /http:\/\/localhost:\d+/.exec((await root.dt(["dag", "dev", "src_v2", "-d"])).stdout)?.[0] as string;
  const page = await browser.newPage({ viewport: { width: 1200, height: 640 }, colorScheme: "light" });
  await page.goto(url);
  await page.waitForSelector(".node");
  await until("it is live", async () => (await page.textContent("#status")) === "live");
  await page.evaluate(`document.querySelector(".path").textContent = "~/shop"`);
  await page.click('[data-key="api:dev:default"]');
  await page.evaluate(
    `for (const dd of document.querySelectorAll("dd")) dd.textContent = dd.textContent.replace(/^\\/.*\\/shop\\//, "~/shop/")`,
  );
  await page.waitForTimeout(400); // what fades has faded
  await page.screenshot({ path: join(REPOSITORY, "docs/images/dag.png") });
} finally {
  await browser.close();
  await root.dispose();
}
