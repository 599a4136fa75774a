
// ---- editing cells ------------------------------------------------------------------------------------------------
// A hand draws or picks, the edit goes to Python as a few numbers, and what it answers is told and drawn. Edits wait here
// until they are answered, so that none is lost when two follow quickly; Python does each `n` once.

const NEEDED = { draw: 3, redraw: 3, box: 2, split: 2, brush: 1, erase: 1 }; // points of what is drawn
const ENDS_AT = { brush: 1, erase: 1, split: 2, box: 2 }; // clicks after which a tool is done
const CELLS_NEEDED = { delete: 1, merge: 2, grow: 1, shrink: 1 };
const KEPT = ["grow", "shrink", "merge"]; // after these the cells stay picked
const EDIT_KEYS = {
  v: "select", a: "several", d: "draw", b: "brush", e: "erase", s: "split",
  m: "merge", g: "grow", h: "shrink", x: "delete", Delete: "delete", z: "undo", Z: "redo", r: "box", n: "redraw",
}; // prettier-ignore
const HINTS = {
  select: "Click a cell to pick it, with Shift several.",
  draw: "Drag around a cell, or click corner by corner and end at the first one.",
  brush: "Paint a new cell, or begin on a cell to extend it.",
  erase: "Paint over what is no cell.",
  split: "Drag or click a line from one side of a cell to the other.",
};
const REGION_HINTS = {
  select: "Click in a region to pick it.",
  draw: "Drag around an area, or click corner by corner and end at the first one.",
  box: "Drag from one corner of the area to the other.",
  redraw: "Drag around the area that the picked region is to have.",
};
const CLOSE_PX = 9; // screen pixels between the end of an outline and its first corner
const STEP_PX = 2; // screen pixels between two points of a stroke

function updateEditing(host) {
  const { edit } = host.wanted;
  host.querySelector(".edit-tools").hidden = !edit;
  host.querySelector(".said").hidden = !edit;
  host.classList.toggle("edits", Boolean(edit));
  if (!edit) return;
  if (!host.editing) {
    const answered = edit.answers.map((answer) => answer.n); // those of before this viewer was opened
    host.editing = { tool: "select", several: false, radius: 6, path: [], picked: new Map(), waiting: [], answered };
    useTool(host, edit.what === "regions" ? "draw" : "select");
  }
  edit.answers.forEach((answer) => hear(host, answer));
}

function hear(host, answer) {
  const { editing } = host;
  if (editing.answered.includes(answer.n)) return;
  editing.answered.push(answer.n);
  const asked = editing.waiting.find((one) => one.n === answer.n);
  editing.waiting = editing.waiting.filter((one) => one.n !== answer.n);
  say(host, answer.error ?? answer.sentence, Boolean(answer.error));
  if (answer.error || !asked) return;
  pickOnly(host, KEPT.includes(asked.kind) ? answer.changed : []);
}

function say(host, words, wrong = false) {
  const place = host.querySelector(".said");
  place.textContent = words;
  place.classList.toggle("wrong", wrong);
}

function sendEdit(host, kind, more) {
  const { editing, wanted } = host;
  const n = Math.max(Date.now(), (editing.last ?? 0) + 1);
  editing.last = n;
  editing.waiting.push({ n, kind, seen: wanted.edit.number, ...more });
  say(host, "…");
  host.sendEdits([...editing.waiting]);
  drawMarks(host);
}

// ---- picking cells ------------------------------------------------------------------------------------------------

function hintsOf(host) {
  return host.wanted.edit.what === "regions" ? REGION_HINTS : HINTS;
}

async function outlinesAt(host, [y, x]) {
  if (host.wanted.edit.what === "regions") return [regionAt(host, [y, x])];
  return outlinesOf(host, `y=${Math.floor(y)}&x=${Math.floor(x)}`);
}

async function outlinesOfAll(host, ids) {
  if (host.wanted.edit.what === "regions") return host.wanted.regions.filter((region) => ids.includes(region.id));
  return ids.length ? outlinesOf(host, ids.slice(0, 200).map((id) => `cell=${id}`).join("&")) : [];
}

async function outlinesOf(host, query) {
  const answer = await fetch(`${appRoot()}${host.wanted.edit.outlines}&${query}`);
  return answer.ok ? (await answer.json()).cells : [];
}

async function pickAt(host, at, more) {
  const { editing } = host;
  const [cell] = await outlinesAt(host, at);
  if (!more && !editing.several) editing.picked.clear();
  if (cell && !editing.picked.delete(cell.id)) editing.picked.set(cell.id, cell.rings);
  tellPicked(host);
}

async function pickOnly(host, ids) {
  const { editing } = host;
  const cells = await outlinesOfAll(host, ids);
  editing.picked = new Map(cells.map((cell) => [cell.id, cell.rings]));
  host.dataset.picked = [...editing.picked.keys()].join(" ");
  drawMarks(host);
}

function tellPicked(host) {
  const ids = [...host.editing.picked.keys()];
  host.dataset.picked = ids.join(" ");
  say(host, ids.length ? `${namesOf(host, ids)} picked.` : hintsOf(host).select);
  drawMarks(host);
}

