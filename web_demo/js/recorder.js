// Records a canvas to a video file.

const KINDS = ['video/webm;codecs=vp8', 'video/webm', 'video/mp4'];
const kind = KINDS.find((each) => globalThis.MediaRecorder?.isTypeSupported(each));

/** Whether this browser can record. */
export const canRecord = Boolean(kind);

export class Recorder {
  #recorder;
  #parts = [];

  /** Starts to record what a canvas shows. */
  constructor(canvas) {
    this.#recorder = new MediaRecorder(
      canvas.captureStream(30), {mimeType: kind, videoBitsPerSecond: 4e6});
    this.#recorder.addEventListener('dataavailable', ({data}) => this.#parts.push(data));
    this.#recorder.start(1000); // a part each second: memory of the encoder stays small
  }

  /** Ends the recording. Returns {file, suffix}: a Blob, and webm or mp4. */
  async stop() {
    const done = new Promise((resolve) =>
      this.#recorder.addEventListener('stop', resolve, {once: true}));
    this.#recorder.stop();
    await done;
    for (const track of this.#recorder.stream.getTracks()) track.stop();
    const [type] = kind.split(';');
    return {file: new Blob(this.#parts, {type}), suffix: type.split('/')[1]};
  }
}
