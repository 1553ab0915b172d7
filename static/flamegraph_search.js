// Which functions are searched for, and what is said of them. No DOM here.

import { fill } from "./calltree_rows.js";
import { matchingFunctions, wantedIn } from "./calltree_model.js";
import { timeIn } from "./flamegraph_frames.js";
import { percent } from "./measures.js";

/**
 * {wanted, told, hidden}: a byte for each function from -1 on (null where nothing is searched for), a sentence, and
 * whether all that matches is in libraries that the view does not show.
 */
export function searchFor(search, { book, frames, words, allShown }) {
  const text = search.trim();
  if (!text) return { wanted: null, told: "", hidden: false };
  const isWanted = wantedIn(text);
  if (!isWanted) return { wanted: null, told: words.badExpression, hidden: false };
  const matching = matchingFunctions(book.functions, text);
  const wanted = new Uint8Array(1 + book.count + book.packages.length);
  wanted.set(matching, 1);
  book.packages.forEach((name, at) => (wanted[1 + book.count + at] = isWanted(name) ? 1 : 0));
  const time = timeIn(frames, wanted);
  if (time > 0) return { wanted, told: fill(words.matched, { share: percent(time, frames.whole) }), hidden: false };
  const hidden = !allShown && matching.includes(1);
  return { wanted, told: hidden ? words.onlyLibraries : words.noMatch, hidden };
}
