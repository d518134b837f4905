// The large image: before and after on top of each other, with a divider to move.

const SIDE = 512; // pixels of a canvas, at least; smaller images are enlarged to it
const FEW = 128; // pixels of a side: up to here, pixels are enlarged as sharp squares

const element = document.getElementById('compare');
const divider = document.getElementById('divider');
const [before, after] = ['before', 'after'].map((id) => document.getElementById(id));
const tags = element.querySelectorAll('.tag');
const exact = new OffscreenCanvas(1, 1); // the translated image at its own size

divider.addEventListener('input', split);

function split() {
  element.style.setProperty('--split', `${divider.value}%`);
  divider.setAttribute('aria-valuetext', `${100 - divider.value} % translated`);
  tags[0].hidden = divider.value < 25; // no room for the word
  tags[1].hidden = divider.value > 75;
}

/** Sets what is shown: "loading", "failed", "empty", "before" or "both". */
export function setState(state) {
  element.dataset.state = state;
}

/** Shows that work is being done, or that it is done. */
export function setBusy(busy) {
  element.ariaBusy = String(busy);
}

/** Shows the video instead of the source image, or the image again. */
export function setLive(live) {
  element.toggleAttribute('data-live', live);
}

/** Shows the source image, RGBA bytes, size x size. */
export function showBefore(rgba, size) {
  const image = new OffscreenCanvas(size, size);
  put(image, rgba);
  enlarge(image, before);
}

/** Shows the translated image, RGBA bytes, size x size; `what` describes it. */
export function showAfter(rgba, size, what) {
  if (exact.width !== size) exact.width = exact.height = size;
  put(exact, rgba);
  if (after.ariaLabel !== what) after.ariaLabel = what;
  enlarge(exact, after);
  setState('both');
}

/** The translated image: {image, what}, a canvas of its own size and its description. */
export function shownAfter() {
  return {image: exact, what: after.ariaLabel};
}

/** The canvas that shows the translated image. */
export const result = after;

/** Whether images of a size are enlarged as sharp squares instead of smoothly. */
export const isSharp = (size) => size <= FEW;

/** Draws an image on the whole of a canvas. */
export function drawOn(image, canvas) {
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = !isSharp(image.width);
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
}

function put(canvas, rgba) {
  const image = new ImageData(rgba, canvas.width, canvas.height);
  canvas.getContext('2d').putImageData(image, 0, 0);
}

function enlarge(image, canvas) {
  const side = image.width * Math.ceil(SIDE / image.width);
  if (canvas.width !== side) canvas.width = canvas.height = side;
  canvas.classList.toggle('sharp', isSharp(image.width));
  drawOn(image, canvas);
}

split();
