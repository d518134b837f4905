package org.tfstargan.demo.core

import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class PixelsTest {
    private fun pixels(width: Int, height: Int, argb: IntArray) = Pixels(width, height) { left, top, w, h, into ->
        require(left >= 0 && top >= 0 && left + w <= width && top + h <= height)
        for (y in 0 until h) argb.copyInto(into, y * w, (top + y) * width + left, (top + y) * width + left + w)
    }

    @Test
    fun `an image becomes the same bytes and floats as in Python`() {
        for (case in vectors("preprocess.json")["cases"].asObjects()) {
            val (width, height) = listOf(case["width"].asInt(), case["height"].asInt())
            val image = pixels(width, height, toArgb(case["rgb"].asBytes()))
            val square = square(Upright(image, 1), case["img_size"].asInt())
            assertContentEquals(case["square"].asBytes(), square, "$width x $height")
            assertEquals(case["floats"].asRawFloats(), toFloats(square).toList())
        }
    }

    @Test
    fun `every byte becomes the float of Python, and the byte again`() {
        val bytes = ByteArray(256) { it.toByte() }
        assertEquals(vectors("preprocess.json")["float_of_byte"].asFloats(), toFloats(bytes).toList())
        assertContentEquals(bytes, toBytes(toFloats(bytes)))
    }

    @Test
    fun `a network's output becomes the bytes of Python`() {
        val case = vectors("postprocess.json")
        val found = toBytes(case["floats"].asFloats().toFloatArray())
        assertEquals(case["bytes"].asList().map { it.asInt() }, found.map { it.toInt() and 0xFF })
    }

    @Test
    fun `pixels and bytes are the same colors`() {
        assertContentEquals(
            intArrayOf(0xFF0102FF.toInt(), 0xFF80FF00.toInt()),
            toArgb(byteArrayOf(1, 2, -1, -128, -1, 0)),
        )
    }

    /** The values expected are those of Pillow, which pastes on white. */
    @Test
    fun `transparent pixels are composed on white`() {
        val pixels = intArrayOf(0x00123456, 0xFF123456.toInt(), 0x80FF0010.toInt(), 0x01000000)
        composeOnWhite(pixels)
        val expected = longArrayOf(0xFFFFFFFF, 0xFF123456, 0xFFFF7F87, 0xFFFEFEFE)
        assertContentEquals(IntArray(4) { expected[it].toInt() }, pixels)
    }

    /** ABC over DEF in each of the eight orientations, rotated as by Pillow. */
    @Test
    fun `each EXIF orientation is turned upright`() {
        val stored = pixels(3, 2, IntArray(6) { 'A'.code + it })
        val expected = mapOf(
            0 to "ABC DEF", 1 to "ABC DEF", 2 to "CBA FED", 3 to "FED CBA", 4 to "DEF ABC",
            5 to "AD BE CF", 6 to "DA EB FC", 7 to "FC EB DA", 8 to "CF BE AD", 9 to "ABC DEF",
        )
        for ((orientation, rows) in expected) {
            val upright = Upright(stored, orientation)
            val found = (0 until upright.height).joinToString(" ") { y ->
                IntArray(upright.width).also { upright.readRow(y, 0, it) }.joinToString("") { "${it.toChar()}" }
            }
            assertEquals(rows, found, "orientation $orientation")
        }
    }

    @Test
    fun `part of a row of a rotated image can be read`() {
        val stored = pixels(3, 4, IntArray(12) { 'A'.code + it })
        for (orientation in 1..8) {
            val upright = Upright(stored, orientation)
            val whole = IntArray(upright.width).also { upright.readRow(1, 0, it) }
            val part = IntArray(2).also { upright.readRow(1, 1, it) }
            assertEquals(whole.slice(1..2), part.toList(), "orientation $orientation")
        }
    }

    @Test
    fun `the mean difference is in levels, whatever the sign`() {
        assertEquals(1.5, meanDifference(byteArrayOf(0, -1), byteArrayOf(2, -2)))
        assertFailsWith<IllegalArgumentException> { meanDifference(ByteArray(1), ByteArray(2)) }
    }
}
