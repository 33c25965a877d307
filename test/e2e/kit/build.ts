/** A dt of another build than the one under test: made as build.ts does, with what a test wants changed. */
import { join } from "node:path";
import { REPOSITORY } from "../../kit.ts";

export interface OtherBuild {
  version: string;
  /** Another platform's, with the Bun to put it in. */
  platform?: { target: Bun.Build.CompileTarget; executablePath: string };
}

export async function buildOther(outfile: string, { version, platform }: OtherBuild): Promise<void> {
  const result = await Bun.build({
    entrypoints: [join(REPOSITORY, "src/cli.ts")],
    format: "esm",
    bytecode: true,
    minify: true,
    splitting: true,
    define: {
      "process.env.NODE_ENV": '"production"',
      DT_VERSION: JSON.stringify(version),
      DT_COMMIT: '""',
      DT_BUILD: JSON.stringify(`test ${version}`),
    },
    compile: {
      outfile,
      ...platform,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadPackageJson: true,
      autoloadTsconfig: true,
    },
  });
  if (!result.success) throw new Error(result.logs.join("\n"));
}
