// A finding leads to its node: call tree and flame graph hear of it as if it had been chosen in one of them.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-finding-node]");
  const tree = document.querySelector("[data-calltree]");
  if (!button || !tree) return;
  const node = Number(button.dataset.findingNode);
  const { source } = tree.dataset;
  button.dispatchEvent(new CustomEvent("tree:select", { bubbles: true, detail: { source, node } }));
  tree.scrollIntoView({ block: "start" });
  tree.querySelector("[role=tree]")?.focus({ preventScroll: true });
});
