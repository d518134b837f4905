// The large image: before and after on top of each other, with a divider to move.

const SIDE = 768; // pixels of a canvas; smaller images are enlarged to it
const LARGEST = 16; // CSS pixels for each pixel of the image, at most

const element = document.getElementById('compare');
const divider = document.getElementById('divider');
let exact = null; // the translated image as it will be saved

divider.addEventListener('input', split);

function split() {
  element.style.setProperty('--split', `${divider.value}%`);
}

/** Sets what is shown: "loading", "failed", "empty", "before" or "both". */
export function setState(state) {
  element.dataset.state = state;
}

/** Limits how far images of a model's size are enlarged. */
export function setSize(size) {
  element.parentElement.style.setProperty('--largest', `${LARGEST * size}px`);
}

/** Shows the source image, RGBA bytes, size x size. */
export function showBefore(rgba, size) {
  enlarge(document.getElementById('before'), canvasOf(rgba, size));
}

/** Shows the translated image, RGBA bytes, size x size; `what` describes it. */
export function showAfter(rgba, size, what) {
  exact = canvasOf(rgba, size);
  const after = document.getElementById('after');
  after.ariaLabel = what;
  enlarge(after, exact);
  setState('both');
  split();
}

/** Saves the translated image as a PNG file, at its own size. Returns the file's name. */
export async function saveAfter() {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await exact.convertToBlob({type: 'image/png'}));
  const {ariaLabel: what} = document.getElementById('after');
  link.download = `${what.replace(/[^\p{L}\p{N}_+]+/gu, '-').slice(0, 100)}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return link.download;
}

function canvasOf(rgba, size) {
  const canvas = new OffscreenCanvas(size, size);
  canvas.getContext('2d').putImageData(new ImageData(rgba, size, size), 0, 0);
  return canvas;
}

function enlarge(canvas, image) {
  canvas.width = canvas.height = Math.max(SIDE, image.width);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
}