function namesOf(host, ids) {
  if (host.wanted.edit.what === "regions") {
    const named = host.wanted.regions.filter((region) => ids.includes(region.id)).map((region) => region.name);
    return named.length > 4 ? `${named.length} regions` : named.join(", ");
  }
  return ids.length > 4 ? `${ids.length} cells` : `Cell${ids.length > 1 ? "s" : ""} ${ids.join(", ")}`;
}

// ---- tools --------------------------------------------------------------------------------------------------------

function useTool(host, tool) {
  const { editing } = host;
  editing.path = [];
  if (tool === "several") editing.several = !editing.several;
  else if (tool === "redraw" && editing.picked.size !== 1) say(host, "Pick one region first.", true);
  else if (tool in hintsOf(host)) {
    editing.tool = tool;
    say(host, hintsOf(host)[tool]);
  } else act(host, tool);
  host.dataset.tool = editing.tool;
  host.querySelectorAll("[data-edit][aria-pressed]").forEach((button) => {
    const name = button.dataset.edit;
    button.setAttribute("aria-pressed", String(name === "several" ? editing.several : name === editing.tool));
  });
  host.querySelector(".brush-size").hidden = !["brush", "erase"].includes(editing.tool);
  drawMarks(host);
}

function act(host, kind) {
  const cells = [...host.editing.picked.keys()];
  const needed = CELLS_NEEDED[kind] ?? 0;
  if (cells.length < needed) {
    const what = host.wanted.edit.what === "regions" ? "region" : "cell";
    return say(host, needed > 1 ? "Pick two or more cells first: click, then Shift and click." : `Pick a ${what} first.`, true);
  }
  sendEdit(host, kind, needed ? { cells } : {});
}

function setRadius(host, radius) {
  host.editing.radius = Math.min(Math.max(radius, 1), 100);
  host.querySelector(".brush-size input").value = host.editing.radius;
  host.querySelector(".brush-size output").textContent = `${Math.round(2 * host.editing.radius)} px`;
  drawMarks(host);
}

function editsByKey(host, key) {
  if (!host.wanted.edit) return false;
  return toolOfKey(host, key) || ["w", "[", "]", "Enter", "Escape", "Backspace"].includes(key);
}

function toolOfKey(host, key) {
  const tool = EDIT_KEYS[key];
  return tool && host.querySelector(`[data-edit="${tool}"]`) ? tool : null;
}

function onEditKey(host, event) {
  const { editing } = host;
  if (!host.wanted.edit || !editing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches?.("input")) return;
  const onButton = event.target.closest?.("button");
  if (event.key === "[" || event.key === "]") setRadius(host, editing.radius * (event.key === "]" ? 1.25 : 0.8));
  else if (event.key === "Escape") editing.path.length ? dropPath(host) : pickOnly(host, []);
  else if (event.key === "Enter" && !onButton) enterPoint(host, event.shiftKey);
  else if (toolOfKey(host, event.key)) useTool(host, toolOfKey(host, event.key));
  else return;
  event.preventDefault();
}

// With the keyboard the cross in the middle is the pointer: arrows move the image, Enter sets a point, Shift and Enter ends.
function enterPoint(host, ends) {
  const middle = host.zoom.viewport.getCenter(true);
  const at = [middle.y * host.wanted.shape[1], middle.x * host.wanted.shape[1]];
  const { tool, path } = host.editing;
  if (tool === "select") return pickAt(host, at, ends);
  if (ends && path.length) return finish(host);
  path.push(at);
  if (path.length >= ENDS_AT[tool]) finish(host);
  drawMarks(host);
}

function dropPath(host) {
  host.editing.path = [];
  drawMarks(host);
}

function finish(host) {
  const { tool, path, radius } = host.editing;
  host.editing.path = [];
  if (path.length < NEEDED[tool]) return drawMarks(host);
  const points = (tool === "box" ? cornersOf(path) : path).map((point) => point.map((value) => Math.round(100 * value) / 100));
  const more = tool === "redraw" ? { cells: [...host.editing.picked.keys()] } : {};
  if (["brush", "erase"].includes(tool)) more.radius_px = radius;
  sendEdit(host, tool === "box" ? "draw" : tool, { points, ...more });
}

// ---- the pointer --------------------------------------------------------------------------------------------------

