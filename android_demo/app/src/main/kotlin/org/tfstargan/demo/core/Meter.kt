package org.tfstargan.demo.core

/** How fast live translation is. */
data class Rate(val framesPerSecond: Double, val milliseconds: Double)

/**
 * Measures live translation: the frames per second, and the mean time from the arrival of a
 * frame in the app to its translation on the screen.
 *
 * @param window nanoseconds between two results.
 */
class Meter(private val window: Long = 1_000_000_000) {
    private var since: Long? = null
    private var frames = 0
    private var latency = 0L

    /**
     * Counts a frame.
     *
     * @param arrived when it arrived, [shown] when it was translated; in nanoseconds.
     * @return the rate at the end of a window, else null.
     */
    fun count(arrived: Long, shown: Long): Rate? {
        val start = since
        if (start == null) { // the time before the first frame is unknown
            since = shown
            return null
        }
        frames++
        latency += shown - arrived
        val elapsed = shown - start
        if (elapsed < window) return null
        val rate = Rate(frames * 1e9 / elapsed, latency / 1e6 / frames)
        since = shown
        frames = 0
        latency = 0
        return rate
    }
}

/** Lets frames pass at a limited rate. */
class Pace {
    private var next = Long.MIN_VALUE

    /**
     * Whether a frame may pass.
     *
     * @param now in nanoseconds.
     * @param interval nanoseconds between two frames; 0: no limit.
     */
    fun passes(now: Long, interval: Long): Boolean {
        if (now < next) return false
        next = now + interval
        return true
    }
}
