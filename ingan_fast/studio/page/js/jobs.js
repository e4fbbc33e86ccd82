/** Jobs of the server: started, followed, cancelled. */

import { ask, getJson, postJson, sentence } from "./api.js";
import { session } from "./session.js";
import { stage } from "./stage.js";

const LOOK = 1500; // milliseconds between questions, where no news comes
const ENDED = ["done", "failed", "cancelled"];

/** A job that was cancelled is no error. */
const cancelled = () => new DOMException("cancelled", "AbortError");

/**
 * Run a job of the open picture.
 * @param {string} path after the picture's address, such as "outputs"
 * @param {any} body
 * @param {{signal?: AbortSignal, progress?: (job: any) => void}} [use]
 * @returns {Promise<any>} the job when it is done
 */
export async function runJob(path, body, { signal, progress } = {}) {
  const begun = await postJson(`/api/pictures/${session.picture.id}/${path}`, body, { signal });
  progress?.(begun);
  return new Promise((resolve, reject) => {
    const see = (job) => {
      if (job.id !== begun.id) return;
      progress?.(job);
      if (!ENDED.includes(job.state)) return;
      stop();
      if (job.state === "done") resolve(job);
      else reject(job.state === "cancelled" ? cancelled() : new Error(sentence(job.error ?? "it failed")));
    };
    const hear = ({ detail }) => detail.event === "job" && see(detail.job);
    const timer = setInterval(() => getJson(`/api/jobs/${begun.id}`).then(see, give), LOOK);
    const give = (error) => {
      if (!error.status) return; // the server can't be reached; it may come back
      stop();
      reject(error);
    };
    const abort = () => {
      stop();
      ask(`/api/jobs/${begun.id}`, { method: "DELETE" }).catch(() => {});
      reject(cancelled());
    };
    const stop = () => {
      clearInterval(timer);
      stage.removeEventListener("news", hear);
      signal?.removeEventListener("abort", abort);
    };
    stage.addEventListener("news", hear);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    else see(begun);
  });
}

/** The address of one of a job's files. */
export const fileOf = (job, name) => `/api/jobs/${job.id}/files/${encodeURIComponent(name)}`;

/**
 * Runs jobs of which only the newest one counts: a new one cancels the one before.
 */
export class Newest {
  #controller = new AbortController();

  /** @param {string} path @param {any} body @param {(job: any) => void} [progress] */
  run(path, body, progress) {
    this.cancel();
    this.#controller = new AbortController();
    return runJob(path, body, { signal: this.#controller.signal, progress });
  }

  cancel() {
    this.#controller.abort();
  }
}
