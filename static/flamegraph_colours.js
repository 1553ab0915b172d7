// Colours of frames. What a colour is chosen by is a function of a frame, so that there can be others.
//
// Warm is the app's own code, cool are libraries. All were searched for so that any two differ by 0.078 or more in
// OKLab, also as seen with protanopia, deuteranopia and tritanopia (Machado 2009), and so that every one bears the
// theme's text at a contrast of 4.5 or more.

const THEMES = {
  light: {
    own: ["#ed824c", "#efcd6d", "#eca88b"],
    libraries: ["#58b2f8", "#b2cafd", "#9b92c2", "#8cb9c4"],
    rest: "#d9dce1",
    whole: "#e6e9ee",
    dimmed: "#eef0f3",
    narrow: "#cdd2d9",
    text: "#15181c",
    quiet: "#5f6670",
    surface: "#ffffff",
    line: "#1c4f91",
  },
  dark: {
    own: ["#8f3105", "#99554a", "#770e01"],
    libraries: ["#3669b5", "#645f83", "#193a77", "#304aa7"],
    rest: "#444a53",
    whole: "#343a42",
    dimmed: "#23272d",
    narrow: "#373d45",
    text: "#f4f6f8",
    quiet: "#a0a7b1",
    surface: "#181b20",
    line: "#9cc6ff",
  },
};

const MOST_LIBRARIES = THEMES.light.libraries.length;

export function themeNow() {
  return THEMES[document.documentElement.dataset.bsTheme === "dark" ? "dark" : "light"];
}

export function themes() {
  return THEMES;
}

/**
 * Colours by package: those with the most self time have one of their own, in that order, others share the last.
 * Costs one pass over the view, less than 1 ms for 50,000 nodes.
 */
export class PackageColours {
  constructor(view, book) {
    this.book = book;
    const count = book.packages.length;
    this.time = new Float64Array(count);
    this.own = new Uint8Array(count);
    for (let fn = 0; fn < book.count; fn++) if (!book.isLibrary(fn)) this.own[book.packageOf[fn]] = 1;
    for (let node = 1; node < view.count; node++) {
      const at = book.package(view.fn[node]);
      if (at >= 0) this.time[at] += view.self[node];
    }
    this.order = Array.from(this.time.keys()).sort((a, b) => this.time[b] - this.time[a]);
    this.rank = new Int32Array(count);
    const used = [0, 0];
    for (const at of this.order) this.rank[at] = book.packages[at] ? used[this.own[at]]++ : 0;
  }

  /** The fill of a function's frames in a theme. */
  of(fn, theme) {
    const at = this.book.package(fn);
    return at < 0 ? theme.whole : this.ofPackage(at, theme);
  }

  ofPackage(at, theme) {
    if (!this.book.packages[at]) return theme.rest;
    const shades = this.own[at] ? theme.own : theme.libraries;
    return shades[this.rank[at]] ?? (this.own[at] ? shades.at(-1) : theme.rest);
  }

  hasOwnColour(at) {
    return this.book.packages[at] !== "" && (this.own[at] || this.rank[at] < MOST_LIBRARIES);
  }

  /** Packages that have a colour, heaviest first: {name, own, time, at}. */
  legend(most) {
    return this.order
      .filter((at) => this.time[at] > 0 && this.hasOwnColour(at))
      .slice(0, most)
      .map((at) => ({ at, name: this.book.packages[at], own: Boolean(this.own[at]), time: this.time[at] }));
  }
}

/** The contrast of two colours `#rrggbb`, as WCAG 2 reckons it. */
export function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
