// Opens a camera or a video file in a <video>. Failures are Errors with a message for the
// user.

const WITHOUT_PICTURE = 'has no picture that this browser can show';

/**
 * Starts the camera.
 *
 * @param video the element.
 * @param facing 'user' or 'environment'.
 * @param height in pixels that is asked for.
 * @param ended called if the camera goes away.
 * @returns a function that stops it.
 */
export async function openCamera(video, facing, height = 1280, ended = () => {}) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error('The camera works only on pages served over https or from localhost');
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: {
      facingMode: facing, height: {ideal: height}, frameRate: {ideal: 30}}});
  } catch (error) {
    throw new Error(reasonOf(error));
  }
  for (const track of stream.getTracks()) track.addEventListener('ended', ended);
  video.srcObject = stream;
  await video.play();
  return () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
}

function reasonOf({name}) {
  if (name === 'NotAllowedError') {
    return 'Camera access was denied: allow it in the browser, or choose a file';
  }
  if (name === 'NotReadableError') {
    return 'The camera is in use by another program: close that, or choose a file';
  }
  return 'No camera found: choose a file';
}

/** Plays a video file, again and again, without sound. Returns a function that ends it. */
export async function openVideo(video, file) {
  const url = URL.createObjectURL(file);
  const close = () => {
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(url);
  };
  video.src = url;
  video.loop = video.muted = true;
  try {
    await firstFrame(video);
    await video.play();
  } catch {
    close();
    throw new Error(
      `${file.name} can't be played: it is damaged, or of a kind that this browser can't decode`);
  }
  if (!video.videoWidth) {
    close();
    throw new Error(`${file.name} ${WITHOUT_PICTURE}`);
  }
  return close;
}

/** Resolves when there is a frame to show; rejects if the file can't be decoded. */
function firstFrame(video) {
  return new Promise((resolve, reject) => {
    video.addEventListener('loadeddata', resolve, {once: true});
    video.addEventListener('error', reject, {once: true});
  });
}
