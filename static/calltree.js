// The call tree of one profile: an ARIA tree of which only the rows in sight exist in the document.

import { buildView, childrenOf, hasChildren, heaviestNode, hotPath, isExpression, matchingFunctions, ownCode, visibleRows } from "./calltree_model.js";
import { RowDrawer, fill } from "./calltree_rows.js";
import { showPlace } from "./elements.js";
import { duration, number, percent } from "./measures.js";

const OVERSCAN_ROWS = 6;

class CallTree {
  constructor(root) {
    this.root = root;
    this.words = root.dataset;
    this.data = JSON.parse(document.getElementById(root.dataset.source).textContent);
    this.drawer = new RowDrawer(this.data, this.words, root.id);
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.tree = this.part("tree");
    this.head = this.part("head");
    this.list = this.part("rows");
    this.search = this.part("search");
    this.drawn = new Map();
    this.readAddress();
    this.listenToTree();
    this.listenToTools();
    this.listenToOthers();
    this.rebuild();
  }

  // State: what is in the address survives a reload and can be sent to a colleague.

  readAddress() {
    const state = new URLSearchParams(location.search);
    this.ownCodeOnly = state.get("code") !== "all";
    this.drawer.unit = state.get("unit") === "percent" ? "percent" : "time";
    this.search.value = state.get("search") ?? "";
  }

  writeAddress() {
    const address = new URL(location.href);
    const put = (name, value) => (value ? address.searchParams.set(name, value) : address.searchParams.delete(name));
    put("code", this.ownCodeOnly ? "" : "all");
    put("unit", this.drawer.unit === "percent" ? "percent" : "");
    put("search", this.search.value.trim());
    history.replaceState(history.state, "", address);
  }

  /** A new view of the data; the chosen row stays chosen where the new view has its function. */
  rebuild() {
    const chosenFunction = this.view ? this.view.fn[this.chosen] : -1;
    this.view = this.drawer.view = buildView(this.data, this.ownCodeOnly ? ownCode(this.data.functions) : null);
    this.expanded = new Uint8Array(this.view.count);
    this.hot = new Uint8Array(this.view.count);
    for (const node of hotPath(this.view)) this.expanded[node] = this.hot[node] = 1;
    const suspect = heaviestNode(this.view, this.data.suspect);
    const kept = chosenFunction >= 0 ? heaviestNode(this.view, chosenFunction) : -1;
    this.chosen = Math.max(kept >= 0 ? kept : suspect, 0);
    this.expandTo(suspect);
    this.expandTo(this.chosen);
    this.find();
    this.showControls();
    this.forgetRows();
    this.refresh();
    this.reveal();
  }

  expandTo(node) {
    for (let up = node > 0 ? this.view.parent[node] : -1; up >= 0; up = this.view.parent[up]) this.expanded[up] = 1;
  }

  refresh() {
    this.rows = visibleRows(this.view, this.expanded);
    this.rowOf = new Int32Array(this.view.count).fill(-1);
    this.rows.forEach((node, row) => (this.rowOf[node] = row));
    while (this.rowOf[this.chosen] < 0) this.chosen = this.view.parent[this.chosen];
    this.paint();
  }

  // Search

  find() {
    const text = this.search.value.trim();
    this.drawer.marked = isExpression(text) ? "" : text.toLowerCase();
    const wanted = text ? matchingFunctions(this.data.functions, text) : null;
    const everything = wanted ? visibleRows(this.view, new Uint8Array(this.view.count).fill(1)) : [];
    this.matches = everything.filter((node) => node > 0 && wanted[this.view.fn[node]]);
    for (const node of this.matches) this.expandTo(node);
    if (this.matches.length && !this.matches.includes(this.chosen)) this.chosen = this.matches[0];
    this.matchesInLibraries = Boolean(wanted && this.ownCodeOnly && !this.matches.length && wanted.includes(1));
    this.tellMatches();
  }

  tellMatches() {
    const at = this.matches.indexOf(this.chosen) + 1;
    let told = "";
    const count = number(this.matches.length);
    if (this.matches.length) told = fill(at ? this.words.match : this.words.matches, { at: number(at), count });
    else if (this.matchesInLibraries) told = this.words.onlyLibraries;
    else if (this.search.value.trim()) told = this.words.noMatch;
    this.part("matches").textContent = told;
    this.part("show-libraries").hidden = !this.matchesInLibraries;
    for (const name of ["previous", "next"]) this.part(name).disabled = !this.matches.length;
  }

  stepMatch(step) {
    if (!this.matches.length) return;
    const at = this.matches.indexOf(this.chosen);
    const next = at < 0 ? 0 : (at + step + this.matches.length) % this.matches.length;
    this.choose(this.matches[next]);
  }

