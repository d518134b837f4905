// The page: loads the model, and connects the controls.

import {
  chooseDomain, chooseKind, chooseReference, chooseSeed, chooseSlot, chooseSource,
} from './choosing.js';
import {setState} from './compare.js';
import {wireLive} from './live-panel.js';
import {guarded, showFailure, showProgress} from './messages.js';
import {Model} from './model.js';
import {keepOffline} from './offline.js';
import {asks, wireDrops} from './own.js';
import {GALLERY, update} from './result.js';
import {offerSizes, saveImage} from './saving.js';
import {checkBrowser, readSite, SITE} from './site.js';
import {chosen, page} from './state.js';
import {addButtons, fillCanvases, fillStrip} from './strip.js';
import {Translation} from './translation.js';

const $ = (id) => document.getElementById(id);

async function start() {
  let loading;
  try {
    checkBrowser();
    page.site = await readSite();
    page.model = new Model(showProgress);
    loading = await page.model.load(new URL(page.site.model, SITE).href,
      new URL('vendor/wasm/', SITE).href);
  } catch (error) {
    showFailure(error);
    return;
  }
  page.contract = loading.contract;
  page.translation = new Translation(page.model, page.contract);
  buildControls(loading.device);
  setState('empty');
  if (page.site.sources.length) await guarded(chooseSource)(page.site.sources[0]);
  $('offline').hidden = !(await keepOffline(page.model.loaded()));
}

function buildControls(device) {
  const {domains, img_size: size} = page.contract;
  describeModel(device);
  $('domains').replaceChildren(...domains.map(domainPill));
  addButtons($('sources'), asks(chooseSource));
  addButtons($('references'), asks(chooseReference));
  fillStrip($('sources'), page.site.sources, guarded(chooseSource));
  fillCanvases($('tiles'), GALLERY, guarded(chooseSeed));
  offerSizes(size);
  $('controls').disabled = false;
  wireStyles();
  wireSlider('psi', (value) => { chosen.psi = value / 100; }, (value) => `${value} %`);
  wireSlider('share', (value) => { chosen.share = value / 100; }, (value) => `${value} %`);
  wireDrops();
  wireLive();
  $('save').addEventListener('click', guarded(async () => {
    $('status').textContent = `Saved ${await saveImage()}`;
  }));
  $('alert').querySelector('button').addEventListener('click', () => {
    $('alert').hidden = true;
  });
  chooseDomain(0);
}

/** Says what the model is, what it was trained on, and what it computes with. */
function describeModel(device) {
  const {run, variant, img_size: size} = page.contract;
  $('about').textContent = `Model ${run?.name ?? ''}, iteration ${run?.iteration ?? '?'}, ` +
    `${variant}, ${size} × ${size} pixels, in LiteRT.js (${device})`;
  const {trained_on: trained} = page.site;
  if (!trained) return; // a site of an earlier version
  $('trained').textContent = `The model was trained on ${trained}, and knows nothing else.`;
  $('unlike').textContent =
    `The model was trained on ${trained}: images unlike those give poor results.`;
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
