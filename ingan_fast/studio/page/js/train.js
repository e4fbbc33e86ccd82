/** Training a network on the open picture: budget, progress, newest preview, stop, go on. */

import { ApiError, ask, getJson, postJson, sentence } from "./api.js";
import { byId, element, inWords } from "./dom.js";
import { announce, complain } from "./notices.js";
import { addPanel, button, hint, labelled } from "./panels.js";
import { on, session } from "./session.js";
import { stage } from "./stage.js";
import { code } from "./take_home.js";
import { setTrained } from "./trained.js";

const BUDGETS = [
  ["preset:smoke", "A quick trial (under a minute, blurred)"],
  ["budget:5m", "5 minutes"],
  ["budget:15m", "15 minutes"],
  ["budget:1h", "1 hour"],
  ["budget:4h", "4 hours"],
  ["budget:10h", "Overnight (10 hours)"],
];
const GOING = ["starting", "running", "stopping"];
const WORDS = { starting: "Starting", running: "Training", stopping: "Stopping", stopped: "Stopped", done: "Done", failed: "Failed" };

let training = null;
/** The iteration of the preview that is shown. */
let shownPreview = null;

export function startTrain() {
  const options = BUDGETS.map(([value, label]) => element("option", { value, selected: value === "budget:15m" }, label));
  const budget = element("select", { id: "budget" }, ...options);
  const named = (id, label, run, style) => Object.assign(button(label, run, style), { id });
  addPanel(
    "train",
    hint("A network trained on this picture alone draws it at any size. Training takes minutes to hours and goes on when this page is closed, as long as the server runs."),
    element("div", { id: "train-install" }),
    element(
      "div",
      { id: "train-begin", class: "group" },
      labelled("Time to train", budget),
      named("train-start", "Train", () => begin(asked(budget.value)), "primary"),
    ),
    element(
      "div",
      { id: "training", class: "group", hidden: true },
      element("strong", { id: "train-state" }),
      element("progress", { id: "train-progress", max: 1, "aria-label": "Progress of the training" }),
      element("span", { id: "train-says", class: "fine" }),
      element("img", { id: "train-preview", class: "preview", alt: "The newest outputs of the network", hidden: true }),
      element(
        "div",
        { class: "chips" },
        named("train-stop", "Stop", stop, "plain"),
        named("train-resume", "Go on", () => begin({ resume: true }), "plain"),
        named("train-compare", "Compare before and after", compare, "plain"),
      ),
      element("ul", { id: "train-notices", class: "hint" }),
    ),
  );
  on("picture", open);
  stage.addEventListener("news", ({ detail }) => detail.event === "training" && show(detail.training));
  stage.addEventListener("connected", () => session.picture.can_train && load());
}

/** @param {string} value such as "budget:15m" */
function asked(value) {
  const [kind, what] = value.split(":");
  return { [kind]: what };
}

async function open() {
  const { can_train: can } = session.picture;
  const { torch, install } = session.server;
  show(null);
  byId("train-begin").hidden = !can || !torch;
  const missing = code("Training needs the extra packages", install.train);
  byId("train-install").replaceChildren(...(torch ? (can ? [] : [hint("This picture can't be trained on.")]) : missing));
}

async function load() {
  if (!session.server.torch || !session.picture.has_training) return;
  const { picture } = session;
  try {
    const found = await getJson(`/api/pictures/${picture.id}/training`);
    if (session.picture === picture) show(found);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) complain(error);
  }
}

async function begin(body) {
  try {
    show(await postJson(`/api/pictures/${session.picture.id}/training`, body));
    announce("The training begins");
  } catch (error) {
    complain(error);
  }
}

async function stop() {
  try {
    show(await (await ask(`/api/pictures/${session.picture.id}/training`, { method: "DELETE" })).json());
  } catch (error) {
    complain(error);
  }
}

function compare() {
  document.querySelector('#panel-compare [value="trained"]').checked = true;
  session.setTool("compare");
}

function show(found) {
  const before = training;
  training = found;
  byId("training").hidden = !found;
  byId("train-start").disabled = Boolean(found) && GOING.includes(found.state);
  if (!found) {
    shownPreview = null;
    byId("train-preview").hidden = true;
    return;
  }
  session.picture.has_training = true;
  const going = GOING.includes(found.state);
  byId("train-state").textContent = WORDS[found.state];
  const bar = byId("train-progress");
  if (found.progress === null) bar.removeAttribute("value");
  else bar.value = found.progress;
  byId("train-says").textContent = told(found);
  byId("train-stop").hidden = !going;
  byId("train-stop").disabled = found.state === "stopping";
  byId("train-resume").hidden = found.state !== "stopped";
  byId("train-compare").hidden = !found.run;
  byId("train-notices").replaceChildren(...found.notices.map((text) => element("li", {}, text)));
  showPreview(found.preview);
  const news = found.run && (before?.run !== found.run || before?.iteration !== found.iteration);
  if (news) setTrained(found.run);
  if (before && before.state !== found.state) announce(`Training: ${WORDS[found.state]}`);
}

function told(found) {
  if (found.error) return sentence(found.error);
  const steps = found.iterations ? `iteration ${found.iteration} of ${found.iterations}` : "";
  const left = found.seconds_left ? `about ${inWords(found.seconds_left)} left` : "";
  return [steps, left].filter(Boolean).join(" · ");
}

function showPreview(iteration) {
  const image = byId("train-preview");
  image.hidden = iteration === null;
  if (iteration === null || iteration === shownPreview) return;
  shownPreview = iteration;
  image.src = `/api/pictures/${session.picture.id}/training/preview.png?iteration=${iteration}`;
}
