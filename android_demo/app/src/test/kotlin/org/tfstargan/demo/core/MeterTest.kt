package org.tfstargan.demo.core

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue

class MeterTest {
    private val ms = 1_000_000L

    @Test
    fun `the rate is measured once a second`() {
        val meter = Meter()
        val rates = (0..20).map { meter.count(arrived = (100 * it - 80) * ms, shown = 100 * it * ms) }
        assertEquals(listOf(10, 20), rates.indices.filter { rates[it] != null })
        assertEquals(Rate(10.0, 80.0), rates[10])
        assertEquals(Rate(10.0, 80.0), rates[20])
    }

    @Test
    fun `the latency is the mean of the window, and a window has nothing of the one before`() {
        val meter = Meter(window = 2 * ms)
        assertNull(meter.count(arrived = -900 * ms, shown = 0))
        assertNull(meter.count(arrived = 0, shown = 1 * ms))
        assertEquals(Rate(1000.0, 2.0), meter.count(arrived = -1 * ms, shown = 2 * ms))
        assertEquals(Rate(250.0, 1.0), meter.count(arrived = 5 * ms, shown = 6 * ms))
    }

    @Test
    fun `a phone slower than a frame a second has a rate, too`() {
        val meter = Meter()
        meter.count(arrived = 0, shown = 0)
        assertEquals(Rate(0.25, 3000.0), meter.count(arrived = 1000 * ms, shown = 4000 * ms))
    }

    @Test
    fun `frames pass at a limited rate`() {
        val pace = Pace()
        val passed = (0L until 1000 step 33).filter { pace.passes(it, 200) }
        assertEquals(listOf(0L, 231, 462, 693, 924), passed)
        assertFalse(pace.passes(1000, 0))
        assertTrue(pace.passes(1200, 0))
        assertTrue(pace.passes(1200, 0), "no limit")
    }
}
