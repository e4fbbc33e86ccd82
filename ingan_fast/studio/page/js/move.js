/** Motion: keyframes from the poses that were dragged, played here, saved as a script or a video. */

import { ask } from "./api.js";
import { byId, element, icon } from "./dom.js";
import { download } from "./downloads.js";
import { EASING_NAMES } from "./easing.js";
import { STEP, filmOf, videoOf } from "./film.js";
import { complain, say } from "./notices.js";
import { addPanel, button, checkbox, group, hint, labelled } from "./panels.js";
import { Player } from "./player.js";
import { on, session } from "./session.js";

const MOST = 100; // keyframes, with the one that closes a loop
const LONGEST = 600; // seconds
const FPS = 30;
const THUMBNAIL = 120; // pixels

const player = new Player();
let selected = 0;

export function startMove() {
  const named = (id, label, run, style = "plain") => Object.assign(button(label, run, style), { id });
  const time = element("input", { type: "number", id: "key-time", min: 0, max: LONGEST, step: 0.1 });
  const easing = element("select", { id: "key-easing" }, ...EASING_NAMES.map(([value, label]) => element("option", { value }, label)));
  const duration = element("input", { type: "number", id: "duration", min: 0.2, max: LONGEST, step: 0.1 });
  time.onchange = () => change({ time: time.valueAsNumber });
  easing.onchange = () => change({ easing: easing.value });
  duration.onchange = () => stretch(duration.valueAsNumber);
  const loop = checkbox("Loop, back to the first", { id: "loop" });
  loop.onchange = () => show();
  addPanel(
    "move",
    hint("Drag the picture to a shape, add it as a keyframe, drag on, add the next one, and play."),
    group("All", element("div", { class: "row" }, labelled("Seconds", duration)), loop),
    element(
      "fieldset",
      { class: "group", id: "key" },
      element("legend", { id: "key-title" }),
      element("div", { class: "row" }, labelled("At second", time), labelled("Way to it", easing)),
      element(
        "div",
        { class: "chips" },
        named("key-replace", "Take the present shape", () => change({ pose: session.pose, thumbnail: thumbnail() }), "chip"),
        named("key-remove", "Remove", remove, "chip"),
      ),
    ),
    group(
      "Take it home",
      element(
        "div",
        { class: "chips" },
        named("save-video", "Video (MP4)", saveVideo),
        named("save-script", "Script (YAML)", saveScript),
      ),
      hint("With the script, `ingan-fast video PICTURE --script FILE` makes the same video."),
    ),
  );
  on(["keyframes", "picture"], show);
  on("tool", () => {
    byId("strip").hidden = session.tool !== "move";
    if (session.tool !== "move") player.stop();
  });
  player.addEventListener("change", show);
  player.addEventListener("time", ({ detail }) => {
    const line = byId("strip").querySelector(".at");
    if (line) line.textContent = `${detail.toFixed(1)} s`;
  });
}

/** What is on the stage, small. */
function thumbnail() {
  const from = byId("sharp").classList.contains("shown") ? byId("sharp") : byId("picture");
  if (!from.width) return "";
  const factor = THUMBNAIL / Math.max(from.width, from.height);
  const small = element("canvas", { width: Math.ceil(from.width * factor), height: Math.ceil(from.height * factor) });
  small.getContext("2d").drawImage(from, 0, 0, small.width, small.height);
  return small.toDataURL("image/webp", 0.7);
}

function add() {
  const { keyframes } = session;
  if (keyframes.length >= MOST - 1) {
    say(`A film has at most ${MOST} keyframes.`, "error");
    return;
  }
  const time = keyframes.length ? keyframes.at(-1).time + STEP : 0;
  selected = keyframes.length;
  set([...keyframes, { time, pose: session.pose, easing: "ease-in-out", thumbnail: thumbnail() }], "keyframe added");
}

/** Set the keyframes in a step that can be undone. */
function set(keyframes, what) {
  const before = session.keyframes;
  session.history.add({ what, undo: () => session.setKeyframes(before), redo: () => session.setKeyframes(keyframes) });
  session.setKeyframes(keyframes);
}

