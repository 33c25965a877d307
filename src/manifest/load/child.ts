/**
 * The load child: `dt __load <file> <result file> [time limit in ms]`. It evaluates one manifest and leaves a
 * LoadResult in the result file whatever the manifest does: throw, exit, never settle. Its last act is to kill its own
 * process group, so nothing that the manifest started stays. Known limit: a process that left the group (setsid) stays.
 */
import { dirname, join } from "node:path";
import { EXIT, messageOf } from "../../sys/base/error.ts";
import { libc, ptr } from "../../sys/ffi/libc.ts";
import { createFile, writeWhole } from "../../sys/files/filewrite.ts";
import { readBytes } from "../../sys/files/plainfile.ts";
import { BEGUN_FILE, START_LIMIT_MS } from "../depends/begun.ts";
import { isData } from "../imports/extensions.ts";
import { FILE_LIMIT } from "../model/hash.ts";
import { type Dependencies, failed, type LoadResult, NOTHING_SEEN, type Outcome } from "../model/outcome.ts";
import { explainThrown, frameOf } from "./thrown.ts";

/** The parent kills the child at the time limit; if the parent is gone, the child ends by itself this much later. */
const ORPHAN_GRACE_MS = 2000;
const RLIMIT_CPU = 0;

export async function runLoadChild(argv: readonly string[]): Promise<number> {
  const [file, resultFile, limit = "5000"] = argv;
  if (file === undefined || resultFile === undefined) {
    console.error("usage: dt __load <manifest> <result file> [limit in ms]");
    return EXIT.usage;
  }
  const comingUp = endWithoutParent(START_LIMIT_MS);
  const begin = () => {
    createFile(join(dirname(resultFile), BEGUN_FILE), { text: "", durable: false });
    clearTimeout(comingUp);
    endWithoutParent(Number(limit));
  };
  const state = { finished: false, status: EXIT.done as number, report: (): Dependencies => NOTHING_SEEN };
  const finish = (outcome: Outcome) => {
    if (state.finished) return;
    state.finished = true;
    const result: LoadResult = { outcome, ...state.report(), lasting: true };
    try {
      writeWhole(resultFile, { text: JSON.stringify(result), durable: false });
    } catch (error) {
      console.error(messageOf(error));
      state.status = EXIT.failed;
    }
    killOwnGroup();
  };
  catchWaysOut(file, { finish, isFinished: () => state.finished });
  if (isData(file)) {
    const { judgeData } = await import("./judge.ts");
    begin();
    const bytes = readBytes(file, FILE_LIMIT);
    // The parent refuses a file that is too large; this one may have been replaced since.
    finish(bytes === null ? { is: "helper", why: "is not a regular file" } : await judgeData(file, bytes));
    return state.status;
  }
  const [{ judgeCode }, { prepareEvaluation }] = await Promise.all([import("./judge.ts"), import("./evaluate.ts")]);
  const { beginWatch } = await import("../witness/watch.ts");
  const evaluation = prepareEvaluation(file, beginWatch);
  state.report = evaluation.report;
  begin();
  finish(await judgeCode(file, evaluation));
  return state.status;
}

/** A manifest may end the process in many ways; each becomes an outcome. */
function catchWaysOut(
  file: string,
  { finish, isFinished }: { finish: (outcome: Outcome) => void; isFinished: () => boolean },
): void {
  const exit = process.exit;
  process.exit = ((code?: number) => {
    if (isFinished()) return exit(code);
    const place = frameOf(new Error().stack) ?? file;
    finish(
      failed({
        file,
        code: "exits",
        message: `${place}: ends the process (exit code ${code ?? process.exitCode ?? 0}) while it loads.`,
      }),
    );
    return exit(0);
  }) as typeof process.exit;
  const thrown = (error: unknown) => finish(failed({ file, ...explainThrown(error, { file, exported: [] }) }));
  process.on("uncaughtException", thrown);
  process.on("unhandledRejection", thrown);
  process.on("exit", () =>
    finish(
      failed({
        file,
        code: "timeout",
        message: `${file}: a top-level \`await\` never settles, so the file never finishes loading.`,
      }),
    ),
  );
}

/** The kernel ends a busy loop, a timer ends idle waiting; neither needs the parent. */
function endWithoutParent(limitMs: number): ReturnType<typeof setTimeout> {
  const seconds = BigInt(Math.ceil((limitMs + ORPHAN_GRACE_MS) / 1000));
  libc().setrlimit(RLIMIT_CPU, ptr(new BigUint64Array([seconds, seconds + 1n])));
  return setTimeout(killOwnGroup, limitMs + ORPHAN_GRACE_MS).unref();
}

/** Race-free, since this process is a member of the group. Does nothing if it does not lead a group of its own. */
function killOwnGroup(): void {
  try {
    process.kill(-process.pid, "SIGKILL");
  } catch {
    // not a group leader: started by hand
  }
}
