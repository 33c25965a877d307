/** Captured one-shots on a terminal: what a person types and sees is as without dt. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { TestRoot } from "../../kit.ts";
import { until } from "../../kit.ts";
import { findTool } from "../../tools.ts";
import { captureRoot, exitOf, logOf } from "../kit/capture.ts";
import { commandLineOf, runs } from "../kit/launch.ts";
import { onTerminal } from "../kit/oneshot.ts";

const BASH = ["bash", "--norc", "--noprofile", "-i"];
let root: TestRoot;

beforeAll(() => {
  root = captureRoot({
    tty: {
      run: [
        "sh",
        "-c",
        "for fd in 0 1 2; do test -t $fd && printf yes || printf no; done; cat /proc/self/stat; stty size",
      ],
    },
    wait: {
      run: ["bash", "-c", 'trap "stty size; echo sized" WINCH; echo up; while :; do read -t 0.05 -u 9 9<&2; done'],
    },
    ask: { run: ["bash", "-c", 'read -p "name? " name; read -s -p "word? " word; echo; echo "[$name] [$word]"'] },
    vim: { run: ["vim", "-u", "NONE", "-N", "-n"] },
  });
});

const opened: ReturnType<typeof onTerminal>[] = [];
afterEach(async () => {
  for (const terminal of opened.splice(0)) await terminal.close();
});
afterAll(() => root.dispose());

function open(argv: string[]) {
  const terminal = onTerminal(root, argv);
  opened.push(terminal);
  return terminal;
}

/** The pids of this root that run `dt … t <command>`. */
const dtOf = (command: string) =>
  root
    .processes()
    .filter((pid) => commandLineOf(pid).includes(`__capture`) && commandLineOf(pid).includes(` t ${command}`));

/** Never 0, which would be this test's own group. */
function only(pids: number[]): number {
  const [pid] = pids;
  if (pid === undefined || pids.length > 1) throw new Error(`expected one process, found ${pids.length}`);
  return pid;
}

/** Nothing but the shell that the person types into. */
async function nothingLeft(terminal: ReturnType<typeof onTerminal>): Promise<void> {
  await until("nothing of it is left", () => root.processes().every((pid) => pid === terminal.child.pid));
}

test("a captured command has its controlling terminal on all three streams, with the right size and in the foreground", async () => {
  const terminal = open(BASH);
  terminal.type('"$DT" t tty\r');
  const [, stat = ""] = await terminal.sees(/yesyesyes\d+ \(cat\) ([^\r\n]*)/);
  await terminal.sees(/24 80/);
  const [, , group, , device, foreground] = stat.split(" ");
  expect([Number(device) !== 0, foreground]).toEqual([true, group]);
  expect(logOf(root, "tty")).toContain("24 80\r\n");
});

