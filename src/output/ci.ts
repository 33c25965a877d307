/**
 * What dt knows about CI: whether it runs there, and how that system marks a group of lines and an error in its log.
 * Only the environment decides, so this costs no package and no start-up time.
 *
 * Known limit: systems other than the two with marks of their own get plain text.
 */

type Env = Readonly<Record<string, string | undefined>>;

/** The log format of the CI system. */
export type CiLog = "github" | "gitlab" | "plain";

/**
 * Not all of these systems set CI; each documents a variable of its own:
 * GitHub docs.github.com/actions/reference/workflows-and-actions/variables;
 * GitLab docs.gitlab.com/ci/variables/predefined_variables;
 * Buildkite buildkite.com/docs/pipelines/configure/environment-variables;
 * Azure learn.microsoft.com/azure/devops/pipelines/build/variables;
 * Jenkins jenkins.io/doc/book/pipeline/jenkinsfile;
 * CircleCI circleci.com/docs/variables;
 * TeamCity jetbrains.com/help/teamcity/predefined-build-parameters;
 * Travis docs.travis-ci.com.
 */
const SYSTEMS: Record<string, CiLog> = {
  GITHUB_ACTIONS: "github",
  GITLAB_CI: "gitlab",
  BUILDKITE: "plain",
  TF_BUILD: "plain",
  JENKINS_URL: "plain",
  CIRCLECI: "plain",
  TEAMCITY_VERSION: "plain",
  TRAVIS: "plain",
};

/** Null outside CI; `CI=false` rules it out, whatever else is set. */
export function detectCi(env: Env): CiLog | null {
  if (env.CI === "false" || env.CI === "0") return null;
  for (const [name, log] of Object.entries(SYSTEMS)) if (isSet(env[name])) return log;
  return isSet(env.CI) ? "plain" : null;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "false" && value !== "0";
}

export interface CiGroup {
  title: string;
  lines: readonly string[];
  /** Milliseconds since the epoch. */
  now: number;
  /** A string that no line can contain: the CI must not take a program's output for commands. */
  nonce: string;
}

/** Sets apart lines that another program wrote. */
export function formatGroup(log: CiLog | null, { title, lines, now, nonce }: CiGroup): string {
  const body = lines.map((line) => `    ${line}\n`).join("");
  switch (log) {
    case "github":
      return `::group::${escapeData(title)}\n::stop-commands::${nonce}\n${body}::${nonce}::\n::endgroup::\n`;
    case "gitlab": {
      const [time, name] = [Math.floor(now / 1000), `dt_${nonce}`];
      const start = `\x1b[0Ksection_start:${time}:${name}\r\x1b[0K${title}\n`;
      return `${start}${body}\x1b[0Ksection_end:${time}:${name}\r\x1b[0K\n`;
    }
    default:
      return body;
  }
}

/** The line that says why the exit code is not 0, in the CI's own form; null where the CI has none. */
export function formatFailure(log: CiLog | null, text: string): string | null {
  return log === "github" ? `::error title=dt::${escapeData(text)}\n` : null;
}

/** As `@actions/core` does: one command is one line. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
