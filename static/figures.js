// Figures that are looked at again by themselves: what was opened stays open, and nothing moves under a hand.

let opened = [];

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!["figures", "scoped"].includes(detail.target.id)) return;
  opened = [...detail.target.querySelectorAll("details[open][id]")].map(({ id }) => id);
});

document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
  opened = [];
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const again = event.target.closest(".refresh");
  if (!again) return;
  const figures = document.getElementById("figures");
  const { anchorNode, isCollapsed } = getSelection();
  const isRead = !isCollapsed && figures.contains(anchorNode);
  if (isRead || figures.dataset.held) event.preventDefault();
});

document.addEventListener("pointerdown", ({ target }) => {
  const figures = target.closest?.("#figures");
  if (figures) figures.dataset.held = "true";
});
document.addEventListener("pointerup", () => {
  const figures = document.getElementById("figures");
  if (figures) delete figures.dataset.held;
});
