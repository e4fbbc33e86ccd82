/** Compare: a slider between the output and a plain resize, seam carving or a trained network; maps; numbers. */

import { sentence } from "./api.js";
import { byId, chosen, element } from "./dom.js";
import { Newest, fileOf } from "./jobs.js";
import { measure, clearMeasures } from "./measures.js";
import { complain } from "./notices.js";
import { addPanel, button, choices, group, hint } from "./panels.js";
import { boxOf, matrix3d, transformOf } from "./pose.js";
import { on, session } from "./session.js";
import { startSlider } from "./slider.js";
import { putInto, stage } from "./stage.js";
import { onTrained, trainedRun, trainedShown } from "./trained.js";
import { view } from "./view.js";

const LABELS = { resize: "Plain resize", seams: "Seam carving", trained: "Trained network" };
const SIDE = 1280;

const jobs = new Newest();
let panel;
/** The pose, as text, whose seam carving is shown. */
let carvedFor = "";
/** The output, as text, that the measures are of. */
let measuredFor = "";
/** What the maps' colours mean. */
let scales = {};

export function startCompare() {
  const other = choices("other", [["resize", "Plain resize"], ["seams", "Seam carving"], ["trained", "Trained"]], "resize");
  other.setAttribute("aria-label", "Compare with");
  other.onchange = show;
  const map = choices("map", [["", "No map"], ["stretch", "Stretch"], ["strangeness", "Strange"]], "");
  map.setAttribute("aria-label", "Map over the picture");
  map.onchange = showMap;
  const judge = button("Measure this output", runMeasures);
  judge.id = "measure";
  panel = addPanel(
    "compare",
    group("Left of the slider", other, element("p", { id: "compare-says", class: "hint" })),
    group(
      "Measures",
      judge,
      element("div", { id: "measures" }),
      element("div", { id: "map-choice", hidden: true }, map, element("div", { id: "scale", class: "hint" })),
      hint("Four numbers of a small version of the output, and maps of where it is stretched or unlike the picture."),
    ),
  );
  startSlider(byId("divider"), byId("comparison"));
  on(["tool", "picture", "rest"], show);
  on(["pose", "options"], forget);
  on("picture", () => {
    carvedFor = "";
    byId("plain").src = `/api/pictures/${session.picture.id}/view.jpg?max_side=2048`;
  });
  view.addEventListener("change", arrange);
  byId("plain").onload = arrange;
  stage.addEventListener("drawn", arrange);
  onTrained(show);
}

/** What is known of another output counts no more. */
function forget() {
  const text = JSON.stringify([session.picture.id, transformOf(session.pose), session.options]);
  if (text === measuredFor) return;
  measuredFor = text;
  clearMeasures();
  byId("map-choice").hidden = true;
  byId("overlay").hidden = true;
  panel.querySelector('[name="map"][value=""]').checked = true;
  if (session.tool === "compare") arrange();
}

const isShown = () => session.tool === "compare" && Boolean(session.picture?.preview_size);

/** Show what was chosen on the slider's left. */
async function show() {
  byId("comparison").hidden = !isShown();
  panel.querySelector('[value="trained"]').disabled = !trainedRun();
  if (!isShown()) return;
  const other = chosen(panel, "other");
  byId("plain").hidden = other !== "resize";
  byId("carved").hidden = other !== "seams";
  byId("trained").hidden = other !== "trained";
  byId("left-label").textContent = LABELS[other];
  byId("right-label").textContent = session.picture.kind === "photo" ? "Layout" : "Network";
  byId("compare-says").textContent = "";
  arrange();
  if (other === "seams") await showCarved();
  if (other === "trained") trainedShown(byId("trained"));
}

async function showCarved() {
  const transform = transformOf(session.pose);
  const text = JSON.stringify(transform);
  const says = byId("compare-says");
  if (carvedFor === text) return;
  byId("carved").hidden = true;
  says.textContent = "Seam carving takes some seconds …";
  try {
    const job = await jobs.run("comparisons", { transform, max_side: SIDE });
    const stillChosen = chosen(panel, "other") === "seams";
    says.textContent = (stillChosen && job.result.notice && sentence(job.result.notice)) || "";
    if (!job.result.seam_carving) return;
    byId("carved").src = fileOf(job, job.result.seam_carving);
    await byId("carved").decode();
    byId("carved").hidden = !stillChosen;
    carvedFor = text;
  } catch (error) {
    says.textContent = "";
    complain(error);
  }
}

async function runMeasures() {
  const judge = byId("measure");
  judge.disabled = true;
  const found = await measure((text) => (judge.textContent = text));
  judge.disabled = false;
  judge.textContent = "Measure this output";
  byId("map-choice").hidden = !found;
  if (!found) return;
  scales = found.scales;
  panel.querySelector('[value="stretch"]').disabled = !found.stretch;
}

function showMap() {
  const name = chosen(panel, "map");
  const address = byId("measures").dataset[name];
  byId("overlay").hidden = !address;
  if (address) byId("map").src = address;
  byId("scale").textContent = address ? sentence(scales[name].words) : "";
  byId("map").alt = name === "stretch" ? "Where the output is stretched" : "Where the output is unlike the picture";
  arrange();
}

/** Put the comparison and the map over the picture. */
function arrange() {
  if (!isShown()) return;
  const box = boxOf(session.pose);
  putInto(byId("comparison"), box);
  putInto(byId("overlay"), box);
  const plain = byId("plain");
  if (!plain.naturalWidth) return;
  const corners = session.pose.corners.map(([x, y]) => [(x - box.x) * view.scale, (y - box.y) * view.scale]);
  plain.style.transform = matrix3d(plain.naturalWidth, plain.naturalHeight, /** @type {any} */ (corners));
}
