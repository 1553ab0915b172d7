// Where frames lie: typed columns, in microseconds and levels. No DOM here, nothing recursive.
//
// Costs for 50,000 frames: laying out 5 ms.

/**
 * @typedef {object} Frames in preorder
 * @property {number} count
 * @property {number} whole           time that the full width stands for
 * @property {number} lowest          the level of the topmost row, negative where callers stand above
 * @property {number} highest
 * @property {boolean} inTime         one frame a call, and a node may have several
 * @property {Int32Array} fn          -1 for the recorded request itself
 * @property {Int32Array} node        of the view, -1 where a frame stands for several
 * @property {Int32Array} parent      frame, -1 at frame 0; the parent of callers is who they call
 * @property {Int32Array} level
 * @property {Int32Array} end         the first frame after all below this one
 * @property {Float64Array} start
 * @property {Float64Array} total
 * @property {Float64Array} self      0 at callers
 */

/** Heaviest first, each child below its parent. */
export function layOut(view) {
  const frames = columns(view.count);
  const { fn, node, parent, level, start, total, self } = frames;
  const next = new Float64Array(view.count);
  const waiting = new Int32Array(view.count);
  const above = new Int32Array(view.count);
  let depth = 0;
  let top = 1;
  waiting[0] = 0;
  above[0] = -1;
  let count = 0;
  while (top > 0) {
    const at = waiting[--top];
    const up = above[top];
    const frame = count++;
    node[frame] = at;
    fn[frame] = view.fn[at];
    total[frame] = view.total[at];
    self[frame] = view.self[at];
    parent[frame] = up;
    if (up >= 0) {
      level[frame] = level[up] + 1;
      start[frame] = next[up];
      next[up] += total[frame];
      if (level[frame] > depth) depth = level[frame];
    }
    next[frame] = start[frame];
    for (let child = view.childStart[at + 1] - 1; child >= view.childStart[at]; child--) {
      waiting[top] = view.childList[child];
      above[top++] = frame;
    }
  }
  frames.count = count;
  frames.highest = depth;
  return close(frames);
}

/** As it happened: each run below what it has in common with the run before. `runs` are those of the data. */
export function layOutInTime(view, runs) {
  const size = countInTime(view, runs);
  const frames = columns(size);
  const path = new Int32Array(view.count + 1);
  const open = new Int32Array(view.count + 1);
  let deepest = 0;
  let now = 0;
  let last = -1;
  for (let run = 0; run < runs.node.length; run++) {
    const us = runs.duration_us[run];
    if (!(us > 0)) continue;
    const node = view.shownAs[runs.node[run]];
    const depth = view.depth[node];
    const common = fillPath(view, node, path, last);
    for (let level = common; level <= depth; level++) {
      const frame = frames.count++;
      open[level] = frame;
      frames.node[frame] = path[level];
      frames.fn[frame] = view.fn[path[level]];
      frames.parent[frame] = level > 0 ? open[level - 1] : -1;
      frames.level[frame] = level;
      frames.start[frame] = now;
    }
    frames.self[open[depth]] += us;
    now += us;
    last = depth;
    if (depth > deepest) deepest = depth;
  }
  for (let frame = frames.count - 1; frame >= 0; frame--) {
    frames.total[frame] += frames.self[frame];
    if (frame > 0) frames.total[frames.parent[frame]] += frames.total[frame];
  }
  frames.highest = deepest;
  frames.inTime = true;
  return close(frames);
}

/** Writes the nodes from the root to `node` into `path`; returns how many of them it shares with what was there. */
function fillPath(view, node, path, lastDepth) {
  let common = view.depth[node] + 1;
  for (let at = node; at >= 0; at = view.parent[at]) {
    const level = view.depth[at];
    if (level <= lastDepth && path[level] === at) break;
    path[level] = at;
    common = level;
  }
  return common;
}

function countInTime(view, runs) {
  const path = new Int32Array(view.count + 1);
  let count = 0;
  let last = -1;
  for (let run = 0; run < runs.node.length; run++) {
    if (!(runs.duration_us[run] > 0)) continue;
    const node = view.shownAs[runs.node[run]];
    count += view.depth[node] + 1 - fillPath(view, node, path, last);
    last = view.depth[node];
  }
  return count;
}

/** What a function calls below it, who calls it above it. Both views have it as their root. */
export function layOutSandwich(calleeView, callerView) {
  const callees = layOut(calleeView);
  const callers = layOut(callerView);
  const both = columns(callees.count + callers.count - 1);
  const shift = callees.count - 1;
  for (const name of ["fn", "node", "parent", "level", "start", "total", "self"]) {
    both[name].set(callees[name].subarray(0, callees.count));
    both[name].set(callers[name].subarray(1, callers.count), callees.count);
  }
  for (let frame = callees.count; frame < both.parent.length; frame++) {
    both.level[frame] = -both.level[frame];
    both.self[frame] = 0;
    if (both.parent[frame] > 0) both.parent[frame] += shift;
  }
  both.node.fill(-1);
  both.count = both.parent.length;
  both.lowest = -callers.highest;
  both.highest = callees.highest;
  return close(both);
}

/** The other way round: below the whole, what has time of its own; below that, who called it. */
export function layOutCallers(callerView) {
  const frames = layOut(callerView);
  frames.node.fill(-1, 1);
  for (let frame = 0; frame < frames.count; frame++) if (frames.level[frame] !== 1) frames.self[frame] = 0;
  return frames;
}

function columns(size) {
  const integers = () => new Int32Array(size);
  const times = () => new Float64Array(size);
  return {
    count: 0,
    whole: 0,
    lowest: 0,
    highest: 0,
    inTime: false,
    fn: integers(),
    node: integers(),
    parent: integers().fill(-1),
    level: integers(),
    end: integers(),
    start: times(),
    total: times(),
    self: times(),
  };
}

function close(frames) {
  const { count, end, parent } = frames;
  for (let frame = count - 1; frame >= 0; frame--) {
    if (end[frame] <= frame) end[frame] = frame + 1;
    const up = parent[frame];
    if (up >= 0 && end[up] < end[frame]) end[up] = end[frame];
  }
  frames.whole = count ? frames.total[0] : 0;
  return frames;
}

export function isWithin(frames, frame, outer) {
  return frame >= outer && frame < frames.end[outer];
}

/** The innermost frame that holds both. */
export function commonFrame(frames, one, other) {
  let frame = one;
  while (!isWithin(frames, other, frame)) frame = frames.parent[frame];
  return frame;
}

/** The frames from the outermost down to this one. */
export function pathTo(frames, frame) {
  const path = [];
  for (let at = frame; at >= 0; at = frames.parent[at]) path.push(at);
  return path.reverse();
}

/** Time in frames whose function is `wanted` (a byte each, from -1 on: `wanted[fn + 1]`), nested ones counted once. */
export function timeIn(frames, wanted) {
  let time = 0;
  for (let frame = 0; frame < frames.count; ) {
    if (frames.level[frame] >= 0 && wanted[frames.fn[frame] + 1]) {
      time += frames.total[frame];
      frame = frames.end[frame];
    } else {
      frame++;
    }
  }
  return time;
}
