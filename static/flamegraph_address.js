// What of a flame graph is in the address: it survives a reload, and a colleague sees the same.
//
// A frame is named by what was called down to it, not by its number: in a merged tree numbers change with every
// new sample, names stay.

const KINDS = ["callers", "sandwich"];
const LIBRARIES = ["shown", "hidden"];
const RADIX = 36;

/** Names of all frames: 32 bits for the way down, and which of those with the same. Less than 5 ms for 50,000. */
export class FrameNames {
  constructor(frames, book) {
    const hashes = new Map();
    const ofFunction = (fn) => {
      if (!hashes.has(fn)) hashes.set(fn, book.hash(fn));
      return hashes.get(fn);
    };
    const seen = new Map();
    this.hash = new Uint32Array(frames.count);
    this.turn = new Uint32Array(frames.count);
    for (let frame = 0; frame < frames.count; frame++) {
      const up = frames.parent[frame];
      // Callers stand above: what is called the same on both sides of a sandwich is not the same.
      const above = up < 0 ? 1 : this.hash[up] + (frames.level[frame] < 0 ? 2 : 1);
      const hash = (Math.imul(above, 0x9e3779b1) ^ Math.imul(ofFunction(frames.fn[frame]), 0x85ebca6b)) >>> 0;
      this.hash[frame] = hash ^ (hash >>> 15);
      const turn = seen.get(this.hash[frame]) ?? 0;
      this.turn[frame] = turn;
      seen.set(this.hash[frame], turn + 1);
    }
  }

  of(frame) {
    const turn = this.turn[frame];
    return this.hash[frame].toString(RADIX) + (turn ? `.${turn.toString(RADIX)}` : "");
  }

  /** The frame of a name, -1 where there is none. */
  find(name) {
    const [hash, turn = 0] = (name ?? "").split(".").map((part) => parseInt(part, RADIX));
    for (let frame = 0; frame < this.hash.length; frame++) {
      if (this.hash[frame] === hash && this.turn[frame] === turn) return frame;
    }
    return -1;
  }
}

/** {kind, inTime, libraries, search, of, zoom, node} as the address says; what it doesn't know is left at its default. */
export function readAddress() {
  const said = new URLSearchParams(location.search);
  const one = (name, known, otherwise) => (known.includes(said.get(name)) ? said.get(name) : otherwise);
  return {
    kind: one("flame", KINDS, "tree"),
    inTime: said.get("order") === "time",
    libraries: one("libraries", LIBRARIES, "folded"),
    search: said.get("search") ?? "",
    of: said.get("of"),
    zoom: said.get("zoom"),
    node: said.get("node"),
  };
}

export function writeAddress({ kind, inTime, libraries, search, of, zoom, node }) {
  const address = new URL(location.href);
  const put = (name, value) => (value ? address.searchParams.set(name, value) : address.searchParams.delete(name));
  put("flame", KINDS.includes(kind) && kind);
  put("order", inTime && "time");
  put("libraries", LIBRARIES.includes(libraries) && libraries);
  put("search", search);
  put("of", kind === "sandwich" && of);
  put("zoom", zoom);
  put("node", node);
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

/** The number of the function that `of` names, null where there is none. */
export function functionNamed(of, book) {
  const hash = parseInt(of ?? "", RADIX);
  for (let fn = -1; fn < book.count + book.packages.length; fn++) if (book.hash(fn) === hash) return fn;
  return null;
}

export function nameOfFunction(fn, book) {
  return book.hash(fn).toString(RADIX);
}
