// What is chosen, and what the page works with.

/** The choices; see translation.js. `source.own`: it is no example of the site's. */
export const chosen = {
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

/** Set once, when the page has loaded: {site, model, contract, translation}. */
export const page = {};

/** Returns the choices in words. */
export function describe() {
  const style = ({kind, seed, reference}) =>
    kind === 'seed' ? `style ${seed}` : `style of ${reference?.name}`;
  const styles = chosen.slots.slice(0, chosen.mix ? 2 : 1).map(style);
  const domain = page.contract.domains[chosen.label];
  return `${chosen.source.name} as ${domain}, ${styles.join(' + ')}`;
}
