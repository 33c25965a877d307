/**
 * Keeps the picture up to date: takes the server's events, marks states in place and shows the selected node. Text is
 * only ever set as text.
 */
const picture = document.getElementById("picture");
const panel = document.getElementById("panel");
const failures = document.getElementById("failures");
const status = document.getElementById("status");
const find = document.getElementById("find");

let nodes = new Map();
let edges = [];
let rows = new Map();
let chosen = null;

const make = (name, text, more = {}) => Object.assign(document.createElement(name), { textContent: text, ...more });
const nodeOf = (key) => picture.querySelector(`[data-key="${CSS.escape(key)}"]`);

/* The server's events */

const events = new EventSource("/events");
events.addEventListener("graph", ({ data }) => showGraph(JSON.parse(data)));
events.addEventListener("states", ({ data }) => showStates(JSON.parse(data)));
events.addEventListener("well", () => tell("live", "live"));
events.addEventListener("ill", ({ data }) => tell("ill", `asking dt failed: ${JSON.parse(data)}`));
events.addEventListener("error", () => tell("ill", "not connected; trying again"));

function tell(is, text) {
  if (status.dataset.is === is && status.textContent === text) return;
  status.dataset.is = is;
  status.textContent = text;
}

function showGraph(graph) {
  const focused = document.activeElement?.closest?.("[data-key]")?.dataset.key;
  nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  edges = graph.edges;
  // The server has escaped every text in the SVG.
  picture.innerHTML = graph.nodes.length > 0 ? graph.svg : "";
  if (graph.nodes.length === 0)
    picture.append(make("p", "No plugins yet. `dt init plugin NAME` creates one.", { className: "empty" }));
  picture.classList.add("moved");
  setTimeout(() => picture.classList.remove("moved"), 300);
  showFailures(graph.failures);
  for (const [key] of rows) markState(key);
  if (chosen !== null && !nodes.has(chosen)) choose(null);
  if (focused !== undefined) nodeOf(focused)?.focus({ preventScroll: true });
  light();
  showPanel();
}

function showFailures(list) {
  failures.hidden = list.length === 0;
  failures.replaceChildren(
    ...(list.length === 0
      ? []
      : [
          make(
            "h2",
            list.length === 1 ? "One manifest could not be loaded" : `${list.length} manifests could not be loaded`,
          ),
        ]),
    ...list.map(({ message, hint }) => make("p", hint === null ? message : `${message}\n${hint}`)),
  );
}

function showStates(list) {
  const before = rows;
  rows = new Map(list.map((row) => [row.key, row]));
  for (const key of new Set([...before.keys(), ...rows.keys()])) markState(key);
  light();
  showPanel();
}

function wordOf(row) {
  if (row === undefined) return ["none", "never run"];
  const { exit } = row;
  const how = exit === null ? "" : exit.signal !== null ? ` · ${exit.signal}` : exit.code ? ` · code ${exit.code}` : "";
  const ports = row.ports.length > 0 ? ` · :${row.ports.join(" :")}` : "";
  return [row.state, `${row.state}${row.pid === null ? how : ports}`];
}

function markState(key) {
  const node = nodeOf(key);
  if (node === null || nodes.get(key)?.kind !== "managed") return;
  const [state, word] = wordOf(rows.get(key));
  node.dataset.state = state;
  node.querySelector(".word").textContent = word;
  node.setAttribute("aria-label", `${nodes.get(key).words}, managed, ${word}`);
}

/* The highlighted nodes */

function neighbours(key) {
  const near = new Set([key]);
  for (const { from, to } of edges) {
    if (from === key) near.add(to);
    if (to === key) near.add(from);
  }
  return near;
}

/**
 * Highlights the matches of the search, else the node under the pointer, else the selected one, with its neighbours.
 */
function light(pointed = null) {
  const text = find.value.trim().toLowerCase();
  const key = pointed ?? chosen;
  const near =
    text !== ""
      ? new Set([...nodes.values()].filter((node) => matches(node, text)).map(({ id }) => id))
      : key !== null && nodes.has(key)
        ? neighbours(key)
        : null;
  picture.classList.toggle("lit", near !== null);
  for (const node of picture.querySelectorAll("[data-key]"))
    node.classList.toggle("near", near?.has(node.dataset.key) === true);
  for (const edge of picture.querySelectorAll(".edges path")) {
    const { from, to } = edge.dataset;
    const isNear = text !== "" ? near.has(from) && near.has(to) : from === key || to === key;
    edge.classList.toggle("near", near !== null && isNear);
  }
}

function matches({ id, words, title, description }, text) {
  return `${id} ${words} ${title} ${description ?? ""} ${rows.get(id)?.state ?? ""}`.toLowerCase().includes(text);
}

