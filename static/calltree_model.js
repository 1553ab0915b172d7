// The call tree as flat columns: no DOM here. Node 0 of a view is the recorded request itself.

/**
 * @typedef {object} View
 * @property {number} count
 * @property {Int32Array} parent      node -> parent, -1 at node 0
 * @property {Int32Array} fn          node -> index of its function, -1 at node 0
 * @property {Float64Array} self      microseconds, the time of hidden library frames below included
 * @property {Float64Array} hidden    the part of `self` that was spent in hidden library frames
 * @property {Float64Array} total     microseconds
 * @property {Int32Array} samples     those of everything below included
 * @property {Int32Array} depth
 * @property {Int32Array} first       node -> the first node of the data that is shown as it, -1 at node 0
 * @property {Int32Array} shownAs     node of the data -> node
 * @property {Int32Array} childStart  children of node n: childList[childStart[n] .. childStart[n + 1]]
 * @property {Int32Array} childList   heaviest first
 */

/**
 * A fold says as what function a frame is shown below `callerFn`, or -1 where it melts into its caller: its time
 * counts there. This one leaves the app's own code, so that library frames melt into their nearest own caller.
 */
export function ownCode({ library }) {
  return (fn) => (library[fn] ? -1 : fn);
}

/** Builds the view of a tree in preorder, whole or with frames folded. */
export function buildView(data, fold = null) {
  const { parent, self_us, total_us, samples } = data;
  const functionOf = data.function;
  const span = 2 * data.functions.name.length;
  const size = parent.length;
  const shownAs = new Int32Array(size);
  const view = {
    count: 1,
    parent: new Int32Array(size + 1).fill(-1),
    fn: new Int32Array(size + 1).fill(-1),
    self: new Float64Array(size + 1),
    hidden: new Float64Array(size + 1),
    total: new Float64Array(size + 1),
    samples: new Int32Array(size + 1),
    depth: new Int32Array(size + 1),
    first: new Int32Array(size + 1).fill(-1),
    shownAs,
  };
  // Calls of one function from one visible caller are one row, whatever library frames lay between.
  const merged = new Map();
  for (let index = 0; index < size; index++) {
    const caller = parent[index] < 0 ? 0 : shownAs[parent[index]];
    const fn = fold ? fold(functionOf[index], view.fn[caller]) : functionOf[index];
    if (parent[index] < 0) view.total[0] += total_us[index];
    if (fn < 0) {
      shownAs[index] = caller;
      view.self[caller] += self_us[index];
      view.hidden[caller] += self_us[index];
      view.samples[caller] += samples[index];
      continue;
    }
    // Twice as many numbers as functions: a fold may number what stands for several of them.
    const key = caller * span + fn;
    let node = fold ? merged.get(key) : undefined;
    if (node === undefined) {
      node = view.count++;
      if (fold) merged.set(key, node);
      view.first[node] = index;
      view.parent[node] = caller;
      view.fn[node] = fn;
      view.depth[node] = view.depth[caller] + 1;
    }
    shownAs[index] = node;
    view.self[node] += self_us[index];
    view.total[node] += total_us[index];
    view.samples[node] += samples[index];
  }
  // A callee comes after its caller: from the end, every node is complete when it is added to its caller.
  for (let node = view.count - 1; node > 0; node--) view.samples[view.parent[node]] += view.samples[node];
  linkChildren(view);
  return view;
}

/** Adds childStart and childList to a view. Costs 2 ms for 50,000 nodes whose children come heaviest first. */
export function linkChildren(view) {
  const start = new Int32Array(view.count + 1);
  for (let node = 1; node < view.count; node++) start[view.parent[node] + 1]++;
  for (let node = 0; node < view.count; node++) start[node + 1] += start[node];
  const list = new Int32Array(Math.max(view.count - 1, 0));
  const next = start.slice();
  for (let node = 1; node < view.count; node++) list[next[view.parent[node]]++] = node;
  for (let node = 0; node < view.count; node++) {
    if (!isSorted(view.total, list, start[node], start[node + 1])) {
      list.subarray(start[node], start[node + 1]).sort((a, b) => view.total[b] - view.total[a]);
    }
  }
  view.childStart = start;
  view.childList = list;
}

function isSorted(total, list, from, end) {
  for (let at = from + 1; at < end; at++) if (total[list[at]] > total[list[at - 1]]) return false;
  return true;
}

export function childrenOf(view, node) {
  return view.childList.subarray(view.childStart[node], view.childStart[node + 1]);
}

export function hasChildren(view, node) {
  return view.childStart[node + 1] > view.childStart[node];
}

/** The way down through the heaviest callee, for as long as it has half or more of its caller's time. */
export function hotPath(view) {
  const path = [0];
  let node = 0;
  while (hasChildren(view, node)) {
    const heaviest = view.childList[view.childStart[node]];
    if (2 * view.total[heaviest] < view.total[node]) break;
    path.push(heaviest);
    node = heaviest;
  }
  return path;
}

/** The heaviest row of a function, -1 where it has none. */
export function heaviestNode(view, fn) {
  let best = -1;
  for (let node = 1; node < view.count; node++) {
    if (view.fn[node] === fn && (best < 0 || view.total[node] > view.total[best])) best = node;
  }
  return best;
}

/** The nodes that show with the given ones expanded, top to bottom. */
export function visibleRows(view, expanded) {
  const rows = [];
  const stack = [0];
  while (stack.length) {
    const node = stack.pop();
    rows.push(node);
    if (!expanded[node]) continue;
    for (let at = view.childStart[node + 1] - 1; at >= view.childStart[node]; at--) stack.push(view.childList[at]);
  }
  return rows;
}

/** Qualified name, as it is shown and searched. */
export function nameOf(functions, fn) {
  return functions.class_name[fn] ? `${functions.class_name[fn]}.${functions.name[fn]}` : functions.name[fn];
}

export function placeOf(functions, fn) {
  const file = functions.short_file[fn];
  return functions.line[fn] > 0 ? `${file}:${functions.line[fn]}` : file;
}

const lowered = new WeakMap();

/**
 * What is searched for: a text in any case, or a regular expression between slashes (`/^get_/`). Returns a test
 * of strings, or null for an expression that can't be read.
 */
export function wantedIn(search) {
  if (isExpression(search)) {
    try {
      const expression = new RegExp(search.slice(1, -1), "i");
      return (text) => expression.test(text);
    } catch {
      return null;
    }
  }
  const wanted = search.toLowerCase();
  return (text) => text.toLowerCase().includes(wanted);
}

export function isExpression(search) {
  return search.length > 2 && search.startsWith("/") && search.endsWith("/");
}

/** Functions whose name or place is searched for: one byte per function. */
export function matchingFunctions(functions, search) {
  const isWanted = wantedIn(search);
  if (!isWanted) return new Uint8Array(functions.name.length);
  if (isExpression(search)) {
    return Uint8Array.from(functions.name, (_, fn) =>
      isWanted(nameOf(functions, fn)) || isWanted(placeOf(functions, fn)) ? 1 : 0,
    );
  }
  const wanted = search.toLowerCase();
  return Uint8Array.from(loweredOf(functions), (text) => (text.includes(wanted) ? 1 : 0));
}

/** Name and place in lower case, made once: every letter that is typed searches all of them. */
function loweredOf(functions) {
  if (!lowered.has(functions)) {
    const texts = functions.name.map((_, fn) => `${nameOf(functions, fn)}\n${placeOf(functions, fn)}`.toLowerCase());
    lowered.set(functions, texts);
  }
  return lowered.get(functions);
}
