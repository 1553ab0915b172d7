// The flame graph beside a call tree, over the same data. The call tree is its twin for those who don't see it:
// what is chosen or searched for in one is in the other, told by events (tree:select, tree:search).

import { FrameNames, functionNamed, nameOfFunction, readAddress, writeAddress } from "./flamegraph_address.js";
import { Book } from "./flamegraph_book.js";
import { FlameCanvas, ROW_PX } from "./flamegraph_canvas.js";
import { PackageColours, themeNow } from "./flamegraph_colours.js";
import { fileName, save, svgOf } from "./flamegraph_export.js";
import { commonFrame, isWithin } from "./flamegraph_frames.js";
import { Input } from "./flamegraph_input.js";
import { Panel } from "./flamegraph_panel.js";
import { Pictures } from "./flamegraph_pictures.js";
import { searchFor } from "./flamegraph_search.js";

// Browsers refuse an address that changes more often than 100 times in 30 s.
const ADDRESS_DELAY_MS = 350;
const LEAST_HEIGHT_PX = 280;
const MOST_OF_WINDOW = 0.62;
const ABOVE_SANDWICH = 0.4;

export class FlameGraph {
  constructor(root) {
    this.root = root;
    this.words = root.dataset;
    this.part = (name) => root.querySelector(`[data-fg="${name}"]`);
    this.data = JSON.parse(document.getElementById(root.dataset.source).textContent);
    this.book = new Book(this.data);
    this.pictures = new Pictures(this.data, this.book);
    this.scroller = this.part("graph");
    this.canvas = new FlameCanvas(this.part("canvas"), this.scroller, this.book);
    this.hovered = -1;
    this.state = readAddress();
    const whole = this.view().total[0];
    this.panel = new Panel(root, this.book, { whole, onCrumb: (frame) => this.zoomTo(frame) });
    if (!this.data.runs) this.state.inTime = false;
    this.part("search").value = this.state.search;
    this.of = this.state.kind === "sandwich" ? functionNamed(this.state.of, this.book) : null;
    this.rebuild();
    this.restore();
    this.find();
    this.draw();
    this.input = new Input(this);
    this.listen();
  }

  // Frames

  view() {
    return this.pictures.view(this.state.libraries);
  }

  /** New frames for what is asked for. Nothing is zoomed or chosen in them. */
  rebuild() {
    const view = this.view();
    const made = this.pictures.frames(this.state, this.of);
    this.state.kind = made.kind;
    this.of = made.of;
    this.frames = made.frames;
    this.colours = new PackageColours(view, this.book);
    // A comparison would colour by what changed of a frame.
    this.colourOf = (frame, theme) => this.colours.of(this.frames.fn[frame], theme);
    this.names = null;
    this.trail = [];
    this.chosen = this.hovered = -1;
    this.canvas.use(this.frames);
    this.fit();
    this.scroller.scrollTop = Math.max(0, -this.frames.lowest * ROW_PX - ABOVE_SANDWICH * this.scroller.clientHeight);
    this.panel.hideTip();
    this.showControls();
    this.panel.showLegend(this.colours, themeNow());
    this.panel.showZoom(this.frames, this.zoomed);
    this.panel.showChosen(this.frames, 0, 0, { saying: false });
  }

  get zoomed() {
    return this.trail.at(-1) ?? 0;
  }

  /** As high as its rows, no higher than most of the window. */
  fit() {
    const rows = this.frames.highest - this.frames.lowest + 1;
    const most = Math.max(LEAST_HEIGHT_PX, innerHeight * MOST_OF_WINDOW);
    this.part("space").style.height = `${rows * ROW_PX}px`;
    this.scroller.style.height = `${Math.min(rows * ROW_PX, most)}px`;
    this.canvas.measure();
  }

  // Changes

  /** Another view, order or way with libraries: what was chosen stays chosen where the new picture has it. */
  change(changed) {
    const chosen = this.chosenNode();
    const fn = this.chosen >= 0 ? this.frames.fn[this.chosen] : null;
    Object.assign(this.state, changed);
    if (changed.kind === "sandwich") this.of = fn !== null && fn >= 0 ? fn : null;
    this.rebuild();
    if (chosen !== null) this.choose(this.frameOf(chosen, fn), { quietly: true });
    this.find();
    this.draw();
    this.note();
  }

  zoomTo(frame) {
    this.trail = this.trail.filter((outer) => outer !== frame && isWithin(this.frames, frame, outer));
    if (frame > 0) this.trail.push(frame);
    this.choose(frame);
  }

  zoomOut() {
    const left = this.trail.pop();
    if (left !== undefined) this.choose(left);
  }

  /** `quietly`: the other pictures know already. */
  choose(frame, { quietly = false } = {}) {
    this.chosen = frame;
    if (frame >= 0) {
      if (!isWithin(this.frames, frame, this.zoomed) && !isWithin(this.frames, this.zoomed, frame)) {
        const common = commonFrame(this.frames, this.zoomed, frame);
        this.trail = this.trail.filter((outer) => isWithin(this.frames, common, outer));
        if (common > 0 && this.zoomed !== common) this.trail.push(common);
      }
      this.canvas.reveal(frame);
    }
    // Before anything of the document changes: drawing asks how far it is scrolled, which would lay out all anew.
    this.draw();
    this.panel.showZoom(this.frames, this.zoomed);
    this.panel.showChosen(this.frames, Math.max(frame, 0), this.zoomed, { saying: !quietly });
    if (!quietly) this.tell("tree:select", { node: this.chosenNode() ?? -1 });
    this.note();
  }

