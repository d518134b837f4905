// The large picture: before and after on top of each other, with a line to move.

const SIDE = 768; // pixels of the canvases: smaller pictures are enlarged to it, smoothly
const LARGEST = 16; // times its size that a picture is shown at

const element = document.getElementById('compare');
const divider = document.getElementById('divider');
let exact = null; // the translated picture as it will be saved

divider.addEventListener('input', split);

function split() {
  element.style.setProperty('--split', `${divider.value}%`);
}

/** Says what is to be seen: "loading", "failed", "empty", "before" or "both". */
export function setState(state) {
  element.dataset.state = state;
}

/** Keeps pictures of a model's size from growing past what they are good for. */
export function setSize(size) {
  element.parentElement.style.setProperty('--largest', `${LARGEST * size}px`);
}

/** Shows the picture to translate, RGBA bytes, size x size. */
export function showBefore(rgba, size) {
  enlarge(document.getElementById('before'), canvasOf(rgba, size));
}

/** Shows the translated picture, RGBA bytes, size x size, and says what it is. */
export function showAfter(rgba, size, what) {
  exact = canvasOf(rgba, size);
  const after = document.getElementById('after');
  after.ariaLabel = what;
  enlarge(after, exact);
  setState('both');
  split();
}

/** Returns the translated picture as a PNG file, pixel for pixel. */
export function toPng() {
  return exact.convertToBlob({type: 'image/png'});
}

function canvasOf(rgba, size) {
  const canvas = new OffscreenCanvas(size, size);
  canvas.getContext('2d').putImageData(new ImageData(rgba, size, size), 0, 0);
  return canvas;
}

function enlarge(canvas, picture) {
  canvas.width = canvas.height = Math.max(SIDE, picture.width);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
}
