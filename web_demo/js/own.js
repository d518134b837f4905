// The user's own images: from files, dropped, or of the camera.

import {cameraWorks, takePhoto} from './camera.js';
import {chooseReference, chooseSource, unlessNewer} from './choosing.js';
import {liveCamera, liveFile} from './live-panel.js';
import {guarded} from './messages.js';
import {readPhoto, thumbnail} from './photos.js';
import {page} from './state.js';
import {addOwn} from './strip.js';

const $ = (id) => document.getElementById(id);

/** Returns an image of the user's, with its thumbnail and the model's input. */
async function own(pixels, name, photo = null) {
  const square = await page.model.prepare(pixels);
  return {url: await thumbnail(pixels), name, square, photo, own: true};
}

/** Puts an image of the user's into a strip, and chooses it. */
async function take(reading, choose) {
  const image = await unlessNewer(choose, reading);
  if (!image) return;
  const strip = choose === chooseSource ? $('sources') : $('references');
  addOwn(strip, image, guarded(choose));
  await choose(image);
}

async function takeFile(file, choose) {
  if (file.type.startsWith('video/')) {
    if (choose === chooseSource) return liveFile(file);
    throw new Error(`${file.name} is a video: a style needs an image`);
  }
  $('status').textContent = `Reading ${file.name}`;
  const name = file.name.replace(/\.\w+$/, '');
  const reading = readPhoto(file, file.name).then((pixels) => own(pixels, name, file));
  await take(reading, choose);
}

/** Returns the buttons that ask for an image, for `choose`. */
export function asks(choose) {
  const askFile = (camera) => {
    const input = $('file');
    input.toggleAttribute('capture', camera); // a phone then opens its camera
    input.accept = choose === chooseSource && !camera ? 'image/*,video/*' : 'image/*';
    input.value = '';
    input.onchange = guarded(() => takeFile(input.files[0], choose));
    input.click();
  };
  const askCamera = async () => {
    if (!cameraWorks) return askFile(true);
    const pixels = await takePhoto();
    return pixels && take(own(pixels, 'camera photo'), choose);
  };
  return [
    {name: 'Choose', icon: 'plus', ask: guarded(() => askFile(false))},
    {name: 'Camera', icon: 'lens', ask: guarded(askCamera)},
    ...(choose === chooseSource
      ? [{name: 'Live', icon: 'dot', ask: guarded(liveCamera)}] : []),
  ];
}

/** Lets files be dropped anywhere: on the style as its image, elsewhere as the source. */
export function wireDrops() {
  const drop = guarded(async (event) => {
    const [file] = event.dataTransfer.files;
    if (!file) return;
    await takeFile(file, $('style').contains(event.target) ? chooseReference : chooseSource);
  });
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    drop(event);
  });
}
