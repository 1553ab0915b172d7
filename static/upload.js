// <form data-upload> with a [data-drop] around its file field: a file may be dropped there, and the button says
// that it is on its way. Without this script the field works as it is.

const form = document.querySelector("[data-upload]");
const zone = form.querySelector("[data-drop]");
const field = zone.querySelector("input[type=file]");
const button = form.querySelector("[data-busy]");
const label = button.textContent;
let depth = 0;

zone.querySelector("[data-drop-hint]").hidden = false;

/** Over the zone or something in it; entering a child comes before leaving its parent. */
function enter(change) {
  depth = Math.max(0, depth + change);
  zone.classList.toggle("is-over", depth > 0);
}

zone.addEventListener("dragenter", () => enter(1));
zone.addEventListener("dragleave", () => enter(-1));
zone.addEventListener("dragover", (event) => event.preventDefault());
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  enter(-depth);
  if (event.dataTransfer.files.length === 0) return;
  const first = new DataTransfer();
  first.items.add(event.dataTransfer.files[0]);
  field.files = first.files;
  field.focus();
});

form.addEventListener("submit", () => {
  button.disabled = true;
  button.textContent = button.dataset.busy;
});

// Back from the profile's page, the browser shows the form as it left it.
addEventListener("pageshow", () => {
  button.disabled = false;
  button.textContent = label;
});
