// Translates the frames of a <video> while it plays. The newest frame wins: a frame that
// comes while the model is busy replaces the one that waits.

import {centeredSquare} from './pixels.js';
import {Rate} from './rate.js';

let polled = 0; // frames seen without requestVideoFrameCallback
const MOST_SIDE = 512; // of a frame's square; the browser reduces larger ones to it

export class Live {
  rate = new Rate();
  #video;
  #translate;
  #show;
  #most;
  #running = false;
  #newest = null; // frame: {number, begun}
  #wake = null; // called when there is a newer one

  /**
   * @param video the element; it is played and paused by others.
   * @param size of the model's images.
   * @param translate called with an ImageBitmap; returns a promise of the result.
   * @param show called with each result.
   */
  constructor(video, size, translate, show) {
    this.#video = video;
    this.#most = Math.max(MOST_SIDE, 2 * size);
    this.#translate = translate;
    this.#show = show;
  }

  /** Translates frame after frame until `stop` is called. Rejects if one can't be. */
  async run() {
    this.#running = true;
    this.#listen();
    for (;;) {
      if (!this.#newest) await new Promise((resolve) => { this.#wake = resolve; });
      if (!this.#running) return;
      const {number, begun} = this.#newest;
      this.#newest = null;
      const result = await this.#translate(await this.#grab());
      if (!this.#running) return;
      this.#show(result);
      this.rate.add(number, begun, performance.now());
    }
  }

  stop() {
    this.#running = false;
    this.#wake?.();
  }

  #listen() {
    nextFrame(this.#video, (frame) => {
      if (!this.#running) return;
      this.#newest = frame;
      this.#wake?.();
      this.#listen();
    });
  }

  /** Returns the centered square of the newest frame as an ImageBitmap. */
  #grab() {
    const {videoWidth: width, videoHeight: height} = this.#video;
    const {side, left, top} = centeredSquare(width, height);
    const size = Math.min(side, this.#most);
    return createImageBitmap(this.#video, left, top, side, side,
      {resizeWidth: size, resizeHeight: size, resizeQuality: 'medium'});
  }
}

/** Calls `act` once, with {number, begun} of the video's next frame. */
function nextFrame(video, act) {
  if (video.requestVideoFrameCallback) {
    video.requestVideoFrameCallback((now, {presentedFrames, captureTime, presentationTime}) =>
      act({number: presentedFrames, begun: captureTime ?? presentationTime}));
    return;
  }
  const {currentTime} = video; // Firefox before 132: a new time is a new frame
  const poll = () => {
    if (video.currentTime === currentTime) requestAnimationFrame(poll);
    else act({number: ++polled, begun: performance.now()});
  };
  requestAnimationFrame(poll);
}
