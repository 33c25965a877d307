/** `dt logs`: the tail of any file, following across runs, what is not a line yet, colours for terminals only. */
import { expect, test } from "bun:test";
import { statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { DT, TestRoot, until } from "../../kit.ts";
import { launchRoot, readLog } from "../kit/launch.ts";

test("dt logs shows the last lines, all lines, the path, and stdout and stderr in order", async () => {
  const root = launchRoot(
    "plain",
    "",
    `count: { kind: "managed", run: "for i in $(seq 1 300); do echo line $i; done; echo oops >&2; exec sleep 1000" },`,
  );
  try {
    await root.dt(["t", "count", "-d"]);
    await until("it printed", () => readLog(root, "t:count:default").includes("oops"));
    const lines = async (...words: string[]) => (await root.dt(["logs", "t", "count", ...words])).stdout.split("\n");
    expect((await lines()).slice(0, 2)).toEqual(["line 202", "line 203"]);
    expect(await lines("-n", "2")).toEqual(["line 300", "oops", ""]);
    expect(await lines("-n", "0")).toEqual([""]);
    expect((await lines("-n", "all")).length).toBe(302);
    expect(await lines("--path")).toEqual([`${root.run}/t:count:default.log`, ""]);
    expect((await root.dt(["logs", "t", "count", "-n", "x"])).code).toBe(2);
    const json = (await root.dt(["logs", "t", "count", "-n", "1", "--json"])).stdout;
    expect(JSON.parse(json)).toMatchObject({ key: "t:count:default", line: "oops" });
    expect((await root.dt(["logs", "t", "nothing"])).code).toBe(2);
  } finally {
    await root.dispose();
  }
});

test("-f follows across reruns, and ends when its reader has gone", async () => {
  const root = launchRoot("plain");
  try {
    await root.dt(["t", "dev", "-d"]);
    const follower = root.spawn(["logs", "t", "dev", "-f"]);
    let seen = "";
    const reading = (async () => {
      for await (const chunk of follower.stdout) seen += new TextDecoder().decode(chunk);
    })();
    for (let round = 1; round <= 3; round++) {
      await until("the run is seen", () => (seen.match(/plain \d+/g) ?? []).length === round);
      await root.dt(["t", "dev", "-d"]);
    }
    await until("the last run is seen", () => (seen.match(/plain \d+/g) ?? []).length === 4);
    follower.kill("SIGINT");
    await reading;
    expect(await follower.exited).toBe(130);
    const piped = Bun.spawn(["sh", "-c", `'${DT}' logs t dev -f | head -n 1`], {
      cwd: root.dir,
      env: root.env,
      stdout: "pipe",
    });
    expect(await piped.stdout.text()).toMatch(/^plain \d+\n$/); // ends though nothing more is written
    expect(await piped.exited).toBe(0);
  } finally {
    await root.dispose();
  }
});

test("colours stay on disk and are stripped when the reader is no terminal; bytes pass unharmed", async () => {
  const root = launchRoot(
    "plain",
    "",
    `bytes: { kind: "managed", run: ["sh", "-c", "printf '\\\\033[31mred\\\\033[0m gr\\\\303\\\\274n\\\\r50%%\\\\r100%%\\\\n\\\\377\\\\000\\\\001end'"] },`,
  );
  try {
    await root.dt(["t", "bytes"]);
    const read = async (...words: string[]) => {
      const child = Bun.spawn([DT, "logs", "t", "bytes", ...words], { cwd: root.dir, env: root.env, stdout: "pipe" });
      return Buffer.from(await new Response(child.stdout).arrayBuffer()).toString("latin1");
    };
    expect(await read()).toBe("red gr\xc3\xbcn\r50%\r100%\n\xff\x00\x01end");
    expect(await read("--color")).toBe("\x1b[31mred\x1b[0m gr\xc3\xbcn\r50%\r100%\n\xff\x00\x01end");
  } finally {
    await root.dispose();
  }
});

/** A root whose `a s` wrote these lines and sleeps. */
async function wrote(lines: string): Promise<TestRoot> {
  const root = TestRoot.create({
    "manifests/a.json": JSON.stringify({
      name: "a",
      commands: {
        s: { kind: "managed", run: ["sh", "-c", 'printf "$0"; exec sleep 1000', lines], ready: { log: "end" } },
      },
    }),
  });
  await root.dt(["a", "s", "-d"]);
  return root;
}

test("--grep and --errors print matching lines alone; with --context, -- where lines were left out", async () => {
  const root = await wrote("m 1\\nx\\nx\\nerror: 2\\nx\\nx\\nm 3\\nerror: 4\\nx\\nend\\n");
  try {
    const logs = async (...flags: string[]) => (await root.dt(["logs", "a", "s", ...flags])).stdout.split("\n");
    expect(await logs("--grep", "^m")).toEqual(["m 1", "m 3", ""]);
    expect(await logs("--errors")).toEqual(["error: 2", "error: 4", ""]);
    expect(await logs("--grep", "^m", "--context", "0")).toEqual(["m 1", "--", "m 3", ""]);
    expect(await logs("--errors", "--context", "1")).toEqual([
      ...["x", "error: 2", "x", "--", "m 3", "error: 4", "x", ""],
    ]);
    expect((await root.dt(["logs", "--grep", "^m"])).stdout).not.toContain("--");
    expect((await root.dt(["logs", "a", "s", "--grep", "^m", "--json"])).stdout).not.toContain("--\n");
    expect(await logs("--grep", "m 1", "--grep", "m 3")).toEqual(["m 1", "m 3", ""]);
    expect(await logs("--grep", "m 1|^end")).toEqual(["m 1", "end", ""]);
    expect(await logs("--errors", "--grep", "4", "--grep", "m")).toEqual(["error: 4", ""]);
    const twice = await root.dt(["logs", "a", "s", "--since", "1m", "--since", "2m"]);
    expect(twice).toMatchObject({ code: 2, stdout: "" });
    expect(twice.stderr).toContain("--since takes one value, and two were given");
    expect((await root.dt(["logs", "a", "s", "--grep", "m", "--grep", "("])).stderr).toContain('not "("');
  } finally {
    await root.dispose();
  }
});

test("dt logs takes joined short flags, and --json in any place", async () => {
  const root = await wrote(`${Array.from({ length: 9 }, (_, at) => `l${at}`).join("\\n")}\\nend\\n`);
  try {
    const lines = async (...words: string[]) => (await root.dt(words)).stdout.split("\n").filter(Boolean).length;
    expect(await lines("logs", "a", "s", "-n5")).toBe(5);
    expect(await lines("logs", "-n3", "a", "s")).toBe(3);
    expect(await lines(`-C${root.dir}`, "logs", "a", "s", "-n2")).toBe(2);
    for (const flags of [["-fn5"], ["-f", "-n5"], ["-fn", "5"], ["-f", "-n", "5"]]) {
      const follower = root.spawn(["logs", "a", "s", ...flags]);
      const reader = follower.stdout.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("l5\nl6\nl7\nl8\nend\n");
      follower.kill();
      await follower.exited;
    }
    const shown = JSON.parse((await root.dt(["ps", "--json"])).stdout);
    for (const words of [
      ["--json", "ps"],
      ["ps", "a:s", "--json"],
      ["ps", "--json", "a:s"],
    ])
      expect(JSON.parse((await root.dt(words)).stdout)).toMatchObject([{ key: "a:s:default", pid: shown[0].pid }]);
    for (const words of [
      ["--json", "logs", "a", "s", "-n1"],
      ["logs", "--json", "a", "s", "-n1"],
      ["logs", "a", "--json", "s", "-n1"],
      ["logs", "a", "s", "-n1", "--json"],
    ])
      expect(JSON.parse((await root.dt(words)).stdout)).toMatchObject({ line: "end" });
    for (const words of [
      ["--json", "a", "s", "--ensure", "-d"],
      ["a", "--json", "s", "--ensure", "-d"],
      ["a", "s", "--ensure", "--json", "-d"],
      ["a", "s", "-d", "--ensure", "--json"],
    ])
      expect(JSON.parse((await root.dt(words)).stdout)).toMatchObject({ key: "a:s:default", unchanged: true });
    for (const words of [
      ["logs", "--bogus", "--json"],
      ["bogus", "x", "--json"],
      ["a", "nosuch", "--json"],
    ])
      expect(JSON.parse((await root.dt(words)).stdout)).toMatchObject({ error: { status: 2 } });
    for (const words of [
      ["help", "--json"],
      ["a", "--json"],
      ["--json", "attach", "a", "s"],
    ]) {
      const refused = await root.dt(words);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(/^dt: dt \w+ has no --json\./);
    }
  } finally {
    await root.dispose();
  }
});

test("--quiet works after a verb as before it", async () => {
  const root = await wrote("end\\n");
  try {
    expect(await root.dt(["down", "--quiet"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect((await root.dt(["a", "s", "-d"])).stderr).not.toBe("");
    expect((await root.dt(["a", "s", "-d", "--quiet"])).stderr).toBe("");
    expect(await root.dt(["stop", "--quiet", "a"])).toMatchObject({ code: 0, stderr: "" });
  } finally {
    await root.dispose();
  }
});

test("after a log was cut, lines have their own times", async () => {
  const root = TestRoot.create({
    "manifests/a.json": JSON.stringify({
      name: "a",
      commands: { s: { kind: "managed", run: "while :; do date +%s; sleep 0.1; done", stop: { timeout: "300ms" } } },
    }),
  });
  try {
    await root.dt(["a", "s", "-d"]);
    const path = join(root.run, "a:s:default.log");
    await until("it has written for a while", () => statSync(path).size > 300, 15_000);
    for (const size of [0, 22]) {
      truncateSync(path, size);
      const from = Math.floor(Date.now() / 1000) + 2;
      const late = await until("it went on", async () => {
        const { stdout } = await root.dt(["logs", "a", "s", "--json"]);
        const lines = stdout.split("\n").filter(Boolean);
        const shown = lines.map((line) => JSON.parse(line) as { line: string; time: string });
        return shown.find(({ line }) => Number(line) >= from);
      });
      expect(Math.abs(Date.parse(late.time) / 1000 - Number(late.line))).toBeLessThan(2.5);
    }
  } finally {
    await root.dispose();
  }
});
