// Another scope is another page here, not a part of it: its call tree begins anew.

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id !== "scoped") return;
  event.preventDefault();
  location.assign(event.detail.pathInfo.finalRequestPath);
});
