/** Which environment is CI, and the marks of its log, byte by byte. */
import { describe, expect, test } from "bun:test";
import { detectCi, formatFailure, formatGroup } from "../../src/output/ci.ts";

describe("what is CI", () => {
  const cases: [env: Record<string, string>, log: string | null][] = [
    [{}, null],
    [{ CI: "true" }, "plain"],
    [{ CI: "1" }, "plain"],
    [{ CI: "woodpecker" }, "plain"],
    [{ CI: "" }, null],
    [{ CI: "0" }, null],
    [{ CI: "false" }, null],
    [{ GITHUB_ACTIONS: "true" }, "github"],
    [{ CI: "true", GITHUB_ACTIONS: "true" }, "github"],
    [{ CI: "true", GITHUB_ACTIONS: "false" }, "plain"],
    [{ CI: "false", GITHUB_ACTIONS: "true" }, null],
    [{ GITLAB_CI: "true" }, "gitlab"],
    [{ BUILDKITE: "true" }, "plain"],
    [{ TF_BUILD: "True" }, "plain"],
    [{ JENKINS_URL: "https://ci.example/" }, "plain"],
    [{ TEAMCITY_VERSION: "2026.1" }, "plain"],
  ];
  for (const [env, log] of cases) {
    test(`${JSON.stringify(env)}: ${log}`, () => {
      expect(detectCi(env)).toBe(log as never);
    });
  }
});

describe("its marks", () => {
  const group = {
    title: "Last lines\n50%",
    lines: ["one", "::error::not ours"],
    now: 1_700_000_000_999,
    nonce: "n0nce",
  };

  test("on GitHub a program's output is no command to the runner", () => {
    expect(formatGroup("github", group)).toBe(
      "::group::Last lines%0A50%25\n::stop-commands::n0nce\n    one\n    ::error::not ours\n::n0nce::\n::endgroup::\n",
    );
  });

  test("on GitLab a section's start and end have the time in seconds and one name", () => {
    expect(formatGroup("gitlab", { ...group, title: "Last lines" })).toBe(
      "\x1b[0Ksection_start:1700000000:dt_n0nce\r\x1b[0KLast lines\n    one\n    ::error::not ours\n\x1b[0Ksection_end:1700000000:dt_n0nce\r\x1b[0K\n",
    );
  });

  test("on any other CI a section is its lines alone", () => {
    for (const log of ["plain", null] as const)
      expect(formatGroup(log, group)).toBe("    one\n    ::error::not ours\n");
  });

  test("a failure is one line of its own on GitHub, and nothing special elsewhere", () => {
    expect(formatFailure("github", "100% gone\r\nhint")).toBe("::error title=dt::100%25 gone%0D%0Ahint\n");
    for (const log of ["gitlab", "plain", null] as const) expect(formatFailure(log, "gone")).toBeNull();
  });
});
