// What a flame graph says of functions: names, places and packages. Names come from the target app: hostile text.

import { nameOf, placeOf } from "./calltree_model.js";

// What would end a line, turn the direction of what follows, or is half of a character.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const PLAIN = /^[\x20-\x7e]*$/;
const SOURCE = /\.(py|pyc|pyx|so|pyd)$/;

/**
 * Functions by number. -1 is the recorded request itself; from `functions.name.length` on, a number stands for all
 * library code of one package (see `packaged`).
 */
export class Book {
  constructor(data) {
    this.functions = data.functions;
    this.count = data.functions.name.length;
    this.label = data.label;
    this.packages = [];
    const numbers = new Map();
    const ofFile = new Map();
    this.packageOf = Int32Array.from(data.functions.short_file, (file) => {
      if (!ofFile.has(file)) {
        const name = packageName(file);
        if (!numbers.has(name)) numbers.set(name, this.packages.push(name) - 1);
        ofFile.set(file, numbers.get(name));
      }
      return ofFile.get(file);
    });
    this.labels = new Map();
    // In some fonts the ellipsis is as wide as two letters.
    this.ellipsisColumns = 1;
  }

  isPackage(fn) {
    return fn >= this.count;
  }

  isLibrary(fn) {
    return fn >= this.count || (fn >= 0 && Boolean(this.functions.library[fn]));
  }

  /** The number of a package, -1 for the request itself. */
  package(fn) {
    if (fn >= this.count) return fn - this.count;
    return fn < 0 ? -1 : this.packageOf[fn];
  }

  name(fn) {
    if (fn < 0) return this.label;
    return fn >= this.count ? this.packages[fn - this.count] : nameOf(this.functions, fn);
  }

  /** `shop/orders.py:40`, empty for what is no code. */
  place(fn) {
    return fn < 0 || fn >= this.count ? "" : placeOf(this.functions, fn);
  }

  /** One line to draw, with the width of its characters in columns of a monospaced font: {text, columns}. */
  drawn(fn) {
    let found = this.labels.get(fn);
    if (!found) {
      const text = seen(this.name(fn));
      found = { text, columns: PLAIN.test(text) ? text.length : columnsOf(text) };
      this.labels.set(fn, found);
    }
    return found;
  }

  /** As much of a name as `columns` hold, with an ellipsis where something is missing. */
  cut(fn, columns) {
    const { text, columns: needed } = this.drawn(fn);
    if (needed <= columns) return text;
    const room = columns - this.ellipsisColumns;
    if (room < 1) return "";
    if (needed === text.length) return `${text.slice(0, room)}…`;
    let used = 0;
    let cut = "";
    for (const character of text) {
      used += columnsOf(character);
      if (used > room) break;
      cut += character;
    }
    return `${cut}…`;
  }

  /** What is the same function in another recording has the same 32 bits, whatever its number and line. */
  hash(fn) {
    const { functions, count } = this;
    if (fn < 0) return hashOf("");
    if (fn >= count) return hashOf(`\0${this.packages[fn - count]}`);
    return hashOf(`${functions.name[fn]}\0${functions.class_name[fn]}\0${functions.short_file[fn]}`);
  }
}

/** A fold (calltree_model.js): library frames below each other are one frame as long as their package is one. */
export function packaged(book) {
  return (fn, callerFn) => {
    // What is no code, `[await]` for one, has no package.
    if (!book.functions.library[fn] || !book.packages[book.packageOf[fn]]) return fn;
    const shown = book.count + book.packageOf[fn];
    return shown === callerFn ? -1 : shown;
  };
}

/** The top-level package of a path below its entry of sys.path; empty for what is no code. */
export function packageName(shortFile) {
  if (shortFile.startsWith("<frozen ")) return shortFile.slice(8).split(/[.>]/)[0];
  const parts = shortFile.split(/[/\\]/).filter(Boolean);
  const installed = Math.max(parts.lastIndexOf("site-packages"), parts.lastIndexOf("dist-packages"));
  const isAbsolute = /^([/\\]|[A-Za-z]:)/.test(shortFile);
  // Of a path that no entry holds, the folder says most.
  const first = installed >= 0 ? installed + 1 : isAbsolute ? Math.max(parts.length - 2, 0) : 0;
  return (parts[first] ?? "").replace(SOURCE, "");
}

export function seen(text) {
  return text.replace(UNSEEN, "\ufffd");
}

function columnsOf(text) {
  let columns = 0;
  for (const character of text) columns += character.codePointAt(0) < 0x300 ? 1 : 2;
  return columns;
}

function hashOf(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
