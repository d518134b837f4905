// Files and the camera to pixels. What goes wrong becomes an Error for the user to read.

import {centredSquare} from './pixels.js';

const MOST_BYTES = 64e6;
const MOST_PIXELS = 100e6; // a picture of 10,000 x 10,000 takes 400 MB once decoded
const MOST_SIDE = 4096; // of a canvas, on phones
const THUMBNAIL = 192;

/**
 * Returns the largest centred square of a picture file: {width, height, data}, RGBA.
 *
 * Upright by EXIF; what is transparent shows white. Squares above 4096 pixels are
 * reduced to that by the browser first.
 *
 * @param file a File or Blob.
 * @param name of it, for messages.
 */
export async function readPhoto(file, name) {
  if (file.size > MOST_BYTES) {
    const size = Math.round(file.size / 1e6);
    throw new Error(`${name} is too large: ${size} MB, at most ${MOST_BYTES / 1e6} MB`);
  }
  const unreadable = `${name} can't be read as a picture: it is broken, or another kind ` +
    'of file than JPEG, PNG and WebP';
  const {width, height} = await sizeOf(file, unreadable);
  if (width * height > MOST_PIXELS) {
    throw new Error(`${name} is too large: ${width} × ${height} pixels, ` +
      `at most ${MOST_PIXELS / 1e6} million`);
  }
  // Unlike an <img>, this refuses a file that is cut off.
  const bitmap = await createImageBitmap(file).catch(() => { throw new Error(unreadable); });
  try {
    return pixelsOf(bitmap, bitmap.width, bitmap.height, name);
  } finally {
    bitmap.close();
  }
}

/** Returns the width and height of a picture file, before it is decoded whole. */
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

/** Returns the largest centred square of anything that can be drawn. */
export function pixelsOf(drawable, width, height, name) {
  const {side, left, top} = centredSquare(width, height);
  const size = Math.min(side, MOST_SIDE);
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext('2d', {willReadFrequently: true});
  try {
    context.fillStyle = 'white';
    context.fillRect(0, 0, size, size);
    context.drawImage(drawable, left, top, side, side, 0, 0, size, size);
    return {width: size, height: size, data: context.getImageData(0, 0, size, size).data};
  } catch {
    throw new Error(`${name} can't be decoded: it is broken, or too large for this device`);
  }
}

/** Returns the URL of a small picture of pixels, for a strip. */
export async function thumbnail({width, height, data}) {
  const whole = new OffscreenCanvas(width, height);
  whole.getContext('2d').putImageData(new ImageData(data, width, height), 0, 0);
  const small = new OffscreenCanvas(THUMBNAIL, THUMBNAIL);
  const context = small.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(whole, 0, 0, THUMBNAIL, THUMBNAIL);
  return URL.createObjectURL(await small.convertToBlob());
}

/** Starts the camera in a <video>; returns a function that stops it. */
export async function startCamera(video, facing) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error('The camera needs a page from https or localhost');
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(
      {video: {facingMode: facing, width: {ideal: 1280}, height: {ideal: 1280}}});
  } catch (error) {
    throw new Error(error.name === 'NotAllowedError'
      ? 'The camera was not allowed: allow it in the browser, or choose a file'
      : 'No camera found: choose a file instead');
  }
  video.srcObject = stream;
  await video.play();
  return () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
}
