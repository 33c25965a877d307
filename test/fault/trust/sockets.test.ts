/**
 * Sockets among other users: nothing is said to a process of theirs and nothing of it is believed, and no place that
 * they took first keeps dt from its work. The victim is root here unless a test says otherwise, the other one uid
 * 65534.
 */
import { expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { daemonPid, disposeWithDaemon, socketOf } from "../../e2e/kit/daemon.ts";
import { runs } from "../../e2e/kit/launch.ts";
import { TestRoot, until } from "../../kit.ts";
import { asOther, canBeTwo, canMount, type Inside, OTHER, startImpostor, withOwnTmp } from "./users.kit.ts";

const ECHO = { kind: "managed", tty: true, run: ["sh", "-c", 'while read -r line; do echo "got $line"; done'] };
const make = () =>
  TestRoot.create({ "manifests/t.json": JSON.stringify({ name: "t", commands: { echo: ECHO } }), "run/.keep": "" });

/** A home with a link in it, as an earlier daemon, or another user, left it. */
function linkTo(root: TestRoot, target: string): void {
  mkdirSync(dirname(socketOf(root)), { recursive: true, mode: 0o700 });
  rmSync(socketOf(root), { force: true });
  symlinkSync(target, socketOf(root));
}

for (const mode of ["777", "600"]) {
  test.skipIf(!canBeTwo)(
    `a socket of another user (${mode}) in the daemon's place is refused by every verb, and replaced`,
    async () => {
      const root = make();
      const impostor = await startImpostor(root, mode);
      try {
        linkTo(root, impostor.path);
        for (const words of [["status"], ["stop"]]) {
          const said = await root.dt(["daemon", ...words]);
          expect({ words, code: said.code, stdout: said.stdout }).toEqual({ words, code: 1, stdout: "" });
          expect(said.stderr).toContain(`uid ${OTHER}`);
          expect(said.stderr).toContain(impostor.path);
          expect(said.stderr).toContain("dt daemon start starts a daemon of yours");
        }
        const told = JSON.parse((await root.dt(["daemon", "status", "--json"])).stdout);
        expect(told.error).toMatchObject({ code: "foreign-socket", status: 1 });
        expect((await root.dt(["jobs"])).stdout).not.toContain("EVIL");
        const started = await root.dt(["daemon", "start"]);
        expect(started.stdout).toMatch(/^daemon started \(pid \d+\)\n$/);
        expect(started.stderr).toContain(`uid ${OTHER}`);
        expect(readlinkSync(socketOf(root))).not.toBe(impostor.path);
        expect((await root.dt(["daemon", "status"])).stdout).toContain("daemon is running");
        expect(impostor.heard()).toBe("");
      } finally {
        await impostor.stop();
        await disposeWithDaemon(root);
      }
    },
  );
}

test.skipIf(!canBeTwo)(
  "when the link of a daemon that runs is led elsewhere, start finds the daemon, and restart and stop end it properly",
  async () => {
    const root = make();
    const impostor = await startImpostor(root);
    try {
      await root.dt(["daemon", "start"]);
      const pid = await daemonPid(root);
      const own = readlinkSync(socketOf(root));
      linkTo(root, impostor.path);
      expect((await root.dt(["daemon", "start"])).stdout).toBe(`daemon is already running (pid ${pid})\n`);
      expect(readlinkSync(socketOf(root))).toBe(own);
      linkTo(root, impostor.path);
      expect((await root.dt(["daemon", "restart"])).stdout).toMatch(/^daemon (re)?started \(pid \d+\)\n$/);
      expect(runs(pid)).toBe(false);
      const second = await daemonPid(root);
      linkTo(root, impostor.path);
      expect(await root.dt(["daemon", "stop"])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^daemon stopped \(pid \d+\)\n$/),
      });
      expect(runs(second)).toBe(false);
      const log = readFileSync(join(dirname(socketOf(root)), "logs", "daemon.log"), "utf8");
      expect(log.match(/stopping: SIGTERM/g)).toHaveLength(2);
      expect(impostor.heard()).toBe("");
    } finally {
      await impostor.stop();
      await disposeWithDaemon(root);
    }
  },
);

test.skipIf(!canBeTwo)("a socket of another user at the daemon's very path is not asked, and is replaced", async () => {
  const root = make();
  const impostor = await startImpostor(root);
  try {
    await root.dt(["daemon", "start"]);
    const own = readlinkSync(socketOf(root));
    await root.dt(["daemon", "stop"]);
    renameSync(impostor.path, own);
    linkTo(root, own);
    expect((await root.dt(["daemon", "status"])).stderr).toContain(
      `at the socket ${own}, but it belongs to uid ${OTHER}`,
    );
    expect((await root.dt(["daemon", "start"])).stdout).toContain("daemon started");
    expect(statSync(own).uid).toBe(0);
    // The same under a daemon that runs: it is back after its next look.
    const pid = await daemonPid(root);
    rmSync(own);
    const again = join(root.base, "again");
    mkdirSync(again);
    chmodSync(again, 0o777);
    asOther(
      "perl",
      "-e",
      "use IO::Socket::UNIX; IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die",
      join(again, "s"),
    );
    renameSync(join(again, "s"), own);
    expect((await root.dt(["daemon", "start"])).stdout).toBe(`daemon is already running (pid ${pid})\n`);
    expect(impostor.heard()).toBe("");
  } finally {
    await impostor.stop();
    await disposeWithDaemon(root);
  }
});