test("a captured command is stopped by Ctrl-Z, goes on with fg, sees a resize and ends by Ctrl-C, and the terminal's modes are as before", async () => {
  const terminal = open(BASH);
  terminal.type('before=$(stty -g); "$DT" t wait\r');
  await terminal.sees(/up\r\n/);
  terminal.type("\x1a");
  await terminal.sees(/Stopped/);
  terminal.type('test "$before" = "$(stty -g)" && echo "same $(jobs | wc -l)"\r');
  await terminal.sees(/same 1/);
  terminal.type("fg\r");
  await terminal.sees(/DT" t wait/);
  terminal.resize(101, 37);
  await terminal.sees(/37 101\r\nsized/);
  terminal.type("\x1a");
  await terminal.sees(/Stopped/);
  terminal.type("bg; echo in the back; fg\r");
  await terminal.sees(/in the back/);
  terminal.resize(90, 30);
  // Bash itself goes on after a Ctrl-C that comes while it waits for a program which then ends by itself.
  await terminal.sees(/30 90\r\nsized/);
  terminal.type("\x03");
  await terminal.sees(/\$ $/);
  terminal.type('echo "code $?"; test "$before" = "$(stty -g)" && echo "same still"\r');
  await terminal.sees(/code 130[\s\S]*\nsame still/);
  expect(exitOf(root, "wait")).toMatchObject({ signal: "SIGINT", reason: "interrupted", by: { by: "interrupt" } });
  await nothingLeft(terminal);
});

test("Ctrl-\\ quits it, by the same signal", async () => {
  const terminal = open(BASH);
  terminal.type('ulimit -c 0; "$DT" t sh "echo up; exec sleep 60"\r');
  await terminal.sees(/up\r\n/);
  terminal.type("\x1c");
  await terminal.sees(/Quit/);
  terminal.type('echo "code $?"\r');
  await terminal.sees(/code 131/);
  expect(exitOf(root, "sh")).toMatchObject({ signal: "SIGQUIT" });
});

test("typed text is echoed where the captured command wants that, and Ctrl-D ends its input", async () => {
  const terminal = open(BASH);
  terminal.type('"$DT" t ask\r');
  await terminal.sees(/name\? /);
  terminal.type("Ada\r");
  await terminal.sees(/Ada\r\nword\? /);
  terminal.type("secret\r");
  await terminal.sees(/\[Ada\] \[secret\]/);
  expect(logOf(root, "ask")).toBe("name? Ada\r\nword? \r\n[Ada] [secret]\r\n");
  terminal.type('"$DT" t cat; echo "code $?"\r');
  await until("cat runs", () => dtOf("cat").length > 0);
  terminal.type("line\r");
  await terminal.sees(/line\r\nline\r\n/);
  terminal.type("\x04");
  await terminal.sees(/code 0/);
});

test("a captured command reads its pipe, and keys by /dev/tty, and Ctrl-C ends the whole pipeline", async () => {
  const terminal = open(BASH);
  terminal.type('echo piped | "$DT" t bash \'read a; echo "$a then"; read b </dev/tty; echo "[$a] [$b]"\'\r');
  await terminal.sees(/piped then\r\n/);
  terminal.type("typed\r");
  await terminal.sees(/\[piped\] \[typed\]/);
  terminal.type('(echo up; sleep 61) | "$DT" t cat; echo "codes ${PIPESTATUS[*]}"\r');
  await terminal.sees(/\r\nup\r\n/);
  terminal.type("\x03");
  await terminal.sees(/\$ $/);
  await until("all of the pipeline is gone", () => dtOf("cat").length === 0);
});

test("errors redirected elsewhere stay apart, and the log has both", async () => {
  const terminal = open(BASH);
  terminal.type('"$DT" t sh "test -t 1 && echo terminal; test -t 2 || echo file >&2" 2>errors.txt; cat errors.txt\r');
  await terminal.sees(/terminal\r\nfile\r\n/);
  expect(logOf(root, "sh").replaceAll("\r", "").split("\n").sort()).toEqual(["", "file", "terminal"]);
});

test("a captured command in the background runs on without the terminal, and fg gives it the keys", async () => {
  const terminal = open(BASH);
  terminal.type('"$DT" t bash "echo began; read a; echo got=\\$a" & sleep 0.3; echo "the shell types"\r');
  // Which of them is first depends on how busy the machine is.
  await terminal.sees(/began\r+\n[\s\S]*the shell types\r*\n|the shell types\r*\n[\s\S]*began\r+\n/);
  terminal.type("fg\r");
  await terminal.sees(/fg\r\n[\s\S]*t bash/);
  terminal.type("hello\r");
  await terminal.sees(/got=hello/);
});

test("every byte of a long captured output arrives, in the log too", async () => {
  root.write("long.sh", "stty -opost\nhead -c 3000000 /dev/zero | tr '\\0' x\nprintf '\\nTHE-END\\n'\n");
  const terminal = open(BASH);
  terminal.type('"$DT" t bash ". ./long.sh"\r');
  const end = await terminal.sees(/\nTHE-END\n/);
  const shown = end.input.slice(end.input.indexOf("xxxx"), end.index + end[0].length);
  expect([shown.length, shown.replaceAll("x", "")]).toEqual([3_000_000 + "\nTHE-END\n".length, "\nTHE-END\n"]);
  expect(logOf(root, "bash")).toBe(shown);
});

test("the last line of a killed command is kept, dt ends by SIGKILL as it did, and nothing is left", async () => {
  const terminal = open(BASH);
  for (let round = 0; round < 10; round++) {
    terminal.type(`"$DT" t bash 'echo "last-${round}-words"; kill -9 $$'\r`);
    await terminal.sees(new RegExp(`last-${round}-words\\r\\n`));
    await terminal.sees(/Killed/);
  }
  terminal.type('echo "code $?"\r');
  await terminal.sees(/code 137/);
  await nothingLeft(terminal);
});

test("a signal to dt reaches the captured command once", async () => {
  const terminal = open(BASH);
  terminal.type(
    `"$DT" t bash 'trap "echo hup" HUP; trap "echo term; exit 9" TERM; echo up; while :; do sleep 0.02; done'\r`,
  );
  await terminal.sees(/up\r\n/);
  const pid = only(dtOf("bash"));
  process.kill(pid, "SIGHUP");
  await terminal.sees(/hup\r\n/);
  process.kill(pid, "SIGTERM");
  await terminal.sees(/term\r\n/);
  // What is typed before is shown while the command runs, and then kept.
  await terminal.sees(/\$ $/);
  terminal.type('echo "code $?"\r');
  await terminal.sees(/code 9/);
  expect(logOf(root, "bash")).toBe("up\r\nhup\r\nterm\r\n");
});

test("text typed ahead that the command does not read is for the shell", async () => {
  const terminal = open(BASH);
  terminal.type('"$DT" t bash "echo up; read one; echo got \\$one; sleep 0.5; exit 4"\r');
  await terminal.sees(/up\r\n/);
  terminal.type("first\r");
  await terminal.sees(/got first/);
  terminal.type('echo "code $?"\rec');
  await terminal.sees(/code 4\r\n/);
  terminal.type("ho whole\r");
  await terminal.sees(/\nwhole\r\n/);
  await nothingLeft(terminal);
});

test("when dt is killed the command gets SIGHUP, the terminal its modes, and no process is left", async () => {
  // dash gives a terminal back as it finds it, so what is seen is dt's own doing.
  const terminal = open(["dash"]);
  terminal.type(
    'before=$(stty -g); "$DT" t bash \'trap "echo hup >hup.txt; exit" HUP; echo up; while :; do sleep 0.02; done\'\r',
  );
  await terminal.sees(/up\r\n/);
  const pid = only(dtOf("bash"));
  process.kill(pid, "SIGKILL");
  await terminal.sees(/Killed/);
  await nothingLeft(terminal);
  terminal.type('test "$before" = "$(stty -g)" && echo "same modes"\r');
  await terminal.sees(/\nsame modes/);
  expect(root.read("hup.txt")).toBe("hup\n");
});

test("when the terminal closes the command gets SIGHUP and ends, and so does dt", async () => {
  const terminal = open(BASH);
  terminal.type('"$DT" t bash "echo \\$\\$ up; exec sleep 60"\r');
  const [, pid] = await terminal.sees(/(\d+) up\r\n/);
  await terminal.close();
  await until("all is gone", () => !runs(Number(pid)) && root.processes().length === 0);
});

test("when its session is killed the command is hung up, and dt ends", async () => {
  const terminal = open(BASH);
  terminal.type('"$DT" t sh "echo up; exec sleep 60"\r');
  await terminal.sees(/up\r\n/);
  const session = only(root.processes().filter((pid) => commandLineOf(pid).includes("__session")));
  process.kill(session, "SIGKILL");
  await terminal.sees(/\$ $/);
  terminal.type('echo "code $?"\r');
  await terminal.sees(/code 129/);
  await nothingLeft(terminal);
});

test("a captured command stopped by a SIGTSTP to dt goes on, in a shell without job control too", async () => {
  const terminal = open(BASH);
  // Its child does not end by itself: a Bash that finds its child ended so, when it goes on, ignores a Ctrl-C.
  terminal.type('"$DT" t bash "echo up; sleep 60; :"\r');
  await terminal.sees(/up\r\n/);
  const pid = only(dtOf("bash"));
  process.kill(pid, "SIGTSTP");
  await terminal.sees(/Stopped/);
  await until("dt is stopped", () => / T /.test(readFileSync(`/proc/${pid}/stat`, "latin1")));
  terminal.type("fg\r");
  await terminal.sees(/fg\r\n[^\r]*t bash [^\r]*\r\n/);
  await until("dt goes on", () => !/ T /.test(readFileSync(`/proc/${pid}/stat`, "latin1")));
  terminal.type("\x03");
  await terminal.sees(/\$ $/);
  terminal.type('echo "code $?"\r');
  await terminal.sees(/code 130/);
  await nothingLeft(terminal);
});

test.skipIf(findTool("tmux") === null || findTool("vim") === null)(
  "vim captured in tmux edits, is stopped and continued, and leaves the screen as it was",
  async () => {
    const { startTmux } = await import("../kit/tmux.ts");
    const tmux = startTmux(root, BASH);
    try {
      tmux.keys('"$DT" t vim made.txt', "Enter");
      await tmux.shows(/made\.txt.*New/i);
      tmux.keys("ihello from vim", "Escape", "C-z");
      await tmux.shows(/Stopped/);
      tmux.keys("fg", "Enter");
      await tmux.shows(/hello from vim[\s\S]*~/);
      tmux.keys(":wq", "Enter");
      await until("the file is there", () => root.processes().every((pid) => !commandLineOf(pid).startsWith("vim")));
      expect(root.read("made.txt")).toBe("hello from vim\n");
      tmux.keys("clear; echo done", "Enter");
      await tmux.shows(/^done/m);
      expect(logOf(root, "vim")).toContain("hello from vim");
    } finally {
      tmux.close();
    }
  },
);
