// The loop over a video's frames, with a video and a model of the test's own.
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Live} from '../js/live.js';
import {Rate} from '../js/rate.js';

/** A video whose frames come when the test says so. */
class Video {
  videoWidth = 640;
  videoHeight = 480;
  #callbacks = [];
  #frames = 0;

  requestVideoFrameCallback(callback) {
    this.#callbacks.push(callback);
  }

  /** Presents the next frame, and lets what waits for it go on. */
  async present() {
    this.newest = ++this.#frames;
    const callbacks = this.#callbacks.splice(0);
    for (const callback of callbacks) {
      callback(0, {presentedFrames: this.newest, presentationTime: performance.now()});
    }
    await new Promise(setImmediate);
  }
}

/** Starts a loop; `finish()` lets the model return what it is working on. */
function begin() {
  const video = new Video();
  const crops = [], shown = [];
  let finish;
  globalThis.createImageBitmap = async (source, ...crop) => {
    crops.push(crop);
    return source.newest;
  };
  const translate = (frame) => new Promise((resolve) => { finish = () => resolve(frame); });
  const live = new Live(video, 64, translate, (frame) => shown.push(frame));
  const ended = live.run();
  return {
    video, live, crops, shown, ended,
    finish: async () => {
      finish();
      await new Promise(setImmediate);
    },
  };
}

test('of the frames that come while the model is busy, the newest is translated', async () => {
  const {video, live, shown, finish, ended} = begin();
  await video.present();
  for (let i = 0; i < 9; i++) await video.present();
  await finish();
  await finish();
  assert.deepEqual(shown, [1, 10]);
  assert.equal(live.rate.summary().dropped, 8);
  live.stop();
  await ended;
});

test('a model that keeps up drops no frame', async () => {
  const {video, live, shown, finish, ended} = begin();
  for (let i = 0; i < 5; i++) {
    await video.present();
    await finish();
  }
  assert.deepEqual(shown, [1, 2, 3, 4, 5]);
  assert.equal(live.rate.summary().dropped, 0);
  live.stop();
  await ended;
});

test('the centered square is taken', async () => {
  const {video, live, crops, finish, ended} = begin();
  await video.present();
  await finish();
  assert.deepEqual(crops[0].slice(0, 4), [80, 0, 480, 480]);
  assert.equal(crops[0][4].resizeWidth, 480);
  live.stop();
  await ended;
});

test('after it is stopped, nothing is shown', async () => {
  const {video, live, shown, finish, ended} = begin();
  await video.present();
  live.stop();
  await finish();
  await video.present();
  await ended;
  assert.deepEqual(shown, []);
});

test('an error of the model ends it', async () => {
  const video = new Video();
  const live = new Live(video, 64, () => Promise.reject(new Error('broken')), () => {});
  const rejected = assert.rejects(live.run(), /broken/);
  await video.present();
  await rejected;
});

test('the rate is that of the last two seconds', () => {
  const rate = new Rate();
  assert.deepEqual(rate.summary(), {rate: 0, latency: 0, dropped: 0});
  for (let i = 0; i < 10; i++) rate.add(i, 1000 * i, 1000 * i + 500); // 1 frame/s
  for (let i = 0; i <= 100; i++) rate.add(10 + 2 * i, 10_000 + 40 * i, 10_030 + 40 * i);
  const {rate: perSecond, latency, dropped} = rate.summary();
  assert.equal(Math.round(perSecond), 25);
  assert.equal(Math.round(latency), 30);
  assert.equal(dropped, 100);
});
