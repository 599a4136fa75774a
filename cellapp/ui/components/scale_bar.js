// A scale bar on a picture: its share of the width and its length in words; nothing where the scale is not known.
function putScaleBar(frame, share, text) {
  frame.querySelector(".scale")?.remove();
  if (!share) return;
  const bar = document.createElement("span");
  bar.className = "scale";
  bar.style.width = `${100 * share}%`;
  bar.textContent = text;
  frame.append(bar);
}

