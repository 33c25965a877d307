import { definePlugin } from "@dialtone/dt";

// A plugin is one file like this one, and whatever its commands run. `dt template` lists the commands.
export default definePlugin({
  name: "template",
  description: "A plugin to start from: a page, with commands that check and build it",
  cwd: "plugins/template", // where the commands run; paths in this file are relative to the project root

  commands: {
    // Managed: keeps running under a key, here template:dev:default. Running it again replaces it.
    dev: {
      kind: "managed",
      description: "Serve the page",
      cwd: "plugins/template/src",
      run: ["bun", "server.ts"], // dt includes Bun; any other program on the machine works too
      env: { GREETING: "Hello" },
      port: "auto", // a free port, the same one each time, passed to the program as PORT; a number fixes it
      ready: { http: "/", timeout: "10s" }, // `dt template dev -d` returns when the page answers
      log: "plugins/template/dev.log", // without this line: .dialtone/run/template:dev:default.log
      stop: { signal: "SIGTERM", timeout: "5s" }, // whatever still runs 5 seconds after the signal is killed
      variants: {
        // A variant changes some fields and has its own key, so both can run at once: `dt template dev src_v2`.
        src_v2: { cwd: "plugins/template/src_v2", log: "plugins/template/dev_v2.log", env: { GREETING: "Welcome" } },
      },
    },

    // One-shots run and end. dt becomes the program, so arguments, signals and exit codes are the program's own.
    build: {
      kind: "oneshot",
      description: "Bundle the server into dist",
      run: ["bun", "build", "src/server.ts", "--target", "bun", "--outdir", "dist"],
      variants: { src_v2: { run: ["bun", "build", "src_v2/server.ts", "--target", "bun", "--outdir", "dist/src_v2"] } },
    },
    lint: {
      kind: "oneshot",
      description: "Check the types of the code and of this manifest",
      run: ["bun", "check", "--no-script", ".", "../../manifests/template.ts"],
    },
    test: { kind: "oneshot", description: "Run the tests beside the code", run: ["bun", "test"] },
    smoke: {
      kind: "oneshot",
      description: "Request the server's page; start the server first unless it runs",
      run: ["bun", "smoke.ts", "template", "dev"],
      variants: { src_v2: { run: ["bun", "smoke.ts", "template", "dev", "src_v2"] } },
    },

    // A one-shot can be a function of this file instead of a program.
    check: {
      kind: "oneshot",
      description: "Lint, test, build and smoke, for CI",
      handler: async ({ exec }) => {
        for (const command of ["lint", "test", "build", "smoke"]) await exec("dt", ["template", command]);
      },
    },
  },
});
