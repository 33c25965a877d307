/** `dt dag build [FILE]`: writes the current picture as one self-contained file. */
import { mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { within } from "@dialtone/dt";
import { drawGraph } from "./draw.ts";
import { takePicture } from "./live.ts";
import { makePage } from "./page.ts";
import { homeRoot } from "./place.ts";

const [asked, ...more] = process.argv.slice(2);
if (more.length > 0 || asked?.startsWith("-")) {
  console.error("dt dag build expects at most 1 argument, the file to write: dt dag build [FILE]");
  process.exit(2);
}
const root = homeRoot(process.env);
const plugin = join(import.meta.dir, "..");
// The user may name any folder; in the plugin's own folder, `within` follows no link that leads out of it.
const file = asked === undefined ? join(plugin, "dist", "dag.html") : resolve(root, asked);
const { layout, rows } = await takePicture();
const style = readFileSync(join(import.meta.dir, "page.css"), "utf8");
const page = makePage({
  root,
  // The file is opened from disk, where no server sends a Content-Security-Policy.
  style: `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><style>\n${style}\n.find,.status{visibility:hidden}</style>`,
  script: "",
  body: drawGraph(layout, rows),
  status: "",
});
if (asked === undefined) within(plugin).write("dist/dag.html", page, { directories: true });
else {
  mkdirSync(dirname(file), { recursive: true });
  within(dirname(file)).write(basename(file), page);
}
console.log(file);
