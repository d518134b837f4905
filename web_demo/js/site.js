// The site around the page: what the browser needs, and site.json of export.web.

export const SITE = new URL('..', import.meta.url); // index.html's folder

/** Throws an Error unless the browser has what the page needs. */
export function checkBrowser() {
  if (typeof WebAssembly !== 'object') {
    throw new Error('This browser has no WebAssembly, or it is turned off. ' +
      'Current versions of Chrome, Edge, Firefox and Safari have it.');
  }
  if (typeof OffscreenCanvas !== 'function') {
    throw new Error('This browser is too old for this page (it has no OffscreenCanvas).');
  }
}

/** Returns site.json: the model's folder and the example images. */
export async function readSite() {
  const response = await fetch(new URL('site.json', SITE)).catch(() => null);
  if (!response?.ok) {
    throw new Error('site.json can\'t be loaded: make the site again (tfstargan export web)');
  }
  return response.json();
}
