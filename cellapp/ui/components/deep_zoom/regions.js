
// ---- regions ------------------------------------------------------------------------------------------------------
// Areas that limit a run: quiet lines on every page, and picked and drawn with the tools for editing on one.

const KEPT_COLOUR = "#2FBF8F";
const LEFT_OUT_COLOUR = "#F28C38";

function drawRegions(host, pen, onScreen) {
  const drawing = host.wanted.edit?.what === "regions";
  for (const region of host.wanted.regions ?? []) {
    const outline = ringsOn(pen, region.rings, onScreen);
    const colour = region.keep ? KEPT_COLOUR : LEFT_OUT_COLOUR;
    if (!region.keep) hatch(pen, outline, drawing ? 0.5 : 0.25, host);
    pen.setLineDash(region.keep ? [] : [5, 4]);
    pen.globalAlpha = drawing ? 1 : 0.75;
    line(pen, outline, colour, drawing ? 2 : 1.5);
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    if (drawing) nameRegion(pen, region, onScreen);
  }
}

// What is left out is hatched, so that it is told apart without colours.
function hatch(pen, outline, alpha, host) {
  pen.save();
  pen.beginPath();
  outline();
  pen.clip("evenodd");
  pen.beginPath();
  const [width, height] = [host.clientWidth, host.clientHeight];
  for (let x = -height; x < width; x += 12) {
    pen.moveTo(x, height);
    pen.lineTo(x + height, 0);
  }
  pen.globalAlpha = alpha;
  pen.strokeStyle = LEFT_OUT_COLOUR;
  pen.lineWidth = 1;
  pen.stroke();
  pen.restore();
}

function nameRegion(pen, region, onScreen) {
  const [x, y] = region.rings[0].reduce((a, b) => (b[1] < a[1] ? b : a));
  const words = region.keep ? region.name : `${region.name} (left out)`;
  pen.font = "12px sans-serif";
  const [left, top] = [onScreen.x(x) + 4, Math.max(onScreen.y(y) + 6, 52)];
  pen.fillStyle = "rgba(0, 0, 0, 0.6)";
  pen.fillRect(left - 3, top - 2, pen.measureText(words).width + 6, 17);
  pen.fillStyle = "#fff";
  pen.textBaseline = "top";
  pen.fillText(words, left, top);
}

function ringsOn(pen, rings, onScreen) {
  return () =>
    rings.forEach((ring) => {
      ring.forEach(([x, y], at) => pen[at ? "lineTo" : "moveTo"](onScreen.x(x), onScreen.y(y)));
      pen.closePath();
    });
}

// The smallest region at a place, so that one inside another can be picked.
function regionAt(host, [y, x]) {
  const under = host.wanted.regions.filter((region) => region.rings.filter((ring) => holds(ring, x, y)).length % 2);
  return under.sort((a, b) => a.area - b.area)[0];
}

function holds(ring, x, y) {
  let inside = false;
  ring.forEach(([x0, y0], at) => {
    const [x1, y1] = ring[(at + 1) % ring.length];
    if (y0 <= y !== y1 <= y && x0 + ((y - y0) * (x1 - x0)) / (y1 - y0) <= x) inside = !inside;
  });
  return inside;
}

function cornersOf(path) {
  const [[y0, x0], [y1, x1]] = [path[0], path.at(-1)];
  return [[y0, x0], [y0, x1], [y1, x1], [y1, x0]];
}
