package org.tfstargan.demo.core

import org.tfstargan.demo.core.LiveEvent.Answered
import org.tfstargan.demo.core.LiveEvent.Hidden
import org.tfstargan.demo.core.LiveEvent.Lost
import org.tfstargan.demo.core.LiveEvent.Pause
import org.tfstargan.demo.core.LiveEvent.Shown
import org.tfstargan.demo.core.LiveEvent.Start
import org.tfstargan.demo.core.LiveEvent.Stop
import org.tfstargan.demo.core.LiveEvent.Switch
import org.tfstargan.demo.core.LiveEvent.Translated
import org.tfstargan.demo.core.LiveEvent.Warmed
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue

class LiveStateTest {
    private val off = LiveState()
    private val running = off.after(Start(true), Translated)

    private fun LiveState.after(vararg events: LiveEvent) = events.fold(this) { state, event -> state.after(event) }

    private fun check(phase: Phase, notice: Notice?, state: LiveState) {
        assertEquals(phase to notice, state.phase to state.notice)
    }

    @Test
    fun `it starts, pauses, resumes and stops`() {
        check(Phase.OPENING, null, off.after(Start(true)))
        check(Phase.RUNNING, null, running)
        check(Phase.PAUSED, null, running.after(Pause))
        check(Phase.OPENING, null, running.after(Pause, Start(true)))
        check(Phase.OFF, null, running.after(Stop))
        check(Phase.OFF, null, running.after(Pause, Stop))
    }

    @Test
    fun `the camera is open only while it is used`() {
        assertTrue(off.after(Start(true)).usesCamera)
        assertTrue(running.usesCamera)
        for (event in listOf(Pause, Stop, Hidden, Lost(Notice.TAKEN), Warmed(Heat.TOO_HOT))) {
            assertFalse(running.after(event).usesCamera, "$event")
        }
        assertFalse(off.after(Start(false)).usesCamera)
    }

    @Test
    fun `the permission is asked for, and a refusal is said`() {
        check(Phase.ASKING, null, off.after(Start(false)))
        check(Phase.OPENING, null, off.after(Start(false), Answered(true)))
        check(Phase.OFF, Notice.REFUSED, off.after(Start(false), Answered(false)))
        check(Phase.ASKING, null, off.after(Start(false), Answered(false), Start(false)))
        check(Phase.ASKING, null, running.after(Lost(Notice.REFUSED), Start(false))) // withdrawn while it ran
    }

    @Test
    fun `a camera that another app takes pauses it, and it can be resumed`() {
        check(Phase.PAUSED, Notice.TAKEN, running.after(Lost(Notice.TAKEN)))
        check(Phase.OPENING, null, running.after(Lost(Notice.TAKEN), Start(true)))
        check(Phase.PAUSED, Notice.IN_USE, off.after(Start(true), Lost(Notice.IN_USE)))
    }

    @Test
    fun `in the background it rests, and resumes by itself`() {
        check(Phase.HIDDEN, null, running.after(Hidden))
        check(Phase.OPENING, Notice.REOPENING, running.after(Hidden, Shown))
        check(Phase.RUNNING, null, running.after(Hidden, Shown, Translated))
        val paused = running.after(Pause)
        assertEquals(paused, paused.after(Hidden, Shown), "paused by the user")
        assertEquals(off, off.after(Hidden, Shown))
    }

    @Test
    fun `a hot phone gets fewer frames, a hotter one a pause`() {
        assertEquals(0L, running.interval)
        val hot = running.after(Warmed(Heat.HOT))
        check(Phase.RUNNING, Notice.HOT, hot)
        assertEquals(200_000_000L, hot.interval)
        assertEquals(running, hot.after(Warmed(Heat.NORMAL)))
        val tooHot = hot.after(Warmed(Heat.TOO_HOT))
        check(Phase.PAUSED, Notice.TOO_HOT, tooHot)
        check(Phase.PAUSED, Notice.TOO_HOT, tooHot.after(Start(true)))
        check(Phase.RUNNING, Notice.HOT, tooHot.after(Warmed(Heat.HOT), Start(true), Translated))
        check(Phase.PAUSED, Notice.TOO_HOT, off.after(Warmed(Heat.TOO_HOT), Start(true)))
        check(Phase.PAUSED, Notice.TOO_HOT, running.after(Hidden, Warmed(Heat.TOO_HOT), Shown))
        check(Phase.OFF, null, off.after(Warmed(Heat.HOT)))
    }

    @Test
    fun `the other camera is opened at once, or next time`() {
        assertEquals(LiveState(Phase.OPENING, front = true), running.after(Switch))
        assertEquals(LiveState(Phase.OPENING), running.after(Switch, Switch))
        assertEquals(LiveState(Phase.OPENING, front = true), off.after(Switch, Start(true)))
    }

    @Test
    fun `events that come too late change nothing`() {
        val late = listOf(Translated, Pause, Lost(Notice.TAKEN), Answered(true), Answered(false), Shown)
        for (state in listOf(off, running.after(Pause), running.after(Lost(Notice.IN_USE)))) {
            for (event in late) assertEquals(state, state.after(event), "$event")
        }
        assertEquals(running, running.after(Start(true), Start(false), Answered(false), Shown, Translated))
        val hidden = running.after(Hidden)
        assertEquals(hidden, hidden.after(Translated, Lost(Notice.TAKEN), Pause, Start(true), Hidden))
    }
}
