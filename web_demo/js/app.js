// The page: what is chosen, and what is shown of it.

import {cameraWorks, takePicture} from './camera.js';
import {setSize, setState, showAfter, showBefore, toPng} from './compare.js';
import {Model} from './model.js';
import {readPhoto, thumbnail} from './photos.js';
import {withAlpha} from './pixels.js';
import {addOwn, drawCanvas, fillCanvases, fillStrip, markChosen} from './strip.js';
import {Translation} from './translation.js';

const $ = (id) => document.getElementById(id);
const SITE = new URL('..', import.meta.url); // index.html's folder
const LOOKS = [...Array(12).keys()]; // seeds of the gallery
const FAST = 400; // milliseconds a translation may take for a gallery of them to be made
const PHASES = {
  runtime: 'Loading the runtime',
  model: 'Loading the model',
  compile: 'Preparing the model',
};

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
let slot = chosen.slots[0]; // the style being changed
let model;
let contract; // of the model
let site; // the model's folder and the example pictures, from export.web
let translation;
let shownLooks; // source, domain and psi that the gallery shows
let fastest = Infinity; // translation so far, in milliseconds

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

function checkBrowser() {
  if (typeof WebAssembly !== 'object') {
    throw new Error('This browser has no WebAssembly, or it is switched off. ' +
      'A current Chrome, Edge, Firefox or Safari has it.');
  }
  if (typeof OffscreenCanvas !== 'function') {
    throw new Error('This browser is too old for this page (no OffscreenCanvas).');
  }
}

async function readSite() {
  const response = await fetch(new URL('site.json', SITE)).catch(() => null);
  if (!response?.ok) throw new Error('site.json can\'t be loaded: make the site again');
  return response.json();
}

// ---- what is going on ----

function showProgress({phase, loaded, total}) {
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  $('hint').hidden = true;
  $('phase').textContent = PHASES[phase] +
    (total ? `: ${megabytes(loaded)} of ${megabytes(total)} MB` : '');
  if (total) $('progress').value = loaded / total;
  else $('progress').removeAttribute('value');
}

function showFailure(error) {
  setState('failed');
  $('hint').hidden = true;
  $('phase').textContent = error.message;
  $('loading').setAttribute('role', 'alert');
  $('retry').hidden = false;
  $('retry').addEventListener('click', () => location.reload());
}

function showAlert(error) {
  $('alert').querySelector('p').textContent = error.message;
  $('alert').hidden = false;
}

/** Returns a function that calls another, and shows the error it may end in. */
function guarded(act) {
  return async (...args) => {
    $('alert').hidden = true;
    try {
      await act(...args);
    } catch (error) {
      $('status').textContent = '';
      showAlert(error);
    }
  };
}

const update = () => translation.newest(guarded(async () => {
  $('compare').ariaBusy = 'true';
  const begin = performance.now();
  try {
    const what = chosen.source && describe();
    const fake = await translation.translate(chosen);
    if (!fake) {
      $('status').textContent = chosen.source ? 'Choose a picture for the style' : 'Ready';
      return;
    }
    showAfter(withAlpha(fake), contract.img_size, what);
    const milliseconds = Math.round(performance.now() - begin);
    $('status').textContent = `${what} · ${milliseconds} ms`;
    $('save').disabled = false;
    fastest = Math.min(fastest, milliseconds);
    if (fastest < FAST) showLooks();
  } finally {
    $('compare').ariaBusy = 'false';
  }
}));

/** Fills the gallery, tile by tile, where it shows another picture or domain yet. */
function showLooks() {
  const {source, label, psi} = chosen;
  const looks = `${source.url} ${label} ${psi}`;
  if (looks === shownLooks) return;
  shownLooks = looks;
  $('gallery').hidden = false;
  guarded(() => translation.gallery(chosen, LOOKS, (seed, fake) =>
    drawCanvas($('looks'), seed, withAlpha(fake), contract.img_size)))();
}

/** Returns in words what is chosen. */
function describe() {
  const style = ({kind, seed, reference}) =>
    kind === 'seed' ? `style ${seed}` : `style of ${reference?.name}`;
  const styles = chosen.slots.slice(0, chosen.mix ? 2 : 1).map(style);
  return `${chosen.source.name} as ${contract.domains[chosen.label]}, ${styles.join(' + ')}`;
}

