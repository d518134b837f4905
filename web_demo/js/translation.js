// From what is chosen to a translated picture; of many wishes the newest counts.

import {between, tempered} from './styles.js';

/**
 * What is chosen:
 *
 *     source   {url, name, square} or null; square: what the model sees, RGB bytes
 *     label    of the domain
 *     slots    two styles: {kind: 'seed' or 'reference', seed, reference: a picture}
 *     mix      whether the second one plays a part
 *     share    of the way from the first to the second, 0 to 1
 *     psi      of the way from the domain's mean style to the chosen one, 0 to 1
 */
export class Translation {
  #model;
  #contract;
  #styles = new Map(); // by seed or picture, and label
  #wishes = 0;
  #busy = false;
  #turn = 0; // of the gallery

  constructor(model, contract) {
    this.#model = model;
    this.#contract = contract;
  }

  /** Returns a picture in the style chosen; null where something is still to choose. */
  async translate({source, label, slots, mix, share, psi}) {
    const wanted = mix ? slots : slots.slice(0, 1);
    const complete = wanted.every((slot) => slot.kind === 'seed' || slot.reference);
    if (!source || !complete) return null;
    const mean = this.#contract.mean_styles[this.#contract.domains[label]];
    const styles = [];
    for (const slot of wanted) {
      styles.push(tempered(await this.#styleOf(slot, label), Float32Array.from(mean), psi));
    }
    const style = mix ? between(...styles, share) : styles[0];
    return this.#model.translate(source.square, style);
  }

  /**
   * Calls `work` as soon as no earlier call is at it, and once for all that came while
   * it was: a slider that moves faster than the model is followed as well as can be.
   */
  async newest(work) {
    this.#wishes++;
    if (this.#busy) return;
    this.#busy = true;
    for (let seen = 0; seen !== this.#wishes;) {
      seen = this.#wishes;
      await work();
    }
    this.#busy = false;
  }

  /**
   * Calls `show` with the picture in each of some random styles, until called again.
   *
   * @param chosen what is chosen besides; its own styles play no part.
   * @param seeds of the styles.
   * @param show called with (seed, bytes).
   */
  async gallery(chosen, seeds, show) {
    const turn = ++this.#turn;
    for (const seed of seeds) {
      const slots = [{kind: 'seed', seed}];
      const fake = await this.translate({...chosen, slots, mix: false});
      if (turn !== this.#turn) return;
      show(seed, fake);
    }
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
