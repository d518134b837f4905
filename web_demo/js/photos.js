// Pixels of image files. Failures are Errors with a message for the user.

import {centeredSquare} from './pixels.js';
import {webpOrientation} from './webp.js';

const MOST_BYTES = 64e6;
const MOST_PIXELS = 100e6; // decoded, an image of 10,000 x 10,000 takes 400 MB
const MOST_SIDE = 4096; // of a canvas, on phones
const THUMBNAIL = 192;
// For each EXIF orientation the matrix that makes a square of side 1 upright.
const TURNS = [
  [1, 0, 0, 1, 0, 0], [-1, 0, 0, 1, 1, 0], [-1, 0, 0, -1, 1, 1], [1, 0, 0, -1, 0, 1],
  [0, 1, 1, 0, 0, 0], [0, 1, -1, 0, 1, 0], [0, -1, -1, 0, 1, 1], [0, -1, 1, 0, 0, 1],
];

/**
 * Returns the largest centered square of an image file: {width, height, data}, RGBA.
 *
 * As in Python: upright by EXIF, converted to sRGB from an embedded color profile, and
 * transparent pixels are composed on white. The browser reduces squares larger than
 * 4096 pixels first.
 *
 * @param file a File or Blob.
 * @param name of the file, for messages.
 */
export function readPhoto(file, name) {
  return decoded(file, name, (bitmap, orientation) =>
    pixelsOf(bitmap, bitmap.width, bitmap.height, name, orientation));
}

/**
 * Returns all of an image file as a canvas, upright, on white. The browser reduces images
 * with a side of more than 4096 pixels.
 */
export function readWhole(file, name) {
  return decoded(file, name, (bitmap, orientation) => {
    const scale = Math.min(1, MOST_SIDE / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.round(n * scale));
    const canvas = orientation < 5
      ? new OffscreenCanvas(width, height) : new OffscreenCanvas(height, width);
    const context = canvas.getContext('2d');
    context.fillStyle = 'white';
    context.fillRect(0, 0, canvas.width, canvas.height);
    const [a, b, c, d, e, f] = TURNS[orientation - 1];
    context.setTransform(a, b, c, d, e * canvas.width, f * canvas.height);
    context.drawImage(bitmap, 0, 0, width, height);
    return canvas;
  });
}

/** Returns what `use` returns of a decoded file, called with (bitmap, orientation). */
async function decoded(file, name, use) {
  if (file.size > MOST_BYTES) {
    const size = Math.round(file.size / 1e6);
    throw new Error(`${name} is too large: ${size} MB, at most ${MOST_BYTES / 1e6} MB`);
  }
  const unreadable = `${name} can't be read: it is damaged, or not an image that this ` +
    'browser supports (JPEG, PNG, WebP, ...)';
  const {width, height} = await sizeOf(file, unreadable);
  if (width * height > MOST_PIXELS) {
    throw new Error(`${name} is too large: ${width} × ${height} pixels, ` +
      `at most ${MOST_PIXELS / 1e6} million`);
  }
  const orientation = await webpOrientation(file);
  const options = orientation ? {imageOrientation: 'none'} : {};
  // Unlike an <img>, this refuses a truncated file.
  const bitmap = await createImageBitmap(file, options)
    .catch(() => { throw new Error(unreadable); });
  try {
    return use(bitmap, orientation ?? 1);
  } finally {
    bitmap.close();
  }
}

/** Returns the width and height of an image file, without decoding all of it. */
function sizeOf(file, unreadable) {
  const image = new Image();
  const url = URL.createObjectURL(file);
  return new Promise((resolve, reject) => {
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(unreadable));
    image.src = url;
  }).then(({naturalWidth: width, naturalHeight: height}) => ({width, height}))
    .finally(() => URL.revokeObjectURL(url));
}

/**
 * Returns the largest centered square of anything that can be drawn.
 *
 * @param orientation EXIF orientation by which to rotate and mirror it.
 */
export function pixelsOf(drawable, width, height, name, orientation = 1) {
  const {side, left, top} = centeredSquare(width, height);
  const x = [2, 3, 7, 8].includes(orientation) ? width - side - left : left; // mirrored
  const y = [3, 4, 6, 7].includes(orientation) ? height - side - top : top;
  const size = Math.min(side, MOST_SIDE);
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext('2d', {willReadFrequently: true});
  try {
    context.fillStyle = 'white';
    context.fillRect(0, 0, size, size);
    context.setTransform(...TURNS[orientation - 1].map((n, i) => i < 4 ? n : n * size));
    context.drawImage(drawable, x, y, side, side, 0, 0, size, size);
    return {width: size, height: size, data: context.getImageData(0, 0, size, size).data};
  } catch {
    throw new Error(`${name} can't be decoded: it is damaged, or too large for this device`);
  }
}

/** Returns the URL of a thumbnail of pixels, for a strip. */
export async function thumbnail({width, height, data}) {
  const whole = new OffscreenCanvas(width, height);
  whole.getContext('2d').putImageData(new ImageData(data, width, height), 0, 0);
  const small = new OffscreenCanvas(THUMBNAIL, THUMBNAIL);
  const context = small.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(whole, 0, 0, THUMBNAIL, THUMBNAIL);
  return URL.createObjectURL(await small.convertToBlob());
}
