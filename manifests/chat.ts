import { definePlugin } from "@dialtone/dt";

const cli = (...words: string[]) => ["bun", "plugins/chat/cli.ts", ...words];

// Keeps what coding agents and people said, one JSON file a conversation, in ~/.chat.
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
    status: { kind: "oneshot", description: "How the monitor is", run: ["dt", "status", "chat:monitor:default"] },
    init: { kind: "oneshot", description: "Make ~/.chat/settings.yaml", run: cli("init") },
    process: {
      kind: "oneshot",
      description: "process [FILE …]: bring conversations up to date now; --again",
      run: cli("process"),
    },
    list: { kind: "oneshot", description: "List conversations, the newest first; --all, --json", run: cli("list") },
    show: { kind: "oneshot", description: "show ID: a conversation; --last N, --json", run: cli("show") },
    search: {
      kind: "oneshot",
      description: "search WORD …: messages that have them all; --role, --json",
      run: cli("search"),
    },
    test: { kind: "oneshot", description: "Test the monitor", cwd: "plugins/chat", run: ["bun", "test"] },
  },
});
