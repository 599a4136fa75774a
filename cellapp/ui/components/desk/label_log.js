// What was done to labels in this tab: shown at once, kept in the browser until the server has it, so that neither a
// rerun nor a reload nor another page loses any, and sent to the HTTP API in order.

const BATCH = 50; // labels per request
const LEAVE_S = 60; // without a key for so long, the files of the run follow
const ADOPT_MS = 15_000; // keys that another tab left behind for so long are sent by this one

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

// "image id/cell id", as tiles name a cell
const cellOf = (key) => ({ image_id: key.slice(0, key.lastIndexOf("/")), cell_id: Number(key.slice(key.lastIndexOf("/") + 1)) });

class LabelLog {
  // `told` is called when something was sent or could not be, with whether operations were taken off.
  constructor(run, told) {
    this.run = run;
    this.told = told;
    this.tab = read(sessionStorage, "cellapp.tab", null) ?? `${Date.now()}${Math.floor(Math.random() * 1e6)}`;
    write(sessionStorage, "cellapp.tab", this.tab);
    const kept = read(sessionStorage, `cellapp.desk.${this.run}`, {});
    this.done = kept.done ?? []; // operations that undo goes back through
    this.undone = kept.undone ?? [];
    this.live = this.unsent(); // operations that the data do not show yet, in order
    this.touched = new Set(read(localStorage, `cellapp.touched.${this.run}`, [])); // images whose files are old
    if (this.touched.size && !this.live.length) this.writeFiles();
  }

  leave() {
    clearTimeout(this.resting);
    this.flush(true);
    this.writeFiles();
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

  waiting() {
    return this.live.filter((op) => !op.stored);
  }

  keep() {
    const waiting = this.waiting();
    write(localStorage, `cellapp.keys.${this.run}.${this.tab}`, waiting.length ? waiting : null);
    const short = (op) => ({ ...op, version: undefined });
    write(sessionStorage, `cellapp.desk.${this.run}`, {
      done: this.done.slice(-200).map(short),
      undone: this.undone.slice(-200).map(short),
    });
    write(localStorage, `cellapp.touched.${this.run}`, this.touched.size ? [...this.touched] : null);
  }

  // Forget the operations that data of a version show, and return them.
  settled(version, isNew) {
    const seen = this.live.findLastIndex((op) => op.stored && op.version === version);
    if (seen >= 0) return this.live.splice(0, seen + 1);
    const stored = isNew ? this.live.filter((op) => op.stored) : [];
    this.live = this.live.filter((op) => !stored.includes(op));
    return stored;
  }

  // The label that a cell has by what was done here; undefined where nothing was.
  labelOf(key) {
    return this.live.findLast((op) => key in op.after)?.after[key];
  }

  // Do something with labels, which `before` and `after` give by key of the cell.
  act(does, before, after, who) {
    this.undone = [];
    const op = { does, before, after, who };
    this.done.push(op);
    this.record(op);
  }

  record(op) {
    op.n = `${Date.now()}-${Math.random()}`;
    op.time = Date.now();
    this.live.push(op);
    for (const key of Object.keys(op.after)) this.touched.add(cellOf(key).image_id);
    this.keep();
    clearTimeout(this.sending);
    this.sending = setTimeout(() => this.flush(), 120);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.writeFiles(), LEAVE_S * 1000);
  }

  undo(who) {
    const op = this.done.pop();
    if (!op) return null;
    this.undone.push(op);
    this.record({ does: "undo", of: op.n, before: op.after, after: op.before, who });
    return op;
  }

  redo(who) {
    const op = this.undone.pop();
    if (!op) return null;
    this.done.push(op);
    this.record({ does: "redo", of: op.n, before: op.before, after: op.after, who });
    return op;
  }

  async flush(leaving = false) {
    if (this.busy && !leaving) return;
    this.busy = true;
    try {
      while (this.waiting().length) if (!(await this.send(leaving))) break;
    } finally {
      this.busy = false;
    }
    if (!this.left) this.told(this.refused);
    this.refused = false;
  }

  async send(leaving) {
    const [first, ...others] = this.waiting();
    const group = [first];
    if (first.does === "label" && !first.alone) {
      for (const op of others) {
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
    this.refused = true;
    this.keep();
    return true;
  }

  writeFiles() {
    const images = [...this.touched];
    if (!images.length || this.waiting().length) return;
    this.touched.clear();
    this.keep();
    this.post("files", { image_ids: images }, true);
  }
}
