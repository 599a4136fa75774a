// The image viewer: OpenSeadragon with layers, marks, a scale bar, and what the visitor picks sent back to Python.
// Positions in `data` are pixels of the full image; in OpenSeadragon's world the image is one unit wide.

const LIBRARY = "app/static/openseadragon/openseadragon.min.js";
const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const REACH = 8; // screen pixels between a click and the cell it means
const FORBIDDEN_KEYS = ["r", "R", "f", "F"]; // OpenSeadragon turns and mirrors with these; a measured image stays put

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const host = parentElement.querySelector(".deep-zoom");
  if (!host || !data) return;
  host.style.height = `${data.height}px`;
  host.classList.toggle("picks", data.pick.includes("point"));
  host.wanted = data;
  buildButtons(host);
  host.querySelector('[data-tool="box"]').hidden = !data.pick.includes("box");
  host.send = (mark) => setStateValue("mark", { ...mark, n: Date.now() });
  host.sendEdits = (edits) => setStateValue("edits", edits);
  if (host.zoom) {
    update(host);
  } else if (!host.opening) {
    host.opening = true;
    openLibrary().then(
      (OpenSeadragon) => host.isConnected && open(host, OpenSeadragon),
      () => tell(host, "The viewer could not be loaded; reload the page."),
    );
  }
  return () => {
    host.zoom?.destroy();
    host.zoom = null;
  };
}

// The address of the app, whatever path a proxy serves it under: Streamlit's own script comes from there too.
function appRoot() {
  const script = document.querySelector('script[src*="static/js/"]');
  return script ? script.src.split("static/js/")[0] : new URL("./", document.baseURI).href;
}

function openLibrary() {
  globalThis.cellappZoom ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = appRoot() + LIBRARY;
    script.onload = () => resolve(globalThis.OpenSeadragon);
    script.onerror = reject;
    document.head.append(script);
  });
  return globalThis.cellappZoom;
}

function open(host, OpenSeadragon) {
  const zoom = OpenSeadragon({
    element: host.querySelector(".image"),
    drawer: "canvas",
    showNavigationControl: false,
    animationTime: 0.35,
    imageLoaderLimit: 4,
    maxImageCacheCount: 200,
    visibilityRatio: 0.4,
    minZoomImageRatio: 0.7,
    maxZoomPixelRatio: 24,
    zoomPerScroll: 1.3,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsPen: { clickToZoom: false, dblClickToZoom: true },
  });
  host.zoom = zoom;
  host.layers = new Map();
  zoom.OpenSeadragon = OpenSeadragon;
  zoom.canvas.setAttribute("role", "application");
  for (const event of ["update-viewport", "animation", "resize"]) zoom.addHandler(event, () => drawMarks(host));
  zoom.addHandler("animation-finish", () => keepPlace(host));
  zoom.addHandler("tile-load-failed", () => tell(host, "Some tiles could not be loaded; reload the page."));
  wirePicking(host);
  wireTools(host);
  wireEditing(host);
  update(host);
}

// ---- layers -------------------------------------------------------------------------------------------------------

function update(host) {
  const { zoom, wanted } = host;
  const ids = new Set(wanted.layers.map((layer) => layer.id));
  host.querySelector(".problem").hidden = true;
  zoom.canvas.setAttribute("aria-label", `${wanted.alt}. Arrows move, plus and minus zoom, 0 shows all.`);
  for (const [id, kept] of host.layers) {
    if (ids.has(id)) continue;
    kept.items.forEach((item) => zoom.world.removeItem(item));
    host.layers.delete(id);
  }
  wanted.layers.forEach((layer, at) => showLayer(host, layer, at));
  travel(host);
  updateEditing(host);
  drawMarks(host);
}

function showLayer(host, layer, at) {
  const kept = host.layers.get(layer.id) ?? { items: [] };
  host.layers.set(layer.id, kept);
  kept.at = at;
  kept.opacity = layer.opacity;
  if (kept.source === layer.source && kept.place === String(layer.region)) {
    kept.items.at(-1)?.setOpacity(layer.opacity);
    return;
  }
  kept.source = layer.source;
  kept.place = String(layer.region);
  const { source } = layer;
  const [y, x, , width] = layer.region;
  const full = host.wanted.shape[1];
  host.zoom.addTiledImage({
    tileSource: layer.tiled ? tileSource(host, layer) : { type: "image", url: source, buildPyramid: false },
    x: x / full,
    y: y / full,
    width: width / full,
    opacity: layer.opacity,
    success: ({ item }) => {
      if (kept.source !== source) return host.zoom.world.removeItem(item); // another one was wanted meanwhile
      item.setOpacity(kept.opacity);
      kept.items.push(item);
      order(host);
      travel(host);
      replaceOlder(host, kept, item);
    },
  });
}

