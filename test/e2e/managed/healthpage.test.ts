/** docs/health.md and docs/restart-on-change.md: their manifests load, and do what the pages say. */
import { expect, test } from "bun:test";
import { TestRoot, until } from "../../kit.ts";
import { freePort, psOf } from "../kit/launch.ts";
import { readBlocks } from "../kit/readme.ts";

test("the example of docs/health.md runs", async () => {
  const [block] = readBlocks("docs/health.md");
  const port = freePort();
  const text = `${block?.lines.join("\n")}\n`.replaceAll("3100", String(port));
  const root = TestRoot.create({
    [block?.file as string]: text,
    "api.ts": "Bun.serve({ port: process.env.PORT, fetch: () => new Response() });\n",
  });
  try {
    expect(await root.dt(["shop", "api", "-d"])).toMatchObject({ code: 0 });
    expect(await psOf(root, "shop:api:default")).toMatchObject({ state: "ready", ports: [port] });
  } finally {
    await root.dispose();
  }
});

test("the example of docs/restart-on-change.md restarts", async () => {
  const [block] = readBlocks("docs/restart-on-change.md");
  const root = TestRoot.create({ [block?.file as string]: `${block?.lines.join("\n")}\n`, "content/a.md": "a" });
  const why = async () => (await root.dt(["why", "blog", "dev"])).stdout;
  try {
    expect(await root.dt(["blog", "dev", "-d"])).toMatchObject({ code: 0 });
    await until("it is watched", async () => (await why()).includes("Its host watches") || null);
    root.write("content/a.md", "b");
    await until("it says why", async () => (await why()).includes("because content/a.md changed") || null);
    expect(root.read("built.md")).toBe("b");
  } finally {
    await root.dispose();
  }
});
