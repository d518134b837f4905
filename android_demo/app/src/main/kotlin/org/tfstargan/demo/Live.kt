package org.tfstargan.demo

import android.annotation.TargetApi
import android.content.Context
import android.os.Build
import android.os.Handler
import android.os.Looper
import android.os.PowerManager
import org.tfstargan.demo.core.Frame
import org.tfstargan.demo.core.Heat
import org.tfstargan.demo.core.LiveEvent
import org.tfstargan.demo.core.LiveState
import org.tfstargan.demo.core.Pace

/**
 * Live translation: opens and closes the camera as [LiveState] says, and watches the phone's
 * temperature.
 *
 * Its methods are called on the main thread.
 *
 * @param imgSize size of the model's images.
 * @param onFrame receives the camera's frames, on the camera's thread.
 * @param onChange receives each new state.
 */
class Live(
    private val context: Context,
    private val imgSize: () -> Int,
    private val onFrame: (Frame) -> Unit,
    private val onChange: (LiveState) -> Unit,
) : AutoCloseable {
    private val main = Handler(Looper.getMainLooper())
    private var camera: Camera? = null

    @Volatile
    private var state = LiveState()

    private val thermometer = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) {
        Thermometer(context) { send(LiveEvent.Warmed(it)) }
    } else {
        null
    }

    /** Changes the state by an event. */
    fun send(event: LiveEvent) {
        val before = state
        state = before.after(event)
        if (state == before) return
        if (state.usesCamera != before.usesCamera || state.front != before.front) {
            camera?.close()
            camera = if (state.usesCamera) open() else null
        }
        onChange(state)
    }

    override fun close() {
        thermometer?.close()
        send(LiveEvent.Stop)
    }

    private fun open(): Camera {
        val pace = Pace()
        lateinit var opened: Camera
        opened = Camera(
            context,
            state.front,
            imgSize(),
            onFrame = { if (pace.passes(it.arrived, state.interval)) onFrame(it) },
            onLost = { main.post { if (camera === opened) send(LiveEvent.Lost(it)) } },
        )
        return opened
    }
}

/** Watches the phone's temperature. Android calls [onHeat] on the main thread, at once and when it changes. */
@TargetApi(Build.VERSION_CODES.Q)
private class Thermometer(context: Context, private val onHeat: (Heat) -> Unit) : AutoCloseable {
    private val power = context.getSystemService(PowerManager::class.java)
    private val listener = PowerManager.OnThermalStatusChangedListener { onHeat(heatOf(it)) }

    init {
        power.addThermalStatusListener(context.mainExecutor, listener)
    }

    override fun close() = power.removeThermalStatusListener(listener)

    private fun heatOf(status: Int) = when {
        status >= PowerManager.THERMAL_STATUS_CRITICAL -> Heat.TOO_HOT
        status >= PowerManager.THERMAL_STATUS_SEVERE -> Heat.HOT
        else -> Heat.NORMAL
    }
}
