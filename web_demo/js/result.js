// The translation of the choices, and the gallery of other styles.

import {setBusy, showAfter} from './compare.js';
import {guarded} from './messages.js';
import {withAlpha} from './pixels.js';
import {chosen, describe, page} from './state.js';
import {drawCanvas} from './strip.js';

const $ = (id) => document.getElementById(id);
const FAST = 400; // milliseconds of a tile of the gallery; a slower one ends it

export const GALLERY = [...Array(12).keys()]; // seeds

let shownGallery; // source, domain and psi of the gallery

/** Translates the choices and shows the result. While it is live, each frame does so. */
export const update = () => page.translation.newest(guarded(async () => {
  if (chosen.source?.live) {
    $('status').textContent = `Live: ${describe()}`;
    return;
  }
  setBusy(true);
  const begin = performance.now();
  try {
    const what = chosen.source && describe();
    const fake = await page.translation.translate(chosen);
    if (chosen.source?.live) return; // started meanwhile
    if (!fake) {
      $('status').textContent = chosen.source ? 'Choose an image for the style' : 'Ready';
      return;
    }
    const milliseconds = Math.round(performance.now() - begin);
    showResult(fake, what);
    $('status').textContent = `${what} · ${milliseconds} ms`;
    showGallery();
  } finally {
    setBusy(false);
  }
}));

/** Shows a translated image, RGB bytes; `what` describes it. */
export function showResult(fake, what) {
  showAfter(withAlpha(fake), page.contract.img_size, what);
  $('save').disabled = false;
}

/** Fills the gallery, tile by tile, if it shows another source, domain or psi. */
function showGallery() {
  const {source, label, psi} = chosen;
  const wanted = `${source.url} ${label} ${psi}`;
  if (wanted === shownGallery) return;
  shownGallery = wanted;
  guarded(() => page.translation.gallery(chosen, GALLERY, FAST, (seed, fake) =>
    drawCanvas($('tiles'), seed, withAlpha(fake), page.contract.img_size)))();
}

/** Leaves the gallery as it is. The next translation of an image fills it again. */
export function endGallery() {
  shownGallery = null;
  page.translation.endGallery();
}
