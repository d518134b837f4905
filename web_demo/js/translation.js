// From the choices to a translated image. Of many requests, the newest counts.

import {between, tempered} from './styles.js';

/**
 * What is chosen:
 *
 *     source   {url, name, square} or null; square: the model's input, RGB bytes
 *     label    of the domain
 *     slots    two styles: {kind: 'seed' or 'reference', seed, reference: an image}
 *     mix      whether the second style is used
 *     share    of the way from the first to the second, 0 to 1
 *     psi      of the way from the domain's mean style to a random one, 0 to 1
 */
export class Translation {
  #model;
  #contract;
  #styles = new Map(); // by seed or image, and label
  #requests = 0;
  #busy = false;
  #turn = 0; // of the gallery

  constructor(model, contract) {
    this.#model = model;
    this.#contract = contract;
  }

  /** Returns the source in the chosen style; null if a choice is missing. */
  async translate(chosen) {
    const style = chosen.source && await this.style(chosen);
    return style && this.#model.translate(chosen.source.square, style);
  }

  /** Returns the chosen style; null if an image for it is missing. */
  async style({label, slots, mix, share, psi}) {
    const wanted = mix ? slots : slots.slice(0, 1);
    const complete = wanted.every((slot) => slot.kind === 'seed' || slot.reference);
    if (!complete) return null;
    const mean = Float32Array.from(
      this.#contract.mean_styles[this.#contract.domains[label]]);
    const styles = [];
    for (const slot of wanted) { // as in Python, psi does not change a reference's style
      const style = await this.#styleOf(slot, label);
      styles.push(slot.kind === 'seed' ? tempered(style, mean, psi) : style);
    }
    return mix ? between(...styles, share) : styles[0];
  }

  /**
   * Calls `work` when no earlier call is running, and once for all requests that came
   * meanwhile: a slider may move faster than the model computes.
   */
  async newest(work) {
    this.#requests++;
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let seen = 0; seen !== this.#requests;) {
        seen = this.#requests;
        await work();
      }
    } finally {
      this.#busy = false;
    }
  }

  /**
   * Calls `show` with the source in each of some random styles, until called again, or one
   * takes too long.
   *
   * @param chosen the other choices; its styles are not used.
   * @param seeds of the styles.
   * @param most milliseconds of one, but for the first.
   * @param show called with (seed, bytes).
   */
  async gallery(chosen, seeds, most, show) {
    const turn = ++this.#turn;
    for (const seed of seeds) {
      const begin = performance.now();
      const slots = [{kind: 'seed', seed}];
      const fake = await this.translate({...chosen, slots, mix: false});
      if (turn !== this.#turn) return;
      show(seed, fake);
      if (seed !== seeds[0] && performance.now() - begin > most) return;
    }
  }

  /** Ends a gallery that is being made. */
  endGallery() {
    this.#turn++;
  }

  async #styleOf({kind, seed, reference}, label) {
    const key = `${kind === 'seed' ? seed : reference.url} ${label}`;
    if (!this.#styles.has(key)) {
      this.#styles.set(key, kind === 'seed'
        ? await this.#model.seededStyle(seed, label)
        : await this.#model.encodeStyle(reference.square, label));
    }
    return this.#styles.get(key);
  }
}
