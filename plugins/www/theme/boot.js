// Runs before the first paint: applies the remembered theme, and marks that scripts run (without the mark the menu
// stays open).
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // some browsers refuse storage on file://; the system's choice applies
  }
})();
