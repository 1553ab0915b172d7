// Runs before the first paint, which is why it is no module: a dark page must not flash white.
(() => {
  const root = document.documentElement;
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = root.dataset.theme;
    root.dataset.bsTheme = chosen === "dark" || (chosen !== "light" && systemIsDark.matches) ? "dark" : "light";
  };
  root.classList.add("has-script");
  systemIsDark.addEventListener("change", apply);
  apply();
})();