// What was there stays until what replaces it is complete, so that moving a slider does not flash.
function replaceOlder(host, kept, item) {
  const settle = () => {
    if (kept.items.at(-1) !== item) return;
    kept.items.splice(0, kept.items.length - 1).forEach((old) => host.zoom.world.removeItem(old));
  };
  if (item.getFullyLoaded()) return settle();
  item.addHandler("fully-loaded-change", ({ fullyLoaded }) => fullyLoaded && settle());
  setTimeout(settle, 4000);
}

function order(host) {
  const sorted = [...host.layers.values()].sort((a, b) => a.at - b.at).flatMap((kept) => kept.items);
  sorted.forEach((item, at) => host.zoom.world.setItemIndex(item, Math.min(at, host.zoom.world.getItemCount() - 1)));
}

function tileSource(host, layer) {
  const [height, width] = host.wanted.shape;
  const maxLevel = layer.n_levels - 1;
  return {
    height,
    width,
    tileSize: layer.tile_px,
    minLevel: 0,
    maxLevel,
    getTileUrl: (level, x, y) =>
      appRoot() +
      layer.source.replace("{level}", maxLevel - level).replace("{x}", x).replace("{y}", y),
  };
}

// ---- where to look ------------------------------------------------------------------------------------------------

// Goes where Python points to, once for each new place; else back to where the visitor was on this image before.
function travel(host) {
  const { zoom, wanted } = host;
  if (!zoom.world.getItemCount()) return;
  const focus = wanted.focus;
  const first = host.focused === undefined;
  if (!first && focus?.key === host.focused) return;
  const before = first ? readPlace(wanted) : null;
  host.focused = focus?.key ?? null;
  if (before && before.focused === host.focused) {
    const [x, y, width, height] = before.bounds;
    zoom.viewport.fitBounds(new zoom.OpenSeadragon.Rect(x, y, width, height), true);
  } else if (focus) {
    zoom.viewport.fitBoundsWithConstraints(rectangleOf(host, focus.region), first);
  } else if (first) {
    zoom.viewport.goHome(true);
  }
}

function rectangleOf(host, [y, x, height, width]) {
  const full = host.wanted.shape[1];
  return new host.zoom.OpenSeadragon.Rect(x / full, y / full, width / full, height / full);
}

function keepPlace(host) {
  if (!host.zoom?.viewport || host.focused === undefined) return;
  const { x, y, width, height } = host.zoom.viewport.getBounds(true);
  const kept = { bounds: [x, y, width, height], focused: host.focused };
  sessionStorage.setItem(`cellapp-${host.wanted.place}`, JSON.stringify(kept));
}

function readPlace(wanted) {
  return JSON.parse(sessionStorage.getItem(`cellapp-${wanted.place}`) ?? "null");
}

// ---- marks over the image -----------------------------------------------------------------------------------------

function drawMarks(host) {
  const { zoom, wanted } = host;
  if (!zoom?.viewport) return;
  const canvas = host.querySelector(".marks");
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [host.clientWidth, host.clientHeight];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const full = wanted.shape[1];
  const origin = zoom.viewport.pixelFromPoint(new zoom.OpenSeadragon.Point(0, 0), true);
  const scale = (zoom.viewport.getContainerSize().x * zoom.viewport.getZoom(true)) / full; // screen per image pixel
  const onScreen = { x: (x) => origin.x + x * scale, y: (y) => origin.y + y * scale };
  drawRegions(host, pen, onScreen);
  drawRings(pen, wanted.marked, onScreen, scale, width, height);
  drawBox(pen, wanted.rectangle, onScreen, scale, [6, 4]);
  drawBox(pen, host.box, onScreen, scale, []);
  drawCircle(pen, wanted.circle_px, scale, width);
  drawEditing(host, pen, onScreen, scale);
  drawScale(host, wanted.um_per_px, scale, width);
}

