/**
 * What the root's host starts later, or beside a launch, inherits as well: restarts, probes, one-shots before it, and
 * the launches of `dt up`. Each program writes down its umask and nice value.
 */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type Ps, psOf } from "../e2e/kit/launch.ts";
import { type TestRoot, until, within } from "../kit.ts";
import { dtAs, PLAIN, sleepersRoot, startAs } from "./inherit.kit.ts";

const ASKER = `umask 027; trap '' USR1; nice -n 5 ${PLAIN}`;
const note = (file: string) => `echo "$(umask) $(nice) $(grep SigIgn /proc/self/status | cut -c 18-)" >> ${file}`;
const OF_ASKER = "0027 5 0000200";
const OF_PLAIN = "0022 0 0000000";

const managed = (file: string, more: object = {}) => ({
  kind: "managed",
  run: ["sh", "-c", `${note(file)}; exec sleep 1000`],
  stop: { timeout: "100ms" },
  ...more,
});

const lines = (root: TestRoot, file: string) =>
  existsSync(`${root.dir}/${file}`) ? root.read(file).trim().split("\n").filter(Boolean) : [];

/** A plain asker's launch, so that the root's host is no child of the other asker. */
async function withHost(more: object, body: (root: TestRoot, host: number) => Promise<void>): Promise<void> {
  await within(sleepersRoot(more), async (root) => body(root, (await startAs(root, PLAIN, "a")).host?.pid as number));
}

describe.skipIf(process.platform !== "linux")("in a host that a plain asker made", () => {
  test("a restart by the policy is as the launch's asker had it", async () => {
    await withHost({ dev: managed("dev", { restart: { policy: "always", delay: "100ms" } }) }, async (root, host) => {
      const launch = await startAs(root, ASKER, "dev");
      await until("it has written", () => lines(root, "dev").length === 1);
      process.kill(launch.pid as number, "SIGKILL");
      await until("the policy started it", () => lines(root, "dev").length === 2);
      expect(lines(root, "dev")).toEqual([OF_ASKER, OF_ASKER]);
      expect((await psOf(root, "t:dev:default"))?.host?.pid).toBe(host);
    });
  });

  test("a restart by a person is as that person has it, and so are the policy's restarts after it", async () => {
    await withHost({ dev: managed("dev", { restart: { policy: "always", delay: "100ms" } }) }, async (root, host) => {
      await startAs(root, PLAIN, "dev");
      await until("it has written", () => lines(root, "dev").length === 1);
      expect((await dtAs(root, { asker: ASKER, args: ["restart", "t", "dev"] })).code).toBe(0);
      await until("it has written again", () => lines(root, "dev").length === 2);
      const { pid, host: now } = (await psOf(root, "t:dev:default")) as Ps;
      process.kill(pid as number, "SIGKILL");
      await until("the policy started it", () => lines(root, "dev").length === 3);
      expect(lines(root, "dev")).toEqual([OF_PLAIN, OF_ASKER, OF_ASKER]);
      expect(now?.pid).toBe(host);
    });
  });

  test("exec probes are as the launch", async () => {
    const ready = { exec: ["sh", "-c", note("probe")], interval: "50ms" };
    await withHost(
      {
        dev: managed("dev", { ready }),
        other: managed("other", { ready: { ...ready, exec: ["sh", "-c", note("otherprobe")] } }),
      },
      async (root) => {
        await startAs(root, ASKER, "dev");
        await startAs(root, PLAIN, "other");
        expect(new Set(lines(root, "probe"))).toEqual(new Set([OF_ASKER]));
        expect(new Set(lines(root, "otherprobe"))).toEqual(new Set([OF_PLAIN]));
      },
    );
  });

  test("one-shots before a launch are as the launch", async () => {
    const prepare = { kind: "oneshot", run: ["sh", "-c", note("prepare")] };
    await withHost({ prepare, dev: managed("dev", { before: ["t:prepare"] }) }, async (root) => {
      await startAs(root, ASKER, "dev");
      await until("it has written", () => lines(root, "dev").length === 1);
      expect([lines(root, "prepare"), lines(root, "dev")]).toEqual([[OF_ASKER], [OF_ASKER]]);
      await startAs(root, PLAIN, "dev");
      await until("the next one has", () => lines(root, "dev").length === 2);
      expect([lines(root, "prepare"), lines(root, "dev")]).toEqual([
        [OF_ASKER, OF_PLAIN],
        [OF_ASKER, OF_PLAIN],
      ]);
    });
  });

  test("all that `dt up` starts is as its asker has it", async () => {
    const prepare = { kind: "oneshot", run: ["sh", "-c", note("prepare")] };
    const more = {
      prepare,
      dev: managed("dev", { before: ["t:prepare"] }),
      next: managed("next", { needs: ["t:dev"] }),
    };
    await withHost(more, async (root, host) => {
      expect((await dtAs(root, { asker: ASKER, args: ["up", "t:next", "-d"] })).code).toBe(0);
      await until("all have written", () => ["prepare", "dev", "next"].every((file) => lines(root, file).length === 1));
      for (const file of ["prepare", "dev", "next"]) expect([file, lines(root, file)]).toEqual([file, [OF_ASKER]]);
      expect((await psOf(root, "t:next:default"))?.host?.pid).toBe(host);
    });
  });

  test("a command without a host that ran before goes on as its asker had it", async () => {
    await withHost({ dev: managed("dev", { restart: { policy: "always", delay: "100ms" } }) }, async (root, host) => {
      await startAs(root, ASKER, "dev");
      await until("it has written", () => lines(root, "dev").length === 1);
      process.kill(host, "SIGKILL");
      await startAs(root, PLAIN, "b");
      const taken = await until("it has another host", async () => {
        const now = await psOf(root, "t:dev:default");
        return now?.host?.alive === true ? now : null;
      });
      process.kill(taken.pid as number, "SIGKILL");
      await until("the policy started it", () => lines(root, "dev").length === 2);
      expect(lines(root, "dev")).toEqual([OF_ASKER, OF_ASKER]);
    });
  });
});
