// A flame graph as a file. Names come from the target app: nothing of them may become markup.

import { Boxes } from "./flamegraph_boxes.js";
import { ROW_PX, fillOf } from "./flamegraph_canvas.js";
import { duration, percent } from "./measures.js";

// XML 1.0 has no way to write these, not even escaped.
const NO_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const COLUMN_PX = 7.25;
const LONGEST_NAME = 60;

export function escaped(text) {
  return text.replace(NO_XML, "\ufffd").replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/** All rows of the present view as SVG text; every box tells its name, place and time when pointed at. */
export function svgOf(frames, book, look, width) {
  const { theme } = look;
  const boxes = new Boxes(frames);
  boxes.fill(frames, { zoomed: look.zoomed, width, first: frames.lowest, last: frames.highest });
  const height = (frames.highest - frames.lowest + 1) * ROW_PX;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">`,
    `<title>${escaped(book.label)}</title>`,
    `<rect width="100%" height="100%" fill="${theme.surface}"/>`,
  ];
  for (let box = 0; box < boxes.count; box++) {
    lines.push(boxOf(boxes, box, frames, book, look));
  }
  lines.push("</svg>", "");
  return lines.join("\n");
}

function boxOf(boxes, box, frames, book, look) {
  const frame = boxes.frame[box];
  const x = boxes.x[box].toFixed(2);
  const y = (boxes.level[box] - frames.lowest) * ROW_PX;
  const wide = Math.max(boxes.width[box] - (boxes.width[box] > 2 ? 1 : 0), 0.5).toFixed(2);
  const rect = `<rect x="${x}" y="${y}" width="${wide}" height="${ROW_PX - 1}" fill="${fillOf(frame, frames, look)}"/>`;
  if (frame < 0) return rect;
  const fn = frames.fn[frame];
  const total = frames.total[frame];
  const told = [book.name(fn), book.place(fn), `${duration(total)} · ${percent(total, look.whole)}`];
  const columns = Math.floor((boxes.width[box] - 10) / COLUMN_PX);
  const fill = look.wanted && !look.wanted[fn + 1] ? look.theme.quiet : look.theme.text;
  const name =
    columns < 2
      ? ""
      : `<text x="${(boxes.x[box] + 5).toFixed(2)}" y="${y + 14}" fill="${fill}">${escaped(book.cut(fn, columns))}</text>`;
  return `<g><title>${escaped(told.filter(Boolean).join("\n"))}</title>${rect}${name}</g>`;
}

/** `GET-products-flamegraph-callers.svg` */
export function fileName(label, kind, ending) {
  const plain = label.normalize("NFKC").replace(/[^\p{L}\p{N}._-]+/gu, "-");
  const short = plain.slice(0, LONGEST_NAME).replace(/^[-.]+|[-.]+$/g, "");
  return [short || "profile", "flamegraph", kind].filter(Boolean).join("-") + `.${ending}`;
}

/** Lets the browser keep a blob as a file. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
