/**
 * Bundles `@dialtone/dt` (src/index.ts) into one JavaScript file that imports only built-ins. Run by `bun run
 * generate`.
 */
import { join } from "node:path";
import { sha256 } from "../src/sys/base/digest.ts";

/** The same sources and the same version of Bun give the same text. */
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
