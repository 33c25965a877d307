// The page's behaviour: theme, menu, copy buttons, the mark in "On this page". When reload.js has swapped the content,
// the "content" event sets it up again; listeners on replaced nodes disappear with them.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const themeButton = document.querySelector(".theme");
  const menuButton = document.querySelector(".menu");

  const theme = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");
  const nameTheme = () => {
    themeButton.querySelector(".hidden-text").textContent = `Switch to ${theme() === "dark" ? "light" : "dark"} theme`;
  };
  themeButton.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // the choice then lasts only for this page
    }
    nameTheme();
  });
  dark.addEventListener("change", nameTheme);
  nameTheme();

  const setMenu = (open) => {
    menuButton.setAttribute("aria-expanded", String(open));
    root.classList.toggle("menu-open", open);
  };
  menuButton.addEventListener("click", () => setMenu(menuButton.getAttribute("aria-expanded") !== "true"));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !root.classList.contains("menu-open")) return;
    setMenu(false);
    menuButton.focus();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".side a")) setMenu(false);
  });

  // From a terminal session, only the typed commands are copied.
  const codeText = (block) => {
    const typed = [...block.querySelectorAll(".typed")];
    return typed.length > 0
      ? typed.map((line) => line.textContent).join("\n")
      : block.querySelector("code").textContent;
  };

  const addCopyButton = (block) => {
    if (!navigator.clipboard || block.querySelector(".copy")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      const done = await navigator.clipboard.writeText(codeText(block)).then(
        () => true,
        () => false,
      );
      button.textContent = done ? "Copied" : "Refused";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 1600);
    });
    block.append(button);
  };

  // The section being read: the last heading above a line a quarter down the window.
  const markSection = () => {
    const links = [...document.querySelectorAll(".toc a")];
    if (links.length === 0) return;
    const line = innerHeight / 4;
    const atEnd = scrollY > 0 && innerHeight + scrollY >= root.scrollHeight - 2;
    const above = links.filter((link) => {
      const heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      return heading && heading.getBoundingClientRect().top <= line;
    });
    const current = atEnd ? links.at(-1) : (above.at(-1) ?? links[0]);
    for (const link of links) {
      if (link === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };

  let frame = 0;
  addEventListener(
    "scroll",
    () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(markSection);
    },
    { passive: true },
  );

  const setUp = () => {
    for (const block of document.querySelectorAll(".code")) addCopyButton(block);
    markSection();
  };
  document.addEventListener("content", setUp);
  setUp();
})();
