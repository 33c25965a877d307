import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatIssue, validatePlugin } from "../../../src/manifest/load/validate.ts";
import { RESERVED_VERBS } from "../../../src/manifest/model/reserved.ts";

function faults(value: unknown): string[] {
  const verdict = validatePlugin(value, { file: "/m.ts", origin: "root" });
  return verdict.valid ? [] : verdict.issues.map(formatIssue);
}

const withCommand = (command: unknown) => ({ name: "www", commands: { dev: command } });
const managed = (fields: object) => withCommand({ kind: "managed", run: ["x"], port: 3000, ...fields });
const oneshot = (fields: object) => withCommand({ kind: "oneshot", run: ["x"], ...fields });

describe("accepted", () => {
  test.each([
    ["no commands", { name: "a", commands: {} }],
    ["undefined where a field may be missing", managed({ port: undefined, ready: undefined, env: undefined })],
    ["names at their limits", { name: "0", commands: { ["a".repeat(64)]: { kind: "oneshot", run: "x" } } }],
    ["an empty argument", oneshot({ run: ["printf", ""] })],
    ["a handler", withCommand({ kind: "oneshot", handler: () => 0 })],
    [
      "every probe",
      managed({
        ready: [{ http: "/" }, { port: true }, { port: 1 }, { log: "a|b" }, { exec: ["x"] }, { delay: "1s" }],
      }),
    ],
    ["a whole URL without a port", managed({ port: undefined, ready: { http: "https://127.0.0.1:8/x", status: 204 } })],
    ["tty false", managed({ tty: false })],
    ["tty true", managed({ tty: true, variants: { v: { tty: false } } })],
    ["env null", managed({ env: { A: null, B: "" } })],
    ["another plugin's keys", managed({ needs: ["db:dev", "db:dev:v2"] })],
    ["its own oneshot watched", { ...oneshot({}), watch: [{ paths: ["**/*.md"], run: "www:dev" }] }],
  ])("%s", (_, value) => expect(faults(value)).toEqual([]));
});

test("a wrong duration or size is reported once", () => {
  const wrong = managed({
    restart: { delay: "x" },
    stop: { timeout: "30" },
    logs: { maxSize: "1" },
    alive: { http: "/", interval: "1" },
  });
  expect(
    faults(wrong)
      .map((fault) => fault.split(":")[0])
      .sort(),
  ).toEqual([
    "commands.dev.alive.interval",
    "commands.dev.logs.maxSize",
    "commands.dev.restart.delay",
    "commands.dev.stop.timeout",
  ]);
  expect(faults(managed({ restart: { delay: "1ms" } }))).toHaveLength(1);
});

