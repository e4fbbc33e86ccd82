/** Keyframes as a film: closed for a loop, centred, and as the server takes it. */

import { boxOf, transformOf } from "./pose.js";

/** @typedef {import("./easing.js").Keyframe} Keyframe */

export const STEP = 2; // seconds from one keyframe to the next

/**
 * The keyframes with every pose around the same centre, and the first one again at the end of a loop.
 * @param {Keyframe[]} keyframes
 * @param {boolean} loop
 * @returns {Keyframe[]}
 */
export function filmOf(keyframes, loop) {
  const film = keyframes.map((each) => ({ ...each, pose: centred(each.pose) }));
  if (loop && film.length) {
    const last = film.at(-1);
    film.push({ ...film[0], time: last.time + STEP, easing: last.easing });
  }
  return film;
}

/** @param {import("./pose.js").Pose} pose */
function centred(pose) {
  const { x, y, width, height } = boxOf(pose);
  const [cx, cy] = [x + width / 2, y + height / 2];
  return { corners: pose.corners.map((corner) => [corner[0] - cx, corner[1] - cy]), straight: pose.straight };
}

/** The box around all poses of a film. @param {Keyframe[]} film */
export function frameOf(film) {
  const boxes = film.map((each) => boxOf(each.pose));
  const [width, height] = ["width", "height"].map((side) => Math.max(...boxes.map((box) => box[side])));
  return { x: -width / 2, y: -height / 2, width, height };
}

/**
 * The body of a request for a video or a script.
 * @param {Keyframe[]} keyframes
 * @param {boolean} loop
 * @param {number} fps
 */
export function videoOf(keyframes, loop, fps) {
  const film = filmOf(keyframes, loop);
  const frame = frameOf(film);
  const even = (side) => 2 * Math.ceil(side / 2);
  const canvas = [even(frame.width), even(frame.height)];
  const straight = film.every((each) => each.pose.straight);
  const placed = ({ pose }) =>
    straight
      ? { size: transformOf(pose).size }
      : { corners: pose.corners.map(([x, y]) => [round(x + canvas[0] / 2), round(y + canvas[1] / 2)]) };
  return {
    keyframes: film.map((each) => ({ time: round(each.time), easing: each.easing, ...placed(each) })),
    canvas,
    fps,
    loop,
  };
}

const round = (value) => Math.round(value * 1000) / 1000;
