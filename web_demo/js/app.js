// The page: the choices, and what is shown for them.

import {cameraWorks, takePhoto} from './camera.js';
import {saveAfter, setSize, setState, showAfter, showBefore} from './compare.js';
import {guarded, showFailure, showProgress} from './messages.js';
import {Model} from './model.js';
import {readPhoto, thumbnail} from './photos.js';
import {withAlpha} from './pixels.js';
import {checkBrowser, readSite, SITE} from './site.js';
import {addOwn, drawCanvas, fillCanvases, fillStrip, markChosen} from './strip.js';
import {Translation} from './translation.js';

const $ = (id) => document.getElementById(id);
const GALLERY = [...Array(12).keys()]; // seeds
const FAST = 400; // milliseconds of a translation, at most, to fill the gallery

const chosen = { // see translation.js
  source: null,
  label: 0,
  slots: [
    {kind: 'seed', seed: 0, reference: null},
    {kind: 'seed', seed: 1, reference: null},
  ],
  mix: false,
  share: 0.5,
  psi: 1,
};
let slot = chosen.slots[0]; // the style that the controls change
let model;
let contract; // of the model
let site; // the model's folder and the example images, from export.web
let translation;
let shownGallery; // source, domain and psi of the gallery
let fastest = Infinity; // translation so far, in milliseconds
const newest = new Map(); // {choose: its last call}

async function start() {
  try {
    checkBrowser();
    site = await readSite();
    model = new Model(showProgress);
    contract = await model.load(new URL(site.model, SITE).href,
      new URL('vendor/wasm/', SITE).href);
  } catch (error) {
    showFailure(error);
    return;
  }
  translation = new Translation(model, contract);
  buildControls();
  setState('empty');
  if (site.sources.length) await guarded(chooseSource)(site.sources[0]);
}

const update = () => translation.newest(guarded(async () => {
  $('compare').ariaBusy = 'true';
  const begin = performance.now();
  try {
    const what = chosen.source && describe();
    const fake = await translation.translate(chosen);
    if (!fake) {
      $('status').textContent = chosen.source ? 'Choose an image for the style' : 'Ready';
      return;
    }
    showAfter(withAlpha(fake), contract.img_size, what);
    const milliseconds = Math.round(performance.now() - begin);
    $('status').textContent = `${what} · ${milliseconds} ms`;
    $('save').disabled = false;
    fastest = Math.min(fastest, milliseconds);
    if (fastest < FAST) showGallery();
  } finally {
    $('compare').ariaBusy = 'false';
  }
}));

/** Fills the gallery, tile by tile, if it shows another source, domain or psi. */
function showGallery() {
  const {source, label, psi} = chosen;
  const wanted = `${source.url} ${label} ${psi}`;
  if (wanted === shownGallery) return;
  shownGallery = wanted;
  $('gallery').hidden = false;
  guarded(() => translation.gallery(chosen, GALLERY, (seed, fake) =>
    drawCanvas($('tiles'), seed, withAlpha(fake), contract.img_size)))();
}

/** Returns the choices in words. */
function describe() {
  const style = ({kind, seed, reference}) =>
    kind === 'seed' ? `style ${seed}` : `style of ${reference?.name}`;
  const styles = chosen.slots.slice(0, chosen.mix ? 2 : 1).map(style);
  return `${chosen.source.name} as ${contract.domains[chosen.label]}, ${styles.join(' + ')}`;
}

// ---- choosing ----

async function chooseSource(image) {
  const source = await unlessNewer(chooseSource, prepared(image));
  if (!source) return;
  chosen.source = source;
  markChosen($('sources'), image.url);
  showBefore(withAlpha(source.square), contract.img_size);
  const {domains} = contract;
  if (image.domain === domains[chosen.label]) { // its own: choose one that changes it
    await chooseDomain((chosen.label + 1) % domains.length);
  } else {
    await update();
  }
}

