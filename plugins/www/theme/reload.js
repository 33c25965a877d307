// Only in development: when the server reports a change, replaces the content of the page in place, so scroll position,
// theme and open menu stay. A new script or template needs a real reload.
(() => {
  let version = document.currentScript.dataset.version;
  const PARTS = ["#nav", "#content", ".toc", ".quick"];

  const swapPage = async () => {
    const response = await fetch(location.href, { cache: "no-store" });
    const next = new DOMParser().parseFromString(await response.text(), "text/html");
    const sameShape = PARTS.every((part) => !document.querySelector(part) === !next.querySelector(part));
    if (!sameShape || next.documentElement.dataset.layout !== document.documentElement.dataset.layout) {
      location.reload();
      return;
    }
    for (const part of PARTS) document.querySelector(part)?.replaceWith(next.querySelector(part));
    document.title = next.title;
    version = next.querySelector("script[data-version]")?.dataset.version ?? version;
    document.dispatchEvent(new Event("content"));
  };

  const swapStyle = () => {
    const link = document.querySelector('link[rel="stylesheet"]');
    const fresh = link.cloneNode();
    fresh.href = `${link.href.split("?")[0]}?v=${Date.now()}`;
    fresh.addEventListener("load", () => link.remove());
    link.after(fresh);
  };

  // The stream reconnects by itself when the server comes back; by then the page may be outdated.
  const events = new EventSource("/-/events");
  events.addEventListener("hello", (event) => {
    if (event.data !== version) location.reload();
  });
  events.addEventListener("page", swapPage);
  events.addEventListener("style", swapStyle);
  events.addEventListener("reload", () => location.reload());
  addEventListener("pagehide", () => events.close());
})();
