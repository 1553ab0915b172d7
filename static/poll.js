// A page in a background tab asks for nothing: polls of [data-poll] wait until it is looked at again.

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.closest("[data-poll]")) event.preventDefault();
});
