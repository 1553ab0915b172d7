// Search everything from the keyboard: Ctrl-K, or Cmd-K on a Mac, opens it. What it finds are links; without a script
// the button leads to a page of the same address. Names come from the target app: they become text, never markup.

import { element } from "./elements.js";

const DELAY_MS = 150;

class Palette {
  constructor(dialog) {
    this.dialog = dialog;
    this.form = dialog.querySelector("form");
    this.input = dialog.querySelector("[role=combobox]");
    this.list = dialog.querySelector("[role=listbox]");
    this.told = dialog.querySelector("[data-palette-told]");
    this.options = [];
    this.active = -1;
    // Whether what is shown is not what was typed, and whether Enter was pressed meanwhile.
    this.waits = this.opensFirst = false;
    this.tell(this.told.dataset.waiting);
    this.input.addEventListener("input", () => this.onInput());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.list.addEventListener("pointermove", ({ target }) => this.activate(this.options.indexOf(target.closest("a"))));
    this.list.addEventListener("click", (event) => event.ctrlKey || event.metaKey || dialog.close());
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
    document.addEventListener("visibilitychange", () => this.waits && this.askSoon());
  }

  toggle() {
    if (this.dialog.open) return this.dialog.close();
    this.dialog.showModal();
    this.input.focus();
    this.input.select();
  }

  onInput() {
    this.stop();
    this.opensFirst = false;
    if (this.input.value.trim()) {
      this.waits = true;
      this.askSoon();
    } else {
      this.show([], this.told.dataset.waiting);
    }
  }

  onKey(event) {
    // Enter and arrows choose among the words of an input method first.
    if (event.isComposing) return;
    const count = this.options.length;
    if (event.key === "ArrowDown" && count) this.activate((this.active + 1) % count);
    else if (event.key === "ArrowUp" && count) this.activate((this.active - 1 + count) % count);
    else if (event.key === "Enter" && this.waits) this.opensFirst = true;
    else if (event.key === "Enter" && this.active >= 0) this.open(event);
    else return;
    event.preventDefault();
  }

  /** As a click on the link, so that Ctrl or Cmd open it in a tab. */
  open({ ctrlKey = false, metaKey = false, shiftKey = false } = {}) {
    const option = this.options[this.active];
    if (!option) return;
    option.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }));
  }

  // Asking: the last answer wins.

  stop() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.waits = false;
  }

  askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), DELAY_MS);
  }

  async ask() {
    // A tab that nobody looks at asks for nothing: it does once it is looked at again.
    if (document.hidden || !this.waits) return;
    this.request?.abort();
    const request = (this.request = new AbortController());
    const address = `${this.form.action}?${new URLSearchParams({ q: this.input.value })}`;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: request.signal });
      // The session has ended: the page leads to where one signs in.
      if (answer.redirected) return location.reload();
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { groups, told } = await answer.json();
      if (request.signal.aborted) return;
      this.waits = false;
      this.show(groups, told);
      if (this.opensFirst) this.open();
    } catch {
      if (request.signal.aborted) return;
      this.waits = false;
      this.show([], document.body.dataset.requestFailed);
    }
    this.opensFirst = false;
  }

  // Showing

  show(groups, told) {
    this.options = [];
    this.list.replaceChildren(...groups.map((group) => this.group(group)));
    this.list.hidden = !this.options.length;
    this.list.scrollTop = 0;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.activate(this.options.length ? 0 : -1);
    this.tell(told);
  }

  group({ kind, name, hits }) {
    const group = element("div");
    const heading = element("div", "palette-kind", name);
    heading.id = `palette-${kind}`;
    group.setAttribute("role", "group");
    group.setAttribute("aria-labelledby", heading.id);
    group.append(heading, ...hits.map((hit) => this.option(hit)));
    return group;
  }

  option({ name, url, prefix, detail }) {
    const option = element("a", "palette-hit");
    option.id = `palette-hit-${this.options.length}`;
    option.href = url;
    option.tabIndex = -1;
    option.setAttribute("role", "option");
    if (prefix) option.append(element("span", "method", prefix), " ");
    option.append(element("bdi", "palette-name", name));
    if (detail) option.append(" ", element("bdi", "palette-place", detail));
    option.title = [prefix, name, detail].filter(Boolean).join(" ");
    this.options.push(option);
    return option;
  }

  activate(index) {
    if (index < 0 && this.options.length) return;
    this.active = index;
    this.options.forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    if (index < 0) return this.input.removeAttribute("aria-activedescendant");
    this.input.setAttribute("aria-activedescendant", this.options[index].id);
    this.options[index].scrollIntoView({ block: "nearest" });
  }

  tell(text) {
    this.told.textContent = text;
  }
}

const palette = new Palette(document.querySelector("[data-palette]"));
const opener = document.querySelector("[data-palette-open]");
const keys = document.querySelector("[data-palette-keys]");

keys.textContent = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘K" : "Ctrl K";
keys.hidden = false;
opener.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  palette.toggle();
});
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || event.ctrlKey === event.metaKey || event.altKey || event.shiftKey) return;
  event.preventDefault();
  palette.toggle();
});
