// How the desk looks: classes with their counts, tiles, the card of a cell, and the line that says what is saved.

const MARKS = { hand: "✎", column: "▦", table: "⇪", cluster: "◌" };
const SOURCES = {
  hand: "by hand",
  column: "from a column of the image table",
  table: "from an imported table",
  cluster: "from a named cluster",
};

class DeskView {
  constructor(host, desk) {
    this.host = host;
    this.desk = desk;
    this.cells = new Map(); // key -> element
    this.pinned = null; // key of the cell whose card stays
  }

  columns() {
    return Math.max(1, getComputedStyle(this.host.querySelector(".cells")).gridTemplateColumns.split(" ").length);
  }

  scrollTo(key) {
    this.cells.get(key)?.scrollIntoView({ block: "nearest" });
  }

  draw() {
    this.bar();
    this.grid();
    this.tell();
  }

  bar() {
    const { classes, images } = this.desk.counts();
    const bar = this.host.querySelector(".classes");
    bar.replaceChildren(
      ...this.desk.data.classes.map((one, k) => {
        const chip = element("button", "class");
        chip.style.setProperty("--colour", one.colour);
        chip.title = k < 9 ? `Label ${one.name}: key ${k + 1}` : `Label ${one.name}: click`;
        if (k < 9) chip.append(element("kbd", "", String(k + 1)));
        chip.append(element("span", "swatch", one.letter), element("span", "name", one.name));
        chip.append(element("span", "count", (classes[one.name] ?? 0).toLocaleString("en")));
        if (one.positive) chip.append(element("span", "positive", "positive"));
        chip.onclick = () => this.desk.label(one.name);
        return chip;
      }),
    );
    const names = this.desk.data.images;
    const of = (id) => `${names[id].name}: ${(images[id] ?? 0).toLocaleString("en")} of ${names[id].n.toLocaleString("en")}`;
    const n = Object.keys(names).reduce((sum, id) => sum + (images[id] ?? 0), 0);
    const total = Object.values(names).reduce((sum, one) => sum + one.n, 0);
    this.host.querySelector(".total").textContent = `${n.toLocaleString("en")} of ${total.toLocaleString("en")} ${total === 1 ? "cell" : "cells"}`;
    this.host.querySelector(".images").replaceChildren(...Object.keys(names).map((id) => element("li", "", of(id))));
    this.tool("undo", () => this.desk.back("undo"), !this.desk.log.done.length);
    this.tool("redo", () => this.desk.back("redo"), !this.desk.log.undone.length);
    this.name();
  }

  tool(name, act, disabled) {
    const button = this.host.querySelector(`[data-tool="${name}"]`);
    button.onclick = act;
    button.disabled = disabled;
  }

  name() {
    const field = this.host.querySelector(".who input");
    this.host.querySelector(".who").classList.toggle("unasked", !this.desk.asked);
    if (this.host.getRootNode().activeElement !== field) field.value = this.desk.who;
    field.onchange = () => this.desk.named(field.value.trim().slice(0, 200));
    field.onkeydown = (event) => event.key === "Enter" && field.blur();
  }

  grid() {
    const grid = this.host.querySelector(".cells");
    grid.style.setProperty("--tile", `${this.desk.data.tile_px}px`);
    const wanted = this.desk.placed.map((key, k) => this.cell(key, k));
    const same = wanted.length === grid.children.length && wanted.every((one, k) => grid.children[k] === one);
    if (!same) grid.replaceChildren(...wanted);
    for (const key of [...this.cells.keys()]) if (!this.desk.tiles.has(key)) this.cells.delete(key);
    this.host.querySelector(".none").textContent = wanted.length ? "" : this.desk.data.none;
    if (this.pinned && !this.desk.placed.includes(this.pinned)) this.desk.unpin();
  }

  cell(key, k) {
    const tile = this.desk.tiles.get(key);
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
    made.onclick = (event) => this.desk.click(k, key, event.shiftKey);
    const image = made.querySelector("img");
    if (image.getAttribute("src") !== tile.uri) image.src = tile.uri;
    image.style.transform = `scale(${tile.zoom})`;
    putScaleBar(made.querySelector(".frame"), ...tile.bar);
    image.draggable = false;
    const name = this.desk.labelOf(key);
    const own = this.desk.log.labelOf(key) !== undefined;
    const known = this.desk.data.classes.find((one) => one.name === name);
    const source = own ? "hand" : tile.source;
    image.alt = `Cell ${tile.cell} of ${this.desk.data.images[tile.image]?.name ?? ""}${name ? `: ${name}` : ""}`;
    made.setAttribute("aria-label", image.alt);
    made.style.setProperty("--colour", known?.colour ?? "var(--st-border-color)");
    made.classList.toggle("labelled", Boolean(name));
    made.classList.toggle("here", k === this.desk.at);
    made.classList.toggle("marked", this.desk.marked.has(key));
    made.setAttribute("aria-pressed", String(this.desk.marked.has(key) || k === this.desk.at));
    const given = made.querySelector(".given");
    given.replaceChildren();
    if (name) {
      given.append(element("b", "swatch", known?.letter ?? "?"), element("span", "name", name));
      if (tile.disputed) given.append(element("span", "mark", "≠"));
      given.append(element("span", "mark", MARKS[source] ?? ""));
      given.title = SOURCES[source] ?? "";
    } else given.append(element("span", "name dim", this.desk.skipped.has(key) ? "skipped" : (tile.note ?? "")));
    return made;
  }

  pin(key) {
    this.pinned = key;
    this.card(key);
  }

  unpin() {
    this.pinned = null;
    this.card(null);
  }

  // The neighbourhood of a cell, its place on the slide, and what was said of it.
  card(key) {
    const card = this.host.querySelector(".card");
    const tile = key && this.desk.tiles.get(key);
    card.hidden = !tile;
    if (!tile) return;
    const image = this.desk.data.images[tile.image];
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
      card.append(this.slide(image, tile));
      const tools = element("div", "tools");
      for (const [name, text, on] of [["like", "More like this", this.desk.data.can_like], ["slide", "On the slide", true]]) {
        const button = element("button", "", text);
        button.onclick = () => this.desk.trigger(name, key);
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
    const { log } = this.desk;
    const waiting = log.waiting().length;
    const line = this.host.querySelector(".state");
    line.classList.toggle("bad", Boolean(log.offline || log.problem));
    line.textContent = log.offline
      ? `The server cannot be reached: ${waiting} steps are kept in this browser and sent when it answers.`
      : (log.problem ?? (waiting ? "Saving…" : "All labels are saved."));
    this.host.dataset.waiting = String(waiting);
  }
}
