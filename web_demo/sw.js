// Lets the site open without a network. With a network, every file is requested again, so
// that files of a rebuilt site are never mixed with cached ones.

const {scope} = self.registration;
const CACHE = `tfstargan ${scope}`;

// Browsers give WebAssembly threads only to isolated pages. Many static servers can't send
// these headers. On localhost other pages may follow at this address: theirs stay as sent.
const HEADERS = ['localhost', '127.0.0.1'].includes(location.hostname) ? {} : {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

addEventListener('install', () => self.skipWaiting());
addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

addEventListener('message', (event) => {
  const [port] = event.ports;
  event.waitUntil(keep(event.data.keep)
    .then(() => port.postMessage(true), () => port.postMessage(false)));
});

addEventListener('fetch', (event) => {
  const {method, url} = event.request;
  if (method === 'GET' && url.startsWith(scope)) event.respondWith(answer(event));
});

/** Keeps files that were loaded before this worker was there. */
async function keep(urls) {
  const cache = await caches.open(CACHE);
  for (const url of urls) {
    if (!(await cache.match(url))) await cache.add(url);
  }
}

async function answer(event) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(event.request);
    if (response.status === 200) event.waitUntil(cache.put(event.request, response.clone()));
    return isolated(response);
  } catch (error) {
    const kept = await cache.match(event.request, {ignoreVary: true});
    if (!kept) throw error;
    return isolated(kept);
  }
}

function isolated({body, status, statusText, headers}) {
  const all = new Headers(headers);
  for (const [name, value] of Object.entries(HEADERS)) all.set(name, value);
  return new Response(body, {status, statusText, headers: all});
}
