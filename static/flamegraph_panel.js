// What stands around the picture: tooltip, path of the zoom, legend, and the chosen frame in words.
// Names come from the target app: they become text nodes, never markup.

import { fill } from "./calltree_rows.js";
import { showPlace } from "./elements.js";
import { seen } from "./flamegraph_book.js";
import { pathTo } from "./flamegraph_frames.js";
import { duration, percent } from "./measures.js";

const MOST_IN_LEGEND = 8;
const MOST_CRUMBS = 6;
const TIP_DISTANCE_PX = 14;

export class Panel {
  /** `whole` is the time of the recording, which shares are of. */
  constructor(root, book, { whole, onCrumb }) {
    this.whole = whole;
    this.root = root;
    this.words = root.dataset;
    this.book = book;
    this.onCrumb = onCrumb;
    this.part = (name) => root.querySelector(`[data-fg="${name}"]`);
    this.tip = this.part("tip");
  }

  /** The way to what fills the width; long ways lose their middle. */
  showZoom(frames, zoomed) {
    if (this.zoomOf === zoomed && this.zoomFrames === frames) return;
    [this.zoomFrames, this.zoomOf] = [frames, zoomed];
    const path = pathTo(frames, zoomed);
    const shown = path.length > MOST_CRUMBS ? [path[0], -1, ...path.slice(2 - MOST_CRUMBS)] : path;
    this.part("crumbs").hidden = path.length < 2;
    this.part("crumb-list").replaceChildren(
      ...shown.map((frame) => {
        const item = document.createElement("li");
        if (frame < 0) item.append(element("span", "", "…"));
        else item.append(this.crumb(frames, frame, zoomed));
        return item;
      }),
    );
  }

  crumb(frames, frame, zoomed) {
    const button = element("button", "", seen(this.book.name(frames.fn[frame])));
    button.type = "button";
    if (frame === zoomed) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => this.onCrumb(frame));
    return button;
  }

  showLegend(colours, theme) {
    const { whole } = this;
    const shown = colours.legend(MOST_IN_LEGEND);
    const rest = whole - shown.reduce((sum, { time }) => sum + time, 0);
    const items = shown.map(({ at, name, own, time }) =>
      legendItem({ colour: colours.ofPackage(at, theme), name, own, share: percent(time, whole) }),
    );
    if (rest * 1000 > whole) {
      items.push(legendItem({ colour: theme.rest, name: this.words.others, share: percent(rest, whole) }));
    }
    this.part("legend").replaceChildren(...items);
  }

  /** `saying` tells a screen reader too. */
  showChosen(frames, frame, zoomed, { saying }) {
    const { book, words } = this;
    const fn = frames.fn[frame];
    const put = (name, text) => (this.part(name).textContent = text);
    const share = (us) => percent(us, this.whole);
    const total = frames.total[frame];
    const self = frames.self[frame];
    put("name", seen(book.name(fn)));
    showPlace(this.part("place"), this.fullPlace(fn), book.functions.link?.[fn]);
    put("total", `${duration(total)} · ${share(total)}`);
    put("self", frames.level[frame] < 0 ? "–" : `${duration(self)} · ${share(self)}`);
    this.part("open-sandwich").disabled = fn < 0;
    if (!saying) return;
    const said = [fill(words.said, { name: seen(book.name(fn)), total: duration(total), share: share(total) })];
    if (self > 0) said.push(fill(words.saidSelf, { self: duration(self) }));
    if (frame === zoomed && frame > 0) said.push(words.saidZoomed);
    put("said", said.join(", "));
  }

  fullPlace(fn) {
    const { functions, count } = this.book;
    if (fn < 0 || fn >= count) return "";
    const line = functions.line[fn] > 0 ? `:${functions.line[fn]}` : "";
    return seen((functions.file[fn] || functions.short_file[fn]) + line);
  }

  /** Beside the pointer, inside of the card. */
  showTip(frames, frame, zoomed, pointer) {
    this.tip.hidden = frame < 0;
    if (frame < 0) return;
    if (this.tipOf !== frame || this.tipFrames !== frames) this.fillTip(frames, frame, zoomed);
    const area = this.root.getBoundingClientRect();
    const x = pointer.clientX - area.left;
    const y = pointer.clientY - area.top;
    const beside = x + TIP_DISTANCE_PX + this.tip.offsetWidth < area.width - 8;
    const left = beside ? x + TIP_DISTANCE_PX : Math.max(8, x - TIP_DISTANCE_PX - this.tip.offsetWidth);
    const above = pointer.clientY + TIP_DISTANCE_PX + this.tip.offsetHeight > innerHeight;
    const top = above ? y - TIP_DISTANCE_PX - this.tip.offsetHeight : y + TIP_DISTANCE_PX;
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  fillTip(frames, frame, zoomed) {
    [this.tipFrames, this.tipOf] = [frames, frame];
    const { book, words, part } = this;
    const fn = frames.fn[frame];
    const total = frames.total[frame];
    const lines = [element("div", "", seen(book.name(fn)))];
    const place = seen(book.place(fn));
    if (place) lines.push(element("div", "fg-tip-place", place));
    const shares = [fill(words.ofWhole, { share: percent(total, this.whole) })];
    if (zoomed > 0 && frames.total[zoomed] >= total) {
      shares.push(fill(words.ofZoomed, { share: percent(total, frames.total[zoomed]) }));
    }
    const named = (name) => part(name).previousElementSibling.textContent;
    lines.push(element("div", "", `${named("total")} ${duration(total)} · ${shares.join(" · ")}`));
    if (frames.level[frame] >= 0) {
      const self = frames.self[frame];
      lines.push(element("div", "", `${named("self")} ${duration(self)} · ${percent(self, this.whole)}`));
    }
    this.tip.replaceChildren(...lines);
  }

  hideTip() {
    this.tip.hidden = true;
    this.tipOf = undefined;
  }
}

function legendItem({ colour, name, own, share }) {
  const item = element("li", own ? "is-own" : "");
  const swatch = element("span", "fg-swatch");
  swatch.style.background = colour;
  item.append(swatch, element("bdi", "", seen(name)), ` ${share}`);
  return item;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
