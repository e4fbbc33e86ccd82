/** Poses between keyframes, as `ingan-fast video` has them (docs/video.md). */

/** @typedef {import("./pose.js").Pose} Pose */
/** @typedef {{time: number, pose: Pose, easing: string, thumbnail?: string}} Keyframe */

const EASINGS = {
  "ease-in-out": (part) => part * part * (3 - 2 * part),
  "ease-in": (part) => part * part,
  "ease-out": (part) => part * (2 - part),
  linear: (part) => part,
  hold: (part) => (part < 1 ? 0 : 1),
};

export const EASING_NAMES = [
  ["ease-in-out", "Slow – fast – slow"],
  ["ease-in", "Slow, then fast"],
  ["ease-out", "Fast, then slow"],
  ["linear", "Even"],
  ["hold", "Jump"],
];

/**
 * The pose at a time.
 * @param {Keyframe[]} keyframes with increasing times
 * @param {number} time seconds
 * @returns {Pose}
 */
export function poseAt(keyframes, time) {
  const next = keyframes.findIndex((each) => each.time > time);
  if (next <= 0) return keyframes.at(next < 0 ? -1 : 0).pose;
  const [from, to] = [keyframes[next - 1], keyframes[next]];
  const part = EASINGS[to.easing]((time - from.time) / (to.time - from.time));
  return {
    corners: from.pose.corners.map(([x, y], index) => {
      const [ox, oy] = to.pose.corners[index];
      return [x + (ox - x) * part, y + (oy - y) * part];
    }),
    straight: from.pose.straight && to.pose.straight,
  };
}
