// Saving the translated image: at its own size, enlarged, or in the photograph.

import {drawOn, shownAfter} from './compare.js';
import {readWhole} from './photos.js';
import {centeredSquare} from './pixels.js';
import {chosen} from './state.js';

const BORDER = 1 / 8; // of the square's side: where it fades, as in Python
const STEPS = 16; // of the fading
const LARGER = 4;

const select = document.getElementById('save-as');
const inPhoto = select.querySelector('[value=photo]');

/** Fills the list of sizes for a model's image size. */
export function offerSizes(size) {
  for (const times of [1, LARGER]) {
    select.querySelector(`[value="${times}"]`).textContent =
      `${times * size} × ${times * size}`;
  }
}

/** Offers to save in the photograph, or not: of a video's frame there is none. */
export function offerPhoto(offered) {
  inPhoto.disabled = !offered;
  if (!offered && select.value === 'photo') select.value = LARGER;
}

/** Saves the translated image as a PNG file. Returns the file's name. */
export async function saveImage() {
  const {image, what} = shownAfter();
  const canvas = select.value === 'photo'
    ? await pasted(image, chosen.source) : enlarged(image, Number(select.value));
  return saveFile(await canvas.convertToBlob({type: 'image/png'}), what, 'png');
}

/** Saves a Blob under a name made of words. Returns the file's name. */
export function saveFile(file, words, suffix) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = `${words.replace(/[^\p{L}\p{N}_+]+/gu, '-').slice(0, 100)}.${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return link.download;
}

function enlarged(image, times) {
  if (times === 1) return image;
  const canvas = new OffscreenCanvas(times * image.width, times * image.height);
  drawOn(image, canvas);
  return canvas;
}

/** Returns the photograph of a source, with an image in place of its centered square. */
async function pasted(image, {photo, name}) {
  const whole = await readWhole(photo, name);
  const {side, left, top} = centeredSquare(whole.width, whole.height);
  const patch = new OffscreenCanvas(side, side);
  const context = patch.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, side, side);
  fade(context, side, [side, 0], left > 0, left + side < whole.width);
  fade(context, side, [0, side], top > 0, top + side < whole.height);
  whole.getContext('2d').drawImage(patch, left, top);
  return whole;
}

/** Fades a square toward two opposite sides, where it does not end the photograph. */
function fade(context, side, end, first, last) {
  const gradient = context.createLinearGradient(0, 0, ...end);
  for (let step = 0; step <= STEPS; step++) {
    const t = step / STEPS;
    const smooth = t * t * (3 - 2 * t);
    gradient.addColorStop(t * BORDER, opacity(first ? smooth : 1));
    gradient.addColorStop(1 - t * BORDER, opacity(last ? smooth : 1));
  }
  context.globalCompositeOperation = 'destination-in';
  context.fillStyle = gradient;
  context.fillRect(0, 0, side, side);
}

const opacity = (share) => `rgb(0 0 0 / ${share})`;
