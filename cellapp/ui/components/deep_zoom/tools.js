
// ---- buttons ------------------------------------------------------------------------------------------------------
// Each is its name, what it is called, its tooltip and its picture; one that `holds` stays pressed. {} is a gap.

const ZOOM_TOOLS = [
  { name: "in", label: "Zoom in", title: "Zoom in (+)", icon: `<path d="M8 3v10M3 8h10"/>` },
  { name: "out", label: "Zoom out", title: "Zoom out (-)", icon: `<path d="M3 8h10"/>` },
  { name: "all", label: "Show the whole image", title: "Show the whole image (0)", icon: `<path d="M2.5 7 8 2.5 13.5 7M4 6v7h8V6"/>` },
  { name: "full", label: "Full screen", title: "Full screen", icon: `<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"/>` },
  { name: "box", label: "Draw a rectangle", title: "Draw a rectangle (or hold Shift and drag)", icon: `<path stroke-dasharray="2.6 2.2" d="M2.5 3.5h11v9h-11z"/>`, holds: true },
]; // prettier-ignore
const CELL_TOOLS = [
  { name: "select", label: "Pick cells", title: "Pick cells: click, with Shift several (V)", icon: `<path d="M4 2.5v10l2.6-2.4 1.7 3.6 1.8-.8-1.7-3.6 3.6-.3z"/>`, holds: true },
  { name: "several", label: "Pick several", title: "Pick several: each click adds a cell (A)", icon: `<path d="M2.5 2.5h6v6h-6zM7.5 7.5h6v6h-6z"/>`, holds: true },
  {},
  { name: "draw", label: "Draw a cell", title: "Draw a cell: drag around it, or click its corners (D)", icon: `<path d="M8 2.5c4 0 5.5 2.3 5.5 4.5S11 11.5 7.5 11.5 2.5 9.6 2.5 7 4.5 2.5 8 2.5zM5 11.5l-1.5 2.5"/>`, holds: true },
  { name: "brush", label: "Brush", title: "Brush: paint a cell or extend one (B), size [ and ]", icon: `<path d="M13.5 2.5 7.5 8.5M6.7 8.3c-2.2.2-2.4 1.7-2.7 3.2-.2.9-.8 1.5-1.5 1.8 2.3.6 5.7.2 6.2-3z"/>`, holds: true },
  { name: "erase", label: "Erase", title: "Erase: paint over what is no cell (E), size [ and ]", icon: `<path d="M6.5 13.5h7M3 10l6.5-6.5 4 4-6 6h-2z M6.2 6.8l4 4"/>`, holds: true },
  { name: "split", label: "Split a cell", title: "Split a cell: a line from one side to the other (S)", icon: `<circle cx="8" cy="8" r="5.5"/><path stroke-dasharray="2 1.6" d="M12.5 1.5l-9 13"/>`, holds: true },
  {},
  { name: "merge", label: "Merge the picked cells", title: "Merge the picked cells into the first (M)", icon: `<path d="M6 3.5a4.5 4.5 0 1 0 0 9M10 3.5a4.5 4.5 0 1 1 0 9M5.5 8h5"/>` },
  { name: "grow", label: "Grow the picked cells", title: "Grow the picked cells by a pixel (G)", icon: `<circle cx="8" cy="8" r="2.7"/><path d="M8 1.2v2.3M8 12.5v2.3M1.2 8h2.3M12.5 8h2.3"/>` },
  { name: "shrink", label: "Shrink the picked cells", title: "Shrink the picked cells by a pixel (H)", icon: `<circle cx="8" cy="8" r="5.6"/><path d="M5.5 8h5"/>` },
  { name: "delete", label: "Delete the picked cells", title: "Delete the picked cells (X or Delete)", icon: `<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9"/>` },
  {},
  { name: "undo", label: "Undo", title: "Undo your last edit (Z)", icon: `<path d="M5.5 3 2.5 6l3 3M2.8 6H9a4 3.7 0 0 1 0 7.4H5.5"/>` },
  { name: "redo", label: "Redo", title: "Redo (Shift and Z)", icon: `<path d="M10.5 3l3 3-3 3M13.2 6H7a4 3.7 0 0 0 0 7.4h3.5"/>` },
]; // prettier-ignore
const REGION_TOOLS = [
  { name: "select", label: "Pick a region", title: "Pick a region: click in it (V)", icon: `<path d="M4 2.5v10l2.6-2.4 1.7 3.6 1.8-.8-1.7-3.6 3.6-.3z"/>`, holds: true },
  {},
  { name: "draw", label: "Draw a region", title: "Draw a region: drag around it, or click its corners (D)", icon: `<path d="M8 2.5c4 0 5.5 2.3 5.5 4.5S11 11.5 7.5 11.5 2.5 9.6 2.5 7 4.5 2.5 8 2.5zM5 11.5l-1.5 2.5"/>`, holds: true },
  { name: "box", label: "Draw a rectangle", title: "Draw a rectangle: drag from corner to corner (R)", icon: `<path d="M2.5 3.5h11v9h-11z"/>`, holds: true },
  { name: "redraw", label: "Draw the picked region anew", title: "Draw the picked region anew: drag around it (N)", icon: `<path d="M13 8a5 5 0 1 1-1.6-3.7M13.5 2v3h-3"/>`, holds: true },
  {},
  { name: "delete", label: "Delete the picked region", title: "Delete the picked region (X or Delete)", icon: `<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9"/>` },
]; // prettier-ignore

function buildButtons(host) {
  const { edit } = host.wanted;
  fillToolbar(host, ".tools", "tool", "image", ZOOM_TOOLS);
  if (edit) fillToolbar(host, ".edit-tools", "edit", edit.what, edit.what === "regions" ? REGION_TOOLS : CELL_TOOLS);
}

function fillToolbar(host, place, kind, what, tools) {
  const bar = host.querySelector(place);
  if (bar.dataset.what === what) return;
  bar.dataset.what = what;
  bar.setAttribute("aria-label", { image: "Image", cells: "Edit cells", regions: "Draw regions" }[what]);
  bar.querySelectorAll("button, i").forEach((old) => old.remove());
  bar.prepend(...tools.map((tool) => button(kind, tool)));
}

function button(kind, tool) {
  const made = document.createElement(tool.name ? "button" : "i");
  if (!tool.name) return made;
  made.type = "button";
  made.dataset[kind] = tool.name;
  made.title = tool.title;
  made.setAttribute("aria-label", tool.label);
  if (tool.holds) made.setAttribute("aria-pressed", "false");
  made.innerHTML = `<svg viewBox="0 0 16 16">${tool.icon}</svg>`;
  return made;
}
