/** Files that are being made: a list with progress, each can be cancelled, and the file comes when it is done. */

import { byId, element, inWords } from "./dom.js";
import { runJob } from "./jobs.js";
import { announce, complain } from "./notices.js";

/**
 * Make a file and download it.
 * @param {string} label
 * @param {string} path after the picture's address
 * @param {any} body
 */
export async function download(label, path, body) {
  const controller = new AbortController();
  const bar = element("progress", { max: 1, "aria-label": `${label}: progress` });
  const says = element("span", { class: "fine" }, "begins …");
  const cancel = element("button", { type: "button", class: "quiet", "aria-label": `Cancel ${label}` }, "×");
  const row = element("li", { class: "job" }, element("strong", {}, label), cancel, bar, says);
  cancel.onclick = () => controller.abort();
  byId("jobs").prepend(row);
  try {
    const job = await runJob(path, body, { signal: controller.signal, progress: (each) => show(each, bar, says) });
    finish(row, job);
  } catch (error) {
    complain(error);
    row.remove();
  }
}

function show(job, bar, says) {
  if (job.progress === null) bar.removeAttribute("value");
  else bar.value = job.progress;
  const left = job.seconds_left ? ` · about ${inWords(job.seconds_left)} left` : "";
  says.textContent = job.state === "queued" ? "waits for other jobs" : `${Math.round(100 * (job.progress ?? 0))} %${left}`;
}

function finish(row, job) {
  const address = `/api/jobs/${job.id}/file`;
  const link = element("a", { href: address, download: job.file, class: "saved" }, job.file);
  const close = element("button", { type: "button", class: "quiet", "aria-label": `Remove ${job.file} from the list` }, "×");
  close.onclick = () => row.remove();
  row.replaceChildren(link, close);
  announce(`${job.file} is done`);
  link.click();
}
