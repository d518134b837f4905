// A row of pictures to choose one from: radio buttons, so that arrow keys move in it.

/**
 * Fills a strip with tiles that ask for a picture, and with pictures.
 *
 * @param strip the element.
 * @param pictures of {url, name}.
 * @param choose called with a picture when it is chosen.
 * @param asks of {name, icon, ask}: a button each, before the pictures.
 */
export function fillStrip(strip, pictures, choose, asks) {
  strip.replaceChildren(
    ...asks.map(button),
    ...pictures.map((picture) => pictureTile(strip, picture, choose)));
}

/** Adds a picture in front of the others, chosen, in place of an own one before it. */
export function addOwn(strip, picture, choose) {
  strip.querySelector('[data-own]')?.remove();
  const own = pictureTile(strip, picture, choose);
  own.dataset.own = '';
  strip.insertBefore(own, strip.querySelector('label'));
  markChosen(strip, picture.url);
}

/** Fills a strip with an empty canvas for each seed. */
export function fillCanvases(strip, seeds, choose) {
  strip.replaceChildren(...seeds.map((seed) => {
    const canvas = document.createElement('canvas');
    canvas.role = 'img';
    canvas.ariaLabel = `Style ${seed}`;
    return tile(strip, String(seed), canvas, () => choose(seed));
  }));
}

/** Draws RGBA bytes, size x size, on the canvas of a seed. */
export function drawCanvas(strip, seed, rgba, size) {
  const canvas = strip.querySelector(`[value="${seed}"] + canvas`);
  canvas.width = canvas.height = size;
  canvas.getContext('2d').putImageData(new ImageData(rgba, size, size), 0, 0);
}

/** Marks the tile of a value (a URL, a seed) as chosen, or none, and brings it in sight. */
export function markChosen(strip, value) {
  for (const input of strip.querySelectorAll('input')) {
    input.checked = input.value === String(value);
    const {offsetLeft, offsetWidth} = input.parentElement;
    const hidden = offsetLeft < strip.scrollLeft ||
      offsetLeft + offsetWidth > strip.scrollLeft + strip.clientWidth;
    if (input.checked && hidden) strip.scrollTo({left: offsetLeft - offsetWidth});
  }
}

function pictureTile(strip, picture, choose) {
  const image = document.createElement('img');
  Object.assign(image, {src: picture.url, alt: picture.name, draggable: false});
  return tile(strip, picture.url, image, () => choose(picture));
}

function tile(strip, value, content, choose) {
  const label = document.createElement('label');
  label.className = 'tile';
  const input = document.createElement('input');
  Object.assign(input, {type: 'radio', name: strip.id, value});
  input.addEventListener('change', choose);
  label.append(input, content);
  return label;
}

function button({name, icon, ask}) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'tile ask';
  const sign = document.createElement('span');
  sign.className = `sign ${icon}`;
  sign.ariaHidden = 'true';
  button.append(sign, name);
  button.addEventListener('click', ask);
  return button;
}
