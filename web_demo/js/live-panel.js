// Live translation: opening a camera or a video, and the buttons below the image.

import {chooseSource, setSource} from './choosing.js';
import {result, setLive, setState} from './compare.js';
import {Live} from './live.js';
import {guarded, showAlert} from './messages.js';
import {thumbnail} from './photos.js';
import {withAlpha} from './pixels.js';
import {canRecord, Recorder} from './recorder.js';
import {endGallery, showResult, update} from './result.js';
import {saveFile} from './saving.js';
import {chosen, describe, page} from './state.js';
import {addOwn} from './strip.js';
import {openCamera, openVideo} from './video.js';

const $ = (id) => document.getElementById(id);
const [video, pause, record, turn] = ['video', 'pause', 'record', 'turn-live'].map($);
const EACH = 250; // milliseconds between two figures that are shown
const SMALLEST = 480; // pixels: height that a camera is asked for, at least

const sides = ['user', 'environment'];
let opening = false; // whether a camera or video is being opened
let source = null; // that is open: a camera or video
let stop = null; // closes it
let live = null; // translates it, unless it is paused
let last = null; // frame: {source, fake}
let style = null; // of the last frame
let recorder = null;

/** Translates the camera until another image is chosen. */
export function liveCamera() {
  const height = Math.max(SMALLEST, page.contract.img_size);
  return open('camera', true, () => openCamera(video, sides[0], height, unplugged));
}

/** Translates a video file until another image is chosen. */
export function liveFile(file) {
  return open(file.name.replace(/\.\w+$/, ''), false, () => openVideo(video, file));
}

async function open(name, isCamera, begin) {
  if (opening) return; // by an earlier click
  opening = true;
  try {
    if (source) await leave();
    $('status').textContent = isCamera ? 'Starting the camera' : `Reading ${name}`;
    stop = await begin();
  } finally {
    opening = false;
  }
  source = {url: `live ${name}`, name, own: true, live: true, close};
  last = null;
  const first = [{kind: 'seed', seed: 0}];
  style = await page.translation.style({...chosen, slots: first, mix: false});
  $('live').hidden = false;
  turn.hidden = !isCamera;
  record.hidden = !canRecord;
  play();
}

function play() {
  endGallery();
  setSource(source);
  setLive(true);
  pause.textContent = 'Pause';
  update();
  live = new Live(video, page.contract.img_size, translate, show);
  const own = live;
  live.run().catch((error) => {
    if (own !== live) return;
    source.close();
    showAlert(error);
  });
}

async function translate(frame) {
  style = (await page.translation.style(chosen)) ?? style; // the last one, if one is missing
  return page.model.translateFrame(frame, style);
}

let shown = 0; // when figures were shown last

function show(frame) {
  last = frame;
  showResult(frame.fake, describe());
  const now = performance.now();
  if (now - shown < EACH) return;
  shown = now;
  const {rate, latency, dropped} = live.rate.summary();
  $('stats').textContent =
    `${rate.toFixed(1)} frames/s · ${Math.round(latency)} ms · ${dropped} dropped`;
  if (recorder) record.textContent = `Stop · ${clock(now - recorder.begun)}`;
}

/** Stops at the last frame, which is then translated as an image. */
function freeze() {
  live?.stop();
  live = null;
  video.pause();
  setLive(false);
  if (!last) return;
  setSource({...source, name: `${source.name} frame`, live: false, square: last.source});
  pause.textContent = 'Resume';
}

async function toggle() {
  if (live) {
    freeze();
    await update();
  } else {
    await video.play();
    play();
  }
}

/** Closes the camera or video; its last frame stays, as an image of the user's. */
async function leave() {
  const frame = last;
  const name = `${source.name} frame`;
  source.close();
  if (!frame) {
    chosen.source = null;
    setState('empty');
    return;
  }
  const size = page.contract.img_size;
  const pixels = {width: size, height: size, data: withAlpha(frame.source)};
  const image = {url: await thumbnail(pixels), name, own: true, square: frame.source};
  addOwn($('sources'), image, guarded(chooseSource));
  await chooseSource(image);
}

/** Closes the camera or video. Called when another source is chosen, too. */
function close() {
  live?.stop();
  stop?.();
  live = stop = source = last = null;
  setLive(false);
  $('live').hidden = true;
  $('stats').textContent = '';
  if (recorder) guarded(endRecording)();
}

async function unplugged() {
  if (!source) return;
  await leave();
  showAlert(new Error('The camera was disconnected: connect it and choose Live again, ' +
    'or choose a file'));
}

async function turnCamera() {
  sides.reverse();
  await liveCamera();
}

// ---- recording ----

async function toggleRecording() {
  if (recorder) return endRecording();
  recorder = new Recorder(result);
  recorder.begun = performance.now();
  record.textContent = 'Stop · 0:00';
  record.ariaPressed = 'true';
}

async function endRecording() {
  const ended = recorder;
  recorder = null;
  record.textContent = 'Record';
  record.ariaPressed = 'false';
  const {file, suffix} = await ended.stop();
  $('status').textContent = `Saved ${saveFile(file, result.ariaLabel, suffix)}`;
}

/** Returns milliseconds as minutes and seconds. */
function clock(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Connects the buttons. */
export function wireLive() {
  pause.addEventListener('click', guarded(toggle));
  record.addEventListener('click', guarded(toggleRecording));
  turn.addEventListener('click', guarded(turnCamera));
  $('end').addEventListener('click', guarded(leave));
}
