/**
 * The GitHub action and every example of docs/ci.md, run: tests that pass, tests that fail, a server that does not come
 * up.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { REPOSITORY, TestRoot } from "../../kit.ts";
import { Job, makeCurl, makeRelease, readAction, runScript, type Step, VERSION } from "../kit/action.ts";
import { freePort, ps } from "../kit/launch.ts";
import { readBlocks } from "../kit/readme.ts";

let root: TestRoot;
let env: Record<string, string>;
let release: string;

beforeAll(async () => {
  root = TestRoot.create({
    "manifests/shop.json": JSON.stringify({
      name: "shop",
      commands: {
        dev: { kind: "managed", run: ["bun", "server.ts"], port: freePort(), ready: { http: "/" } },
        later: { kind: "managed", run: "exec sleep 1000" },
        broken: { kind: "managed", run: "echo about to fail; exit 9", ready: { delay: "20s" } },
      },
    }),
    "server.ts": `console.log("::error::from the shop");\nBun.serve({ port: process.env.PORT, fetch: () => new Response("x") });\n`,
    "test.sh": `#!/bin/sh\ndt status shop dev >/dev/null || exit 99\nexit "$TEST_STATUS"\n`,
  });
  chmodSync(join(root.dir, "test.sh"), 0o755);
  release = join(root.base, "release");
  await makeRelease(release);
  makeCurl(join(root.base, "bin"), release);
  mkdirSync(join(root.base, "action"));
  cpSync(join(release, "install.sh"), join(root.base, "action/install.sh"));
  // No Bun and no dt on the machine's PATH.
  env = { PATH: `${root.base}/bin:/usr/bin:/bin`, TEST_STATUS: "0", CI_PROJECT_DIR: root.dir };
});
afterAll(() => root.dispose());

const forget = () => {
  for (const name of ["runner", "root/.bin"]) rmSync(join(root.base, name), { recursive: true, force: true });
};
const job = (more: Record<string, string> = {}) => {
  forget();
  return new Job(root, { ...env, ...more });
};
const use = (inputs: Record<string, string>): Step => ({
  uses: `dialtone/dt@v${VERSION}`,
  with: { from: release, ...inputs },
});
const nothingRuns = async () => expect((await ps(root)).filter(({ pid }) => pid !== null)).toEqual([]);

describe("the action", () => {
  test("the action puts dt on the PATH of later steps, and says where", async () => {
    const result = await job().run([use({}), { run: 'dt --version; echo "at $(command -v dt)"' }]);
    const path = join(root.base, "runner/dt");
    expect(result).toMatchObject({ code: 0, outputs: { path } });
    expect(result.output).toContain(`\nat ${path}/dt\n`);
    expect(readAction().outputs.path?.value).toBe("${{ steps.install.outputs.path }}");
  });

  test("the action starts, runs the tests and stops", async () => {
    const result = await job().run([use({ start: "shop dev\n\n", run: "echo testing\n./test.sh\n" })]);
    expect(result.output).toMatch(/shop:dev:default ready pid [\s\S]*\ntesting\n[\s\S]*shop:dev:default stopped/);
    expect(result.output).not.toContain("::group::");
    expect(result.code).toBe(0);
    await nothingRuns();
  });

  test("when the tests fail, the action gives their code, prints the logs in groups and stops everything", async () => {
    const result = await job({ TEST_STATUS: "3" }).run([use({ start: "shop dev", run: "./test.sh" })]);
    expect(result.code).toBe(3);
    expect(result.output).toMatch(
      /::group::Log of shop:dev:default\n::stop-commands::(dt-\d+-[0-9a-f]{32})\n::error::from the shop\n\n::\1::\n::endgroup::\n/,
    );
    await nothingRuns();
  });

  test("the first failing line of the tests ends them", async () => {
    const result = await job().run([use({ run: "false\necho not reached" })]);
    expect([result.code, result.output.includes("not reached")]).toEqual([1, false]);
  });

  test("when a start fails, the action gives its code, runs no test and stops what was up", async () => {
    const result = await job().run([use({ start: "shop dev\nshop broken\nshop later", run: "echo not reached" })]);
    expect(result.code).toBe(1);
    expect(result.output).toContain("::error title=dt::shop:broken:default failed with code 9");
    expect(result.output).toContain("    about to fail\n");
    expect(result.output).not.toContain("shop:later");
    expect(result.output).not.toContain("not reached");
    await nothingRuns();
  });

  test("the words of `start` are never expanded as file names or run as a script", async () => {
    root.write("dev", "");
    for (const start of ["shop [d]ev", "shop $(touch evil)"])
      expect([start, (await job().run([use({ start })])).code]).toEqual([start, 2]);
    expect(await Bun.file(join(root.dir, "evil")).exists()).toBe(false);
  });

  test("the action works in another folder, and fails for a missing release", async () => {
    root.write("below/x", "");
    const result = await job().run([use({ run: "pwd", "working-directory": "below" })]);
    expect(result.output).toContain(`${root.dir}/below\n`);
    expect((await job().run([use({ version: "9.9.9", run: "echo not reached" })])).code).not.toBe(0);
    // A branch names no release: the latest is taken.
    expect((await job().run([{ uses: "dialtone/dt@main", with: { from: release } }])).code).toBe(0);
  });

  test("every input and output of the action is described, and inputs reach the scripts by the environment alone", () => {
    const { inputs, runs } = readAction();
    expect(runs.using).toBe("composite");
    for (const { description, default: value } of Object.values(inputs)) {
      expect(description).toEndWith(".");
      expect(typeof value).toBe("string");
    }
    for (const { run } of runs.steps) expect(run).not.toContain("${{");
  });
});

describe("the examples of docs/ci.md", () => {
  const blocks = readBlocks("docs/ci.md");
  const text = (index: number) => blocks[index]?.lines.join("\n") ?? "";
  const steps = (index: number) => (parse(text(index)) as { jobs: { test: { steps: Step[] } } }).jobs.test.steps;

  test("the examples of docs/ci.md are the tested ones, of this version", async () => {
    expect(blocks.map(({ language }) => language)).toEqual(["yaml", "yaml", "sh", "yaml", "yaml", "yaml"]);
    const page = await Bun.file(join(REPOSITORY, "docs/ci.md")).text();
    for (const [, version] of page.matchAll(/(?:@v|download\/v|--version )(\d+\.\d+\.\d+)/g))
      expect(version).toBe(VERSION);
  });

  test("in a container a checkout needs one variable", () => {
    expect(text(5)).toContain('DIALTONE_TRUST_OWNER: "1"');
    expect(parse(text(5))).toMatchObject({ jobs: { test: { container: expect.anything() } } });
  });

  // Passing, failing with its own code, and what then must be in the log.
  const both = (name: string, run: (status: string) => Promise<{ code: number; output: string }>) =>
    test(name, async () => {
      for (const status of ["0", "3"]) {
        const { code, output } = await run(status);
        expect([name, status, code]).toEqual([name, status, Number(status)]);
        expect(output).toContain("shop:dev:default ready pid ");
        expect(output.includes("::error::from the shop")).toBe(status === "3");
        expect(output).toContain("shop:dev:default stopped");
        await nothingRuns();
      }
    });

  both("GitHub, with the action's own steps", (TEST_STATUS) => job({ TEST_STATUS }).run(steps(0)));
  both("GitHub, with steps of one's own", (TEST_STATUS) => job({ TEST_STATUS }).run(steps(1)));

  both("a script", (TEST_STATUS) => {
    forget();
    root.write("ci.sh", `${text(2)}\n`);
    return runScript(["sh", "ci.sh"], root.dir, { ...root.env, ...env, CI: "true", TEST_STATUS });
  });

  test("a script of docs/ci.md stops when the download fails", async () => {
    forget();
    root.write("ci.sh", `${text(2)}\n`);
    chmodSync(root.write("bin/curl", "#!/bin/sh\nexit 22\n"), 0o755);
    const PATH = `${root.dir}/bin:/usr/bin:/bin`;
    const { code, output } = await runScript(["sh", "ci.sh"], root.dir, { ...root.env, ...env, PATH, CI: "true" });
    expect({ code, output }).toEqual({ code: 22, output: "" });
  });

  both("GitLab", async (TEST_STATUS) => {
    forget();
    const { test: one } = parse(text(3)) as { test: Record<string, string[]> };
    const shell = (lines: string[], more = {}) =>
      runScript(["bash", "-eo", "pipefail", "-c", lines.join("\n")], root.dir, {
        ...root.env,
        ...env,
        CI: "true",
        GITLAB_CI: "true",
        TEST_STATUS,
        ...more,
      });
    const main = await shell([...(one.before_script as string[]), ...(one.script as string[])]);
    const after = await shell(one.after_script as string[], { CI_JOB_STATUS: main.code === 0 ? "success" : "failed" });
    expect(after.code).toBe(0);
    return { code: main.code, output: main.output + after.output };
  });

  both("Buildkite", (TEST_STATUS) => {
    forget();
    const command = (parse(text(4)) as { steps: { command: string }[] }).steps[0]?.command as string;
    return runScript(["bash", "-ec", command], root.dir, {
      ...root.env,
      ...env,
      CI: "true",
      BUILDKITE: "true",
      TEST_STATUS,
    });
  });
});
