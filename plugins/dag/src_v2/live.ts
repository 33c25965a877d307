/**
 * Keeps open pages up to date. While a page is open, this watches the run directory and the manifests, and asks dt once
 * a second to see changes that leave no trace on disk. While no page is open, it does nothing. Many pages cost as much
 * as one: however many requests come at once, only one query waits behind the one in progress.
 */
import { existsSync, watch } from "node:fs";
import { askList, askRows } from "./ask.ts";
import { drawGraph } from "./draw.ts";
import { placeGraph } from "./layout.ts";
import { buildGraph } from "./model.ts";
import type { Graph, Layout, Row } from "./types.ts";

/** Everything that a page needs to know. */
export interface Picture {
  graph: Graph;
  layout: Layout;
  rows: Row[];
}

export interface LiveOptions {
  /** Watched for changes of states; `manifests` is watched for changes of the graph. */
  runDirectory: string;
  manifests: string;
}

const STATES_EVERY_MS = 1000;
/** More pages are refused: a user has fewer, and any other client that reaches the port is limited too. */
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

/** For the page's script: the drawing, and the data of the panel. */
export function describeGraph({ graph, layout, rows }: Picture) {
  return { svg: drawGraph(layout, rows), nodes: graph.nodes, edges: graph.edges, failures: graph.failures };
}

/** The part of a stream's controller that is used here. */
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

  /**
   * Asks again and sends the differences to the pages. One query runs at a time; all requests during it become one
   * more, if a page is still open then.
   */
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
    // Every tenth time the graph too: a manifest may import files that are not watched.
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
    /** The stream of one page: first everything, then the changes. */
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
          // The last known picture may be old, so dt is asked again; this page gets the whole picture in any case.
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
