// The EXIF orientation of WebP files, which Chromium ignores.

const ORIENTATION = 0x0112; // the EXIF tag

/** Returns the EXIF orientation of a WebP file, 1 to 8; null for other kinds of files. */
export async function webpOrientation(file) {
  const view = new DataView(await file.arrayBuffer());
  const text = (at) => at + 4 <= view.byteLength
    ? String.fromCharCode(...new Uint8Array(view.buffer, at, 4)) : '';
  if (text(0) !== 'RIFF' || text(8) !== 'WEBP') return null;
  for (let at = 12; at + 8 <= view.byteLength;) { // chunks of even length
    const length = view.getUint32(at + 4, true);
    if (text(at) === 'EXIF') {
      const header = text(at + 8) === 'Exif' ? 6 : 0; // some programs write JPEG's
      return orientation(view, at + 8 + header);
    }
    at += 8 + length + (length % 2);
  }
  return 1;
}

/** Returns the orientation in EXIF data, 1 if there is none or the data is damaged. */
function orientation(view, start) {
  try {
    const little = view.getUint16(start) === 0x4949;
    const first = start + view.getUint32(start + 4, little);
    const count = view.getUint16(first, little);
    for (let i = 0, at = first + 2; i < count; i++, at += 12) {
      if (view.getUint16(at, little) !== ORIENTATION) continue;
      const value = view.getUint16(at + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // past the end of the file
  }
  return 1;
}
