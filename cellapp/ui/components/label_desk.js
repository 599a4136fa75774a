// The desk where cells get their classes: a bar of classes, a grid of crops, one key per cell. What is typed shows at
// once and is kept in the browser until the server has it, so that neither a rerun nor a reload nor another page loses
// any; the server gets it by the HTTP API, and the page is only asked for the next cells after every few labels.

const BATCH = 50; // labels per request
const AHEAD = 12; // unlabelled tiles that stay in place when the order changes
const LEAVE_S = 60; // without a key for so long, the files of the run follow
const ADOPT_MS = 15_000; // keys that another tab left behind for so long are sent by this one
const MARKS = { hand: "✎", column: "▦", table: "⇪", cluster: "◌" };
const SOURCES = {
  hand: "by hand",
  column: "from a column of the image table",
  table: "from an imported table",
  cluster: "from a named cluster",
};

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

function appRoot() {
  const script = document.querySelector('script[src*="static/js/"]');
  return script ? script.src.split("static/js/")[0] : new URL("./", document.baseURI).href;
}

function read(storage, key, otherwise) {
  try {
    return JSON.parse(storage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function write(storage, key, value) {
  try {
    value === null ? storage.removeItem(key) : storage.setItem(key, JSON.stringify(value));
  } catch {
    /* a browser without storage keeps them for this page only */
  }
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  if (tag === "button") made.type = "button";
  return made;
}

const cellOf = (key) => ({ image_id: key.slice(0, key.lastIndexOf("/")), cell_id: Number(key.slice(key.lastIndexOf("/") + 1)) });

class Desk {
  constructor(host, data) {
    this.host = host;
    this.run = data.run;
    this.tab = read(sessionStorage, "cellapp.tab", null) ?? `${Date.now()}${Math.floor(Math.random() * 1e6)}`;
    write(sessionStorage, "cellapp.tab", this.tab);
    this.who = read(localStorage, "cellapp.who", "");
    this.asked = read(localStorage, "cellapp.who", null) !== null;
    const kept = read(sessionStorage, `cellapp.desk.${this.run}`, {});
    this.done = kept.done ?? []; // operations that undo goes back through
    this.undone = kept.undone ?? [];
    this.live = this.unsent(); // operations that the data do not show yet, in order
    this.placed = []; // keys of the tiles, in place
    this.tiles = new Map(); // key -> tile
    this.cells = new Map(); // key -> element
    this.marked = new Set();
    this.skipped = new Set();
    this.at = 0;
    this.sinceAsked = 0;
    this.touched = new Set(read(localStorage, `cellapp.touched.${this.run}`, []));
    this.listen();
    if (this.touched.size && !this.live.length) this.writeFiles();
  }

  listen() {
    this.onKey = (event) => this.key(event);
    this.onHide = () => this.touched.size && this.writeFiles();
    document.addEventListener("keydown", this.onKey, true);
    window.addEventListener("pagehide", this.onHide);
  }

  leave() {
    document.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("pagehide", this.onHide);
    clearTimeout(this.resting);
    this.flush(true);
    if (this.touched.size) this.writeFiles();
    this.left = true;
  }

  // What this tab has not sent, and what tabs that are gone left behind.
  unsent() {
    const prefix = `cellapp.keys.${this.run}.`;
    const found = [];
    for (const name of Object.keys(localStorage).filter((one) => one.startsWith(prefix))) {
      const ops = read(localStorage, name, []);
      const mine = name === prefix + this.tab;
      const old = ops.every((op) => Date.now() - op.time > ADOPT_MS);
      if (!mine && !old) continue;
      found.push(...ops);
      if (!mine) write(localStorage, name, null);
    }
    return found.sort((a, b) => a.time - b.time);
  }

  keep() {
    const waiting = this.live.filter((op) => !op.stored);
    write(localStorage, `cellapp.keys.${this.run}.${this.tab}`, waiting.length ? waiting : null);
    const short = (op) => ({ ...op, version: undefined });
    write(sessionStorage, `cellapp.desk.${this.run}`, {
      done: this.done.slice(-200).map(short),
      undone: this.undone.slice(-200).map(short),
    });
    write(localStorage, `cellapp.touched.${this.run}`, this.touched.size ? [...this.touched] : null);
  }

  // New data from the page: what it shows already is forgotten here, the rest stays on top of it.
  take(data) {
    const seen = this.live.findLastIndex((op) => op.stored && op.version === data.version);
    if (seen >= 0) this.settle(this.live.splice(0, seen + 1));
    else if (!this.data || data.version !== this.data.version) {
      this.settle(this.live.filter((op) => op.stored));
      this.live = this.live.filter((op) => !op.stored);
    }
    const fresh = this.data?.shown !== data.shown;
    this.data = data;
    for (const tile of data.tiles) this.tiles.set(tile.key, tile);
    this.place(fresh);
    this.asking = false;
    delete this.host.dataset.asking;
    if (data.who !== this.who) this.setState("who", this.who);
    this.draw();
    this.flush();
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
    const columns = this.columns();
    const gone = Math.max(0, Math.floor(this.at / columns) - 1) * columns;
    const kept = this.placed.slice(gone, this.at + AHEAD);
    this.at = Math.max(0, this.at - gone);
    return kept.filter((key) => this.tiles.has(key));
  }

  columns() {
    return Math.max(1, getComputedStyle(this.host.querySelector(".cells")).gridTemplateColumns.split(" ").length);
  }

  labelOf(key) {
    for (let k = this.live.length - 1; k >= 0; k--) if (key in this.live[k].after) return this.live[k].after[key];
    return this.tiles.get(key)?.label ?? "";
  }

  counts() {
    const classes = { ...this.data.counts };
    const images = { ...this.data.image_counts };
    for (const op of this.live) {
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
    if (command && letter === "z") act = () => (event.shiftKey ? this.redo() : this.undo());
    else if (command && letter === "y") act = () => this.redo();
    else if (command || event.altKey) return;
    else if (digit === "0" || event.key === "Backspace" || event.key === "Delete") act = () => this.label("");
    else if (digit && this.data.classes[digit - 1]) act = () => this.label(this.data.classes[digit - 1].name);
    else if (letter === "z") act = () => (event.shiftKey ? this.redo() : this.undo());
    else if (list || (on.closest?.("button, a, summary") && !on.classList.contains("cell") && event.key === " ")) return;
    else if (event.key === " ") act = () => this.skip();
    else if (event.key === "Enter" && on.classList?.contains("cell")) act = () => this.pin(this.placed[this.at]);
    else if (event.key === "Escape") act = () => this.unpin();
    else if (event.key.startsWith("Arrow")) act = () => this.move(event.key, event.shiftKey);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  move(arrow, marking) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns(), ArrowDown: this.columns() }[arrow];
    const to = Math.min(Math.max(this.at + step, 0), this.placed.length - 1);
    marking ? this.markTo(to) : this.go(to);
  }

  go(to) {
    this.at = to;
    this.anchor = to;
    this.marked.clear();
    this.draw();
    this.cells.get(this.placed[this.at])?.scrollIntoView({ block: "nearest" });
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
      this.undone = [];
      this.record({ does: name ? "label" : "clear", before, after }, true);
      this.sinceAsked += changed.length;
    }
    if (keys.length && (name || this.marked.size)) this.next(last);
    else this.draw();
  }

  mine(key) {
    const tile = this.tiles.get(key);
    return this.live.some((op) => key in op.after) || (tile.who === this.who && tile.source !== "column");
  }

  record(op, undoable) {
    op.n = `${Date.now()}-${Math.random()}`;
    op.time = Date.now();
    op.who = this.who;
    this.live.push(op);
    if (undoable) this.done.push(op);
    for (const key of Object.keys(op.after)) this.touched.add(cellOf(key).image_id);
    this.keep();
    clearTimeout(this.sending);
    this.sending = setTimeout(() => this.flush(), 120);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.writeFiles(), LEAVE_S * 1000);
  }

  undo() {
    const op = this.done.pop();
    if (!op) return;
    this.undone.push(op);
    this.record({ does: "undo", of: op.n, before: op.after, after: op.before }, false);
    this.show(op);
  }

  redo() {
    const op = this.undone.pop();
    if (!op) return;
    this.done.push(op);
    this.record({ does: "redo", of: op.n, before: op.before, after: op.after }, false);
    this.show(op);
  }

  show(op) {
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
    if (this.live.some((op) => !op.stored)) return void (this.wanted = true);
    [this.asking, this.wanted, this.sinceAsked] = [true, false, 0];
    this.host.dataset.asking = "true"; // until the next cells are there
    this.trigger("follow", { skipped: [...this.skipped], n: Date.now() });
  }

  async flush(leaving = false) {
    if (this.busy && !leaving) return;
    this.busy = true;
    try {
      while (this.live.some((op) => !op.stored)) if (!(await this.send(leaving))) break;
    } finally {
      this.busy = false;
    }
    if (this.left) return;
    this.tell();
    if (this.wanted) this.follow();
  }

  async send(leaving) {
    const first = this.live.find((op) => !op.stored);
    const group = [first];
    if (first.does === "label" && !first.alone) {
      const waiting = this.live.filter((op) => !op.stored);
      for (const op of waiting.slice(1)) {
        const alike = op.does === "label" && op.who === first.who;
        const again = Object.keys(op.after).some((key) => group.some((one) => key in one.after));
        if (!alike || again || group.length >= BATCH) break;
        group.push(op);
      }
    }
    const [path, body] = this.request(first, group);
    const answer = path === null ? { ids: [], version: first.version } : await this.post(path, body, leaving);
    if (answer === null) return false;
    if (answer.error) return this.refuse(group, answer.error);
    this.offline = false;
    this.acknowledge(group, answer);
    return true;
  }

  request(op, group) {
    const original = op.of && [...this.done, ...this.undone].find((one) => one.n === op.of);
    if (op.of && !original?.ids?.length) return [null, null];
    if (op.does === "undo" || op.does === "redo") {
      const back = (op.does === "undo") === (original.does === "label");
      return [back ? "retract" : "restore", { ids: original.ids }];
    }
    if (op.does === "clear") return ["clear", { cells: Object.keys(op.after).map(cellOf), who: op.who }];
    const labels = group.flatMap((one) => Object.entries(one.after).map(([key, name]) => ({ ...cellOf(key), class: name })));
    return ["", { labels, who: op.who }];
  }

  async post(path, body, leaving) {
    try {
      const address = `${appRoot()}api/runs/${this.run}/labels${path ? `/${path}` : ""}`;
      const answer = await fetch(address, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...body, ...(path === "files" ? {} : { files: false }) }),
        keepalive: leaving,
      });
      const said = await answer.json();
      if (answer.ok) return said;
      if (answer.status >= 500) throw new Error(said.error);
      return { error: said.error ?? said.detail?.[0]?.msg ?? `The server answered ${answer.status}.` };
    } catch {
      this.offline = true;
      if (!this.left) this.retrying = setTimeout(() => this.flush(), 3000);
      return null;
    }
  }

  acknowledge(group, answer) {
    let from = 0;
    for (const op of group) {
      const n = Object.keys(op.after).length;
      const ids = answer.each?.slice(from, from + n) ?? answer.ids; // what arrived before and had no answer counts, too
      from += n;
      op.stored = true;
      op.version = answer.version;
      if (!op.of) for (const one of [...this.done, ...this.undone]) if (one.n === op.n) one.ids = ids;
    }
    this.keep();
  }

  // A batch that was refused is sent again one by one; what is refused then is taken off, and said.
  refuse(group, why) {
    if (group.length > 1) {
      for (const op of group) op.alone = true;
      return true;
    }
    const [op] = group;
    this.live = this.live.filter((one) => one !== op);
    this.done = this.done.filter((one) => one.n !== op.n);
    this.problem = why;
    this.keep();
    this.draw();
    return true;
  }

  writeFiles() {
    const images = [...this.touched];
    if (!images.length || this.live.some((op) => !op.stored)) return;
    this.touched.clear();
    this.keep();
    this.post("files", { image_ids: images }, true);
  }

  draw() {
    this.bar();
    this.grid();
    this.tell();
  }

  bar() {
    const { classes, images } = this.counts();
    const bar = this.host.querySelector(".classes");
    bar.replaceChildren(
      ...this.data.classes.map((one, k) => {
        const chip = element("button", "class");
        chip.style.setProperty("--colour", one.colour);
        chip.title = k < 9 ? `Label ${one.name}: key ${k + 1}` : `Label ${one.name}: click`;
        if (k < 9) chip.append(element("kbd", "", String(k + 1)));
        chip.append(element("span", "swatch", one.letter), element("span", "name", one.name));
        chip.append(element("span", "count", (classes[one.name] ?? 0).toLocaleString("en")));
        if (one.positive) chip.append(element("span", "positive", "positive"));
        chip.onclick = () => this.label(one.name);
        return chip;
      }),
    );
    const names = this.data.images;
    const of = (id) => `${names[id].name}: ${(images[id] ?? 0).toLocaleString("en")} of ${names[id].n.toLocaleString("en")}`;
    const n = Object.keys(names).reduce((sum, id) => sum + (images[id] ?? 0), 0);
    const total = Object.values(names).reduce((sum, one) => sum + one.n, 0);
    this.host.querySelector(".total").textContent = `${n.toLocaleString("en")} of ${total.toLocaleString("en")} cells`;
    this.host.querySelector(".images").replaceChildren(...Object.keys(names).map((id) => element("li", "", of(id))));
    this.tool("undo", () => this.undo(), !this.done.length);
    this.tool("redo", () => this.redo(), !this.undone.length);
    this.name();
  }

  tool(name, act, disabled) {
    const button = this.host.querySelector(`[data-tool="${name}"]`);
    button.onclick = act;
    button.disabled = disabled;
  }

  name() {
    const field = this.host.querySelector(".who input");
    this.host.querySelector(".who").classList.toggle("unasked", !this.asked);
    if (this.host.getRootNode().activeElement !== field) field.value = this.who;
    field.onchange = () => {
      this.who = field.value.trim().slice(0, 200);
      this.asked = true;
      write(localStorage, "cellapp.who", this.who);
      this.setState("who", this.who);
      this.draw();
    };
    field.onkeydown = (event) => event.key === "Enter" && field.blur();
  }

  grid() {
    const grid = this.host.querySelector(".cells");
    grid.style.setProperty("--tile", `${this.data.tile_px}px`);
    const wanted = this.placed.map((key, k) => this.cell(key, k));
    const same = wanted.length === grid.children.length && wanted.every((one, k) => grid.children[k] === one);
    if (!same) grid.replaceChildren(...wanted);
    for (const key of [...this.cells.keys()]) if (!this.tiles.has(key)) this.cells.delete(key);
    this.host.querySelector(".none").textContent = wanted.length ? "" : this.data.none;
    if (this.pinned && !this.placed.includes(this.pinned)) this.unpin();
  }

  cell(key, k) {
    const tile = this.tiles.get(key);
    let made = this.cells.get(key);
    if (!made) {
      made = element("button", "cell");
      const frame = element("span", "frame");
      frame.append(element("img"));
      made.append(frame, element("span", "given"));
      made.onmouseenter = () => this.card(key);
      made.onmouseleave = () => this.pinned !== key && this.card(this.pinned);
      this.cells.set(key, made);
    }
    made.onclick = (event) => this.click(k, key, event.shiftKey);
    const image = made.querySelector("img");
    if (image.src !== tile.uri) image.src = tile.uri;
    image.style.transform = `scale(${tile.zoom})`;
    putScaleBar(made.querySelector(".frame"), ...tile.bar);
    image.draggable = false;
    const name = this.labelOf(key);
    const own = this.live.some((op) => key in op.after);
    const known = this.data.classes.find((one) => one.name === name);
    const source = own ? "hand" : tile.source;
    image.alt = `Cell ${tile.cell} of ${this.data.images[tile.image]?.name ?? ""}${name ? `: ${name}` : ""}`;
    made.setAttribute("aria-label", image.alt);
    made.style.setProperty("--colour", known?.colour ?? "var(--st-border-color)");
    made.classList.toggle("labelled", Boolean(name));
    made.classList.toggle("here", k === this.at);
    made.classList.toggle("marked", this.marked.has(key));
    made.setAttribute("aria-pressed", String(this.marked.has(key) || k === this.at));
    const given = made.querySelector(".given");
    given.replaceChildren();
    if (name) {
      given.append(element("b", "swatch", known?.letter ?? "?"), element("span", "name", name));
      if (tile.disputed) given.append(element("span", "mark", "≠"));
      given.append(element("span", "mark", MARKS[source] ?? ""));
      given.title = SOURCES[source] ?? "";
    } else given.append(element("span", "name dim", this.skipped.has(key) ? "skipped" : (tile.note ?? "")));
    return made;
  }

  click(k, key, upTo) {
    if (upTo) return this.markTo(k);
    this.go(k);
    this.pin(key);
  }

  pin(key) {
    this.pinned = key;
    this.card(key);
  }

  unpin() {
    this.pinned = null;
    this.marked.clear();
    this.card(null);
    this.draw();
  }

  // The neighbourhood of a cell, its place on the slide, and what was said of it.
  card(key) {
    const card = this.host.querySelector(".card");
    const tile = key && this.tiles.get(key);
    card.hidden = !tile;
    if (!tile) return;
    const image = this.data.images[tile.image];
    const around = element("img", "around");
    [around.src, around.alt] = [tile.uri, `Neighbourhood of cell ${tile.cell}`];
    const frame = element("div", "picture");
    frame.append(around);
    putScaleBar(frame, tile.bar[0] / tile.zoom, tile.bar[1]);
    const words = element("div", "words");
    words.append(element("strong", "", `Cell ${tile.cell}`), element("span", "", image.name));
    for (const line of tile.words) words.append(element("span", "dim", line));
    card.replaceChildren(frame, words);
    if (this.pinned === key) {
      if (image.uri) card.append(this.slide(image, tile));
      const tools = element("div", "tools");
      for (const [name, text, on] of [["like", "More like this", this.data.can_like], ["slide", "On the slide", true]]) {
        const button = element("button", "", text);
        button.onclick = () => this.trigger(name, key);
        if (on) tools.append(button);
      }
      card.append(tools);
    }
    this.putCard(card, key);
  }

  slide(image, tile) {
    const slide = element("div", "slide");
    slide.style.aspectRatio = `${image.width} / ${image.height}`; // the card's height is known before the picture is
    slide.style.width = `${Math.round((130 * image.width) / image.height)}px`;
    const picture = element("img");
    [picture.src, picture.alt] = [image.uri, `${image.name}, with the place of cell ${tile.cell}`];
    const dot = element("i", "dot");
    dot.style.left = `${(100 * tile.x) / image.width}%`;
    dot.style.top = `${(100 * tile.y) / image.height}%`;
    slide.append(picture, dot);
    return slide;
  }

  putCard(card, key) {
    const box = this.cells.get(key)?.getBoundingClientRect();
    if (!box) return;
    const side = box.right + 250 < window.innerWidth ? box.right + 8 : box.left - 248;
    card.style.left = `${Math.max(8, side)}px`;
    card.style.top = `${Math.max(60, Math.min(box.top, window.innerHeight - card.offsetHeight - 12))}px`;
  }

  tell() {
    const waiting = this.live.filter((op) => !op.stored).length;
    const line = this.host.querySelector(".state");
    line.classList.toggle("bad", Boolean(this.offline || this.problem));
    line.textContent = this.offline
      ? `The server cannot be reached: ${waiting} steps are kept in this browser and sent when it answers.`
      : (this.problem ?? (waiting ? "Saving…" : "All labels are saved."));
    this.host.dataset.waiting = String(waiting);
  }
}