test.skipIf(!canBeTwo)(
  "a socket of one's own in a directory that others may write to is not asked",
  async () => {
    const root = make();
    const open = join(root.base, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    let asked = 0;
    const server = Bun.listen({ unix: join(open, "s"), socket: { open: () => void asked++, data() {} } });
    try {
      linkTo(root, join(open, "s"));
      const said = await root.dt(["daemon", "status"]);
      expect({ code: said.code, asked }).toEqual({ code: 1, asked: 0 });
      expect(said.stderr).toContain(`other users may write to ${open} (mode 777)`);
      chmodSync(open, 0o700);
      await root.dt(["daemon", "status"]);
      expect(asked).toBe(1);
    } finally {
      server.stop(true);
      await disposeWithDaemon(root);
    }
  },
  60_000,
);

test.skipIf(!canBeTwo)("attach speaks to no process of another user, and no such process to a host", async () => {
  const root = make();
  const env = { XDG_RUNTIME_DIR: join(root.dir, "run") };
  const directory = join(env.XDG_RUNTIME_DIR, "dialtone");
  const impostor = await startImpostor(root);
  try {
    await root.dt(["t", "echo", "-d"], { env });
    const socket = await until("it listens", () => {
      const [name] = existsSync(directory) ? readdirSync(directory).filter((one) => one.endsWith(".tty")) : [];
      return name === undefined ? null : join(directory, name);
    });
    // Let in by the file, turned away by the host.
    for (const path of [root.base, root.dir, env.XDG_RUNTIME_DIR, directory]) chmodSync(path, 0o755);
    chmodSync(socket, 0o666);
    const hello = '{"is":"hello","version":1,"readOnly":false,"size":null}\n';
    const client = `$SIG{PIPE} = "IGNORE"; use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ARGV[0])) or die $!; syswrite(S, '${hello}'); sysread(S, $b, 100); print "got $b"`;
    expect(asOther("perl", "-e", client, socket)).toBe("got ");

    rmSync(socket);
    renameSync(impostor.path, socket);
    const said = await root.dt(["attach", "t", "echo"], { stdin: "secret\n" });
    expect(said.code).toBe(1);
    expect(said.stderr).toContain(`at the socket ${socket}, but it belongs to uid ${OTHER}`);
    expect(said.stderr).toContain("dt restart t:echo:default");
    expect(impostor.heard()).toBe("");
  } finally {
    await impostor.stop();
    await root.dispose();
  }
});

/** The daemon is started, found again by a second dt, stopped; and started again at the same place. Gives that. */
async function daemonWorks(inside: Inside, root: TestRoot, options: Parameters<Inside["dt"]>[1] = {}): Promise<string> {
  const places: string[] = [];
  const link = join(options.env?.DIALTONE_HOME ?? dirname(socketOf(root)), "daemon.sock");
  for (let time = 0; time < 2; time++) {
    const started = await inside.dt(["daemon", "start"], options);
    expect(`${started.stdout}${started.stderr}`).toMatch(/^daemon started \(pid \d+\)\n$/);
    expect((await inside.dt(["daemon", "start"], options)).stdout).toContain("already running");
    places.push(dirname(inside.run(options.uid ?? 0, "readlink", link)));
    expect((await inside.dt(["daemon", "stop"], options)).code).toBe(0);
  }
  expect(new Set(places).size).toBe(1);
  const [place] = places as [string];
  expect(inside.run(0, "stat", "-c", "%u %a %F", place)).toBe(`${options.uid ?? 0} 700 directory`);
  return place;
}

const TAKEN: Record<string, (inside: Inside, root: TestRoot) => void> = {
  "another user's directory": ({ run }) => run(OTHER, "mkdir", "/tmp/dialtone-0"),
  "another user's directory, open to all": ({ run }) => run(OTHER, "mkdir", "-m", "777", "/tmp/dialtone-0"),
  "another user's link to a directory of one's own": ({ run }, root) =>
    run(OTHER, "ln", "-s", join(root.base, "own"), "/tmp/dialtone-0"),
  "another user's link to nowhere": ({ run }) => run(OTHER, "ln", "-s", "/tmp/nowhere", "/tmp/dialtone-0"),
  "another user's file": ({ run }) => run(OTHER, "touch", "/tmp/dialtone-0"),
  "a directory of one's own that others may write to": ({ run }) => run(0, "mkdir", "-m", "777", "/tmp/dialtone-0"),
  "that, and directories that look like the next choice": ({ run }, root) => {
    run(OTHER, "mkdir", "/tmp/dialtone-0", "/tmp/dialtone-0-000000");
    run(OTHER, "ln", "-s", join(root.base, "own"), "/tmp/dialtone-0-000001");
  },
};

for (const [what, take] of Object.entries(TAKEN)) {
  test.skipIf(!canMount)(`/tmp/dialtone-<uid> is taken: ${what}`, async () => {
    const root = make();
    try {
      const own = join(root.base, "own");
      mkdirSync(own, { mode: 0o755 });
      await withOwnTmp(root, "1777", async (inside) => {
        take(inside, root);
        const place = await daemonWorks(inside, root);
        expect(place).toMatch(/^\/tmp\/dialtone-0-[A-Za-z0-9]{6}$/);
        expect(inside.run(0, "sh", "-c", "ls -d /tmp/dialtone-0*").split("\n")).toContain(place);
        expect(inside.run(0, "sh", "-c", "ls -A /tmp/dialtone-0/ 2>/dev/null || :")).toBe("");
        expect([statSync(own).mode & 0o777, readdirSync(own)]).toEqual([0o755, []]);

        expect((await inside.dt(["-C", root.dir, "t", "echo", "-d"])).code).toBe(0);
        const attached = await inside.dt(["-C", root.dir, "attach", "t", "echo"], { stdin: "hello\n" });
        expect(attached.stdout).toContain("got hello");
        expect((await inside.dt(["-C", root.dir, "stop", "--all"])).code).toBe(0);
      });
    } finally {
      await root.dispose();
    }
  });
}

test.skipIf(!canMount)(
  "where /tmp/dialtone-<uid> is taken a user without XDG_RUNTIME_DIR, as over ssh, gets a working daemon too",
  async () => {
    const root = make();
    try {
      await withOwnTmp(root, "1777", async (inside) => {
        inside.run(OTHER, "mkdir", "/tmp/dialtone-1000");
        inside.run(0, "mkdir", "/mnt/short/v");
        inside.run(0, "chown", "1000:1000", "/mnt/short/v");
        const env = { HOME: "/mnt/short/v", DIALTONE_HOME: "/mnt/short/v/.dialtone", TMPDIR: undefined };
        expect(await daemonWorks(inside, root, { uid: 1000, env })).toMatch(/^\/tmp\/dialtone-1000-[A-Za-z0-9]{6}$/);
      });
    } finally {
      await root.dispose();
    }
  },
);

test.skipIf(!canMount)(
  "a /tmp without the sticky bit is not used; the home is, and where that is no better there is one sentence",
  async () => {
    const root = make();
    try {
      await withOwnTmp(root, "777", async (inside) => {
        const env = { DIALTONE_HOME: "/mnt/short/home" };
        expect(await daemonWorks(inside, root, { env })).toBe("/mnt/short/home/sockets");
        expect(inside.run(0, "sh", "-c", "ls -d /tmp/dialtone-* 2>/dev/null || :")).toBe("");
        const refused = await inside.dt(["daemon", "start"]);
        expect(refused.code).toBe(1);
        expect(refused.stderr).toContain("/tmp (mode 777)");
        expect(refused.stderr).toContain("Set XDG_RUNTIME_DIR");
      });
    } finally {
      await root.dispose();
    }
  },
);

test.skipIf(!canMount)(
  "an XDG_RUNTIME_DIR that is another user's, open to others or missing is not used or changed",
  async () => {
    const root = make();
    try {
      await withOwnTmp(root, "1777", async (inside) => {
        inside.run(OTHER, "mkdir", "-m", "700", "/tmp/theirs");
        inside.run(0, "mkdir", "-m", "777", "/tmp/open");
        for (const directory of ["/tmp/theirs", "/tmp/open", "/tmp/none", "relative"]) {
          const env = { XDG_RUNTIME_DIR: directory };
          expect(await daemonWorks(inside, root, { env })).toBe("/tmp/dialtone-0");
          expect(inside.run(0, "sh", "-c", `ls -A ${directory} 2>/dev/null || :`)).toBe("");
        }
        inside.run(0, "mkdir", "-m", "700", "/tmp/own");
        expect(await daemonWorks(inside, root, { env: { XDG_RUNTIME_DIR: "/tmp/own" } })).toBe("/tmp/own/dialtone");
      });
    } finally {
      await root.dispose();
    }
  },
);

test.skipIf(!canMount)(
  "when its directory is swapped under a daemon that runs, the daemon moves to another place at its next look",
  async () => {
    const root = make();
    try {
      await withOwnTmp(root, "1777", async (inside) => {
        await inside.dt(["daemon", "start"]);
        inside.run(0, "mv", "/tmp/dialtone-0", "/tmp/elsewhere");
        inside.run(OTHER, "mkdir", "/tmp/dialtone-0");
        const link = socketOf(root);
        await until("the link leads elsewhere", () => /dialtone-0-/.test(readlinkSync(link)));
        expect((await inside.dt(["daemon", "status"])).stdout).toContain("daemon is running");
        expect(lstatSync(link).isSymbolicLink()).toBe(true);
        expect(inside.run(0, "ls", "-A", "/tmp/dialtone-0")).toBe("");
        await inside.dt(["daemon", "stop"]);
      });
    } finally {
      await root.dispose();
    }
  },
);
