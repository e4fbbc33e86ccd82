/** Variations: eight layouts of the same size, to choose from. */

import { byId, element } from "./dom.js";
import { Newest, fileOf } from "./jobs.js";
import { announce, complain } from "./notices.js";
import { addPanel, button, hint } from "./panels.js";
import { transformOf } from "./pose.js";
import { on, session } from "./session.js";

const COUNT = 8;
const SIDE = 320;
const jobs = new Newest();
/** What the strip shows, as text. */
let shown = "";

export function startVariations() {
  const make = button("Show eight", makeAll, "primary");
  make.id = "vary";
  addPanel(
    "vary",
    hint("The same size can be laid out in several ways. The first is the best one."),
    make,
    element("div", { id: "variations", class: "variations", role: "group", "aria-label": "Variations" }),
  );
  on(["pose", "options", "picture"], check);
}

/** The size and the wishes, apart from which variation is chosen. */
function subject() {
  return JSON.stringify([session.picture?.id, transformOf(session.pose), { ...session.options, variation: 0 }]);
}

function check() {
  const stale = shown !== "" && shown !== subject();
  byId("variations").classList.toggle("stale", stale);
  byId("vary").textContent = stale ? "Show eight of this shape" : "Show eight";
  for (const each of byId("variations").children) {
    each.setAttribute("aria-pressed", String(Number(each.dataset.variation) === session.options.variation));
  }
}

async function makeAll() {
  const make = byId("vary");
  make.disabled = true;
  const wanted = subject();
  try {
    const body = { transform: transformOf(session.pose), options: session.options, count: COUNT, max_side: SIDE };
    const job = await jobs.run("variations", body, (each) => {
      make.textContent = `Laying out … ${Math.round(100 * (each.progress ?? 0))} %`;
    });
    shown = wanted;
    byId("variations").replaceChildren(...job.result.variations.map((each) => choice(job, each)));
    announce(`${job.result.variations.length} variations are there`);
  } catch (error) {
    complain(error);
  } finally {
    make.disabled = false;
    check();
  }
}

function choice(job, { variation, file, error }) {
  if (!file) return hint(`Variation ${variation}: ${error}`);
  const name = variation === 0 ? "The best" : `Variation ${variation}`;
  return element(
    "button",
    { type: "button", class: "variation", "data-variation": variation, onclick: () => choose(variation) },
    element("img", { src: fileOf(job, file), alt: "" }),
    element("span", {}, name),
  );
}

function choose(variation) {
  const before = session.options.variation;
  const set = (value) => () => session.setOptions({ variation: value });
  session.history.add({ what: "another variation", undo: set(before), redo: set(variation) });
  set(variation)();
}
