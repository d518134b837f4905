// A row of images to choose from. They are radio buttons, so that arrow keys move in it.

/** Puts buttons that ask for an image, of {name, icon, ask}, at the front of a strip. */
export function addButtons(strip, asks) {
  strip.prepend(...asks.map(button));
}

/**
 * Replaces the images of a strip; its buttons stay.
 *
 * @param strip the element.
 * @param images of {url, name}.
 * @param choose called with the image that is chosen.
 */
export function fillStrip(strip, images, choose) {
  for (const old of strip.querySelectorAll('label')) old.remove();
  strip.append(...images.map((image) => imageTile(strip, image, choose)));
}

/** Adds the user's image in front, chosen, in place of an earlier one of the user's. */
export function addOwn(strip, image, choose) {
  strip.querySelector('[data-own]')?.remove();
  const own = imageTile(strip, image, choose);
  own.dataset.own = '';
  strip.insertBefore(own, strip.querySelector('label'));
  markChosen(strip, image.url);
}

/** Fills a strip with an empty canvas for each seed. */
export function fillCanvases(strip, seeds, choose) {
  strip.replaceChildren(...seeds.map((seed) => {
    const canvas = document.createElement('canvas');
    canvas.role = 'img';
    canvas.ariaLabel = `Style ${seed}`;
    const label = tile(strip, String(seed), canvas, () => choose(seed));
    label.dataset.number = seed; // seen until it is drawn
    return label;
  }));
}

/** Draws RGBA bytes, size x size, on the canvas of a seed. */
export function drawCanvas(strip, seed, rgba, size) {
  const canvas = strip.querySelector(`[value="${seed}"] + canvas`);
  canvas.width = canvas.height = size;
  canvas.getContext('2d').putImageData(new ImageData(rgba, size, size), 0, 0);
  delete canvas.parentElement.dataset.number;
}

/** Marks the tile of a value (a URL, a seed) as chosen, or none, and scrolls to it. */
export function markChosen(strip, value) {
  for (const input of strip.querySelectorAll('input')) {
    input.checked = input.value === String(value);
    const {offsetLeft, offsetWidth} = input.parentElement;
    const hidden = offsetLeft < strip.scrollLeft ||
      offsetLeft + offsetWidth > strip.scrollLeft + strip.clientWidth;
    if (input.checked && hidden) strip.scrollTo({left: offsetLeft - offsetWidth});
  }
}

function imageTile(strip, image, choose) {
  const shown = document.createElement('img');
  Object.assign(shown, {src: image.url, alt: image.name, draggable: false, width: 84, height: 84});
  return tile(strip, image.url, shown, () => choose(image));
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