function wireEditing(host) {
  const { zoom } = host;
  const toImage = (position) => {
    const point = zoom.viewport.pointFromPixel(position, true);
    return [point.y * host.wanted.shape[1], point.x * host.wanted.shape[1]];
  };
  const draws = () => host.wanted.edit && host.editing.tool in NEEDED;
  let last = null; // where the stroke was on the screen; null while nothing is dragged
  let drawn = false; // a stroke that hardly moved ends as a click, too
  zoom.addHandler("canvas-press", () => (drawn = false));
  zoom.addHandler("canvas-drag", (event) => {
    if (!draws()) return;
    event.preventDefaultAction = true;
    const far = !last || last.distanceTo(event.position) >= STEP_PX;
    if (!last) host.editing.path = [toImage(event.position.minus(event.delta))];
    if (far && host.editing.tool === "box") host.editing.path.length = 1;
    if (far) host.editing.path.push(toImage(event.position));
    last = far ? event.position : last;
    drawMarks(host);
  });
  zoom.addHandler("canvas-drag-end", (event) => {
    if (!draws() || !last) return;
    event.preventDefaultAction = true;
    last = null;
    drawn = host.editing.path.length >= NEEDED[host.editing.tool];
    if (drawn) finish(host);
  });
  zoom.addHandler("canvas-pinch", () => {
    last = null; // two fingers move the image
    if (draws()) dropPath(host);
  });
  zoom.addHandler("canvas-click", (event) => {
    if (!host.wanted.edit || !event.quick || drawn) return;
    const at = toImage(event.position);
    if (!draws()) return pickAt(host, at, event.originalEvent.shiftKey);
    clickPoint(host, at, event.position);
  });
  zoom.addHandler("canvas-double-click", (event) => {
    if (host.wanted.edit) event.preventDefaultAction = true;
  });
  wireEditBar(host);
}

function clickPoint(host, at, position) {
  const { tool, path } = host.editing;
  const full = host.wanted.shape[1];
  if (["draw", "redraw"].includes(tool) && path.length >= NEEDED.draw) {
    const { Point } = host.zoom.OpenSeadragon;
    const first = host.zoom.viewport.pixelFromPoint(new Point(path[0][1] / full, path[0][0] / full), true);
    if (first.distanceTo(position) <= CLOSE_PX) return finish(host);
  }
  path.push(at);
  if (path.length >= ENDS_AT[tool]) finish(host);
  drawMarks(host);
}

function wireEditBar(host) {
  host.querySelector(".edit-tools").addEventListener("click", (event) => {
    const button = event.target.closest("[data-edit]");
    if (button && host.editing) useTool(host, button.dataset.edit);
  });
  host.querySelector(".brush-size input").oninput = (event) => setRadius(host, Number(event.target.value));
  host.addEventListener("keydown", (event) => onEditKey(host, event));
  host.querySelector(".image").addEventListener("pointermove", (event) => {
    if (!host.editing || !["brush", "erase"].includes(host.editing.tool)) return;
    const frame = host.getBoundingClientRect();
    host.editing.pointer = [event.clientX - frame.left, event.clientY - frame.top];
    drawMarks(host);
  });
}

// ---- what is drawn over the image ---------------------------------------------------------------------------------

function drawEditing(host, pen, onScreen, scale) {
  const { editing, wanted } = host;
  if (!wanted.edit || !editing) return;
  for (const rings of editing.picked.values()) drawPicked(pen, rings, onScreen);
  for (const one of editing.waiting) drawPath(pen, one.kind, one.points ?? [], one.radius_px, onScreen, scale, true);
  const path = editing.tool === "box" && editing.path.length ? cornersOf(editing.path) : editing.path;
  drawPath(pen, editing.tool, path, editing.radius, onScreen, scale, false);
  if (editing.pointer && ["brush", "erase"].includes(editing.tool)) {
    line(pen, () => pen.arc(...editing.pointer, Math.max(editing.radius * scale, 1), 0, 2 * Math.PI));
  }
}

function drawPicked(pen, rings, onScreen) {
  const outline = ringsOn(pen, rings, onScreen);
  pen.beginPath();
  outline();
  pen.fillStyle = "rgba(240, 228, 66, 0.25)";
  pen.fill("evenodd");
  line(pen, outline, "#F0E442");
}

function drawPath(pen, kind, points, radius, onScreen, scale, waits) {
  if (!points.length) return;
  const along = () => points.forEach(([y, x], at) => pen[at ? "lineTo" : "moveTo"](onScreen.x(x), onScreen.y(y)));
  pen.globalAlpha = waits ? 0.6 : 1;
  if (["brush", "erase"].includes(kind)) {
    pen.beginPath();
    along();
    pen.lineTo(onScreen.x(points.at(-1)[1]) + 0.01, onScreen.y(points.at(-1)[0]));
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = Math.max(2 * radius * scale, 1);
    pen.strokeStyle = kind === "brush" ? "rgba(240, 228, 66, 0.45)" : "rgba(255, 255, 255, 0.4)";
    pen.stroke();
  } else {
    pen.setLineDash(kind === "split" ? [6, 4] : []);
    line(pen, kind === "box" || (waits && kind !== "split") ? () => (along(), pen.closePath()) : along);
    pen.setLineDash([]);
    line(pen, () => pen.arc(onScreen.x(points[0][1]), onScreen.y(points[0][0]), 4, 0, 2 * Math.PI));
  }
  pen.globalAlpha = 1;
}

// Light on dark, so that it is seen on any image.
function line(pen, along, colour = "#fff", wide = 2) {
  for (const [stroke, width] of [["rgba(0, 0, 0, 0.6)", wide + 2], [colour, wide]]) {
    pen.strokeStyle = stroke;
    pen.lineWidth = width;
    pen.beginPath();
    along();
    pen.stroke();
  }
}
