/** The painting tool: keep, remove and erase, on the picture as it was given. */

import { ask } from "./api.js";
import { Brush } from "./brush.js";
import { byId, chosen, element } from "./dom.js";
import { Mask } from "./masks.js";
import { announce, complain, say } from "./notices.js";
import { addPanel, button, checkbox, choices, group, hint, labelled } from "./panels.js";
import { on, session } from "./session.js";
import { stage } from "./stage.js";
import { view } from "./view.js";

/** Blue and orange differ for everybody. */
const COLOURS = { keep: [38, 120, 255], remove: [255, 106, 26] };

/** @type {Record<string, Mask>} */
let masks;
/** @type {Uint8Array | null} what `--keep auto` found, of the preview's size */
let found = null;
let panel;

export function startPaint() {
  masks = Object.fromEntries(["keep", "remove"].map((name) => [name, new Mask(name, byId(name), COLOURS[name])]));
  makePanel();
  new Brush(byId("brush-area"), byId("brush-ring"), {
    size: () => byId("brush-size").valueAsNumber,
    begin: () => begin(chosen(panel, "brush")),
  });
  for (const mask of Object.values(masks)) {
    mask.addEventListener("change", showCounts);
    mask.addEventListener("saved", saved);
  }
  on("picture", openMasks);
  on(["tool", "picture"], showSource);
  on("options", showOptions);
  view.addEventListener("change", arrange);
  new ResizeObserver(arrange).observe(byId("ground"));
  stage.addEventListener("news", ({ detail }) => {
    if (detail.event !== "masks") return;
    for (const mask of Object.values(masks)) mask.heard(detail[mask.name]);
    session.touch();
  });
  stage.addEventListener("drawn", ({ detail }) => showResult(detail.canvas));
}

function makePanel() {
  const modes = choices("brush", [["keep", "Keep"], ["remove", "Remove"], ["erase", "Erase"]], "keep");
  modes.setAttribute("aria-label", "Brush");
  const size = element("input", { type: "range", id: "brush-size", min: 2, max: 120, value: 28 });
  const auto = checkbox("Spare what was found", { id: "keep-auto" });
  const used = checkbox("Remove what is painted so", { id: "use-remove" });
  auto.querySelector("input").onchange = chooseKeep;
  used.querySelector("input").onchange = (event) => session.setOptions({ remove: event.target.checked });
  const clear = (name, label) => {
    const made = button(label, () => erase(name), "plain");
    made.id = `clear-${name}`;
    return made;
  };
  panel = addPanel(
    "paint",
    group("Brush", modes, labelled("Size", size)),
    hint("What is kept stays as it is; what is removed doesn't appear in the output."),
    group("Found by itself", auto, element("p", { id: "found-says", class: "hint" })),
    group("Painted", used, element("div", { class: "row" }, clear("keep", "Clear kept"), clear("remove", "Clear removed"))),
    group("Result", element("canvas", { id: "result", role: "img", "aria-label": "The output so far" })),
  );
}

async function openMasks() {
  const { picture } = session;
  found = null;
  byId("found").width = 0;
  if (!picture.preview_size) return;
  byId("view").src = `/api/pictures/${picture.id}/view.jpg?max_side=2048`;
  try {
    await Promise.all(Object.values(masks).map((mask) => mask.open()));
    chooseKeep();
  } catch (error) {
    complain(error);
  }
}

/** What is found takes a moment; it is asked for when it is looked at. */
async function showFound() {
  const { picture } = session;
  if (found || !picture?.preview_size) return;
  byId("found-says").textContent = "Looking …";
  try {
    const image = await createImageBitmap(await (await ask(`/api/pictures/${picture.id}/found.png`)).blob());
    if (session.picture !== picture) return;
    const canvas = byId("found");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height);
    found = Uint8Array.from({ length: image.width * image.height }, (_, index) => (pixels.data[4 * index] > 127 ? 1 : 0));
    for (let index = 0; index < found.length; index += 1) {
      const striped = (index + Math.floor(index / image.width)) % 10 < 4;
      pixels.data.set([...COLOURS.keep, found[index] ? (striped ? 200 : 50) : 0], 4 * index);
    }
    context.putImageData(pixels, 0, 0);
    const share = found.reduce((sum, each) => sum + each, 0) / found.length;
    byId("found-says").textContent = share
      ? `Single things were found (hatched, ${Math.max(1, Math.round(100 * share))} % of the picture). Erase there to correct it.`
      : "No single things were found in this picture.";
  } catch (error) {
    byId("found-says").textContent = "";
    complain(error);
  }
}

