import { definePlugin } from "@dialtone/dt";

const cli = (...words: string[]) => ["bun", "plugins/orchestra/cli.ts", ...words];

// A registry of codebases in ~/.orchestra that writes their CLAUDE.md and AGENTS.md.
export default definePlugin({
  name: "orchestra",
  description: "A registry of codebases that writes their instruction files",
  commands: {
    init: { kind: "oneshot", description: "Create ~/.orchestra", run: cli("init") },
    list: { kind: "oneshot", description: "List projects and codebases", run: cli("list") },
    add: { kind: "oneshot", description: "add PROJECT CODEBASE PATH", run: cli("add") },
    remove: { kind: "oneshot", description: "remove PROJECT CODEBASE: its entry, not its files", run: cli("remove") },
    sync: { kind: "oneshot", description: "Write the files of all codebases, or of one; --dry-run", run: cli("sync") },
    check: {
      kind: "oneshot",
      description: "List files that are stale, missing or edited by hand; exit 1 if there are any",
      run: cli("check"),
    },
    schema: { kind: "oneshot", description: "Print the JSON Schema of an entry", run: cli("schema") },
    job: { kind: "oneshot", description: "For the daemon: runs when an entry changes", run: cli("job") },
    request: { kind: "oneshot", description: "For the daemon: runs for a sync over its socket", run: cli("request") },
    status: { kind: "oneshot", description: "For the daemon: what this plugin adds to its status", run: cli("status") },
    test: { kind: "oneshot", description: "Test the registry", cwd: "plugins/orchestra", run: ["bun", "test"] },
  },
  watch: [
    {
      paths: ["~/.orchestra/projects/**/*.[yY][aA][mM][lL]"],
      run: "orchestra:job",
      // `<project>/*` for the file that applies to a whole project, else `<project>/<codebase>`.
      target(path) {
        const [project, file = ""] = path.split("/").slice(-2) as [string, string?];
        return file.toLowerCase() === "project.yaml" ? `${project}/*` : `${project}/${file.replace(/\.yaml$/i, "")}`;
      },
    },
  ],
  daemon: { commands: { sync: "orchestra:request" }, status: "orchestra:status" },
});