  onSearch() {
    this.tell("tree:search", { search: this.search.value });
    this.showSearch();
    this.writeAddress();
  }

  showSearch() {
    this.find();
    this.forgetRows();
    this.refresh();
    this.reveal();
  }

  clearSearch() {
    this.search.value = "";
    this.onSearch();
    this.tree.focus();
  }

  // Movement

  /** A person chose a row: other pictures of this tree are told of it. */
  choose(node) {
    this.show(node);
    this.tell("tree:select", { node: this.view.first[node] });
  }

  show(node) {
    this.chosen = node;
    if (this.rowOf[node] < 0) {
      this.expandTo(node);
      this.refresh();
    }
    this.reveal();
    this.tellMatches();
  }

  /** Scrolls no further than it takes to see the chosen row. */
  reveal() {
    const height = this.rowHeight();
    const top = this.rowOf[this.chosen] * height;
    const room = this.tree.clientHeight - this.head.offsetHeight;
    if (top < this.tree.scrollTop) this.tree.scrollTop = top;
    else if (top + height > this.tree.scrollTop + room) this.tree.scrollTop = top + height - room;
    this.paint();
  }

  rowHeight() {
    return parseFloat(getComputedStyle(this.tree).getPropertyValue("--row-height"));
  }

  setExpanded(node, open) {
    this.expanded[node] = open ? 1 : 0;
    this.refresh();
  }

  setAllExpanded(open) {
    this.expanded.fill(open ? 1 : 0);
    this.expanded[0] = 1;
    this.refresh();
    this.reveal();
  }

  goIn() {
    if (!hasChildren(this.view, this.chosen)) return;
    if (!this.expanded[this.chosen]) this.setExpanded(this.chosen, true);
    else this.choose(childrenOf(this.view, this.chosen)[0]);
  }

  goOut() {
    if (this.expanded[this.chosen] && hasChildren(this.view, this.chosen)) this.setExpanded(this.chosen, false);
    else if (this.chosen > 0) this.choose(this.view.parent[this.chosen]);
  }

  expandSiblings() {
    const siblings = this.chosen > 0 ? childrenOf(this.view, this.view.parent[this.chosen]) : [0];
    for (const node of siblings) this.expanded[node] = 1;
    this.refresh();
  }

  // Events

  listenToTree() {
    this.tree.addEventListener("keydown", (event) => this.onKey(event));
    this.tree.addEventListener("scroll", () => requestAnimationFrame(() => this.paint()), { passive: true });
    new ResizeObserver(() => this.paint()).observe(this.tree);
    this.list.addEventListener("click", (event) => this.onClick(event));
    this.list.addEventListener("dblclick", (event) => {
      if (!event.target.closest("[data-twist]")) this.setExpanded(this.chosen, !this.expanded[this.chosen]);
    });
  }

  onClick(event) {
    const row = event.target.closest("[role=treeitem]");
    if (!row) return;
    this.choose(Number(row.dataset.node));
    if (event.target.closest("[data-twist]")) this.setExpanded(this.chosen, !this.expanded[this.chosen]);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = this.rowOf[this.chosen];
    const last = this.rows.length - 1;
    const page = Math.max(1, Math.floor(this.tree.clientHeight / this.rowHeight()) - 1);
    const moves = { ArrowDown: row + 1, ArrowUp: row - 1, Home: 0, End: last, PageDown: row + page, PageUp: row - page };
    const acts = {
      ArrowRight: () => this.goIn(),
      ArrowLeft: () => this.goOut(),
      Enter: () => this.setExpanded(this.chosen, !this.expanded[this.chosen]),
      " ": () => this.setExpanded(this.chosen, !this.expanded[this.chosen]),
      "*": () => this.expandSiblings(),
      Escape: () => this.clearSearch(),
    };
    if (event.key in moves) this.choose(this.rows[Math.min(Math.max(moves[event.key], 0), last)]);
    else if (event.key in acts) acts[event.key]();
    else return;
    event.preventDefault();
  }

