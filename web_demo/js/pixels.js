// Images to network inputs, and outputs to bytes, as tests/vectors/README.md defines.
// An image is {width, height, data}, RGB or RGBA bytes row by row.

const PRECISION = 2 ** 22; // of a weight in fixed point, as in Pillow

/** Returns the largest centered square of an image: its side, left and top. */
export function centeredSquare(width, height) {
  const side = Math.min(width, height);
  return {side, left: (width - side) >> 1, top: (height - side) >> 1};
}

/** Returns for each of `size` values the first of the `n` that it sums, and their weights. */
export function triangleWeights(n, size) {
  const scale = n / size;
  const support = Math.max(scale, 1);
  return Array.from({length: size}, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const last = Math.min(Math.trunc(center + support + 0.5), n);
    const weights = Array.from({length: last - first}, (_, j) =>
      Math.max(0, 1 - Math.abs((j + first - center + 0.5) * (1 / support))));
    const sum = weights.reduce((a, b) => a + b);
    return {first, weights: weights.map((w) => Math.trunc(0.5 + (w / sum) * PRECISION))};
  });
}

/** Returns the largest centered square of an image, resized: RGB bytes, size x size. */
export function square({width, height, data}, size) {
  const channels = data.length / (width * height);
  const {side, left, top} = centeredSquare(width, height);
  const all = triangleWeights(side, size);
  const rows = new Uint8ClampedArray(side * size * 3);
  for (let y = 0; y < side; y++) {
    const row = ((top + y) * width + left) * channels;
    for (let x = 0; x < size; x++) {
      weigh(data, row, channels, all[x], rows, (y * size + x) * 3);
    }
  }
  const result = new Uint8ClampedArray(size * size * 3);
  for (let x = 0; x < size; x++) {
    for (let y = 0; y < size; y++) {
      weigh(rows, x * 3, size * 3, all[y], result, (y * size + x) * 3);
    }
  }
  return result;
}

/** Writes one pixel: the weighted sum of pixels that are `pitch` bytes apart. */
function weigh(from, start, pitch, {first, weights}, to, at) {
  let red = PRECISION / 2, green = red, blue = red;
  for (let j = 0, k = start + first * pitch; j < weights.length; j++, k += pitch) {
    red += from[k] * weights[j];
    green += from[k + 1] * weights[j];
    blue += from[k + 2] * weights[j];
  }
  to[at] = red >> 22;
  to[at + 1] = green >> 22;
  to[at + 2] = blue >> 22;
}

/** Returns bytes, 0 to 255, as float32 in [-1, 1]. */
export function toFloat(bytes) {
  const floats = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) floats[i] = Math.fround(bytes[i] / 127.5) - 1;
  return floats;
}

/** Returns float32, clipped to [-1, 1], as bytes; ties go to the even byte. */
export function toBytes(floats) {
  const bytes = new Uint8ClampedArray(floats.length);
  for (let i = 0; i < floats.length; i++) {
    const value = Math.min(1, Math.max(-1, floats[i]));
    bytes[i] = Math.fround(Math.fround(value + 1) * 127.5);
  }
  return bytes;
}

/** Returns RGB bytes as RGBA, for a canvas. */
export function withAlpha(rgb) {
  const rgba = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255);
  for (let i = 0, j = 0; i < rgb.length; i += 3, j += 4) {
    rgba[j] = rgb[i];
    rgba[j + 1] = rgb[i + 1];
    rgba[j + 2] = rgb[i + 2];
  }
  return rgba;
}
