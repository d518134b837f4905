package org.tfstargan.demo.core

import java.util.Collections
import kotlin.concurrent.thread
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNull

class NewestTest {
    @Test
    fun `a newer item replaces the one that waits`() {
        val box = Newest<String>()
        assertNull(box.put("a"), "nothing waited: the consumer must be called")
        assertEquals("a", box.put("b"))
        assertEquals("b", box.put("c"))
        assertEquals("c", box.take())
        assertNull(box.take())
        assertNull(box.put("d"))
    }

    @Test
    fun `between threads every item is taken or replaced once, in order, and the last is taken`() {
        val box = Newest<Int>()
        val count = 100_000
        val replaced = mutableListOf<Int>()
        val taken = Collections.synchronizedList(mutableListOf<Int>())
        val consumer = thread {
            while (taken.lastOrNull() != count - 1) box.take()?.let(taken::add) ?: Thread.yield()
        }
        for (item in 0 until count) box.put(item)?.let(replaced::add)
        consumer.join()
        assertEquals(taken.sorted(), taken.toList())
        assertEquals((0 until count).toList(), (taken + replaced).sorted())
    }

    /** A camera of 30 frames per second and a model that needs 100 ms, on one clock. */
    @Test
    fun `a slow model always gets the newest frame`() {
        val box = Newest<Int>()
        var free = 0
        val translated = mutableListOf<Int>()
        for (arrived in 0 until 1000 step 33) {
            box.put(arrived)
            if (arrived >= free) {
                translated += box.take() ?: continue
                free = arrived + 100
            }
        }
        assertEquals((0 until 1000 step 132).toList(), translated)
    }
}
