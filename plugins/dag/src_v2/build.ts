/** `dt dag build [FILE]`: the picture as it is now, as one file that needs nothing else. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { drawGraph } from "./draw.ts";
import { takePicture } from "./live.ts";
import { makePage } from "./page.ts";
import { homeRoot } from "./place.ts";

const [asked, ...more] = process.argv.slice(2);
if (more.length > 0 || asked?.startsWith("-")) {
  console.error("dt dag build takes the file to write, or nothing: dt dag build [FILE]");
  process.exit(2);
}
const root = homeRoot(process.env);
const file = asked === undefined ? join(import.meta.dir, "..", "dist", "dag.html") : resolve(root, asked);
const { layout, rows } = await takePicture();
const style = readFileSync(join(import.meta.dir, "page.css"), "utf8");
const page = makePage({
  root,
  style: `<style>\n${style}\n.find,.status{visibility:hidden}</style>`,
  script: "",
  body: drawGraph(layout, rows),
  status: "",
});
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, page);
console.log(file);