/** Set the option `keep` from the box and from whether anything is painted. */
function chooseKeep() {
  const auto = byId("keep-auto").checked;
  const keep = masks.keep.empty ? (auto ? "auto" : "none") : auto ? "mask+auto" : "mask";
  if (keep !== session.options.keep) session.setOptions({ keep });
}

function showOptions() {
  byId("keep-auto").checked = session.options.keep.includes("auto");
  byId("use-remove").checked = session.options.remove;
  byId("found").hidden = !byId("keep-auto").checked;
}

function showCounts() {
  for (const mask of Object.values(masks)) byId(`clear-${mask.name}`).disabled = mask.empty;
}

/** Begin a stroke; returns what paints a piece of it, and what ends it. @param {"keep" | "remove" | "erase"} mode */
function begin(mode) {
  const before = { keep: masks.keep.painted(), remove: masks.remove.painted(), auto: byId("keep-auto").checked };
  for (const mask of Object.values(masks)) mask.begin();
  if (mode === "erase" && before.auto && found?.some(Boolean)) takeFoundOver();
  return {
    line(from, to, width) {
      for (const mask of Object.values(masks)) {
        const { context } = mask;
        context.globalCompositeOperation = mask.name === mode ? "source-over" : "destination-out";
        Object.assign(context, { lineWidth: width, lineCap: "round", strokeStyle: `rgb(${mask.colour.join(" ")})` });
        context.beginPath();
        context.moveTo(...from);
        context.lineTo(...to);
        context.stroke();
        context.globalCompositeOperation = "source-over";
      }
    },
    end: () => note(before, mode === "erase" ? "a stroke erased" : `a stroke of ${mode}`),
  };
}

/** What was found becomes painted, so that parts of it can be erased. */
function takeFoundOver() {
  const painted = masks.keep.painted();
  masks.keep.show(painted.map((each, index) => each | found[index]));
  byId("keep-auto").checked = false;
  say("What was found is yours now: it is painted as kept, and you can erase parts of it.");
}

/** Store what changed since `before`, and let it be undone. */
function note(before, what) {
  const after = { keep: masks.keep.painted(), remove: masks.remove.painted(), auto: byId("keep-auto").checked };
  const put = (state, other) => () => {
    for (const mask of Object.values(masks)) {
      if (same(state[mask.name], other[mask.name])) continue;
      mask.show(state[mask.name]);
      mask.changed();
    }
    byId("keep-auto").checked = state.auto;
    chooseKeep();
  };
  for (const mask of Object.values(masks)) mask.end(!same(before[mask.name], after[mask.name]));
  chooseKeep();
  session.history.add({ what, undo: put(before, after), redo: put(after, before) });
}

const same = (one, other) => one.every((each, index) => each === other[index]);

function erase(name) {
  const before = { keep: masks.keep.painted(), remove: masks.remove.painted(), auto: byId("keep-auto").checked };
  masks[name].show(new Uint8Array(before[name].length));
  note(before, `all of ${name} cleared`);
  announce(`${name === "keep" ? "What was kept" : "What was removed"} is cleared`);
}

/** The server has a new mask: the layout follows it. */
function saved() {
  chooseKeep();
  session.touch();
}

function showSource() {
  const painting = session.tool === "paint" && Boolean(session.picture?.preview_size);
  byId("source").hidden = !painting;
  if (!painting) return;
  showFound();
  arrange();
}

/** Put the source to the stage's middle. */
function arrange() {
  const size = session.picture?.preview_size;
  if (!size || session.tool !== "paint") return;
  const { width, height } = view.room;
  const scale = Math.min((width - 48) / size[0], (height - 96) / size[1]);
  const [wide, high] = size.map((side) => side * scale);
  Object.assign(byId("source").style, {
    left: `${(width - wide) / 2}px`,
    top: `${(height - high) / 2}px`,
    width: `${wide}px`,
    height: `${high}px`,
  });
}

function showResult(from) {
  if (session.tool !== "paint" || !from.width) return;
  const result = byId("result");
  const factor = Math.min(1, 480 / Math.max(from.width, from.height));
  [result.width, result.height] = [Math.round(from.width * factor) || 1, Math.round(from.height * factor) || 1];
  result.getContext("2d").drawImage(from, 0, 0, result.width, result.height);
}
