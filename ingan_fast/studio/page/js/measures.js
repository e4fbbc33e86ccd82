/** The judge's four numbers of an output, beside those of other methods, and what they mean. */

import { byId, element } from "./dom.js";
import { Newest, fileOf } from "./jobs.js";
import { announce, complain } from "./notices.js";
import { transformOf } from "./pose.js";
import { session } from "./session.js";

const NAMES = { coherence: "Strangeness", completeness: "Missing", swd: "Mixture", kept_size: "Kept size" };
const jobs = new Newest();

/**
 * Measure the output as it is.
 * @param {(text: string) => void} progress
 * @returns {Promise<any>} the result; null if there is none
 */
export async function measure(progress) {
  const body = { transform: transformOf(session.pose), options: session.options };
  progress("Measuring …");
  try {
    const job = await jobs.run("measures", body, (each) => {
      if (each.progress) progress(`Measuring … ${Math.round(100 * each.progress)} %`);
    });
    show(job);
    announce("The numbers are there");
    return job.result;
  } catch (error) {
    complain(error);
    return null;
  }
}

export function clearMeasures() {
  jobs.cancel();
  byId("measures").replaceChildren();
}

function show(job) {
  const { result } = job;
  const place = byId("measures");
  for (const name of ["stretch", "strangeness"]) place.dataset[name] = result[name] ? fileOf(job, result[name]) : "";
  const heads = ["", "Output", "Resize", "Carving"].map((text) => element("th", { scope: "col" }, text));
  const rows = result.measures.flatMap((each) => [
    element(
      "tr",
      {},
      element("th", { scope: "row" }, NAMES[each.name] ?? each.name),
      ...[each.value, each.plain_resize, each.seam_carving].map((value) => element("td", {}, number(value))),
    ),
    element("tr", { class: "words" }, element("td", { colSpan: 4 }, each.words)),
  ]);
  const table = element(
    "table",
    { class: "numbers" },
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows),
  );
  place.replaceChildren(table, ...(result.notice ? [element("p", { class: "hint" }, result.notice)] : []));
}

function number(value) {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) < 5e-5) return "0"; // nothing but rounding errors
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(2);
}