describe("refused, with path, what was found and what is allowed", () => {
  test.each<[string, unknown, string]>([
    ["no name", { commands: {} }, "name: is missing; a plugin needs it."],
    ["no commands", { name: "a" }, "commands: is missing; a plugin needs it."],
    [
      "bad plugin name",
      { name: "../x", commands: {} },
      'name: expected a name: letters, digits, "_", ".", "-", at most 64, beginning with a letter or digit, found "../x".',
    ],
    [
      "long name",
      { name: "a".repeat(65), commands: {} },
      `name: expected a name: letters, digits, "_", ".", "-", at most 64, beginning with a letter or digit, found "${"a".repeat(57)}...".`,
    ],
    ["name with a newline", { name: "a\n", commands: {} }, 'found "a\\n".'],
    [
      "bad command name",
      { name: "a", commands: { "../x": { kind: "oneshot", run: "x" } } },
      'commands["../x"]: expected a name',
    ],
    [
      "__proto__ command",
      { name: "a", commands: JSON.parse('{"__proto__": {"kind": "oneshot", "run": "x"}}') },
      "commands.__proto__: expected a name",
    ],
    [
      "commands a list",
      { name: "a", commands: [] },
      "commands: expected an object of commands by name, found an empty list.",
    ],
    ["a command that is text", withCommand("x"), 'commands.dev: expected a command, found "x".'],
    ["no kind", withCommand({ run: "x" }), 'commands.dev.kind: expected "oneshot" or "managed", found nothing.'],
    [
      "wrong kind",
      withCommand({ kind: "service" }),
      'commands.dev.kind: expected "oneshot" or "managed", found "service".',
    ],
    [
      "unknown field",
      managed({ redy: {} }),
      "commands.dev.redy: is not a field of a managed command; did you mean `ready`?",
    ],
    [
      "unknown field far from all",
      managed({ zzzzzz: 1 }),
      "commands.dev.zzzzzz: is not a field of a managed command; allowed: kind, ",
    ],
    [
      "unknown field `constructor`",
      managed({ constructor: 1 }),
      "commands.dev.constructor: is not a field of a managed command",
    ],
    [
      "managed field on a oneshot",
      oneshot({ port: 3 }),
      "commands.dev.port: belongs to managed commands; this one is a oneshot.",
    ],
    [
      "handler on managed",
      managed({ handler: () => 0 }),
      "commands.dev.handler: belongs to oneshot commands; this one is managed.",
    ],
    [
      "command field on the plugin",
      { name: "a", commands: {}, port: 3 },
      "port: belongs to a command, not to the plugin.",
    ],
    [
      "kind in a variant",
      managed({ variants: { v: { kind: "managed" } } }),
      "commands.dev.variants.v.kind: belongs to the command, not to a variant.",
    ],
    [
      "variant default",
      managed({ variants: { default: {} } }),
      'commands.dev.variants.default: "default" is the command itself without a variant; put these fields on the command.',
    ],
    ["bad variant name", managed({ variants: { "a b": {} } }), 'commands.dev.variants["a b"]: expected a name'],
    [
      "run a number",
      managed({ run: 3 }),
      "commands.dev.run: expected a list of arguments or a string for `sh -c`, found 3.",
    ],
    ["run empty", managed({ run: [] }), "commands.dev.run: expected at least the program to run, found an empty list."],
    [
      "run empty text",
      managed({ run: "" }),
      'commands.dev.run: expected a list of arguments or a string for `sh -c`, found "".',
    ],
    [
      "run without a program",
      managed({ run: ["", "a"] }),
      "commands.dev.run: expected the program to run first, found an empty string.",
    ],
    [
      "a number in run",
      managed({ run: ["x", 3] }),
      "commands.dev.run[1]: expected text (write numbers in quotes), found 3.",
    ],
    ["NUL in run", managed({ run: ["x\0"] }), "commands.dev.run[0]: an argument cannot contain a NUL character."],
    [
      "port text",
      managed({ port: "3000" }),
      'commands.dev.port: expected a port from 1 to 65535 or "auto", found "3000".',
    ],
    ["port 0", managed({ port: 0 }), 'commands.dev.port: expected a port from 1 to 65535 or "auto", found 0.'],
    ["port 65536", managed({ port: 65536 }), "found 65536."],
    ["port 1.5", managed({ port: 1.5 }), "found 1.5."],
    [
      "http deep",
      managed({ ready: { http: 80 } }),
      'commands.dev.ready.http: expected a path like "/" or a full URL, found 80.',
    ],
    [
      "http relative",
      managed({ ready: { http: "health" } }),
      'commands.dev.ready.http: expected a path that begins with "/" or a full http(s) URL, found "health".',
    ],
    ["http in a list", managed({ ready: [{ port: true }, { http: 80 }] }), "commands.dev.ready[1].http: expected"],
    [
      "ready empty list",
      managed({ ready: [] }),
      "commands.dev.ready: expected a probe or a list of probes, found an empty list.",
    ],
    ["ready text", managed({ ready: "/" }), 'commands.dev.ready: expected a probe, found "/".'],
    [
      "two probe kinds",
      managed({ ready: { http: "/", log: "x" } }),
      "commands.dev.ready: sets http and log, but a probe has exactly one of",
    ],
    [
      "no probe kind",
      managed({ ready: { timeout: "1s" } }),
      "commands.dev.ready: needs one of http, port, log, exec, delay.",
    ],
    [
      "status without http",
      managed({ ready: { log: "x", status: 200 } }),
      "commands.dev.ready: `status` belongs to `http`, which is not set.",
    ],
    [
      "probe port false",
      managed({ ready: { port: false } }),
      "commands.dev.ready.port: expected true (the command's own port) or a port from 1 to 65535, found false.",
    ],
    [
      "bad regex",
      managed({ ready: { log: "(" } }),
      'commands.dev.ready.log: expected a regular expression, found "(": ',
    ],
    [
      "bad timeout",
      managed({ ready: { http: "/", timeout: 30 } }),
      'commands.dev.ready.timeout: expected a duration with a unit, like "500ms"',
    ],
    [
      "timeout under the delay",
      managed({ ready: { delay: "10s", timeout: "5s" } }),
      "commands.dev.ready.timeout: 5s is shorter than the delay of 10s.",
    ],
    [
      "http path without a port",
      managed({ port: undefined, ready: { http: "/" } }),
      'commands.dev.ready.http: "/" is requested from the command\'s own port, but the command has no `port`',
    ],
    [
      "port probe without a port",
      managed({ port: undefined, ready: [{ port: true }] }),
      "commands.dev.ready[0].port: is true, which means the command's own port, but the command has no `port`.",
    ],
    [
      "signal",
      managed({ stop: { signal: "TERM" } }),
      'commands.dev.stop.signal: expected a signal name like "SIGTERM", found "TERM"; did you mean "SIGTERM"?',
    ],
    [
      "signal number",
      managed({ stop: { signal: 15 } }),
      'commands.dev.stop.signal: expected a signal name like "SIGTERM", found 15.',
    ],
    [
      "spare",
      managed({ stop: { spare: "adb" } }),
      'commands.dev.stop.spare: expected a list of process names, found "adb".',
    ],
    [
      "size",
      managed({ logs: { maxSize: "50mb" } }),
      'commands.dev.logs.maxSize: expected a size with a unit, like "512KB", "50MB" or "2GB", or "none", found "50mb".',
    ],
    [
      "keep",
      managed({ logs: { keep: -1 } }),
      "commands.dev.logs.keep: expected a whole number from 0 to 1000, found -1.",
    ],
    ["log a directory", managed({ log: "logs/" }), 'commands.dev.log: expected a file path, found "logs/".'],
    [
      "restart",
      managed({ restart: true }),
      'commands.dev.restart: expected "no", "on-failure" or "always", or an object, found true.',
    ],
    [
      "a policy in an object",
      managed({ restart: { policy: "sometimes" } }),
      'commands.dev.restart.policy: expected "no", "on-failure" or "always", found "sometimes".',
    ],
    [
      "a delay that would spin",
      managed({ restart: { delay: "1ms" } }),
      'commands.dev.restart.delay: expected at least "100ms", found "1ms".',
    ],
    [
      "a cap below the delay",
      managed({ restart: { delay: "10s", maxDelay: "5s" } }),
      "commands.dev.restart.maxDelay: 5s is shorter than the delay of 10s.",
    ],
    [
      "jitter",
      managed({ restart: { jitter: 1.5 } }),
      "commands.dev.restart.jitter: expected a number from 0 to 1, found 1.5.",
    ],
    [
      "a limit",
      managed({ restart: { limit: { count: 0 } } }),
      "commands.dev.restart.limit.count: expected a whole number from 1 to 10000, found 0.",
    ],
    [
      "a limit by another word",
      managed({ restart: { limit: "never" } }),
      'commands.dev.restart.limit: expected "none" or an object with `count` and `window`, found "never".',
    ],
    [
      "success codes",
      managed({ restart: { successCodes: [256] } }),
      "commands.dev.restart.successCodes[0]: expected an exit code from 0 to 255, found 256.",
    ],
    [
      "liveness by a log",
      managed({ alive: { log: "up" } }),
      ["commands.dev.alive.log: belongs to `ready`: it cannot tell what happens later."].join(),
    ],
    [
      "liveness of two kinds",
      managed({ alive: [{ http: "/", exec: ["x"] }] }),
      "commands.dev.alive[0]: sets http and exec, but a probe has exactly one of http, port, exec; a list of probes means that all must hold.",
    ],
    [
      "liveness asked without pause",
      managed({ alive: { exec: ["x"], interval: "1ms" } }),
      'commands.dev.alive.interval: expected at least "100ms", found "1ms".',
    ],
    [
      "liveness at a port there is not",
      managed({ port: undefined, alive: { port: true } }),
      "commands.dev.alive.port: is true, which means the command's own port, but the command has no `port`.",
    ],
    [
      "an action",
      managed({ alive: { exec: ["x"], action: "reboot" } }),
      'commands.dev.alive.action: expected "unhealthy" or "restart", found "reboot".',
    ],
    [
      "nothing to watch",
      managed({ restartOn: { paths: [] } }),
      "commands.dev.restartOn.paths: expected at least one path, found an empty list.",
    ],
    [
      "a one-shot that is none",
      managed({ restartOn: { paths: ["src"], run: "www:dev" } }),
      'commands.dev.restartOn.run: "www:dev" is a managed command, expected a oneshot one.',
    ],
    [
      "a one-shot that is none, in a variant",
      managed({ variants: { v: { restartOn: { paths: ["src"], run: "www:x" } } } }),
      'commands.dev.variants.v.restartOn.run: "www:x" names no command of this plugin; it has dev.',
    ],
    [
      "needs",
      managed({ needs: ["db"] }),
      'commands.dev.needs[0]: expected a key like "db:dev" or "db:dev:variant", found "db".',
    ],
    ["needs itself", managed({ needs: ["www:dev"] }), 'commands.dev.needs[0]: "www:dev" is this command itself.'],
    [
      "needs itself, in a variant",
      managed({ needs: ["www:dev:v"], variants: { v: {} } }),
      'commands.dev.variants.v.needs[0]: "www:dev:v" is this command itself.',
    ],
    [
      "needs an unknown command of its own",
      managed({ needs: ["www:db"] }),
      'commands.dev.needs[0]: "www:db" names no command of this plugin; it has dev.',
    ],
    [
      "needs `constructor` of its own",
      managed({ needs: ["www:constructor"] }),
      '"www:constructor" names no command of this plugin',
    ],
    [
      "needs an unknown variant of its own",
      managed({ variants: { v: { needs: ["www:dev:w"] } } }),
      '"www:dev:w" names no variant of that command; it has v.',
    ],
    [
      "env number",
      managed({ env: { PORT: 3000 } }),
      'commands.dev.env.PORT: expected text or null, found 3000; write it in quotes: "3000".',
    ],
    [
      "env boolean",
      managed({ env: { A: true } }),
      'commands.dev.env.A: expected text or null, found true; write it in quotes: "true".',
    ],
    [
      "env name",
      managed({ env: { "A=B": "x" } }),
      'commands.dev.env["A=B"]: a variable name cannot be empty or contain "=" or NUL.',
    ],
    [
      "env constructor",
      managed({ env: { constructor: 1 } }),
      "commands.dev.env.constructor: expected text or null, found 1",
    ],
    ["env NUL", managed({ env: { A: "x\0" } }), "commands.dev.env.A: a variable cannot contain a NUL character."],
    ["envFile", managed({ envFile: 3 }), "commands.dev.envFile: expected a path, found 3."],
    ["cwd empty", managed({ cwd: "" }), 'commands.dev.cwd: expected a path, found "".'],
    [
      "description of two lines",
      managed({ description: "a\nb" }),
      "commands.dev.description: expected one line of text, found control characters",
    ],
    [
      "run and compose",
      withCommand({ kind: "managed", run: ["x"], compose: { file: "a.yaml" } }),
      "commands.dev: has both `run` and `compose`; a managed command has exactly one of them.",
    ],
    [
      "compose on a terminal",
      withCommand({ kind: "managed", compose: { file: "a.yaml" }, tty: true }),
      "commands.dev.tty: needs a `run`; a stack of containers has no terminal.",
    ],
    [
      "a toggle named like a flag",
      withCommand({ kind: "managed", compose: { file: "a.yaml", toggles: { wait: { services: ["a"] } } } }),
      "commands.dev.compose.toggles.wait: is a flag of every managed command; give the toggle another name.",
    ],
    [
      "compose in a oneshot",
      withCommand({ kind: "oneshot", compose: { file: "a.yaml" } }),
      "commands.dev.compose: belongs to managed commands; this one is a oneshot.",
    ],
    [
      "a project that Compose refuses",
      withCommand({ kind: "managed", compose: { file: "a.yaml", project: "A b" } }),
      'commands.dev.compose.project: expected a name of lowercase letters, digits, _ and -, found "A b".',
    ],
    [
      "managed without run",
      withCommand({ kind: "managed" }),
      "commands.dev: has nothing to run; a managed command needs `run` or `compose`.",
    ],
    [
      "oneshot without either",
      withCommand({ kind: "oneshot" }),
      "commands.dev: has nothing to run; a oneshot needs `run` or `handler`.",
    ],
    [
      "oneshot with both",
      oneshot({ handler: () => 0 }),
      "commands.dev: has both `run` and `handler`; a oneshot has exactly one of them.",
    ],
    [
      "both only in a variant",
      withCommand({ kind: "oneshot", handler: () => 0, variants: { v: { run: "x" } } }),
      "commands.dev.variants.v: has both `run` and `handler`",
    ],
    [
      "handler no function",
      withCommand({ kind: "oneshot", handler: "x" }),
      'commands.dev.handler: expected a function, found "x".',
    ],
    [
      "watch of an unknown command",
      { ...oneshot({}), watch: [{ paths: ["x"], run: "www:nope" }] },
      'watch[0].run: "www:nope" names no command of this plugin; it has dev.',
    ],
    [
      "watch of a managed command",
      { ...managed({}), watch: [{ paths: ["x"], run: "www:dev" }] },
      'watch[0].run: "www:dev" is a managed command, expected a oneshot one.',
    ],
    [
      "watch without paths",
      { ...oneshot({}), watch: [{ paths: [], run: "www:dev" }] },
      "watch[0].paths: expected at least one glob pattern, found an empty list.",
    ],
    [
      "watch debounce",
      { ...oneshot({}), watch: [{ paths: ["x"], run: "www:dev", debounce: "soon" }] },
      "watch[0].debounce: expected a duration",
    ],
    [
      "a date",
      { name: "a", commands: {}, description: new Date(0) },
      "description: expected one line of text, found a Date.",
    ],
  ])("%s", (_, value, sentence) => {
    expect(faults(value).join("\n")).toContain(sentence);
  });

  test("all faults are reported at once, each once", () => {
    expect(faults(managed({ port: 0, tty: 1, variants: { a: {}, b: { port: "x" } } }))).toHaveLength(3);
  });

  test("a fault of the command is not repeated for its variants", () => {
    const found = faults(managed({ port: undefined, ready: { http: "/" }, variants: { a: {}, b: { port: 1 } } }));
    expect(found).toHaveLength(1);
    expect(found[0]).toStartWith("commands.dev.ready.http:");
  });

  test("a combination that only a variant makes names the variant", () => {
    const [found, ...rest] = faults(managed({ port: undefined, variants: { a: { ready: { port: true } } } }));
    expect(found).toStartWith("commands.dev.variants.a.ready.port: is true");
    expect(rest).toEqual([]);
  });
});

