/**
 * Poses: where the picture's corners lie, in pixels of the full resolution, and what that means for the server.
 * @typedef {[number, number]} Point
 * @typedef {{corners: Point[], straight: boolean}} Pose  corners: top left, top right, bottom right, bottom left
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 */

export const LEAST = 16;
export const MOST = 65535;
const SHARPEST = 0.03; // sine of the smallest angle of a corner

/**
 * @param {number} width
 * @param {number} height
 * @returns {Pose}
 */
export function rectangle(width, height, x = 0, y = 0) {
  const [right, bottom] = [x + width, y + height];
  return { corners: [[x, y], [right, y], [right, bottom], [x, bottom]], straight: true };
}

/**
 * The smallest box around a pose.
 * @param {Pose} pose
 * @returns {Box}
 */
export function boxOf(pose) {
  const xs = pose.corners.map((corner) => corner[0]);
  const ys = pose.corners.map((corner) => corner[1]);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/**
 * What the server is told.
 * @param {Pose} pose
 */
export function transformOf(pose) {
  const box = boxOf(pose);
  const around = pose.straight ? Math.round : (side) => Math.ceil(side - 1e-6);
  const size = [box.width, box.height].map((side) => Math.min(MOST, Math.max(LEAST, around(side))));
  if (pose.straight) return { size, corners: null };
  return { size, corners: pose.corners.map(([x, y]) => [short(x - box.x), short(y - box.y)]) };
}

const short = (value) => Math.round(value * 100) / 100;

/**
 * Whether the server can make this.
 * @param {Pose} pose
 * @param {number} [pixels] the most of an output
 */
export function possible(pose, pixels = 4e8) {
  const { width, height } = boxOf(pose);
  if (width < LEAST || height < LEAST || width > MOST || height > MOST || width * height > pixels) return false;
  return pose.straight || convex(pose.corners);
}

/** @param {Point[]} corners */
function convex(corners) {
  return corners.every((corner, index) => {
    const before = corners[(index + 3) % 4];
    const after = corners[(index + 1) % 4];
    const [ax, ay] = [corner[0] - before[0], corner[1] - before[1]];
    const [bx, by] = [after[0] - corner[0], after[1] - corner[1]];
    return ax * by - ay * bx > SHARPEST * Math.hypot(ax, ay) * Math.hypot(bx, by) && Math.hypot(ax, ay) >= LEAST;
  });
}

const EDGES = { left: [0, 3], right: [1, 2], top: [0, 1], bottom: [3, 2] };

/**
 * Move an edge outwards or inwards by a vector; only its part across the edge counts.
 * @param {Pose} pose
 * @param {"left" | "right" | "top" | "bottom"} edge
 * @returns {Pose}
 */
export function withEdge(pose, edge, [dx, dy]) {
  const sideways = edge === "left" || edge === "right";
  const corners = pose.corners.map((corner) => /** @type {Point} */ ([...corner]));
  const box = boxOf(pose);
  let by = sideways ? dx : dy;
  if (pose.straight) {
    const room = (sideways ? box.width : box.height) - LEAST;
    by = edge === "left" || edge === "top" ? Math.min(by, room) : Math.max(by, -room);
  }
  for (const index of EDGES[edge]) corners[index][sideways ? 0 : 1] += by;
  return { corners, straight: pose.straight };
}

/**
 * Move one corner, which makes a quadrilateral.
 * @param {Pose} pose
 * @param {number} index
 * @returns {Pose}
 */
export function withCorner(pose, index, [dx, dy]) {
  const corners = pose.corners.map((corner) => /** @type {Point} */ ([...corner]));
  corners[index] = [corners[index][0] + dx, corners[index][1] + dy];
  return { corners, straight: false };
}

/**
 * Scale a pose about the corner that lies opposite of one, so that this corner comes near a place.
 * @param {Pose} pose
 * @param {number} index
 * @returns {Pose}
 */
export function scaledFrom(pose, index, [dx, dy]) {
  const [ax, ay] = pose.corners[(index + 2) % 4];
  const [px, py] = pose.corners[index];
  const [ux, uy] = [px - ax, py - ay];
  const factor = Math.max(0.02, 1 + (dx * ux + dy * uy) / (ux * ux + uy * uy));
  return {
    corners: pose.corners.map(([x, y]) => [ax + (x - ax) * factor, ay + (y - ay) * factor]),
    straight: pose.straight,
  };
}

/**
 * The pose with another size, corners in proportion.
 * @param {Pose} pose
 * @returns {Pose}
 */
export function resized(pose, width, height) {
  const box = boxOf(pose);
  const [fx, fy] = [width / box.width, height / box.height];
  return {
    corners: pose.corners.map(([x, y]) => [box.x + (x - box.x) * fx, box.y + (y - box.y) * fy]),
    straight: pose.straight,
  };
}

/**
 * The rectangle in a quadrilateral's place.
 * @param {Pose} pose
 */
export function straightened(pose) {
  const { x, y, width, height } = boxOf(pose);
  return rectangle(Math.round(width), Math.round(height), x, y);
}

/** @param {Pose} one @param {Pose} other */
export function samePose(one, other) {
  return JSON.stringify(transformOf(one)) === JSON.stringify(transformOf(other));
}

/**
 * CSS's matrix3d that carries a rectangle of a width and height to four points.
 * @param {number} width
 * @param {number} height
 * @param {Point[]} points
 */
export function matrix3d(width, height, points) {
  const [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = points;
  const [dx1, dx2, dx3] = [x1 - x2, x3 - x2, x0 - x1 + x2 - x3];
  const [dy1, dy2, dy3] = [y1 - y2, y3 - y2, y0 - y1 + y2 - y3];
  const whole = dx1 * dy2 - dx2 * dy1;
  const [g, h] = [(dx3 * dy2 - dx2 * dy3) / whole, (dx1 * dy3 - dx3 * dy1) / whole];
  const columns = [x1 - x0 + g * x1, y1 - y0 + g * y1, g, x3 - x0 + h * x3, y3 - y0 + h * y3, h];
  const [a, b, c] = columns.slice(0, 3).map((value) => value / width);
  const [d, e, f] = columns.slice(3).map((value) => value / height);
  return `matrix3d(${[a, b, 0, c, d, e, 0, f, 0, 0, 1, 0, x0, y0, 0, 1].join(",")})`;
}
