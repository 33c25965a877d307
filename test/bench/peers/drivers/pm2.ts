/** pm2: apps in an ecosystem file, kept by its daemon. */
import type { Peer } from "../types.ts";

const FILE = "ecosystem.config.cjs";

export const PM2: Peer = {
  id: "pm2",
  needs: ["pm2", "node"],
  // not `pm2 --version`: that starts its daemon
  version: ["sh", "-c", `grep '"version"' "$(dirname "$(readlink -f "$(command -v pm2)")")/../package.json"`],
  most: 200,
  notes: ["`interpreter: none`: the command is a program of its own, not a script for Node.js."],
  env: ({ dir }) => ({ PM2_HOME: `${dir}/.pm2` }),
  files: ({ commands }) => {
    const apps = commands.map(({ name, argv: [script, ...args] }) => ({ name, script, args, interpreter: "none" }));
    return { [FILE]: `module.exports = ${JSON.stringify({ apps }, null, 2)};\n` };
  },
  up: () => [["pm2", "ping"]],
  list: ["pm2", "list"],
  start: (_, name) => ["pm2", "start", FILE, "--only", name],
  restart: (_, name) => ["pm2", "restart", name],
  stop: (_, name) => ["pm2", "stop", name],
  measures: null,
};