function change(changes) {
  const changed = session.keyframes.map((each, index) => (index === selected ? { ...each, ...changes } : each));
  const increasing = changed.every((each, index) => index === 0 || each.time > changed[index - 1].time);
  if (!increasing || changed[0].time !== 0 || !(changed.at(-1).time <= LONGEST)) {
    say("The first keyframe is at 0 seconds, and each one after the one before it.", "error");
    show();
    return;
  }
  set(changed, "keyframe changed");
}

function remove() {
  const left = session.keyframes.filter((_, index) => index !== selected);
  const [first] = left;
  selected = Math.max(0, selected - 1);
  set(first ? left.map((each) => ({ ...each, time: each.time - first.time })) : [], "keyframe removed");
}

/** Make the whole film longer or shorter. */
function stretch(seconds) {
  const { keyframes } = session;
  const length = filmOf(keyframes, byId("loop").checked).at(-1)?.time ?? 0;
  if (!(seconds > 0 && seconds <= LONGEST) || !length) {
    show();
    return;
  }
  const last = keyframes.at(-1).time;
  const factor = Math.max(0.05, seconds - (length - last)) / last;
  set(keyframes.map((each) => ({ ...each, time: Math.round(1000 * each.time * factor) / 1000 })), "length changed");
}

function select(index) {
  selected = index;
  player.stop();
  session.changePose(session.keyframes[index].pose, `to keyframe ${index + 1}`);
  show();
}

function toggle() {
  const loop = byId("loop").checked;
  if (player.playing) player.stop();
  else player.play(filmOf(session.keyframes, loop), loop);
}

function show() {
  const { keyframes } = session;
  selected = Math.min(selected, Math.max(0, keyframes.length - 1));
  const play = element(
    "button",
    { type: "button", id: "play", class: "primary", "aria-label": player.playing ? "Stop" : "Play", disabled: keyframes.length < 2, onclick: toggle },
    icon(player.playing ? "pause" : "play"),
  );
  const plus = element("button", { type: "button", id: "key-add", class: "plain add", onclick: add }, icon("plus"), element("span", {}, "Add this shape"));
  const focused = document.activeElement?.id;
  byId("strip").replaceChildren(play, element("span", { class: "at" }, ""), element("div", { class: "keys" }, ...keyframes.map(key)), plus);
  if (focused === "play" || focused === "key-add") byId(focused).focus();
  const film = filmOf(keyframes, byId("loop").checked);
  byId("duration").value = film.length ? film.at(-1).time.toFixed(1) : "";
  byId("duration").disabled = keyframes.length < 2;
  for (const id of ["save-video", "save-script"]) byId(id).disabled = keyframes.length < 2;
  byId("key").hidden = keyframes.length === 0;
  if (!keyframes.length) return;
  byId("key-title").textContent = `Keyframe ${selected + 1} of ${keyframes.length}`;
  byId("key-time").value = String(keyframes[selected].time);
  byId("key-time").disabled = selected === 0;
  byId("key-easing").value = keyframes[selected].easing;
  byId("key-easing").disabled = selected === 0;
}

function key(keyframe, index) {
  return element(
    "button",
    { type: "button", class: "key", "aria-pressed": String(index === selected), "aria-label": `Keyframe ${index + 1} at ${keyframe.time} seconds`, onclick: () => select(index) },
    element("img", { src: keyframe.thumbnail ?? "", alt: "" }),
    element("span", {}, `${keyframe.time} s`),
  );
}

const wanted = () => videoOf(session.keyframes, byId("loop").checked, FPS);

function saveVideo() {
  if (!session.server.extras.video) {
    say(`Videos need extra packages: ${session.server.install.video}`, "error");
    return;
  }
  session.setTool("save");
  download("Video", "videos", wanted());
}

async function saveScript() {
  try {
    const headers = { "Content-Type": "application/json" };
    const address = `/api/pictures/${session.picture.id}/script`;
    const response = await ask(address, { method: "POST", body: JSON.stringify(wanted()), headers });
    const name = `${session.picture.name.replace(/\.[^.]*$/, "")}.yaml`;
    const link = element("a", { href: URL.createObjectURL(await response.blob()), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } catch (error) {
    complain(error);
  }
}
