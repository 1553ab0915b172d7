// What scripts write into a page: text, never markup.

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The place of a function in `target`: a link where the project says how its source is reached. */
export function showPlace(target, text, address) {
  const shown = target.firstElementChild;
  if (!address) target.textContent = text;
  if (!address || (shown?.getAttribute("href") === address && shown.textContent === text)) return;
  const link = element("a", "source", text);
  link.href = address;
  link.rel = "noopener noreferrer";
  if (link.protocol.startsWith("http")) link.target = "_blank";
  target.replaceChildren(link);
}
