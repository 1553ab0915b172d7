// What of a flame graph is in sight, in pixels: one pass, without objects. Costs less than 1 ms at 50,000 frames.

const LESS_THAN_SEEN_PX = 0.5;

/** What a picture shows of frames: boxes in pixels. A frame of -1 stands for many, each too narrow to be seen. */
export class Boxes {
  constructor(frames) {
    this.count = 0;
    this.frame = new Int32Array(frames.count);
    this.level = new Int32Array(frames.count);
    this.x = new Float64Array(frames.count);
    this.width = new Float64Array(frames.count);
    const levels = frames.highest - frames.lowest + 1;
    this.narrowFrom = new Float64Array(levels);
    this.narrowTo = new Float64Array(levels);
  }

  /**
   * Looks for what is in sight: rows `first` to `last` (levels) of what `zoomed` fills the `width` pixels with.
   * Below what is narrower than half a pixel nothing is looked at; such neighbours become one box together.
   */
  fill(frames, { zoomed, width, first, last }) {
    const { start, total, level, end, lowest, whole } = frames;
    const { narrowFrom, narrowTo } = this;
    const half = Math.sign(level[zoomed]);
    const pixels = width / (total[zoomed] || 1);
    const wholePixels = width / (whole || 1);
    this.count = 0;
    narrowFrom.fill(-1);
    for (let frame = 0; frame < frames.count; ) {
      const at = level[frame];
      // The other half of a sandwich is not zoomed.
      const inHalf = half === 0 || at === 0 || Math.sign(at) === half;
      const scale = inHalf && at !== 0 ? pixels : half === 0 ? pixels : wholePixels;
      const from = (start[frame] - (inHalf && (at !== 0 || half === 0) ? start[zoomed] : 0)) * scale;
      const to = from + total[frame] * scale;
      if ((to <= 0 && from < 0) || from >= width || (at > last && at > 0) || (at < first && at < 0)) {
        frame = end[frame];
        continue;
      }
      const left = from < 0 ? 0 : from;
      const wide = (to > width ? width : to) - left;
      if (wide < LESS_THAN_SEEN_PX) {
        if (at >= first && at <= last) this.addNarrow(at, left, left + wide, lowest);
        frame = end[frame];
        continue;
      }
      if (at >= first && at <= last) this.add(frame, at, left, wide);
      frame++;
    }
    for (let row = 0; row < narrowFrom.length; row++) this.flush(row, lowest);
  }

  add(frame, level, x, width) {
    const at = this.count++;
    this.frame[at] = frame;
    this.level[at] = level;
    this.x[at] = x;
    this.width[at] = width;
  }

  addNarrow(level, from, to, lowest) {
    const row = level - lowest;
    if (this.narrowFrom[row] >= 0 && from - this.narrowTo[row] > LESS_THAN_SEEN_PX) this.flush(row, lowest);
    if (this.narrowFrom[row] < 0) this.narrowFrom[row] = from;
    this.narrowTo[row] = to;
  }

  flush(row, lowest) {
    const from = this.narrowFrom[row];
    this.narrowFrom[row] = -1;
    if (from >= 0 && this.narrowTo[row] - from >= LESS_THAN_SEEN_PX) {
      this.add(-1, row + lowest, from, this.narrowTo[row] - from);
    }
  }

  /** The frame at a point, -1 where there is none. */
  at(x, level) {
    for (let box = this.count - 1; box >= 0; box--) {
      if (this.level[box] === level && this.x[box] <= x && x < this.x[box] + this.width[box]) return this.frame[box];
    }
    return -1;
  }
}