async function chooseDomain(label) {
  chosen.label = label;
  $('domains').querySelectorAll('input')[label].checked = true;
  const examples = site.references[contract.domains[label]] ?? [];
  const example = chosen.slots.some((each) => each.reference?.domain) && examples.length
    ? await prepared(examples[0]) : null;
  if (label !== chosen.label) return; // another was chosen meanwhile
  fillStrip($('references'), examples, guarded(chooseReference), asks(chooseReference));
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

async function chooseReference(image) {
  const changed = slot;
  const reference = await unlessNewer(chooseReference, prepared(image));
  if (!reference) return;
  Object.assign(changed, {reference, kind: 'reference'});
  showSlot();
  await update();
}

async function chooseSeed(seed) {
  slot.seed = seed;
  slot.kind = 'seed';
  showSlot();
  await update();
}

async function chooseKind(kind) {
  const [example] = site.references[contract.domains[chosen.label]] ?? [];
  if (kind === 'reference' && !slot.reference && example) return chooseReference(example);
  slot.kind = kind;
  showSlot();
  await update();
}

function chooseSlot(index) {
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
async function unlessNewer(choose, promise) {
  newest.set(choose, promise);
  const result = await promise;
  return newest.get(choose) === promise ? result : null;
}

/** Returns an example with `square`, the model's input. */
async function prepared(image) {
  if (image.square) return image;
  const response = await fetch(new URL(image.url, SITE)).catch(() => null);
  if (!response?.ok) throw new Error(`${image.name} can't be loaded`);
  const pixels = await readPhoto(await response.blob(), image.name);
  return {...image, square: await model.prepare(pixels)};
}

// ---- the user's own images ----

/** Returns an image of the user's, with its thumbnail and the model's input. */
async function own(pixels, name) {
  return {url: await thumbnail(pixels), name, square: await model.prepare(pixels)};
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
  $('status').textContent = `Reading ${file.name}`;
  const name = file.name.replace(/\.\w+$/, '');
  await take(readPhoto(file, file.name).then((pixels) => own(pixels, name)), choose);
}

/** Returns the buttons that ask for an image, for `choose`. */
function asks(choose) {
  const askFile = (camera) => {
    const input = $('file');
    input.toggleAttribute('capture', camera); // a phone then opens its camera
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
  ];
}

function wireDrops() {
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

async function save() {
  $('status').textContent = `Saved ${await saveAfter()}`;
}

// ---- controls ----

function buildControls() {
  const {domains, run, variant, img_size: size} = contract;
  $('about').textContent = `Model ${run?.name ?? ''}, iteration ${run?.iteration ?? '?'}, ` +
    `${variant}, ${size} × ${size} pixels, in LiteRT.js`;
  $('domains').replaceChildren(...domains.map(domainPill));
  fillStrip($('sources'), site.sources, guarded(chooseSource), asks(chooseSource));
  fillCanvases($('tiles'), GALLERY, guarded(chooseSeed));
  setSize(size);
  $('controls').disabled = false;
  wireStyles();
  wireSlider('psi', (value) => { chosen.psi = value / 100; }, (value) => `${value} %`);
  wireSlider('share', (value) => { chosen.share = value / 100; }, (value) => `${value} %`);
  wireDrops();
  $('save').addEventListener('click', guarded(save));
  $('alert').querySelector('button').addEventListener('click', () => {
    $('alert').hidden = true;
  });
  chooseDomain(0);
}

function domainPill(name, label) {
  const pill = document.createElement('label');
  const input = document.createElement('input');
  Object.assign(input, {type: 'radio', name: 'domain', value: name});
  input.addEventListener('change', guarded(() => chooseDomain(label)));
  const text = document.createElement('span');
  text.textContent = name;
  pill.append(input, text);
  return pill;
}

function wireStyles() {
  const seeds = Number($('seed').max) + 1;
  $('seed').addEventListener('input', guarded(() => chooseSeed(Number($('seed').value))));
  $('surprise').addEventListener('click',
    guarded(() => chooseSeed(Math.floor(Math.random() * seeds))));
  for (const input of document.querySelectorAll('[name=kind]')) {
    input.addEventListener('change', guarded(() => chooseKind(input.value)));
  }
  for (const input of document.querySelectorAll('[name=slot]')) {
    input.addEventListener('change', () => chooseSlot(Number(input.value)));
  }
  $('mix').addEventListener('change', () => {
    chosen.mix = $('mix').checked;
    $('slots').hidden = $('mixing').hidden = !chosen.mix;
    chooseSlot(chosen.mix ? 1 : 0);
    update();
  });
}

/** Calls `set` with a slider's value when it moves, and shows the value in words. */
function wireSlider(id, set, words) {
  const show = () => {
    const value = Number($(id).value);
    set(value);
    $(`${id}-value`).textContent = words(value);
  };
  show();
  $(id).addEventListener('input', () => {
    show();
    update();
  });
}

await start();