describe("the daemon's fields", () => {
  const words = 'expected a cron expression like "0 3 * * *" or "@daily"';
  test.each([["nope"], ["61 * * * *"], ["2030-01-01T00:00:00"], [""], ["* *"]])(
    "%j is refused as a schedule",
    (schedule) => {
      expect(faults(oneshot({ schedule }))).toEqual([
        `commands.dev.schedule: ${words}, found ${JSON.stringify(schedule)}.`,
      ]);
    },
  );

  test("schedules, boot and additions to the daemon's socket are accepted", () => {
    expect(faults(oneshot({ schedule: "0 3 * * *" }))).toEqual([]);
    expect(faults(managed({ schedule: "@daily", boot: true }))).toEqual([]);
    expect(faults(oneshot({ boot: true }))).toEqual([
      "commands.dev.boot: belongs to managed commands; this one is a oneshot.",
    ]);
    const plugin = (daemon: object) => ({ ...(oneshot({}) as object), daemon });
    const { name } = oneshot({}) as { name: string };
    expect(faults(plugin({ commands: { sync: `${name}:dev` }, status: `${name}:dev` }))).toEqual([]);
    expect(faults(plugin({ commands: { status: `${name}:dev` } }))).toEqual([
      expect.stringContaining("is a command of the daemon itself"),
    ]);
    expect(faults(plugin({ status: "other:build" }))).toEqual([
      'daemon.status: "other:build" does not belong to this plugin.',
    ]);
    expect(faults(plugin({ status: `${name}:none` }))).toEqual([expect.stringContaining("none")]);
  });
});

describe("not implemented yet", () => {
  test.each(["flags"])("%s", (field) => {
    const sentence = `\`${field}\` is not implemented yet in this version of dt.`;
    expect(faults(managed({ [field]: true }))).toEqual([`commands.dev.${field}: ${sentence}`]);
    expect(faults(oneshot({ [field]: true }))).toEqual([`commands.dev.${field}: ${sentence}`]);
    expect(faults(managed({ variants: { v: { [field]: 1 } } }))).toEqual([
      `commands.dev.variants.v.${field}: ${sentence}`,
    ]);
  });
});

test("property: any value is accepted or refused, without a crash", () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withMap: true, withDate: true, withBigInt: true }), (value) => {
      expect(typeof validatePlugin(value, { file: "/m", origin: "root" }).valid).toBe("boolean");
      expect(validatePlugin({ name: "a", commands: { dev: value } }, { file: "/m", origin: "root" }).valid).toBe(false);
      validatePlugin(managed({ ready: value, env: value, run: value, variants: value }), {
        file: "/m",
        origin: "root",
      });
    }),
  );
});

test("no verb is reserved twice", () => expect(new Set(RESERVED_VERBS).size).toBe(RESERVED_VERBS.length));
