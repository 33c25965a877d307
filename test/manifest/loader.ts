/** The load child without the command line around it: what `dt __load` runs. */
import { runLoadChild } from "../../src/manifest/load/child.ts";

process.exitCode = await runLoadChild(process.argv.slice(2));
