/**
 * The stream (server-sent events) that reports changes to open pages. Its `hello` names the server's current rendering:
 * a page from another rendering, even one of an earlier server, takes the new one.
 */

/** `page`: new content. `style`: a new style sheet. `reload`: anything else. */
export type Change = "page" | "style" | "reload";

export interface EventHub {
  /** The response to one page; it ends when the page closes or the hub does. */
  open(signal: AbortSignal): Response;
  send(change: Change): void;
  close(): void;
}

/** The part of a stream's controller that is used here. */
type Listener = { enqueue(chunk: Uint8Array<ArrayBuffer>): void; close(): void };

/** More listeners are refused: a user has fewer, and any other client that reaches the port is limited too. */
const MOST_LISTENERS = 256;
/** Some proxies and browsers drop a stream that is silent for a minute. */
const HEARTBEAT_MS = 20_000;

export function createEventHub(version: () => string): EventHub {
  const listeners = new Set<Listener>();
  const encoder = new TextEncoder();
  const write = (text: string) => {
    for (const listener of listeners) listener.enqueue(encoder.encode(text));
  };
  const heartbeat = setInterval(() => write(": still here\n\n"), HEARTBEAT_MS);
  heartbeat.unref();

  return {
    open(signal) {
      if (listeners.size >= MOST_LISTENERS) return new Response("too many pages are open\n", { status: 503 });
      let own: Listener | undefined;
      const forget = () => {
        if (own) listeners.delete(own);
      };
      signal.addEventListener("abort", forget, { once: true });
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          own = controller;
          listeners.add(controller);
          controller.enqueue(encoder.encode(`retry: 500\nevent: hello\ndata: ${version()}\n\n`));
        },
        cancel: forget,
      });
      return new Response(stream, { headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" } });
    },
    send: (change) => write(`event: ${change}\ndata: \n\n`),
    close() {
      clearInterval(heartbeat);
      for (const listener of listeners) listener.close();
      listeners.clear();
    },
  };
}
