/** `dt logs` of several keys, of parts of the runs, of certain lines, and from a cursor on. */
import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, statSync, truncateSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { DT, TestRoot, until } from "../../kit.ts";
import { launchRoot, psOf, readLog } from "../kit/launch.ts";

interface LogLine {
  key: string;
  run: string;
  line: string;
  time: string | null;
  cursor: string;
}

const jsonLines = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogLine);

/** Two plugins, each with a command that says what it is told by a file of its name. */
function talkers(): TestRoot {
  const manifest = (name: string) => `import { definePlugin } from "@dialtone/dt";
export default definePlugin({ name: "${name}", commands: {
  dev: { kind: "managed", run: "touch ${name}.says; exec tail -n +1 -f ${name}.says 2>/dev/null", logs: { keep: 3 }, variants: { beta: { run: "touch ${name}beta.says; exec tail -n +1 -f ${name}beta.says 2>/dev/null" } } } } });
`;
  return TestRoot.create({ "manifests/www.ts": manifest("www"), "manifests/api.ts": manifest("api") });
}

const say = (root: TestRoot, who: string, text: string) => appendFileSync(join(root.dir, `${who}.says`), text);

async function heard(root: TestRoot, key: string, text: string): Promise<void> {
  await until(`${key} said ${text}`, () => readLog(root, key).includes(text));
}

