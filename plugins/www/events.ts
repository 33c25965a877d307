/**
 * The stream (server-sent events) by which open pages hear of changes. The `hello` names the
 * rendering the server has now: a page of another one, even of a server since replaced, takes the new one.
 */

/** `page`: new content. `style`: a new style sheet. `reload`: anything else. */
export type Change = "page" | "style" | "reload";

export interface EventHub {
  /** The answer to one page; it ends when the page leaves or the hub closes. */
  open(signal: AbortSignal): Response;
  send(change: Change): void;
  close(): void;
}

/** What is needed of a stream's controller. */
type Listener = { enqueue(chunk: Uint8Array<ArrayBuffer>): void; close(): void };

/** More are refused: a person has fewer, and whoever else reaches the port gets no more of it. */
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