// ---- choosing ----

async function chooseSource(picture) {
  chosen.source = await prepared(picture);
  markChosen($('sources'), picture.url);
  showBefore(withAlpha(chosen.source.square), contract.img_size);
  const {domains} = contract;
  if (picture.domain === domains[chosen.label]) { // so that there is something to see
    await chooseDomain((chosen.label + 1) % domains.length);
  } else {
    await update();
  }
}

async function chooseDomain(label) {
  chosen.label = label;
  $('domains').querySelectorAll('input')[label].checked = true;
  const examples = site.references[contract.domains[label]] ?? [];
  fillStrip($('references'), examples, guarded(chooseReference), asks(chooseReference));
  for (const each of chosen.slots) { // an example of another domain gives way
    if (each.reference?.domain) {
      each.reference = examples.length ? await prepared(examples[0]) : null;
    } else if (each.reference) {
      addOwn($('references'), each.reference, guarded(chooseReference));
    }
  }
  showSlot();
  await update();
}

async function chooseReference(picture) {
  Object.assign(slot, {reference: await prepared(picture), kind: 'reference'});
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
  slot.kind = kind;
  const [example] = site.references[contract.domains[chosen.label]] ?? [];
  if (kind === 'reference' && !slot.reference && example) {
    slot.reference = await prepared(example);
  }
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
  $('random').hidden = slot.kind !== 'seed';
  $('references').hidden = slot.kind !== 'reference';
  $('seed').value = slot.seed;
  $('seed-value').textContent = slot.seed;
  markChosen($('references'), slot.reference?.url);
  markChosen($('looks'), slot.kind === 'seed' ? slot.seed : '');
}

/** Returns an example with `square`, what the model sees of it. */
async function prepared(picture) {
  if (picture.square) return picture;
  const response = await fetch(new URL(picture.url, SITE)).catch(() => null);
  if (!response?.ok) throw new Error(`${picture.name} can't be loaded`);
  const pixels = await readPhoto(await response.blob(), picture.name);
  return {...picture, square: await model.prepare(pixels)};
}

// ---- pictures of one's own ----

/** Puts a picture of one's own into a strip, and chooses it. */
async function take(pixels, name, choose) {
  const picture = {
    url: await thumbnail(pixels),
    name,
    square: await model.prepare(pixels),
  };
  const strip = choose === chooseSource ? $('sources') : $('references');
  addOwn(strip, picture, guarded(choose));
  await choose(picture);
}

async function takeFile(file, choose) {
  $('status').textContent = `Reading ${file.name}`;
  const pixels = await readPhoto(file, file.name);
  await take(pixels, file.name.replace(/\.\w+$/, ''), choose);
}

/** Returns the tiles that bring one, for `choose`. */
function asks(choose) {
  const askFile = (camera) => {
    const input = $('file');
    input.toggleAttribute('capture', camera); // a phone opens its camera then
    input.value = '';
    input.onchange = guarded(() => takeFile(input.files[0], choose));
    input.click();
  };
  const askCamera = async () => {
    if (!cameraWorks) return askFile(true);
    const pixels = await takePicture();
    return pixels && take(pixels, 'camera picture', choose);
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
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await toPng());
  link.download = `${$('after').ariaLabel.replace(/[^\w+]+/g, '-')}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  $('status').textContent = `Saved ${link.download}`;
}

// ---- controls ----

function buildControls() {
  const {domains, run, variant, img_size: size} = contract;
  $('about').textContent = `Model ${run?.name ?? ''}, iteration ${run?.iteration ?? '?'}, ` +
    `${variant}, ${size} × ${size} pixels, on LiteRT.js`;
  $('domains').replaceChildren(...domains.map(domainPill));
  fillStrip($('sources'), site.sources, guarded(chooseSource), asks(chooseSource));
  fillCanvases($('looks'), LOOKS, guarded(chooseSeed));
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

/** Calls `set` with a slider's value when it moves, and shows it in words. */
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
