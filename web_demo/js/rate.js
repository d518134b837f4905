// Frames per second, latency and dropped frames of a video.

const WINDOW = 2000; // milliseconds that the figures are of

/** Counts the frames that are shown. Times are in milliseconds. */
export class Rate {
  #frames = []; // of the window: {begun, shown}
  #first = null; // number of the first frame
  #count = 0;

  /**
   * Adds a frame that was shown.
   *
   * @param number of the frame; frames that were dropped have numbers, too.
   * @param begun when it came.
   * @param shown when its translation was shown.
   */
  add(number, begun, shown) {
    this.#first ??= number;
    this.#count++;
    this.#frames.push({begun, shown});
    while (this.#frames[0].shown < shown - WINDOW) this.#frames.shift();
    this.dropped = number - this.#first + 1 - this.#count;
  }

  /** Returns {rate, latency, dropped}: frames per second, mean latency, all dropped. */
  summary() {
    const frames = this.#frames;
    if (frames.length < 2) return {rate: 0, latency: 0, dropped: 0};
    const time = frames.at(-1).shown - frames[0].shown;
    const sum = frames.reduce((total, {begun, shown}) => total + shown - begun, 0);
    return {
      rate: (1000 * (frames.length - 1)) / time,
      latency: sum / frames.length,
      dropped: this.dropped,
    };
  }
}
