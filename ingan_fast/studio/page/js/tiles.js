/** Tiles: outputs whose ends fit, shown repeated. */

import { byId, chosen, element } from "./dom.js";
import { addPanel, choices, group, hint } from "./panels.js";
import { straightened } from "./pose.js";
import { on, session } from "./session.js";
import { putInto, stage } from "./stage.js";
import { view } from "./view.js";

const LARGEST = 640; // pixels of a tile that is drawn nine times

let panel;

export function startTiles() {
  const tile = choices("tile", [["", "Off"], ["x", "Sideways"], ["y", "Up"], ["both", "Both"]], "");
  tile.setAttribute("aria-label", "Repeat");
  tile.onchange = () => choose(chosen(panel, "tile") || null);
  panel = addPanel(
    "tile",
    group("Repeat", tile),
    hint("The output's opposite edges fit together. It is shown with its neighbours; the one in the middle is saved."),
    element("p", { id: "tile-says", class: "hint" }),
  );
  on(["options", "picture"], show);
  stage.addEventListener("drawn", ({ detail }) => draw(detail));
  view.addEventListener("change", arrange);
}

function choose(tile) {
  if (tile && !session.pose.straight) session.changePose(straightened(session.pose), "straight, for tiles");
  const before = session.options.tile;
  const set = (value) => () => session.setOptions({ tile: value });
  session.history.add({ what: "tiles", undo: set(before), redo: set(tile) });
  session.setOptions({ tile });
}

function show() {
  const { tile } = session.options;
  panel.querySelector(`[name="tile"][value="${tile ?? ""}"]`).checked = true;
  byId("tiles").hidden = !tile;
  byId("tile-says").textContent = tile ? "While it moves the edges don't fit yet; they do when the hand rests." : "";
}

const repeats = () => {
  const { tile } = session.options;
  return [tile === "x" || tile === "both" ? 3 : 1, tile === "y" || tile === "both" ? 3 : 1];
};

let box = { x: 0, y: 0, width: 1, height: 1 };

/** Draw the newest frame several times, under the one in the middle. */
function draw({ canvas, frame }) {
  if (!session.options.tile) return;
  const [across, down] = repeats();
  const factor = Math.min(1, LARGEST / Math.max(frame.width, frame.height));
  const [width, height] = [Math.round(frame.width * factor), Math.round(frame.height * factor)];
  const tiles = byId("tiles");
  [tiles.width, tiles.height] = [across * width, down * height];
  const context = tiles.getContext("2d");
  for (let row = 0; row < down; row += 1) {
    for (let column = 0; column < across; column += 1) context.drawImage(canvas, column * width, row * height, width, height);
  }
  box = frame.asked.box;
  arrange();
}

function arrange() {
  if (!session.options.tile) return;
  const [across, down] = repeats();
  putInto(byId("tiles"), {
    x: box.x - ((across - 1) / 2) * box.width,
    y: box.y - ((down - 1) / 2) * box.height,
    width: across * box.width,
    height: down * box.height,
  });
}

