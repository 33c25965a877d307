import { definePlugin } from "@dialtone/dt";

// Containers under a key, like any other process. Needs Docker or Podman with Compose.
export default definePlugin({
  name: "stack",
  description: "A Compose stack: a page, a clock, and a proxy that can be left out",
  commands: {
    dev: {
      kind: "managed",
      description: "Run the stack; --no-traefik leaves the proxy out",
      before: ["stack:render"],
      compose: {
        file: ".stagecraft/dev/compose.yaml",
        toggles: { traefik: { services: ["traefik"] } },
      },
    },
    render: {
      kind: "oneshot",
      description: "Write .stagecraft/dev/compose.yaml from plugins/stack/stack.yaml",
      run: ["bun", "plugins/stack/render.ts"],
    },
    test: { kind: "oneshot", description: "Test the renderer", cwd: "plugins/stack", run: ["bun", "test"] },
  },
});
