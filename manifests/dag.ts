import { definePlugin } from "@dialtone/dt";

export default definePlugin({
  name: "dag",
  description: "A live picture of this project: plugins, commands, their needs and their states",
  cwd: "plugins/dag/src_v2",
  commands: {
    dev: {
      kind: "managed",
      description: "Serve the picture and keep open pages up to date",
      run: ["bun", "run", "server.ts"],
      port: "auto",
      ready: { http: "/", timeout: "15s" },
      log: "plugins/dag/dev.log",
      variants: { src_v2: { log: "plugins/dag/src_v2/dev.log" } },
    },
    build: {
      kind: "oneshot",
      description: "Write the current picture to plugins/dag/dist/dag.html (or another file)",
      run: ["bun", "run", "build.ts"],
    },
  },
});
