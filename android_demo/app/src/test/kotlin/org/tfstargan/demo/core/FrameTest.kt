package org.tfstargan.demo.core

import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue

class FrameTest {
    private fun gray(width: Int, height: Int, luma: Plane, chroma: Plane) =
        Frame(width, height, luma, chroma, chroma, 1, 0)

    @Test
    fun `a frame becomes the same bytes as in Python`() {
        val cases = vectors("camera.json")["cases"].asObjects()
        assertTrue(cases.isNotEmpty())
        for ((i, case) in cases.withIndex()) {
            assertContentEquals(case["square"].asBytes(), case.asFrame().square(case["img_size"].asInt()), "case $i")
        }
    }

    @Test
    fun `a frame whose planes are too short is refused`() {
        val luma = Plane(ByteArray(2 * 8 + 4), 8, 1) // the last row ends with its last value
        val chroma = Plane(ByteArray(8 + 3), 8, 2)
        gray(4, 3, luma, chroma)
        for ((short, of) in listOf(
            Plane(ByteArray(2 * 8 + 3), 8, 1) to chroma,
            Plane(ByteArray(64), 3, 1) to chroma,
            Plane(ByteArray(64), 8, 0) to chroma,
            luma to Plane(ByteArray(8 + 2), 8, 2),
        )) {
            val error = assertFailsWith<IllegalArgumentException> { gray(4, 3, short, of) }
            assertEquals("the camera's image of 4 x 3 pixels is incomplete", error.message)
        }
        assertFailsWith<IllegalArgumentException> { gray(0, 3, luma, chroma) }
    }

    /** Sensors of phones are mounted sideways: 90 degrees at the back, 270 at the front. */
    @Test
    fun `frames are upright on the phone held upright and sideways`() {
        assertEquals(listOf(6, 1, 8, 3), listOf(0, 90, 180, 270).map { orientationOf(90, it, front = false) })
        assertEquals(listOf(7, 2, 5, 4), listOf(0, 90, 180, 270).map { orientationOf(270, it, front = true) })
        assertFailsWith<IllegalArgumentException> { orientationOf(45, 0, front = false) }
    }

    @Test
    fun `the camera's size is the smallest that the model can use`() {
        val sizes = listOf(4000 to 3000, 1280 to 720, 640 to 480, 352 to 288, 320 to 240, 480 to 640)
        assertEquals(352 to 288, bestSize(sizes, 256))
        assertEquals(352 to 288, bestSize(sizes, 288))
        assertEquals(640 to 480, bestSize(sizes, 289))
        assertEquals(4000 to 3000, bestSize(sizes, 5000))
        assertEquals(240 to 240, bestSize(listOf(320 to 180, 240 to 240), 128), "as many pixels, but square")
        assertNull(bestSize(emptyList(), 256))
    }
}
