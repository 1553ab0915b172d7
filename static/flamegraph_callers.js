// Trees made of a tree: who calls what has time of its own, and both sides of one function. No DOM here.
//
// Every view is like those of calltree_model.js, with the columns that laying out needs. A function that calls
// itself is counted once, at its outermost call.

import { linkChildren } from "./calltree_model.js";

// What is below half a pixel of the widest screen is not followed further: its caller's time says the rest.
const LEAST_SHARE = 1 / 20_000;
// 50,000 leaves that are 80 deep: half a second.
const MOST_STEPS = 4_000_000;

class Growing {
  constructor(fn) {
    this.parent = [-1];
    this.fn = [fn];
    this.self = [0];
    this.total = [0];
    this.children = new Map();
  }

  /** The child of a node for a function, made if it is new. */
  child(node, fn) {
    // Fewer functions and packages together than 2^22.
    const key = node * 4_194_304 + fn + 1;
    let found = this.children.get(key);
    if (found === undefined) {
      found = this.parent.length;
      this.children.set(key, found);
      this.parent.push(node);
      this.fn.push(fn);
      this.self.push(0);
      this.total.push(0);
    }
    return found;
  }

  view() {
    const view = {
      count: this.parent.length,
      parent: Int32Array.from(this.parent),
      fn: Int32Array.from(this.fn),
      self: Float64Array.from(this.self),
      total: Float64Array.from(this.total),
    };
    linkChildren(view);
    return view;
  }
}

/** Below the whole: functions with their self time, below each its callers. */
export function inverted(view) {
  const grown = new Growing(-1);
  const at = [];
  const group = [];
  const weight = [];
  for (let node = 0; node < view.count; node++) {
    const us = view.self[node];
    if (!(us > 0)) continue;
    const child = grown.child(0, view.fn[node]);
    grown.self[child] += us;
    grown.total[child] += us;
    grown.total[0] += us;
    follow(view, node, child, us, { at, group, weight });
  }
  climb(view, grown, { at, group, weight });
  return grown.view();
}

/** The two sides of a function: {callees, callers}, both with it as root, or null where it does not occur. */
export function sandwich(view, fn) {
  const callees = new Growing(fn);
  const callers = new Growing(fn);
  const ends = { at: [], group: [], weight: [] };
  const shownAs = new Int32Array(view.count).fill(-1);
  for (let node = 0; node < view.count; node++) {
    const inside = node > 0 ? shownAs[view.parent[node]] : -1;
    if (inside >= 0) {
      shownAs[node] = callees.child(inside, view.fn[node]);
    } else if (view.fn[node] === fn) {
      shownAs[node] = 0;
      callers.total[0] += view.total[node];
      follow(view, node, 0, view.total[node], ends);
    } else {
      continue;
    }
    callees.self[shownAs[node]] += view.self[node];
    // A node's own total would count twice what a call of its own below it spent.
    callees.total[shownAs[node]] += view.self[node];
  }
  if (!(callers.total[0] > 0)) return null;
  for (let node = callees.parent.length - 1; node > 0; node--) callees.total[callees.parent[node]] += callees.total[node];
  climb(view, callers, ends);
  return { callees: callees.view(), callers: callers.view() };
}

/** Notes the caller of a node as the next to count, unless that is the whole. */
function follow(view, node, group, us, ends) {
  const caller = node > 0 ? view.parent[node] : 0;
  if (caller <= 0) return;
  ends.at.push(caller);
  ends.group.push(group);
  ends.weight.push(us);
}

/** Level by level: every end moves to its caller. */
function climb(view, grown, ends) {
  const least = grown.total[0] * LEAST_SHARE;
  let { at, group, weight } = ends;
  for (let steps = 0; at.length && steps < MOST_STEPS; steps += at.length) {
    const next = { at: [], group: [], weight: [] };
    const reached = new Int32Array(at.length);
    for (let end = 0; end < at.length; end++) {
      reached[end] = grown.child(group[end], view.fn[at[end]]);
      grown.total[reached[end]] += weight[end];
    }
    for (let end = 0; end < at.length; end++) {
      if (grown.total[reached[end]] >= least) follow(view, at[end], reached[end], weight[end], next);
    }
    ({ at, group, weight } = next);
  }
}
