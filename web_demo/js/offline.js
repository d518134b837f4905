// Lets the site open without a network, once it has been loaded: sw.js keeps its files.

import {SITE} from './site.js';

/**
 * Keeps what the page has loaded. Returns whether all of it is kept.
 *
 * @param loading a promise of the URLs that the worker loads.
 */
export async function keepOffline(loading) {
  if (!navigator.serviceWorker) return false; // no https
  const loaded = await loading.catch(() => []); // what is missing is reported where needed
  const own = performance.getEntriesByType('resource').map(({name}) => name);
  const files = [location.href, ...own, ...loaded].filter((url) => url.startsWith(SITE.href));
  try {
    await navigator.serviceWorker.register(new URL('sw.js', SITE));
    const {active} = await navigator.serviceWorker.ready;
    const {port1, port2} = new MessageChannel();
    const answer = new Promise((resolve) => { port1.onmessage = resolve; });
    active.postMessage({keep: [...new Set(files)]}, [port2]);
    return (await answer).data;
  } catch (error) { // private windows of some browsers refuse
    console.debug(`not kept for use without a network: ${error.message}`);
    return false;
  }
}
