/**
 * Keeps open pages true. While a page is open, the run directory and the manifests are watched and dt is asked once a second, so that
 * also what leaves no trace on disk is seen; while none is, nothing is done. Many pages cost what one costs: however many come at once, one
 * question waits behind the one that is being asked.
 */
import { existsSync, watch } from "node:fs";
import { askList, askRows } from "./ask.ts";
import { drawGraph } from "./draw.ts";
import { placeGraph } from "./layout.ts";
import { buildGraph } from "./model.ts";
import type { Graph, Layout, Row } from "./types.ts";

/** What a page has to know. */
export interface Picture {
  graph: Graph;
  layout: Layout;
  rows: Row[];
}

export interface LiveOptions {
  /** What to watch for changes of states, and of the graph. */
  runDirectory: string;
  manifests: string;
}

const STATES_EVERY_MS = 1000;
/** More are refused: a person has fewer, and whoever else reaches the port gets no more of it. */
const MOST_PAGES = 64;
/** Changes come in bursts: a launch writes several files. */
const SETTLE_MS = 60;
/** Some proxies drop a stream that is silent for a minute. */
const HEARTBEAT_MS = 20_000;

export async function takePicture(): Promise<Picture> {
  const [listed, rows] = await Promise.all([askList(), askRows()]);
  const graph = buildGraph(listed);
  return { graph, layout: placeGraph(graph), rows };
}

/** For the page's script: the drawing and what the panel tells. */
export function describeGraph({ graph, layout, rows }: Picture) {
  return { svg: drawGraph(layout, rows), nodes: graph.nodes, edges: graph.edges, failures: graph.failures };
}

/** What is needed of a stream's controller. */
type Controller = { enqueue(chunk: Uint8Array<ArrayBuffer>): void; close(): void };

export function createLive({ runDirectory, manifests }: LiveOptions) {
  const pages = new Set<Controller>();
  const encoder = new TextEncoder();
  let picture: Picture | null = null;
  let closeWatchers = () => {};
  let asking = Promise.resolve();
  let waiting: Promise<void> | null = null;
  let waitingGraph = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let graphToo = false;

  const send = (to: Iterable<Controller>, event: string, data: unknown) => {
    const bytes = encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    for (const page of to) page.enqueue(bytes);
  };

  const ask = async (withGraph: boolean) => {
    try {
      const before = picture;
      picture = withGraph || before === null ? await takePicture() : { ...before, rows: await askRows() };
      const now = picture;
      if (JSON.stringify(now.graph) !== JSON.stringify(before?.graph)) send(pages, "graph", describeGraph(now));
      if (JSON.stringify(now.rows) !== JSON.stringify(before?.rows)) send(pages, "states", now.rows);
      send(pages, "well", null);
    } catch (error) {
      console.error((error as Error).message);
      send(pages, "ill", (error as Error).message);
    }
  };

  /** Asks again, and tells the pages what is different. One at a time; what comes meanwhile is one more, if a page is still open then. */
  const refresh = (withGraph: boolean): Promise<void> => {
    waitingGraph ||= withGraph;
    if (waiting === null) {
      waiting = asking.then(() => {
        const all = waitingGraph;
        [waiting, waitingGraph] = [null, false];
        asking = pages.size === 0 ? Promise.resolve() : ask(all);
        return asking;
      });
    }
    return waiting;
  };

  const soon = (withGraph: boolean) => {
    graphToo ||= withGraph;
    clearTimeout(timer);
    timer = setTimeout(() => {
      const all = graphToo;
      graphToo = false;
      void refresh(all);
    }, SETTLE_MS);
  };

  const begin = () => {
    const watchers = [
      [runDirectory, false],
      [manifests, true],
    ].flatMap(([path, withGraph]) => {
      if (!existsSync(path as string)) return [];
      const watcher = watch(path as string, () => soon(withGraph as boolean));
      watcher.on("error", () => watcher.close());
      return [watcher];
    });
    let ticks = 0;
    // Now and then the graph too: a manifest may import files that are not watched.
    const poll = setInterval(() => void refresh(++ticks % 10 === 0), STATES_EVERY_MS);
    const heartbeat = setInterval(
      () => pages.forEach((page) => void page.enqueue(encoder.encode(": still here\n\n"))),
      HEARTBEAT_MS,
    );
    closeWatchers = () => {
      for (const watcher of watchers) watcher.close();
      clearInterval(poll);
      clearInterval(heartbeat);
      clearTimeout(timer);
      closeWatchers = () => {};
    };
  };

  const leave = (page: Controller) => {
    pages.delete(page);
    if (pages.size === 0) closeWatchers();
  };

  return {
    /** The stream of one page: all there is to know, then what changes. */
    open({ method, signal }: Request): Response {
      if (method !== "GET") return new Response(null, { status: 405, headers: { Allow: "GET" } });
      if (pages.size >= MOST_PAGES) return new Response("too many pages are open\n", { status: 503 });
      let own: Controller | undefined;
      const forget = () => {
        if (own !== undefined) leave(own);
      };
      signal.addEventListener("abort", forget, { once: true });
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          own = controller;
          controller.enqueue(encoder.encode("retry: 500\n\n"));
          if (pages.size === 0) begin();
          pages.add(controller);
          // What was last known may be old: it is asked for anew, and this page gets all of it either way.
          void refresh(true).then(() => {
            if (picture === null || !pages.has(controller)) return;
            send([controller], "graph", describeGraph(picture));
            send([controller], "states", picture.rows);
          });
        },
        cancel: forget,
      });
      return new Response(stream, { headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" } });
    },
    close() {
      closeWatchers();
      for (const page of pages) page.close();
      pages.clear();
    },
  };
}
