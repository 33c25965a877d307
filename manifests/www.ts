import { definePlugin } from "@dialtone/dt";

export default definePlugin({
  name: "www",
  description: "The documentation site, built from docs/*.md",
  cwd: "plugins/www",
  commands: {
    dev: {
      kind: "managed",
      description: "Serve the docs and reload open pages when they change",
      run: ["bun", "run", "server.ts"],
      port: 3000,
      ready: { http: "/", timeout: "30s" },
      log: "plugins/www/dev.log",
    },
    build: {
      kind: "oneshot",
      description: "Write the site as static files to plugins/www/dist (or --out DIR)",
      run: ["bun", "run", "build.ts"],
    },
    lint: {
      kind: "oneshot",
      description: "Find broken links and anchors, missing titles and images in the docs",
      run: ["bun", "run", "lint.ts"],
    },
  },
});
