// The frames of each way to look at a call tree. No DOM here.

import { buildView, heaviestNode, ownCode } from "./calltree_model.js";
import { packaged } from "./flamegraph_book.js";
import { inverted, sandwich } from "./flamegraph_callers.js";
import { layOut, layOutCallers, layOutInTime, layOutSandwich } from "./flamegraph_frames.js";

export class Pictures {
  constructor(data, book) {
    this.data = data;
    this.folds = { folded: packaged(book), hidden: ownCode(data.functions) };
    this.views = new Map();
  }

  /** The tree with libraries `folded`, `hidden` or `shown`, kept once made. */
  view(libraries) {
    if (!this.views.has(libraries)) this.views.set(libraries, buildView(this.data, this.folds[libraries]));
    return this.views.get(libraries);
  }

  /**
   * {kind, of, frames}: the sandwich of a function that does not occur is the tree. `of` is the function of the
   * sandwich; null asks for the one that is most likely of interest.
   */
  frames({ kind, inTime, libraries }, of) {
    const view = this.view(libraries);
    if (kind === "callers") return { kind, of, frames: layOutCallers(inverted(view)) };
    if (kind === "sandwich") {
      const function_ = of ?? this.likelyFunction(view);
      const both = sandwich(view, function_);
      if (both) return { kind, of: function_, frames: layOutSandwich(both.callees, both.callers) };
    }
    const frames = inTime ? layOutInTime(view, this.data.runs) : null;
    return { kind: "tree", of, frames: frames?.count ? frames : layOut(view) };
  }

  likelyFunction(view) {
    const { suspect } = this.data;
    if (suspect >= 0 && heaviestNode(view, suspect) >= 0) return suspect;
    return view.count > 1 ? view.fn[1] : -1;
  }

  /** The frame of a node of the data (-1 is the whole); where frames stand for several nodes, that of `fn`. */
  frameOf(frames, libraries, node, fn) {
    const view = this.view(libraries);
    const shown = node < 0 ? 0 : view.shownAs[node];
    const wanted = fn ?? view.fn[shown];
    let best = -1;
    for (let frame = 0; frame < frames.count; frame++) {
      const fits = frames.node[frame] < 0 ? frames.fn[frame] === wanted : frames.node[frame] === shown;
      if (fits && (best < 0 || frames.total[frame] > frames.total[best])) best = frame;
    }
    return best;
  }

  /** The node of the data that a frame shows, -1 for the whole; of several, the heaviest of its function. */
  nodeOf(frames, libraries, frame) {
    const view = this.view(libraries);
    const node = frames.node[frame] >= 0 ? frames.node[frame] : heaviestNode(view, frames.fn[frame]);
    return node < 0 ? -1 : view.first[node];
  }
}
