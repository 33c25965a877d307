/** `dt logs`: the tail of any file, following across runs, what is not a line yet, colours for terminals only. */
import { expect, test } from "bun:test";
import { DT, until } from "../kit.ts";
import { launchRoot, readLog } from "./launch.kit.ts";

test("the last lines, all of them, the path, and stdout and stderr in order", async () => {
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
