/** `@dialtone/dt` as one file of JavaScript that imports nothing but built-ins: what src/index.ts exports. Made by `bun run generate`. */
import { join } from "node:path";
import { sha256 } from "../src/sys/base/digest.ts";

/** The same sources give the same text, with the same version of Bun. */
export async function bundleModule(repository: string): Promise<{ digest: string; text: string }> {
  const built = await Bun.build({
    entrypoints: [join(repository, "src/index.ts")],
    root: repository,
    target: "node",
    format: "esm",
  });
  const [output] = built.outputs;
  if (!built.success || output === undefined) throw new Error(`src/index.ts: ${built.logs.join("\n")}`);
  const text = await output.text();
  return { digest: sha256(text), text };
}
