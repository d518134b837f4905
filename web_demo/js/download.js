// Downloads with progress. Runs in the worker.

/**
 * Returns a file's bytes. Throws an Error that names the file if it can't be loaded.
 *
 * @param progress called with the bytes loaded so far and in total (0: unknown).
 */
export async function download(url, progress = () => {}) {
  const name = url.split('/').pop();
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new Error(`${name} can't be loaded: check that the server is running`);
  }
  if (!response.ok) throw new Error(`${name} can't be loaded (HTTP ${response.status})`);
  // Of a compressed response, the length is that of the compressed bytes.
  const {headers} = response;
  const total = headers.has('Content-Encoding') ? 0 : Number(headers.get('Content-Length'));
  const parts = [];
  let loaded = 0;
  for (const reader = response.body.getReader(); ;) {
    const {done, value} = await reader.read();
    if (done) break;
    parts.push(value);
    loaded += value.length;
    progress(loaded, total);
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
