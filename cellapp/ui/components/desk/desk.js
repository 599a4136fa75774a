// The desk where cells get their classes: a bar of classes, a grid of crops, one key per cell. The page is only asked
// for the next cells after every few labels; see label_log.js for how labels travel, desk_view.js for how all is drawn.

const AHEAD = 12; // unlabelled tiles that stay in place when the order changes

export default function (component) {
  const { data, parentElement, setTriggerValue, setStateValue } = component;
  const host = parentElement.querySelector(".desk");
  if (!host || !data) return;
  if (host.desk?.run !== data.run) {
    host.desk?.leave();
    host.desk = new Desk(host, data);
  }
  host.desk.trigger = setTriggerValue;
  host.desk.setState = setStateValue;
  host.desk.take(data);
  return () => {
    host.desk?.leave();
    host.desk = null;
  };
}

class Desk {
  constructor(host, data) {
    this.host = host;
    this.run = data.run;
    this.who = read(localStorage, "cellapp.who", "");
    this.asked = read(localStorage, "cellapp.who", null) !== null;
    this.log = new LabelLog(data.run, (changed) => this.told(changed));
    this.view = new DeskView(host, this);
    this.placed = []; // keys of the tiles, in place
    this.tiles = new Map(); // key -> tile
    this.marked = new Set();
    this.skipped = new Set();
    this.at = 0;
    this.sinceAsked = 0;
    this.onKey = (event) => this.key(event);
    this.onHide = () => this.log.writeFiles();
    document.addEventListener("keydown", this.onKey, true);
    window.addEventListener("pagehide", this.onHide);
  }

  leave() {
    document.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("pagehide", this.onHide);
    this.log.leave();
    this.left = true;
  }

  // New data from the page: what it shows already is forgotten here, the rest stays on top of it.
  take(data) {
    this.settle(this.log.settled(data.version, data.version !== this.data?.version));
    const fresh = this.data?.shown !== data.shown;
    this.data = data;
    for (const tile of data.tiles) this.tiles.set(tile.key, tile);
    this.place(fresh);
    this.asking = false;
    delete this.host.dataset.asking;
    if (data.who !== this.who) this.setState("who", this.who);
    this.draw();
    this.log.flush();
  }

  // Tiles that stay in place show what was done to them: the page sends only those to come.
  settle(ops) {
    for (const op of ops) {
      for (const [key, label] of Object.entries(op.after)) {
        const tile = this.tiles.get(key);
        const words = label ? [`${label}, by hand${op.who ? `, ${op.who}` : ""}`] : [];
        if (tile) this.tiles.set(key, { ...tile, label, who: op.who, source: label ? "hand" : "", words });
      }
    }
  }

  // The log sent something, or could not.
  told(changed) {
    if (this.left || !this.data) return;
    changed ? this.draw() : this.view.tell();
    if (this.wanted) this.follow();
  }

  place(fresh) {
    const coming = this.data.tiles.map((tile) => tile.key);
    const kept = fresh || !this.data.queue ? [] : this.stay();
    const known = new Set(kept);
    if (fresh) [this.at, this.marked] = [0, new Set()];
    const rest = coming.filter((key) => !known.has(key) && (fresh || !this.data.queue || !this.labelOf(key)));
    this.placed = [...kept, ...rest].slice(0, Math.max(this.data.at_most, kept.length));
    for (const key of [...this.tiles.keys()]) if (!this.placed.includes(key)) this.tiles.delete(key);
    for (const key of [...this.marked]) if (!this.placed.includes(key)) this.marked.delete(key);
    this.at = Math.min(this.at, Math.max(this.placed.length - 1, 0));
  }

  // Tiles that keep their place: labelled ones, short of whole rows that have gone by, and the next few.
  stay() {
    const columns = this.view.columns();
    const gone = Math.max(0, Math.floor(this.at / columns) - 1) * columns;
    const kept = this.placed.slice(gone, this.at + AHEAD);
    this.at = Math.max(0, this.at - gone);
    return kept.filter((key) => this.tiles.has(key));
  }

  labelOf(key) {
    return this.log.labelOf(key) ?? this.tiles.get(key)?.label ?? "";
  }

  counts() {
    const classes = { ...this.data.counts };
    const images = { ...this.data.image_counts };
    for (const op of this.log.live) {
      for (const [key, name] of Object.entries(op.after)) {
        const before = op.before[key] ?? "";
        const image = cellOf(key).image_id;
        if (before) classes[before] = (classes[before] ?? 0) - 1;
        if (name) classes[name] = (classes[name] ?? 0) + 1;
        images[image] = (images[image] ?? 0) + (name ? 1 : 0) - (before ? 1 : 0);
      }
    }
    return { classes, images };
  }