test("logs of all keys, a plugin's or several are merged by time, each line with its key", async () => {
  const root = talkers();
  try {
    for (const words of [
      ["www", "dev"],
      ["api", "dev"],
      ["www", "dev", "beta"],
    ])
      await root.dt([...words, "-d"]);
    for (const round of [1, 2]) {
      for (const [who, key] of [
        ["www", "www:dev:default"],
        ["api", "api:dev:default"],
        ["wwwbeta", "www:dev:beta"],
      ] as const) {
        say(root, who, `${who} ${round}\n`);
        await heard(root, key, `${who} ${round}`);
      }
      // The hosts' next look notes when: the second round is later than the first for each of them.
      await until("each host has noted when", () =>
        ["www:dev:default", "api:dev:default", "www:dev:beta"].every((key) => {
          const size = statSync(join(root.run, `${key}.log`)).size;
          return root.read(`.dialtone/run/${key}.times`).includes(`\n${size} `);
        }),
      );
    }
    const all = (await root.dt(["logs"])).stdout.split("\n").filter(Boolean);
    expect(
      all.slice(0, 3).every((line) => line.endsWith(" 1")) && all.slice(3).every((line) => line.endsWith(" 2")),
    ).toBe(true);
    expect(all).toContain("api:dev      │ api 1");
    expect(all).toContain("www:dev:beta │ wwwbeta 2");
    const plugin = (await root.dt(["logs", "www", "-n", "all"])).stdout;
    expect(plugin).not.toContain("api");
    expect(plugin.split("\n").filter(Boolean)).toHaveLength(4);
    const named = (await root.dt(["logs", "api:dev", "www:dev:beta", "-n", "2"])).stdout;
    expect(named.split("\n").filter(Boolean).sort()).toEqual(["api:dev      │ api 2", "www:dev:beta │ wwwbeta 2"]);
    expect((await root.dt(["logs", "--color", "api:dev", "www:dev"])).stdout).toMatch(
      /^\x1b\[\d+m(?:api|www):dev │ \x1b\[0m/,
    );
    expect((await root.dt(["logs", "--path"])).stdout.split("\n").filter(Boolean)).toHaveLength(3);
  } finally {
    await root.dispose();
  }
});

test("-f of all keys follows reruns, truncation, removal and a key that starts later, and ends with its reader", async () => {
  const root = talkers();
  try {
    await root.dt(["www", "dev", "-d"]);
    say(root, "www", "one\n");
    await heard(root, "www:dev:default", "one");
    const follower = root.spawn(["logs", "-f", "--json"]);
    let text = "";
    const reading = (async () => {
      for await (const chunk of follower.stdout) text += new TextDecoder().decode(chunk);
    })();
    const sees = (what: string) =>
      until(`the follower sees ${what}`, () => jsonLines(text.replace(/[^\n]*$/, "")).find((one) => one.line === what));
    await sees("one");
    say(root, "www", "tw");
    say(root, "www", "o\n");
    await sees("two");
    await root.dt(["api", "dev", "-d"]);
    say(root, "api", "later\n");
    expect((await sees("later")).key).toBe("api:dev:default");
    const before = (await sees("two")).run;
    await root.dt(["www", "dev", "-d"]);
    say(root, "www", "three\n");
    expect((await sees("three")).run).not.toBe(before);
    truncateSync(join(root.run, "api:dev:default.log"), 0);
    say(root, "api", "cut\n");
    await sees("cut");
    unlinkSync(join(root.run, "api:dev:default.log"));
    await root.dt(["api", "dev", "-d"]);
    say(root, "api", "anew\n");
    await sees("anew");
    follower.kill("SIGINT");
    await reading;
    expect(await follower.exited).toBe(130);
    // Every line once, and in order for each key.
    const lines = jsonLines(text);
    expect(lines.filter((one) => one.key === "www:dev:default" && one.run === before).map((one) => one.line)).toEqual([
      "one",
      "two",
    ]);
    const piped = Bun.spawn(["sh", "-c", `'${DT}' logs -f | head -n 1`], {
      cwd: root.dir,
      env: root.env,
      stdout: "pipe",
    });
    expect((await piped.stdout.text()).trim()).not.toBe("");
    expect(await piped.exited).toBe(0);
  } finally {
    await root.dispose();
  }
});

test("--after gives what is new, over runs, and a script that follows cursors misses and repeats nothing", async () => {
  const root = talkers();
  try {
    const seen: string[] = [];
    let cursor = "";
    const poll = async () => {
      const lines = jsonLines(
        (await root.dt(["logs", "www", "dev", "--json", "-n", "all", ...(cursor === "" ? [] : ["--after", cursor])]))
          .stdout,
      );
      seen.push(...lines.map((one) => one.line));
      cursor = lines.at(-1)?.cursor ?? cursor;
    };
    root.write("www.says", "");
    await root.dt(["www", "dev", "-d"]);
    for (let step = 0; step < 12; step++) {
      say(root, "www", `line ${step}\n`);
      await heard(root, "www:dev:default", `line ${step}\n`);
      if (step % 3 === 1) await poll();
      if (step % 5 === 4) {
        await poll();
        root.write("www.says", ""); // the next run begins empty
        await root.dt(["www", "dev", "-d"]);
      }
    }
    await poll();
    expect(seen).toEqual(Array.from({ length: 12 }, (_, step) => `line ${step}`));
    await poll();
    expect(seen).toHaveLength(12);
    const bad = await root.dt(["logs", "www", "dev", "--after", "x"]);
    expect({ code: bad.code, stderr: bad.stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("takes a cursor"),
    });
  } finally {
    await root.dispose();
  }
});

test("--previous, --since, --until, --grep, --context and --errors each select their lines", async () => {
  const root = talkers();
  try {
    root.write("www.says", "old 1\nold 2\n");
    await root.dt(["www", "dev", "-d"]);
    await heard(root, "www:dev:default", "old 2");
    root.write("www.says", "");
    await root.dt(["www", "dev", "-d"]);
    say(
      root,
      "www",
      "start\nTypeError: x is not a function\n    at f (a.js:1:2)\n    at g (a.js:3:4)\nlistening\nok\n",
    );
    await heard(root, "www:dev:default", "ok\n");
    const lines = async (...words: string[]) =>
      (await root.dt(["logs", "www", "dev", ...words])).stdout.split("\n").filter(Boolean);
    expect(await lines("--previous")).toEqual(["old 1", "old 2"]);
    expect(await lines("--previous", "1", "-n", "1")).toEqual(["old 2"]);
    const none = await root.dt(["logs", "www", "dev", "--previous", "7"]);
    expect({ code: none.code, stderr: none.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("Kept: 1."),
    });
    expect(await lines("--errors")).toEqual([
      "TypeError: x is not a function",
      "    at f (a.js:1:2)",
      "    at g (a.js:3:4)",
    ]);
    expect(await lines("--grep", "^(start|ok)$")).toEqual(["start", "ok"]);
    expect(await lines("--grep", "listening", "--context", "1")).toEqual(["    at g (a.js:3:4)", "listening", "ok"]);
    expect(await lines("--errors", "--grep", "a\\.js:3")).toEqual(["    at g (a.js:3:4)"]);
    expect(await lines("--grep", "^(start|ok)$", "-n", "1")).toEqual(["ok"]);
    expect(await lines("--grep", "a", "-n", "1")).toEqual(["    at g (a.js:3:4)"]);
    expect(await lines("--since", "1h")).toEqual([
      "old 1",
      "old 2",
      "start",
      "TypeError: x is not a function",
      "    at f (a.js:1:2)",
      "    at g (a.js:3:4)",
      "listening",
      "ok",
    ]);
    expect(await lines("--since", "1h", "-n", "1")).toEqual(["ok"]);
    expect(await lines("--until", "2001-01-01")).toEqual([]);
    for (const [words, text] of [
      [["--grep", "("], "takes a regular expression"],
      [["--since", "soon"], "takes a duration ago"],
      [["--context", "1"], "belongs to --grep"],
      [["-f", "--previous"], "exclude each other"],
      [["--since", "1m", "--until", "1h"], "later than"],
      [["--previous", "0"], "whole number from 1"],
    ] as const) {
      const refused = await root.dt(["logs", "www", "dev", ...words]);
      expect({ words, code: refused.code, stderr: refused.stderr }).toEqual({
        words,
        code: 2,
        stderr: expect.stringContaining(text),
      });
    }
  } finally {
    await root.dispose();
  }
});

test("--since separates the last seconds from what was before, by the host's index", async () => {
  const root = talkers();
  try {
    await root.dt(["www", "dev", "-d"]);
    say(root, "www", "early\n");
    await heard(root, "www:dev:default", "early");
    await until(
      "the host has noted it",
      () => root.read(".dialtone/run/www:dev:default.times").split("\n").length > 2 || null,
    );
    // Asked only now: before the note, a line has the time of the file's last change.
    const [line] = jsonLines((await root.dt(["logs", "www", "dev", "--json"])).stdout);
    const noted = line?.time as string;
    await until("two seconds have passed since", () => Date.now() - Date.parse(noted) > 2000);
    say(root, "www", "late\n");
    await heard(root, "www:dev:default", "late");
    expect(
      (await root.dt(["logs", "www", "dev", "--since", new Date(Date.parse(noted) + 500).toISOString()])).stdout,
    ).toBe("late\n");
    expect((await root.dt(["logs", "www", "dev", "--until", noted])).stdout).toBe("early\n");
  } finally {
    await root.dispose();
  }
});

test("a crash loop never evicts the first crash", async () => {
  const root = launchRoot(
    "plain",
    "",
    `crash: { kind: "managed", run: "echo run >> count; echo crash $(wc -l < count); exit 3", restart: "on-failure", logs: { keep: 2 } },`,
  );
  try {
    await root.dt(["t", "crash", "-d", "--no-wait"]);
    await until("it crashed for the third time", () => readLog(root, "t:crash:default").includes("crash 3"), 20_000);
    await until("and for the fourth", () => readLog(root, "t:crash:default").includes("crash 4"), 20_000);
    await root.dt(["stop", "t", "crash"]);
    const run = async (age: number) => (await root.dt(["logs", "t", "crash", "--previous", String(age)])).stdout;
    expect([await run(1), await run(2)]).toEqual(["crash 3\n", "crash 1\n"]);
  } finally {
    await root.dispose();
  }
}, 60_000);

test("a log that was moved elsewhere in the manifest is followed there", async () => {
  const root = talkers();
  try {
    await root.dt(["www", "dev", "-d"]);
    say(root, "www", "here\n");
    const follower = root.spawn(["logs", "www", "-f"]);
    let text = "";
    const reading = (async () => {
      for await (const chunk of follower.stdout) text += new TextDecoder().decode(chunk);
    })();
    await until("it is seen here", () => text.includes("here"));
    root.write(
      "manifests/www.ts",
      root.read("manifests/www.ts").replace('kind: "managed",', 'kind: "managed", log: "elsewhere.log",'),
    );
    await root.dt(["www", "dev", "-d"]);
    say(root, "www", "there\n");
    await until("it is seen there", () => text.includes("there"));
    expect(await psOf(root, "www:dev:default")).toMatchObject({ log: expect.stringContaining("elsewhere.log") });
    follower.kill("SIGTERM");
    await reading;
    expect(await follower.exited).toBe(143);
  } finally {
    await root.dispose();
  }
});

test("a line of ten megabytes, CRLF, carriage returns, multi-byte characters and binary junk pass unharmed, in each way of showing", async () => {
  const root = talkers();
  try {
    await root.dt(["www", "dev", "-d"]);
    const long = "ü".repeat(5_000_000);
    const odd = Buffer.from([0xff, 0x00, 0x01, 0x80, 0x0a]);
    const written = Buffer.concat([Buffer.from(`${long}\nwindows\r\n10%\r50%\r100%\n`), odd]);
    appendFileSync(join(root.dir, "www.says"), written);
    await until(
      "all of it is in the log",
      () => statSync(join(root.run, "www:dev:default.log")).size === written.length,
    );
    const bytes = async (...words: string[]) => {
      const child = Bun.spawn([DT, "logs", ...words], { cwd: root.dir, env: root.env, stdout: "pipe" });
      return Buffer.from(await new Response(child.stdout).arrayBuffer());
    };
    const own = readFileSync(join(root.run, "www:dev:default.log"));
    expect((await bytes("www", "dev")).equals(own)).toBe(true);
    await root.dt(["api", "dev", "-d"]);
    const prefixed = (await bytes("www:dev", "api:dev")).toString("latin1");
    expect(prefixed.replaceAll(Buffer.from("www:dev │ ").toString("latin1"), "") === own.toString("latin1")).toBe(true);
    const lines = jsonLines((await bytes("www", "dev", "--json")).toString());
    expect(lines.slice(1).map((one) => one.line)).toEqual(["windows", "10%\r50%\r100%", "\ufffd\0\u0001\ufffd"]);
    expect(lines[0]?.line === long).toBe(true);
    expect((await bytes("www", "dev", "--grep", "ü$")).toString() === `${long}\n`).toBe(true);
  } finally {
    await root.dispose();
  }
});
