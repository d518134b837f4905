// Choosing a source, a domain and styles.

import {showBefore} from './compare.js';
import {guarded} from './messages.js';
import {readPhoto} from './photos.js';
import {withAlpha} from './pixels.js';
import {update} from './result.js';
import {offerPhoto} from './saving.js';
import {SITE} from './site.js';
import {chosen, page} from './state.js';
import {addOwn, fillStrip, markChosen} from './strip.js';

const $ = (id) => document.getElementById(id);

let slot = chosen.slots[0]; // the style that the controls change
const newest = new Map(); // {choose: its last call}

export async function chooseSource(image) {
  const source = await unlessNewer(chooseSource, prepared(image));
  if (!source) return;
  setSource(source);
  const {domains} = page.contract;
  if (image.domain === domains[chosen.label]) { // its own: choose one that changes it
    await chooseDomain((chosen.label + 1) % domains.length);
  } else {
    await update();
  }
}

/** Sets the source and shows it. The one before it is closed, if it is a camera or video. */
export function setSource(source) {
  const {close} = chosen.source ?? {};
  chosen.source = source;
  if (close !== source.close) close?.();
  markChosen($('sources'), source.url);
  $('unlike').hidden = !source.own;
  offerPhoto(Boolean(source.photo));
  if (!source.live) showBefore(withAlpha(source.square), page.contract.img_size);
}

export async function chooseDomain(label) {
  chosen.label = label;
  $('domains').querySelectorAll('input')[label].checked = true;
  const examples = page.site.references[page.contract.domains[label]] ?? [];
  const example = chosen.slots.some((each) => each.reference?.domain) && examples.length
    ? await prepared(examples[0]) : null;
  if (label !== chosen.label) return; // another was chosen meanwhile
  fillStrip($('references'), examples, guarded(chooseReference));
  for (const each of chosen.slots) { // examples of another domain are replaced
    if (each.reference?.domain) {
      each.reference = example;
    } else if (each.reference) {
      addOwn($('references'), each.reference, guarded(chooseReference));
    }
  }
  showSlot();
  await update();
}

export async function chooseReference(image) {
  const changed = slot;
  const reference = await unlessNewer(chooseReference, prepared(image));
  if (!reference) return;
  Object.assign(changed, {reference, kind: 'reference'});
  showSlot();
  await update();
}

export async function chooseSeed(seed) {
  slot.seed = seed;
  slot.kind = 'seed';
  showSlot();
  await update();
}

export async function chooseKind(kind) {
  const [example] = page.site.references[page.contract.domains[chosen.label]] ?? [];
  if (kind === 'reference' && !slot.reference && example) return chooseReference(example);
  slot.kind = kind;
  showSlot();
  await update();
}

export function chooseSlot(index) {
  slot = chosen.slots[index];
  document.querySelector(`[name=slot][value="${index}"]`).checked = true;
  showSlot();
}

/** Sets the controls of the style to the slot's. */
function showSlot() {
  document.querySelector(`[name=kind][value=${slot.kind}]`).checked = true;
  $('random').hidden = $('variation').hidden = slot.kind !== 'seed';
  $('references').hidden = slot.kind !== 'reference';
  $('seed').value = slot.seed;
  $('seed-value').textContent = slot.seed;
  markChosen($('references'), slot.reference?.url);
  markChosen($('tiles'), slot.kind === 'seed' ? slot.seed : '');
}

/** Returns what a promise gives; null if `choose` was called again meanwhile. */
export async function unlessNewer(choose, promise) {
  newest.set(choose, promise);
  const result = await promise;
  return newest.get(choose) === promise ? result : null;
}

/** Returns an example with `square`, the model's input, and `photo`, its file. */
async function prepared(image) {
  if (image.square) return image;
  const response = await fetch(new URL(image.url, SITE)).catch(() => null);
  if (!response?.ok) throw new Error(`${image.name} can't be loaded`);
  const photo = await response.blob();
  const pixels = await readPhoto(photo, image.name);
  return {...image, photo, square: await page.model.prepare(pixels)};
}
