/** Jobs of two who run them in one root: what one of them runs is not lost to the other. */
import { test } from "bun:test";
import { stays, TestRoot, until } from "../../kit.ts";
import { disposeWithDaemon } from "../kit/daemon.ts";

test("a daemon that begins while a dt watch runs a job leaves that job's result as it is", async () => {
  const root = TestRoot.create({
    "manifests/t.ts": `export default { name: "t", commands: { slow: { kind: "oneshot", run: "while [ ! -e ../go ]; do sleep 0.02; done" } },
      watch: [{ paths: ["in"], debounce: "50ms", run: "t:slow" }] };`,
  });
  const jobs = async () => JSON.parse((await root.dt(["jobs", "--json"])).stdout) as { state: string }[];
  const watch = root.spawn(["watch"]);
  try {
    const told = watch.stderr.getReader();
    let text = "";
    while (!text.includes("Ctrl-C ends it")) text += new TextDecoder().decode((await told.read()).value);
    root.write("in/a", "1");
    await until("the job runs", async () => (await jobs())[0]?.state === "running");
    await root.dt(["boot", "add"]);
    await root.dt(["daemon", "start"]);
    root.write("../go", "");
    await until("it is done", async () => (await jobs())[0]?.state === "done");
    // The daemon calls a job lost whose result is not there 300 ms after it saw the job's end, and it looks every 100
    // ms.
    await stays("the job is done", async () => (await jobs()).map(({ state }) => state).join() === "done", 600);
  } finally {
    watch.kill("SIGINT");
    await watch.exited;
    await disposeWithDaemon(root);
  }
});
