// Mouse and keyboard of a flame graph.

const LEAST_SEEN_PX = 0.5;
const WAYS_WITH_LIBRARIES = ["folded", "shown", "hidden"];

export class Input {
  constructor(graph) {
    this.graph = graph;
    this.part = graph.part;
    this.listenToPointer();
    this.listenToKeys();
    this.listenToTools();
  }

  listenToPointer() {
    const { graph } = this;
    const { scroller } = graph;
    const under = (event) => {
      const area = scroller.getBoundingClientRect();
      return graph.canvas.frameAt(event.clientX - area.left, event.clientY - area.top);
    };
    scroller.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") this.hover(under(event), event);
    });
    scroller.addEventListener("pointerleave", () => this.hover(-1));
    scroller.addEventListener("click", (event) => {
      const frame = under(event);
      if (frame >= 0) graph.zoomTo(frame);
    });
    scroller.addEventListener("scroll", () => {
      this.hover(-1);
      this.drawSoon();
    }, { passive: true });
  }

  hover(frame, pointer) {
    const { graph } = this;
    if (frame !== graph.hovered) {
      graph.hovered = frame;
      this.drawSoon();
    }
    if (frame < 0) graph.panel.hideTip();
    else graph.panel.showTip(graph.frames, frame, graph.zoomed, pointer);
  }

  drawSoon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.graph.draw();
    });
  }

  listenToKeys() {
    const { graph } = this;
    graph.scroller.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const act = this.keys()[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
      // The key is that of the picture that has the focus, else of the first on the page.
      const meant = event.target.closest("[data-slash]") ?? document.querySelector("[data-slash]");
      if (meant !== graph.root) return;
      event.preventDefault();
      this.part("search").focus();
      this.part("search").select();
    });
  }

  keys() {
    const { graph } = this;
    const go = (frame) => frame >= 0 && graph.choose(frame);
    return {
      ArrowDown: () => go(this.below(1)),
      ArrowUp: () => go(this.below(-1)),
      ArrowRight: () => go(this.beside(1)),
      ArrowLeft: () => go(this.beside(-1)),
      Home: () => graph.zoomTo(0),
      Enter: () => graph.zoomTo(Math.max(graph.chosen, 0)),
      Escape: () => graph.zoomOut(),
      t: () => graph.change({ kind: "tree" }),
      c: () => graph.change({ kind: "callers" }),
      s: () => graph.change({ kind: "sandwich" }),
      o: () => graph.data.runs && graph.state.kind === "tree" && graph.change({ inTime: !graph.state.inTime }),
      l: () => graph.change({ libraries: next(WAYS_WITH_LIBRARIES, graph.state.libraries) }),
      "?": () => this.part("keys").showModal(),
    };
  }

  /** The frame to go to one row down or up (-1); -1 where there is none. */
  below(step) {
    const { frames, chosen, zoomed } = this.graph;
    if (chosen < 0) return zoomed;
    const level = frames.level[chosen];
    // Away from the root of a sandwich is down below it, and up above it.
    const isAway = level === 0 ? true : Math.sign(level) === step;
    if (!isAway) return frames.parent[chosen];
    if (chosen < zoomed && zoomed < frames.end[chosen]) return this.towardsZoomed(level + step);
    let best = -1;
    for (let frame = chosen + 1; frame < frames.end[chosen]; frame = frames.end[frame]) {
      if (frames.level[frame] !== level + step) continue;
      if (best < 0 || frames.total[frame] > frames.total[best]) best = frame;
    }
    return best;
  }

  /** Above what is zoomed only the way to it is in sight. */
  towardsZoomed(level) {
    const { frames, zoomed } = this.graph;
    let frame = zoomed;
    while (frame >= 0 && frames.level[frame] !== level) frame = frames.parent[frame];
    return frame;
  }

  /** The next frame in the same row that can be seen; -1 where there is none. */
  beside(step) {
    const { canvas, frames, chosen, zoomed } = this.graph;
    if (chosen < 0) return zoomed;
    const least = (LEAST_SEEN_PX * frames.total[zoomed]) / (canvas.width || 1);
    const last = frames.end[zoomed];
    const isHalf = Math.sign(frames.level[chosen]) === Math.sign(frames.level[zoomed]) || frames.level[zoomed] === 0;
    const [from, to] = isHalf ? [zoomed, last] : [0, frames.count];
    for (let frame = chosen + step; frame >= from && frame < to; frame += step) {
      if (frames.level[frame] === frames.level[chosen] && frames.total[frame] >= least) return frame;
    }
    return -1;
  }

  listenToTools() {
    const { graph } = this;
    const search = this.part("search");
    search.addEventListener("input", () => graph.search(search.value));
    search.addEventListener("keydown", (event) => this.onSearchKey(event, search));
    const on = (name, type, act) => this.part(name).addEventListener(type, act);
    on("kind", "change", (event) => graph.change({ kind: event.target.value }));
    on("order", "change", (event) => graph.change({ inTime: event.target.value === "time" }));
    on("libraries", "change", (event) => graph.change({ libraries: event.target.value }));
    on("show-libraries", "click", () => graph.change({ libraries: "shown" }));
    on("open-sandwich", "click", () => graph.change({ kind: "sandwich" }));
    const keep = (act) => (event) => {
      event.target.closest("details").open = false;
      act();
    };
    on("svg", "click", keep(() => graph.keepAsSvg()));
    on("png", "click", keep(() => graph.keepAsPng()));
    on("help", "click", () => this.part("keys").showModal());
  }

  onSearchKey(event, search) {
    const { graph } = this;
    if (event.key === "Enter") {
      graph.stepMatch(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      search.value = "";
      graph.search("");
      graph.scroller.focus();
    } else if (event.key === "ArrowDown") {
      graph.scroller.focus();
    } else {
      return;
    }
    event.preventDefault();
  }
}

function next(values, value) {
  return values[(values.indexOf(value) + 1) % values.length];
}
