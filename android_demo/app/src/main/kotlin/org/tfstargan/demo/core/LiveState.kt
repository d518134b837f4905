package org.tfstargan.demo.core

/** The stages of live translation. */
enum class Phase {
    OFF,

    /** The user is asked for the permission. */
    ASKING,

    /** The camera is being opened; there is no translated frame yet. */
    OPENING,
    RUNNING,

    /** The camera is closed. The last frame is translated like a photo. */
    PAUSED,

    /** The app is in the background, where the camera is closed. */
    HIDDEN,
}

/** What the user has to know; one line each. */
enum class Notice { REFUSED, NO_CAMERA, IN_USE, TAKEN, DISABLED, FAILED, REOPENING, HOT, TOO_HOT }

/** How hot the phone is: HOT slows live translation down, TOO_HOT pauses it. */
enum class Heat { NORMAL, HOT, TOO_HOT }

/** What happens to live translation. */
sealed interface LiveEvent {
    /** The user starts or resumes it; [permitted]: the app may use the camera. */
    data class Start(val permitted: Boolean) : LiveEvent

    /** The user has answered the question for the permission. */
    data class Answered(val permitted: Boolean) : LiveEvent

    /** A frame has been translated. */
    data object Translated : LiveEvent

    data object Pause : LiveEvent

    data object Stop : LiveEvent

    /** The user wants the other camera. */
    data object Switch : LiveEvent

    /** The app goes to the background. */
    data object Hidden : LiveEvent

    /** The app is on the screen again. */
    data object Shown : LiveEvent

    /** The camera can't be opened, or is gone. */
    data class Lost(val notice: Notice) : LiveEvent

    data class Warmed(val heat: Heat) : LiveEvent
}

/**
 * The state of live translation; [after] is all of its logic.
 *
 * @property front the front camera is chosen.
 */
data class LiveState(
    val phase: Phase = Phase.OFF,
    val notice: Notice? = null,
    val heat: Heat = Heat.NORMAL,
    val front: Boolean = false,
) {
    /** Whether the camera is open, or being opened. */
    val usesCamera get() = phase == Phase.OPENING || phase == Phase.RUNNING

    /** Nanoseconds between two frames; 0: as fast as the model is. */
    val interval get() = if (heat == Heat.NORMAL) 0L else HOT_INTERVAL

    /** Returns the next state. Events that come too late for it change nothing. */
    fun after(event: LiveEvent): LiveState = when (event) {
        is LiveEvent.Start -> when {
            phase != Phase.OFF && phase != Phase.PAUSED -> this
            event.permitted -> opened()
            else -> copy(phase = Phase.ASKING, notice = null)
        }
        is LiveEvent.Answered -> when {
            phase != Phase.ASKING -> this
            event.permitted -> opened()
            else -> copy(phase = Phase.OFF, notice = Notice.REFUSED)
        }
        LiveEvent.Translated -> if (phase == Phase.OPENING) copy(phase = Phase.RUNNING, notice = warning()) else this
        LiveEvent.Pause -> if (usesCamera) copy(phase = Phase.PAUSED, notice = null) else this
        LiveEvent.Stop -> copy(phase = Phase.OFF, notice = null)
        LiveEvent.Switch -> copy(front = !front).let { if (usesCamera) it.opened() else it }
        LiveEvent.Hidden -> if (usesCamera) copy(phase = Phase.HIDDEN, notice = null) else this
        LiveEvent.Shown -> if (phase == Phase.HIDDEN) opened(Notice.REOPENING) else this
        is LiveEvent.Lost -> if (usesCamera) copy(phase = Phase.PAUSED, notice = event.notice) else this
        is LiveEvent.Warmed -> copy(heat = event.heat).warmed()
    }

    private fun opened(notice: Notice? = null) =
        if (heat == Heat.TOO_HOT) copy(phase = Phase.PAUSED, notice = Notice.TOO_HOT)
        else copy(phase = Phase.OPENING, notice = notice)

    private fun warmed() = when {
        usesCamera && heat == Heat.TOO_HOT -> copy(phase = Phase.PAUSED, notice = Notice.TOO_HOT)
        phase == Phase.RUNNING -> copy(notice = warning())
        else -> this
    }

    private fun warning() = if (heat == Heat.HOT) Notice.HOT else null

    private companion object {
        const val HOT_INTERVAL = 200_000_000L // 5 frames a second
    }
}
