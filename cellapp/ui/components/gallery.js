// A grid of pictures. Ticking: click or press space for one, shift-click for all up to it. Picking: one at a time.
// Acting: each picture has a button of its own below it.
export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component
  const grid = parentElement.querySelector(".gallery")
  if (!grid) return
  const tiles = data?.tiles ?? []
  const ticked = new Set(data?.ticked ?? [])
  grid.style.setProperty("--tile", `${data?.tile_px ?? 104}px`)
  grid.replaceChildren(...tiles.map((tile, at) => (data?.acts ? withAction(tile) : button(tile, at))))

  function button(tile, at) {
    const element = drawn(document.createElement("button"), tile)
    element.type = "button"
    element.setAttribute("aria-pressed", String(ticked.has(tile.key)))
    element.onclick = (event) => (data?.one ? pick(at) : tick(at, event.shiftKey))
    return element
  }

  function withAction(tile) {
    const element = drawn(document.createElement("div"), tile)
    const action = document.createElement("button")
    action.type = "button"
    action.className = "action"
    action.textContent = tile.action
    action.title = tile.action
    action.setAttribute("aria-label", `${tile.action}: ${tile.note}`)
    action.disabled = !tile.action
    action.onclick = () => setTriggerValue("acted", tile.key)
    element.append(action)
    return element
  }

  function drawn(element, tile) {
    element.className = "tile"
    element.title = tile.note
    element.style.setProperty("--colour", tile.colour)
    const picture = document.createElement("img")
    picture.src = tile.uri
    picture.alt = tile.note
    picture.draggable = false
    const frame = document.createElement("span")
    frame.className = "picture"
    frame.append(picture)
    putScaleBar(frame, ...(tile.bar ?? []))
    const letter = document.createElement("span")
    letter.className = "letter"
    letter.textContent = tile.letter
    const caption = document.createElement("span")
    caption.className = "caption"
    caption.textContent = tile.caption
    element.append(frame, letter, caption)
    return element
  }

  function pick(at) {
    if (!ticked.has(tiles[at].key)) setTriggerValue("picked", tiles[at].key)
  }

  function tick(at, upTo) {
    const last = grid.dataset.last === undefined ? at : Number(grid.dataset.last)
    const on = !ticked.has(tiles[at].key)
    const [from, to] = upTo ? [Math.min(last, at), Math.max(last, at)] : [at, at]
    for (let k = from; k <= to; k++) on ? ticked.add(tiles[k].key) : ticked.delete(tiles[k].key)
    grid.dataset.last = String(at)
    for (const [k, element] of [...grid.children].entries()) {
      element.setAttribute("aria-pressed", String(ticked.has(tiles[k].key)))
    }
    setStateValue("ticked", tiles.map((tile) => tile.key).filter((key) => ticked.has(key)))
  }
}
