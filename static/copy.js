// <button data-copy="id of the text" data-copied="Copied">: puts the text on the clipboard and says so.

const SHOWN_MS = 2000;

/** Works on plain http too, where browsers have no clipboard interface. */
async function copy(text, source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const range = document.createRange();
  range.selectNodeContents(source);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  if (!document.execCommand("copy")) throw new Error("the browser refused");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("[data-copy-label]");
  const before = label.textContent;
  try {
    await copy(source.textContent, source);
  } catch {
    // Nothing was copied: the text is selected, so that Ctrl+C does it.
    getSelection().selectAllChildren(source);
    return;
  }
  button.disabled = true;
  label.textContent = button.dataset.copied;
  setTimeout(() => {
    label.textContent = before;
    button.disabled = false;
  }, SHOWN_MS);
});
