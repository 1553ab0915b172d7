// One row of the call tree as an element. Names come from the target app: they become text nodes, never markup.

import { childrenOf, hasChildren, nameOf, placeOf } from "./calltree_model.js";
import { duration, number, percent } from "./measures.js";

export class RowDrawer {
  /** `words` are the translated sentences; `idPrefix` keeps the rows' ids apart from the rest of the page. */
  constructor(data, words, idPrefix) {
    this.data = data;
    this.words = words;
    this.idPrefix = idPrefix;
    this.unit = "time";
    this.marked = "";
  }

  id(node) {
    return `${this.idPrefix}-${node}`;
  }

  label(node) {
    return node === 0 ? this.data.label : nameOf(this.data.functions, this.view.fn[node]);
  }

  amount(us) {
    return this.unit === "percent" ? percent(us, this.view.total[0]) : duration(us);
  }

  /** What of a row never changes while view, unit and search stay. */
  draw(node, { hot }) {
    const { view } = this;
    const row = element("div", "ct-row");
    const siblings = node > 0 ? childrenOf(view, view.parent[node]) : [0];
    row.id = this.id(node);
    row.dataset.node = node;
    row.setAttribute("role", "treeitem");
    row.setAttribute("aria-level", view.depth[node] + 1);
    row.setAttribute("aria-setsize", siblings.length);
    row.setAttribute("aria-posinset", siblings.indexOf(node) + 1);
    row.classList.toggle("is-hot", hot);
    row.classList.toggle("is-library", node > 0 && Boolean(this.data.functions.library[view.fn[node]]));
    row.append(
      this.bar(node),
      element("span", "ct-total", this.amount(view.total[node])),
      element("span", view.self[node] > 0 ? "ct-self" : "ct-self is-zero", this.amount(view.self[node])),
      element("span", "ct-samples", number(view.samples[node])),
      this.name(node),
      this.place(node),
    );
    return row;
  }

  /** What changes: is it the chosen one, is it open, how far down does it stand. */
  update(row, node, { chosen, expanded, top }) {
    row.setAttribute("aria-selected", chosen);
    if (hasChildren(this.view, node)) row.setAttribute("aria-expanded", expanded);
    row.style.transform = `translateY(${top}px)`;
  }

  bar(node) {
    const whole = this.view.total[0] || 1;
    const bar = element("span", "ct-bar");
    for (const [kind, us] of [["total", this.view.total[node]], ["self", this.view.self[node]]]) {
      const part = element("span", `ct-bar-${kind}`);
      part.style.width = `${(100 * us) / whole}%`;
      bar.append(part);
    }
    return bar;
  }

  name(node) {
    const cell = element("span", "ct-name");
    cell.style.setProperty("--depth", this.view.depth[node]);
    const twist = element("span", "ct-twist");
    if (hasChildren(this.view, node)) twist.dataset.twist = "";
    const name = element("span", "ct-function");
    name.title = this.label(node);
    this.writeName(name, node);
    cell.append(element("span", "ct-indent"), twist, name);
    if (this.view.hidden[node] > 0) {
      const time = this.amount(this.view.hidden[node]);
      cell.append(element("span", "ct-hidden", fill(this.words.inLibraries, { time })));
    }
    return cell;
  }

  writeName(target, node) {
    const fn = this.view.fn[node];
    const owner = node > 0 ? this.data.functions.class_name[fn] : "";
    const parts = markedParts(this.label(node), node > 0 ? this.marked : "");
    if (owner && !parts.some((part) => part.hit)) {
      target.append(element("span", "ct-class", `${owner}.`), this.data.functions.name[fn]);
    } else {
      appendParts(target, parts);
    }
  }

  place(node) {
    const cell = element("span", "ct-place");
    if (node > 0) {
      const place = placeOf(this.data.functions, this.view.fn[node]);
      const text = element("bdi");
      appendParts(text, markedParts(place, this.marked));
      cell.title = place;
      cell.append(text);
    }
    return cell;
  }
}

/** Puts values into a translated sentence: "incl. {time} in libraries". */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The text cut where it holds `wanted` (lower case), in any case. */
function markedParts(text, wanted) {
  const lower = text.toLowerCase();
  // Where lower case has another length (İ), positions don't carry over: mark all of it.
  if (wanted && lower.length !== text.length) return [{ text, hit: lower.includes(wanted) }];
  const parts = [];
  let from = 0;
  for (let at = wanted ? lower.indexOf(wanted) : -1; at >= 0; at = lower.indexOf(wanted, from)) {
    if (at > from) parts.push({ text: text.slice(from, at), hit: false });
    parts.push({ text: text.slice(at, at + wanted.length), hit: true });
    from = at + wanted.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), hit: false });
  return parts;
}

function appendParts(target, parts) {
  for (const { text, hit } of parts) target.append(hit ? element("mark", "", text) : text);
}
