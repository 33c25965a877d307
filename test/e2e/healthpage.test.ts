/** docs/health.md: its manifest loads, and does what the page says. */
import { expect, test } from "bun:test";
import { TestRoot } from "../kit.ts";
import { freePort, psOf } from "./launch.kit.ts";
import { readBlocks } from "./readme.ts";

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
