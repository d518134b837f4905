package org.tfstargan.demo

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.view.View
import android.widget.Button
import android.widget.TextView
import org.tfstargan.demo.core.LiveEvent
import org.tfstargan.demo.core.Notice
import org.tfstargan.demo.core.Phase

/** The buttons of live translation and the line with its speed. */
class LiveControls(private val activity: Activity, private val session: Session) {
    private val live: Button = activity.findViewById(R.id.live)
    private val pause: Button = activity.findViewById(R.id.pause)
    private val switch: Button = activity.findViewById(R.id.switch_camera)
    private val save: Button = activity.findViewById(R.id.save)
    private val rate: TextView = activity.findViewById(R.id.rate)
    private val phase get() = session.screen.live.phase

    init {
        live.setOnClickListener { if (phase == Phase.OFF) start() else session.live.send(LiveEvent.Stop) }
        pause.setOnClickListener { if (phase == Phase.PAUSED) start() else session.live.send(LiveEvent.Pause) }
        switch.setOnClickListener { session.live.send(LiveEvent.Switch) }
    }

    private fun start() {
        val permitted = mayUseCamera(activity)
        session.live.send(LiveEvent.Start(permitted))
        if (!permitted) askForCamera(activity, REQUEST)
    }

    /** The user has answered the question for the permission. */
    fun answered() = session.live.send(LiveEvent.Answered(mayUseCamera(activity)))

    fun show(screen: Screen) {
        val phase = screen.live.phase
        val on = phase != Phase.OFF
        live.setText(if (on) R.string.stop else R.string.live)
        pause.setText(if (phase == Phase.PAUSED) R.string.resume else R.string.pause)
        save.setText(if (on) R.string.snapshot else R.string.save)
        for (button in listOf(pause, switch)) button.visibility = if (on) View.VISIBLE else View.GONE
        val measured = screen.rate.takeIf { phase == Phase.RUNNING }
        rate.visibility = if (measured != null) View.VISIBLE else View.GONE
        if (measured != null) {
            rate.text = activity.getString(R.string.rate, measured.framesPerSecond, measured.milliseconds)
        }
    }

    companion object {
        /** The code of the request for the permission. */
        const val REQUEST = 6
    }
}

/** Returns the line for the user about live translation; null: nothing to say. */
fun liveStatus(activity: Activity, screen: Screen): String? = when (screen.live.notice) {
    Notice.REFUSED -> activity.getString(R.string.camera_refused)
    Notice.NO_CAMERA -> activity.getString(R.string.camera_none)
    Notice.IN_USE -> activity.getString(R.string.camera_in_use)
    Notice.TAKEN -> activity.getString(R.string.camera_taken)
    Notice.DISABLED -> activity.getString(R.string.camera_disabled)
    Notice.FAILED -> activity.getString(R.string.camera_failed)
    Notice.REOPENING -> activity.getString(R.string.camera_reopening)
    Notice.HOT -> activity.getString(R.string.hot)
    Notice.TOO_HOT -> activity.getString(R.string.too_hot)
    null -> when (screen.live.phase) {
        Phase.OPENING -> activity.getString(R.string.live_opening)
        Phase.RUNNING -> activity.getString(R.string.live_running, screen.accelerator.toString())
        Phase.PAUSED -> activity.getString(R.string.live_paused)
        Phase.OFF, Phase.ASKING, Phase.HIDDEN -> null
    }
}

/** Whether the user lets the app use the camera. */
fun mayUseCamera(activity: Activity) =
    activity.checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

/** Asks the user for the camera; the activity's onRequestPermissionsResult receives the answer. */
fun askForCamera(activity: Activity, request: Int) =
    activity.requestPermissions(arrayOf(Manifest.permission.CAMERA), request)
