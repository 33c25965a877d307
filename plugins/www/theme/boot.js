// Runs before the first paint: the remembered theme, and a mark that scripts run (without one the menu stays open).
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // storage is refused on file:// in some browsers; the system's choice holds
  }
})();