function drawRings(pen, marked, onScreen, scale, width, height) {
  marked.forEach(([y, x, radius]) => {
    const [cx, cy, r] = [onScreen.x(x), onScreen.y(y), Math.max(radius * scale, 4) + 3];
    if (cx < -r || cy < -r || cx > width + r || cy > height + r) return;
    for (const [colour, line] of [["#000", 4], ["#fff", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = line;
      pen.beginPath();
      pen.arc(cx, cy, r, 0, 2 * Math.PI);
      pen.stroke();
    }
  });
}

function drawBox(pen, box, onScreen, scale, dash) {
  if (!box) return;
  const [y, x, height, width] = box;
  pen.setLineDash(dash);
  for (const [colour, line] of [["rgba(0,0,0,0.6)", 4], ["#fff", 2]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = line;
    pen.strokeRect(onScreen.x(x), onScreen.y(y), width * scale, height * scale);
  }
  pen.setLineDash([]);
}

function drawCircle(pen, diameter, scale, width) {
  const r = ((diameter ?? 0) * scale) / 2;
  if (r < 1 || r > width / 4) return;
  pen.strokeStyle = "#F0E442";
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(12 + r, 12 + r, r, 0, 2 * Math.PI);
  pen.stroke();
}

function drawScale(host, umPerPx, scale, width) {
  const unit = umPerPx || 1;
  const room = (Math.min(width / 5, 160) / scale) * unit;
  const length = NICE.filter((nice) => nice <= room).at(-1) ?? NICE[0];
  const bar = host.querySelector(".scale");
  bar.hidden = false;
  bar.firstElementChild.textContent = `${length.toLocaleString("en")} ${umPerPx ? "µm" : "px"}`;
  bar.lastElementChild.style.width = `${(length / unit) * scale}px`;
}

function tell(host, words) {
  const place = host.querySelector(".problem");
  place.hidden = false;
  place.textContent = words;
}

// ---- picking ------------------------------------------------------------------------------------------------------

function wirePicking(host) {
  const { zoom } = host;
  let start = null;
  const drawsBox = (event) => host.classList.contains("drawing") || (event.originalEvent?.shiftKey && mayDraw());
  const mayDraw = () => host.wanted.pick.includes("box");
  const at = (position) => {
    const point = zoom.viewport.pointFromPixel(position, true);
    return [point.y * host.wanted.shape[1], point.x * host.wanted.shape[1]];
  };
  zoom.addHandler("canvas-press", (event) => {
    start = drawsBox(event) ? at(event.position) : null;
  });
  zoom.addHandler("canvas-drag", (event) => {
    if (!start) return;
    event.preventDefaultAction = true;
    host.box = between(start, at(event.position), host.wanted.shape);
    drawMarks(host);
  });
  zoom.addHandler("canvas-drag-end", (event) => {
    if (!start) return;
    event.preventDefaultAction = true;
    const [y, x, height, width] = between(start, at(event.position), host.wanted.shape);
    stopDrawing(host);
    start = null;
    if (height >= 1 && width >= 1) host.send({ kind: "box", y, x, height, width });
  });
  const point = (y, x) => {
    const reach = (REACH * host.wanted.shape[1]) / (zoom.viewport.getContainerSize().x * zoom.viewport.getZoom(true));
    if (host.wanted.pick.includes("point")) host.send({ kind: "point", y, x, reach });
  };
  zoom.addHandler("canvas-click", (event) => {
    if (event.quick && !host.classList.contains("drawing")) point(...at(event.position).map(Math.floor));
  });
  zoom.addHandler("canvas-key", (event) => {
    const { key } = event.originalEvent;
    if (editsByKey(host, key)) event.preventDefaultAction = true;
    if (FORBIDDEN_KEYS.includes(key)) event.preventDefaultAction = true;
    if (key === "Escape") stopDrawing(host);
    if (key === "Enter") {
      const middle = zoom.viewport.getCenter(true);
      point(Math.floor(middle.y * host.wanted.shape[1]), Math.floor(middle.x * host.wanted.shape[1]));
    }
  });
}

function between(a, b, shape) {
  const [y0, y1] = [a[0], b[0]].map((n) => Math.min(Math.max(Math.round(n), 0), shape[0])).sort((p, q) => p - q);
  const [x0, x1] = [a[1], b[1]].map((n) => Math.min(Math.max(Math.round(n), 0), shape[1])).sort((p, q) => p - q);
  return [y0, x0, y1 - y0, x1 - x0];
}

function stopDrawing(host) {
  host.box = null;
  host.classList.remove("drawing");
  host.querySelector('[data-tool="box"]').setAttribute("aria-pressed", "false");
  drawMarks(host);
}

function wireTools(host) {
  const { zoom } = host;
  const tools = {
    in: () => zoom.viewport.zoomBy(1.6).applyConstraints(),
    out: () => zoom.viewport.zoomBy(1 / 1.6).applyConstraints(),
    all: () => zoom.viewport.goHome(),
    full: () => (document.fullscreenElement ? document.exitFullscreen() : host.requestFullscreen()),
    box: (button) => {
      const on = host.classList.toggle("drawing");
      button.setAttribute("aria-pressed", String(on));
    },
  };
  host.querySelectorAll("[data-tool]").forEach((button) => {
    button.onclick = () => tools[button.dataset.tool](button);
  });
}