function choose(key) {
  if (chosen !== null) nodeOf(chosen)?.classList.remove("chosen");
  chosen = key;
  if (key !== null) nodeOf(key)?.classList.add("chosen");
  light();
  showPanel();
}

find.addEventListener("input", () => light());
picture.addEventListener("click", ({ target }) => choose(target.closest("[data-key]")?.dataset.key ?? null));
picture.addEventListener("keydown", (event) => {
  const node = event.target.closest("[data-key]");
  if (node === null || (event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  choose(node.dataset.key);
});
picture.addEventListener("pointerover", ({ target }) => light(target.closest("[data-key]")?.dataset.key ?? null));
picture.addEventListener("pointerleave", () => light());
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  const back = chosen;
  choose(null);
  if (back !== null) nodeOf(back)?.focus();
});

/* The panel */

function showPanel() {
  const node = chosen === null ? undefined : nodes.get(chosen);
  panel.hidden = node === undefined;
  if (node === undefined) return panel.replaceChildren();
  nodeOf(node.id)?.classList.add("chosen");
  const kept = panel.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
  const close = make("button", "×", { className: "close", type: "button", ariaLabel: "Close" });
  close.dataset.id = "close";
  close.addEventListener("click", () => choose(null));
  const title = node.kind === "plugin" ? node.title : node.words;
  panel.replaceChildren(
    close,
    make("h2", title),
    make("p", node.description ?? (node.kind === "plugin" ? "A plugin." : "No description."), { className: "about" }),
    facts(node),
    ...calls(node).map(callOf),
  );
  if (kept !== undefined) panel.querySelector(`[data-id="${CSS.escape(kept)}"]`)?.focus();
}

function facts(node) {
  const list = document.createElement("dl");
  const add = (name, value) => {
    if (value === null || value === undefined || value === "") return;
    const cell = document.createElement("dd");
    cell.append(value);
    list.append(make("dt", name), cell);
  };
  if (node.kind === "plugin") {
    add("commands", String(edges.filter(({ from, is }) => from === node.id && is === "has").length));
    return list;
  }
  const row = rows.get(node.id);
  add("kind", node.kind === "managed" ? "managed" : "one-shot");
  if (node.kind === "managed") {
    add("state", wordOf(row)[0] === "none" ? "never run" : row.state);
    add("why", row?.note);
    add("pid", row?.pid == null ? null : String(row.pid));
    const since = make("time", "", { dateTime: row?.startedAt ?? "" });
    add("up", row?.pid == null ? null : since);
    add("restarts", row?.restarts > 0 ? String(row.restarts) : null);
    add(
      "address",
      row?.pid != null && /^https?:\/\//.test(row.url ?? "")
        ? make("a", row.url, { href: row.url, target: "_blank", rel: "noreferrer" })
        : null,
    );
    add("last end", row?.exit == null ? null : endOf(row.exit));
    add("log", row?.log);
  }
  add("needs", wordsOf(edges.filter(({ from, is }) => from === node.id && is === "needs").map(({ to }) => to)));
  add("needed by", wordsOf(edges.filter(({ to, is }) => to === node.id && is === "needs").map(({ from }) => from)));
  queueMicrotask(tick);
  return list;
}

function endOf({ reason, code, signal, at }) {
  const how = signal ?? (code === null ? "" : `code ${code}`);
  return `${reason}${how === "" ? "" : `, ${how}`}, ${new Date(at).toLocaleString()}`;
}

function wordsOf(keys) {
  return keys.map((key) => nodes.get(key)?.words ?? key).join(", ");
}

/** The commands to type that make sense now. */
function calls({ id, kind, words }) {
  if (kind === "plugin") return [`dt ${words}`, `dt logs ${words}`, `dt stop ${words}`];
  if (kind === "oneshot") return [`dt ${words}`];
  const runs = rows.get(id)?.pid != null;
  return runs
    ? [`dt logs ${words} -f`, `dt restart ${words}`, `dt stop ${words}`, `dt why ${words}`]
    : [`dt ${words} -d`, `dt logs ${words}`, `dt why ${words}`];
}

function callOf(text) {
  const box = make("div", "", { className: "call" });
  const button = make("button", "Copy", { type: "button", ariaLabel: `Copy ${text}` });
  button.dataset.id = text;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => {
      button.textContent = "Copy";
    }, 1500);
  });
  box.append(make("code", text), button);
  return box;
}

function tick() {
  for (const time of panel.querySelectorAll("time")) time.textContent = durationSince(Date.parse(time.dateTime));
}

function durationSince(from) {
  const seconds = Math.max(0, Math.floor((Date.now() - from) / 1000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${seconds % 60}s` : `${seconds}s`;
}

setInterval(tick, 1000);