  key(event) {
    if (this.left || !this.host.isConnected) return;
    const on = event.composedPath()[0];
    const list = on.getAttribute?.("role") === "combobox" && on.getAttribute("aria-expanded") !== "true";
    if (!list && (on.matches?.("input, textarea, select") || on.isContentEditable)) return;
    if (document.querySelector('[role="dialog"]')) return;
    const command = event.ctrlKey || event.metaKey;
    const letter = event.key.toLowerCase();
    const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1] ?? (/^[0-9]$/.test(event.key) ? event.key : null);
    let act = null;
    if (command && letter === "z") act = () => this.back(event.shiftKey ? "redo" : "undo");
    else if (command && letter === "y") act = () => this.back("redo");
    else if (command || event.altKey) return;
    else if (digit === "0" || event.key === "Backspace" || event.key === "Delete") act = () => this.label("");
    else if (digit && this.data.classes[digit - 1]) act = () => this.label(this.data.classes[digit - 1].name);
    else if (letter === "z") act = () => this.back(event.shiftKey ? "redo" : "undo");
    else if (list || (on.closest?.("button, a, summary") && !on.classList.contains("cell") && event.key === " ")) return;
    else if (event.key === " ") act = () => this.skip();
    else if (event.key === "Enter" && on.classList?.contains("cell")) act = () => this.view.pin(this.placed[this.at]);
    else if (event.key === "Escape") act = () => this.unpin();
    else if (event.key.startsWith("Arrow")) act = () => this.move(event.key, event.shiftKey);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  move(arrow, marking) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.view.columns(), ArrowDown: this.view.columns() }[arrow];
    const to = Math.min(Math.max(this.at + step, 0), this.placed.length - 1);
    marking ? this.markTo(to) : this.go(to);
  }

  go(to) {
    this.at = to;
    this.anchor = to;
    this.marked.clear();
    this.draw();
    this.view.scrollTo(this.placed[this.at]);
  }

  markTo(to) {
    const anchor = this.anchor ?? this.at;
    this.marked = new Set(this.placed.slice(Math.min(anchor, to), Math.max(anchor, to) + 1));
    this.at = to;
    this.draw();
  }

  label(name) {
    const keys = this.marked.size ? this.placed.filter((key) => this.marked.has(key)) : this.placed.slice(this.at, this.at + 1);
    const changed = keys.filter((key) => this.labelOf(key) !== name || !this.mine(key));
    const last = Math.max(...keys.map((key) => this.placed.indexOf(key)));
    if (changed.length) {
      const before = Object.fromEntries(changed.map((key) => [key, this.labelOf(key)]));
      const after = Object.fromEntries(changed.map((key) => [key, name]));
      this.log.act(name ? "label" : "clear", before, after, this.who);
      this.sinceAsked += changed.length;
    }
    if (keys.length && (name || this.marked.size)) this.next(last);
    else this.draw();
  }

  mine(key) {
    const tile = this.tiles.get(key);
    return this.log.labelOf(key) !== undefined || (tile.who === this.who && tile.source !== "column");
  }

  // Undo or redo, and go to what changed.
  back(which) {
    const op = this.log[which](this.who);
    if (!op) return;
    const to = this.placed.indexOf(Object.keys(op.after)[0]);
    to >= 0 ? this.go(to) : this.draw();
  }

  skip() {
    const key = this.placed[this.at];
    if (key && !this.labelOf(key)) this.skipped.add(key);
    this.next(this.at);
  }

  next(from) {
    const review = !this.data.queue;
    const to = this.placed.findIndex((key, k) => k > from && (review || !this.labelOf(key)));
    this.go(to >= 0 ? to : Math.min(from + 1, this.placed.length - 1));
    this.follow();
  }

  // Ask for the next cells: after every few labels, or when few are left. Labels come first.
  follow() {
    if (this.asking || this.left || !this.data) return;
    const left = this.placed.slice(this.at + 1).filter((key) => !this.labelOf(key)).length;
    const few = this.data.queue && left < AHEAD && this.data.n_left > this.placed.length - this.at;
    const out = this.data.queue && left === 0;
    if (this.sinceAsked < this.data.every && !few && !(out && this.sinceAsked)) return;
    if (this.log.waiting().length) return void (this.wanted = true);
    [this.asking, this.wanted, this.sinceAsked] = [true, false, 0];
    this.host.dataset.asking = "true"; // until the next cells are there
    this.trigger("follow", { skipped: [...this.skipped], n: Date.now() });
  }

  named(who) {
    this.who = who;
    this.asked = true;
    write(localStorage, "cellapp.who", who);
    this.setState("who", who);
    this.draw();
  }

  click(k, key, upTo) {
    if (upTo) return this.markTo(k);
    this.go(k);
    this.view.pin(key);
  }

  unpin() {
    this.marked.clear();
    this.view.unpin();
    this.draw();
  }

  draw() {
    this.view.draw();
  }
}