  /** The chosen frame as a node of the data: -1 is the whole, null is nothing. */
  chosenNode() {
    return this.chosen < 0 ? null : this.pictures.nodeOf(this.frames, this.state.libraries, this.chosen);
  }

  frameOf(node, fn = null) {
    return this.pictures.frameOf(this.frames, this.state.libraries, node, fn);
  }

  // Search

  search(text, { quietly = false } = {}) {
    this.state.search = text;
    if (!quietly) this.tell("tree:search", { search: text });
    this.find();
    this.draw();
    this.note();
  }

  /** Marks what is searched for, and says how much of the time it has. */
  find() {
    const { book, frames, words } = this;
    const allShown = this.state.libraries === "shown";
    const { wanted, told, hidden } = searchFor(this.state.search, { book, frames, words, allShown });
    this.wanted = wanted;
    this.part("matches").textContent = told;
    this.part("show-libraries").hidden = !hidden;
  }

  stepMatch(step) {
    const { frames, wanted } = this;
    if (!wanted) return;
    const start = Math.max(this.chosen, step > 0 ? -1 : 0);
    for (let tried = 1; tried <= frames.count; tried++) {
      const frame = (((start + step * tried) % frames.count) + frames.count) % frames.count;
      if (wanted[frames.fn[frame] + 1]) return this.choose(frame);
    }
  }

  // Drawing

  look() {
    const { zoomed, chosen, hovered, wanted, colourOf } = this;
    return { theme: themeNow(), colourOf, wanted, zoomed, chosen, hovered, whole: this.panel.whole };
  }

  draw() {
    this.canvas.draw(this.look());
  }

  showControls() {
    const { state } = this;
    const check = (name, value) => {
      for (const choice of this.part(name).querySelectorAll("input")) choice.checked = choice.value === value;
    };
    check("kind", state.kind);
    check("order", state.inTime ? "time" : "heavy");
    this.part("order").hidden = !this.data.runs || state.kind !== "tree";
    this.part("libraries").value = state.libraries;
  }

  keepAsSvg() {
    const text = svgOf(this.frames, this.book, { ...this.look(), chosen: -1 }, Math.max(this.canvas.width, 600));
    save(new Blob([text], { type: "image/svg+xml" }), this.fileName("svg"));
  }

  keepAsPng() {
    const picture = this.canvas.picture(this.look());
    picture.toBlob((blob) => save(blob, this.fileName("png")), "image/png");
    this.draw();
  }

  fileName(ending) {
    const { kind, inTime } = this.state;
    return fileName(this.data.label, kind === "tree" ? inTime && "time" : kind, ending);
  }

  // Others, and the address

  tell(type, detail) {
    const { source } = this.words;
    this.root.dispatchEvent(new CustomEvent(type, { bubbles: true, detail: { source, ...detail } }));
  }

  listen() {
    const hear = (type, act) =>
      document.addEventListener(type, (event) => {
        if (event.target !== this.root && event.detail.source === this.words.source) act(event.detail);
      });
    hear("tree:select", ({ node }) => this.choose(this.frameOf(node), { quietly: true }));
    hear("tree:search", ({ search }) => {
      this.part("search").value = search;
      this.search(search, { quietly: true });
    });
    new ResizeObserver(() => {
      if (this.canvas.measure()) this.draw();
    }).observe(this.scroller);
    new MutationObserver(() => {
      this.panel.showLegend(this.colours, themeNow());
      this.draw();
    }).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    if (this.chosen >= 0) this.tell("tree:select", { node: this.chosenNode() });
  }

  frameNames() {
    this.names ??= new FrameNames(this.frames, this.book);
    return this.names;
  }

  restore() {
    const { zoom, node } = this.state;
    const zoomed = zoom ? this.frameNames().find(zoom) : -1;
    if (zoomed > 0) this.trail = [zoomed];
    const chosen = node ? this.frameNames().find(node) : -1;
    if (chosen >= 0) this.choose(chosen, { quietly: true });
    this.panel.showZoom(this.frames, this.zoomed);
  }

  /** Writes the address, soon. */
  note() {
    clearTimeout(this.noting);
    this.noting = setTimeout(() => {
      const { kind, inTime, libraries, search } = this.state;
      const of = kind === "sandwich" ? nameOfFunction(this.of, this.book) : "";
      const zoom = this.zoomed > 0 ? this.frameNames().of(this.zoomed) : "";
      const node = this.chosen >= 0 ? this.frameNames().of(this.chosen) : "";
      writeAddress({ kind, inTime, libraries, search: search.trim(), of, zoom, node });
    }, ADDRESS_DELAY_MS);
  }
}

for (const root of document.querySelectorAll("[data-flamegraph]")) {
  root.hidden = false;
  new FlameGraph(root);
}
