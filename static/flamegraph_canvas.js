// Draws boxes of a flame graph on a canvas as large as what is in sight: however deep the stacks, memory stays small.
//
// Costs one pass over the frames in sight (less than 1 ms at 50,000 frames) and one over the boxes that came of it,
// a few hundred to thousand: a fill each, and a text where two characters fit.

import { Boxes } from "./flamegraph_boxes.js";

export const ROW_PX = 20;
const TEXT_MARGIN_PX = 5;
const LEAST_COLUMNS = 2;
const FONT_PX = 12;
// Chromium draws no canvas that is larger.
const MOST_DEVICE_PX = 16_000;

export function fontOf(element) {
  return `${FONT_PX}px ${getComputedStyle(element).getPropertyValue("--tblr-font-monospace") || "monospace"}`;
}

/**
 * @typedef {object} Look         how frames appear
 * @property {object} theme       of flamegraph_colours.js
 * @property {(frame: number, theme: object) => string} colourOf
 * @property {Uint8Array|null} wanted  what was searched for, by function from -1 on; null where nothing is
 * @property {number} zoomed      frame
 * @property {number} chosen      frame, -1 for none
 * @property {number} hovered     frame, -1 for none
 * @property {number} whole       microseconds of the recording
 */

export class FlameCanvas {
  constructor(canvas, scroller, book) {
    this.canvas = canvas;
    this.scroller = scroller;
    this.book = book;
    this.context = canvas.getContext("2d", { alpha: false });
    this.font = fontOf(canvas);
    this.context.font = this.font;
    this.columnPx = this.context.measureText("0123456789").width / 10;
    book.ellipsisColumns = Math.ceil(this.context.measureText("…").width / this.columnPx - 0.1);
    this.width = 0;
    this.height = 0;
  }

  use(frames) {
    this.frames = frames;
    this.boxes = new Boxes(frames);
  }

  /** Takes the size of the place, in device pixels: crisp on every screen. Returns whether it changed. */
  measure() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.scroller;
    if (clientWidth === this.width && clientHeight === this.height && ratio === this.ratio) return false;
    [this.width, this.height, this.ratio] = [clientWidth, clientHeight, ratio];
    this.canvas.width = Math.min(Math.round(clientWidth * ratio), MOST_DEVICE_PX);
    this.canvas.height = Math.min(Math.round(clientHeight * ratio), MOST_DEVICE_PX);
    this.canvas.style.width = `${clientWidth}px`;
    this.canvas.style.height = `${clientHeight}px`;
    return true;
  }

  draw(look) {
    const { frames, scroller } = this;
    const top = scroller.scrollTop;
    const first = frames.lowest + Math.floor(top / ROW_PX);
    const last = frames.lowest + Math.ceil((top + this.height) / ROW_PX);
    this.boxes.fill(frames, { zoomed: look.zoomed, width: this.width, first, last });
    const shift = -frames.lowest * ROW_PX - top;
    this.paint(this.context, look, { ratio: this.ratio, width: this.width, height: this.height, shift });
  }

  paint(context, look, { ratio, width, height, shift }) {
    const { boxes, frames } = this;
    const { theme, wanted, colourOf } = look;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = theme.surface;
    context.fillRect(0, 0, width, height);
    context.font = this.font;
    context.textBaseline = "middle";
    const snap = (value) => Math.round(value * ratio) / ratio;
    const gap = 1 / ratio;
    for (let box = 0; box < boxes.count; box++) {
      const frame = boxes.frame[box];
      const left = snap(boxes.x[box]);
      const right = snap(boxes.x[box] + boxes.width[box]);
      const wide = Math.max(right - left - (right - left > 2 ? gap : 0), gap);
      context.fillStyle = fillOf(frame, frames, { theme, wanted, colourOf });
      context.fillRect(left, snap(boxes.level[box] * ROW_PX + shift), wide, ROW_PX - gap);
    }
    for (let box = 0; box < boxes.count; box++) {
      const frame = boxes.frame[box];
      const columns = Math.floor((boxes.width[box] - 2 * TEXT_MARGIN_PX) / this.columnPx);
      if (frame < 0 || columns < LEAST_COLUMNS) continue;
      const fn = frames.fn[frame];
      context.fillStyle = wanted && !wanted[fn + 1] ? theme.quiet : theme.text;
      const y = boxes.level[box] * ROW_PX + shift + ROW_PX / 2;
      context.fillText(this.book.cut(fn, columns), boxes.x[box] + TEXT_MARGIN_PX, y);
    }
    this.outline(context, look, { shift, snap });
  }

  /** The chosen frame, and thinner the one below the pointer. */
  outline(context, { chosen, hovered, theme }, { shift, snap }) {
    context.strokeStyle = theme.line;
    const { boxes } = this;
    for (let box = 0; box < boxes.count; box++) {
      const frame = boxes.frame[box];
      if (frame < 0 || (frame !== chosen && frame !== hovered)) continue;
      const line = frame === chosen ? 2 : 1;
      context.lineWidth = line;
      const top = snap(boxes.level[box] * ROW_PX + shift);
      const wide = Math.max(boxes.width[box] - line, 1);
      context.strokeRect(snap(boxes.x[box]) + line / 2, top + line / 2, wide, ROW_PX - 1 - line);
    }
  }

  /** The frame at a place of the canvas, -1 where there is none. */
  frameAt(x, y) {
    const level = this.frames.lowest + Math.floor((y + this.scroller.scrollTop) / ROW_PX);
    return this.boxes.at(x, level);
  }

  /** Scrolls no further than it takes to see a frame's row. */
  reveal(frame) {
    const top = (this.frames.level[frame] - this.frames.lowest) * ROW_PX;
    const { scroller } = this;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + ROW_PX > scroller.scrollTop + this.height) scroller.scrollTop = top + ROW_PX - this.height;
  }

  /** Another canvas with all rows, of twice the size where that is possible: for a picture to keep. */
  picture(look) {
    const { frames, width } = this;
    const rows = frames.highest - frames.lowest + 1;
    const height = Math.min(rows * ROW_PX, MOST_DEVICE_PX);
    const ratio = Math.min(Math.max(this.ratio, 2), MOST_DEVICE_PX / height, MOST_DEVICE_PX / width);
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const last = frames.lowest + Math.floor(height / ROW_PX);
    this.boxes.fill(frames, { zoomed: look.zoomed, width, first: frames.lowest, last });
    const context = canvas.getContext("2d", { alpha: false });
    this.paint(context, { ...look, hovered: -1 }, { ratio, width, height, shift: -frames.lowest * ROW_PX });
    return canvas;
  }
}

/** The colour of a box; what was not searched for steps back. */
export function fillOf(frame, frames, { theme, wanted, colourOf }) {
  if (frame < 0) return theme.narrow;
  return wanted && !wanted[frames.fn[frame] + 1] ? theme.dimmed : colourOf(frame, theme);
}
