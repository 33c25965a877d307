import { definePlugin } from "@dialtone/dt";

const cli = (...words: string[]) => ["bun", "plugins/chat/cli.ts", ...words];

// Keeps the conversations of coding agents and users in ~/.chat, one JSON file each.
export default definePlugin({
  name: "chat",
  description: "A monitor of conversation transcripts",
  commands: {
    monitor: {
      kind: "managed",
      description: "Watch the folders of transcripts and keep the conversations up to date",
      run: cli("monitor"),
      ready: { log: "^ready: ", timeout: "60s" },
      restart: { policy: "always", limit: "none" },
      boot: true,
    },
    start: { kind: "oneshot", description: "Start the monitor", run: ["dt", "chat", "monitor", "--detach"] },
    stop: { kind: "oneshot", description: "Stop the monitor", run: ["dt", "stop", "chat:monitor:default"] },
    restart: { kind: "oneshot", description: "Restart the monitor", run: ["dt", "restart", "chat:monitor:default"] },
    status: {
      kind: "oneshot",
      description: "Show the state of the monitor",
      run: ["dt", "status", "chat:monitor:default"],
    },
    init: { kind: "oneshot", description: "Create ~/.chat/settings.yaml", run: cli("init") },
    process: {
      kind: "oneshot",
      description: "process [FILE …]: update conversations now; --again",
      run: cli("process"),
    },
    list: { kind: "oneshot", description: "List conversations, newest first; --all, --json", run: cli("list") },
    show: { kind: "oneshot", description: "show ID: a conversation; --last N, --json", run: cli("show") },
    search: {
      kind: "oneshot",
      description: "search WORD …: find messages that contain all words; --role, --json",
      run: cli("search"),
    },
    test: { kind: "oneshot", description: "Test the monitor", cwd: "plugins/chat", run: ["bun", "test"] },
  },
});