  listenToTools() {
    this.search.addEventListener("input", () => this.onSearch());
    this.search.addEventListener("keydown", (event) => this.onSearchKey(event));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target.closest("input, textarea, select")) return;
      // The key is that of the picture that has the focus, else of the first on the page.
      const meant = event.target.closest("[data-slash]") ?? document.querySelector("[data-slash]");
      if (meant !== this.root) return;
      event.preventDefault();
      this.search.focus();
      this.search.select();
    });
    const onClick = (name, act) => this.part(name).addEventListener("click", act);
    onClick("previous", () => this.stepMatch(-1));
    onClick("next", () => this.stepMatch(1));
    onClick("expand", () => this.setAllExpanded(true));
    onClick("collapse", () => this.setAllExpanded(false));
    onClick("show-libraries", () => this.setOwnCodeOnly(false));
    this.part("own-code").addEventListener("change", (event) => this.setOwnCodeOnly(event.target.checked));
    this.part("units").addEventListener("change", (event) => this.setUnit(event.target.value));
  }

  // Other pictures of the same tree speak by events that bubble up to the document:
  // tree:select {source, node}, a node of the data or -1 for the whole; tree:search {source, search}.

  tell(type, detail) {
    const { source } = this.words;
    this.root.dispatchEvent(new CustomEvent(type, { bubbles: true, detail: { source, ...detail } }));
  }

  listenToOthers() {
    const listen = (type, act) =>
      document.addEventListener(type, (event) => {
        if (event.target !== this.root && event.detail.source === this.words.source) act(event.detail);
      });
    listen("tree:select", ({ node }) => this.show(node < 0 ? 0 : this.view.shownAs[node]));
    listen("tree:search", ({ search }) => {
      this.search.value = search;
      this.showSearch();
    });
  }

  onSearchKey(event) {
    if (event.key === "Enter") this.stepMatch(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.clearSearch();
    else if (event.key === "ArrowDown") this.tree.focus();
    else return;
    event.preventDefault();
  }

  setOwnCodeOnly(on) {
    this.ownCodeOnly = on;
    this.rebuild();
    this.writeAddress();
  }

  setUnit(unit) {
    this.drawer.unit = unit;
    this.writeAddress();
    this.showControls();
    this.forgetRows();
    this.paint();
  }

  // Drawing

  showControls() {
    this.part("own-code").checked = this.ownCodeOnly;
    for (const choice of this.part("units").querySelectorAll("input")) choice.checked = choice.value === this.drawer.unit;
  }

  paint() {
    const height = this.rowHeight();
    this.list.style.height = `${this.rows.length * height}px`;
    const { scrollTop, clientHeight } = this.tree;
    const first = Math.max(0, Math.floor(scrollTop / height) - OVERSCAN_ROWS);
    const end = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / height) + OVERSCAN_ROWS);
    const inSight = this.rows.slice(first, end);
    // A screen reader follows aria-activedescendant: the chosen row exists even when scrolled out of sight.
    if (!inSight.includes(this.chosen)) inSight.push(this.chosen);
    this.place(inSight, height);
    this.tree.setAttribute("aria-activedescendant", this.drawer.id(this.chosen));
    this.showDetail();
  }

  /** Rows that stay are not touched: a double click needs both of its clicks on one element. */
  place(inSight, height) {
    const wanted = new Set(inSight);
    for (const [node, row] of this.drawn) {
      if (wanted.has(node)) continue;
      row.remove();
      this.drawn.delete(node);
    }
    let next = this.list.firstElementChild;
    for (const node of inSight) {
      const row = this.drawn.get(node) ?? this.drawer.draw(node, { hot: Boolean(this.hot[node]) });
      const expanded = Boolean(this.expanded[node]);
      this.drawer.update(row, node, { chosen: node === this.chosen, expanded, top: this.rowOf[node] * height });
      if (row === next) next = next.nextElementSibling;
      else this.list.insertBefore(row, next);
      this.drawn.set(node, row);
    }
  }

  /** For what changes every row: another view, unit or search. */
  forgetRows() {
    this.list.replaceChildren();
    this.drawn.clear();
  }

  /** All of the chosen row, uncut: names are long and screens are narrow. */
  showDetail() {
    const { view, chosen } = this;
    const { functions } = this.data;
    const fn = view.fn[chosen];
    const put = (name, text) => (this.part(`detail-${name}`).textContent = text);
    const both = (us) => `${duration(us)} · ${percent(us, view.total[0])}`;
    const line = chosen > 0 && functions.line[fn] > 0 ? `:${functions.line[fn]}` : "";
    put("name", this.drawer.label(chosen));
    showPlace(this.part("detail-place"), chosen > 0 ? functions.file[fn] + line : "", functions.link?.[fn]);
    put("total", both(view.total[chosen]));
    put("self", both(view.self[chosen]));
    put("hidden", view.hidden[chosen] > 0 ? fill(this.words.ofThat, { time: duration(view.hidden[chosen]) }) : "");
  }
}

for (const root of document.querySelectorAll("[data-calltree]")) {
  root.hidden = false;
  new CallTree(root);
}
