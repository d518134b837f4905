package org.tfstargan.demo

import android.content.Context
import android.graphics.ImageFormat
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.display.DisplayManager
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.os.SystemClock
import android.view.Display
import org.tfstargan.demo.core.Frame
import org.tfstargan.demo.core.Notice
import org.tfstargan.demo.core.Plane
import org.tfstargan.demo.core.bestSize
import org.tfstargan.demo.core.orientationOf

/**
 * A camera that is opened at once and delivers frames until it is closed or lost.
 *
 * All its work, and the calls of [onFrame] and [onLost], are on one thread of its own, so that
 * no frame is read from a camera that is being closed.
 *
 * @param front opens the front camera, or the only one.
 * @param imgSize pixels that the short side of a frame needs.
 * @param onFrame receives each frame. It must be quick: the camera waits for it.
 * @param onLost receives the reason if the camera can't be used or is gone. Close it then.
 */
class Camera(
    private val context: Context,
    private val front: Boolean,
    private val imgSize: Int,
    private val onFrame: (Frame) -> Unit,
    private val onLost: (Notice) -> Unit,
) : AutoCloseable {
    private val displays = context.getSystemService(DisplayManager::class.java)
    private val thread = HandlerThread("camera").apply { start() }
    private val handler = Handler(thread.looper)

    @Volatile
    private var closed = false

    // Used on the thread only:
    private var opening = false
    private var device: CameraDevice? = null
    private var reader: ImageReader? = null

    init {
        handler.post { guarded { open() } }
    }

    /** Delivers no more frames; the camera is closed soon. */
    override fun close() {
        closed = true
        handler.post { if (!opening) release() }
    }

    /** Frees everything. The thread ends when the camera says that it is closed. */
    private fun release() {
        device?.close() ?: thread.quitSafely()
        reader?.close()
        reader = null
    }

    private fun open() {
        if (closed) return
        val manager = context.getSystemService(CameraManager::class.java)
        val cameras = manager.cameraIdList.associateWith(manager::getCameraCharacteristics)
        val (id, about) = cameras.entries.firstOrNull { isFront(it.value) == front }
            ?: cameras.entries.firstOrNull() ?: return lose(Notice.NO_CAMERA)
        val sizes = about[CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP]
            ?.getOutputSizes(ImageFormat.YUV_420_888).orEmpty().map { it.width to it.height }
        val (width, height) = bestSize(sizes, imgSize) ?: return lose(Notice.NO_CAMERA)
        val reader = ImageReader.newInstance(width, height, ImageFormat.YUV_420_888, IMAGES)
        this.reader = reader
        val sensor = about[CameraCharacteristics.SENSOR_ORIENTATION] ?: 0
        val mirrored = isFront(about)
        reader.setOnImageAvailableListener({ guarded { deliver(it, sensor, mirrored) } }, handler)
        manager.openCamera(id, Opened(), handler)
        opening = true
    }

    private fun isFront(about: CameraCharacteristics) =
        about[CameraCharacteristics.LENS_FACING] == CameraCharacteristics.LENS_FACING_FRONT

    private fun deliver(reader: ImageReader, sensor: Int, mirrored: Boolean) {
        val arrived = SystemClock.elapsedRealtimeNanos()
        val image = reader.acquireLatestImage() ?: return
        val frame = image.use {
            val display = QUARTER * displays.getDisplay(Display.DEFAULT_DISPLAY).rotation
            val (y, u, v) = it.planes.map(::copy)
            Frame(it.width, it.height, y, u, v, orientationOf(sensor, display, mirrored), arrived)
        }
        if (!closed) onFrame(frame)
    }

    /** Copies a plane, so that its memory returns to the camera at once. */
    private fun copy(plane: Image.Plane): Plane {
        val buffer = plane.buffer
        val bytes = ByteArray(buffer.remaining())
        buffer.get(bytes)
        return Plane(bytes, plane.rowStride, plane.pixelStride)
    }

    private inner class Opened : CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) = guarded {
            took(camera)
            reader?.let { camera.createCaptureSession(listOf(it.surface), Configured(it), handler) }
        }

        override fun onDisconnected(camera: CameraDevice) {
            took(camera)
            lose(Notice.TAKEN)
        }

        override fun onError(camera: CameraDevice, error: Int) {
            took(camera)
            lose(
                when (error) {
                    ERROR_CAMERA_IN_USE, ERROR_MAX_CAMERAS_IN_USE -> Notice.IN_USE
                    ERROR_CAMERA_DISABLED -> Notice.DISABLED
                    else -> Notice.FAILED
                },
            )
        }

        override fun onClosed(camera: CameraDevice) {
            thread.quitSafely()
        }

        private fun took(camera: CameraDevice) {
            opening = false
            device = camera
            if (closed) release() // while it was being opened
        }
    }

    private inner class Configured(private val reader: ImageReader) : CameraCaptureSession.StateCallback() {
        override fun onConfigured(session: CameraCaptureSession) = guarded {
            val request = session.device.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW)
            request.addTarget(reader.surface)
            session.setRepeatingRequest(request.build(), null, handler)
        }

        override fun onConfigureFailed(session: CameraCaptureSession) = lose(Notice.FAILED)
    }

    private fun guarded(block: () -> Unit) {
        try {
            block()
        } catch (error: CameraAccessException) {
            lose(
                when (error.reason) {
                    CameraAccessException.CAMERA_IN_USE, CameraAccessException.MAX_CAMERAS_IN_USE -> Notice.IN_USE
                    CameraAccessException.CAMERA_DISABLED -> Notice.DISABLED
                    CameraAccessException.CAMERA_DISCONNECTED -> Notice.TAKEN
                    else -> Notice.FAILED
                },
            )
        } catch (_: SecurityException) {
            lose(Notice.REFUSED) // withdrawn in the phone's settings
        } catch (_: IllegalStateException) {
            lose(Notice.FAILED) // lost between two calls
        } catch (_: IllegalArgumentException) {
            lose(Notice.FAILED) // a size or a frame that is not what the camera promised
        }
    }

    private fun lose(notice: Notice) {
        if (!closed) onLost(notice)
    }

    private companion object {
        const val IMAGES = 2 // one to read, one that the camera writes
        const val QUARTER = 90 // degrees; Display counts in quarters
    }
}
