package org.tfstargan.demo.core

import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min

/**
 * The pixels of an image, read rectangle by rectangle so that a large one is in memory
 * only once.
 *
 * @property read puts the pixels of a rectangle (left, top, width, height) row by row into
 *   an array, as 0xAARRGGBB; `Bitmap.getPixels` does so.
 */
class Pixels(
    val width: Int,
    val height: Int,
    val read: (left: Int, top: Int, width: Int, height: Int, into: IntArray) -> Unit,
)

/**
 * An image rotated and mirrored by its EXIF orientation.
 *
 * @param orientation 1 to 8; other values count as 1, upright.
 */
class Upright(private val raw: Pixels, orientation: Int) {
    private val turned = orientation in 5..8
    private val backwards = orientation in setOf(2, 3, 6, 7)
    private val upwards = orientation in setOf(3, 4, 7, 8)
    val width = if (turned) raw.height else raw.width
    val height = if (turned) raw.width else raw.height

    /** Reads pixels of row [y], from [left] on, until [row] is full. */
    fun readRow(y: Int, left: Int, row: IntArray) {
        val count = row.size
        val along = if (backwards) width - left - count else left
        val across = if (upwards) height - 1 - y else y
        if (turned) raw.read(across, along, 1, count, row) else raw.read(along, across, count, 1, row)
        if (backwards) row.reverse()
    }
}

/**
 * Returns the largest centered square of an image, resized, as RGB bytes [size, size, 3].
 *
 * Resized by Pillow's antialiased triangle filter, bit for bit. tests/vectors/README.md
 * describes it.
 */
fun square(image: Upright, size: Int): ByteArray {
    val side = min(image.width, image.height)
    val left = (image.width - side) / 2
    val top = (image.height - side) / 2
    val filter = TriangleFilter(side, size)
    val row = IntArray(side)
    val bytes = ByteArray(side * 3)
    val narrow = ByteArray(side * size * 3)
    for (y in 0 until side) {
        image.readRow(top + y, left, row)
        for (x in 0 until side) {
            bytes[3 * x] = (row[x] shr 16).toByte()
            bytes[3 * x + 1] = (row[x] shr 8).toByte()
            bytes[3 * x + 2] = row[x].toByte()
        }
        for (channel in 0 until 3) {
            filter.apply(bytes, channel, 3, narrow, y * size * 3 + channel, 3)
        }
    }
    val stride = size * 3
    val result = ByteArray(size * stride)
    for (column in 0 until stride) {
        filter.apply(narrow, column, stride, result, column, stride)
    }
    return result
}

/** Resizes [count] values to [size] values, in fixed point. */
private class TriangleFilter(count: Int, private val size: Int) {
    private val first = IntArray(size)
    private val weights: Array<IntArray>

    init {
        val scale = count.toDouble() / size
        val support = max(scale, 1.0)
        weights = Array(size) { i ->
            val center = (i + 0.5) * scale
            first[i] = max((center - support + 0.5).toInt(), 0)
            val last = min((center + support + 0.5).toInt(), count)
            val floats = DoubleArray(last - first[i]) { j ->
                max(0.0, 1 - abs((j + first[i] - center + 0.5) * (1 / support)))
            }
            val sum = floats.sum()
            IntArray(floats.size) { (0.5 + floats[it] / sum * (1 shl BITS)).toInt() }
        }
    }

    fun apply(from: ByteArray, start: Int, step: Int, to: ByteArray, toStart: Int, toStep: Int) {
        for (i in 0 until size) {
            val k = weights[i]
            var at = start + first[i] * step
            var sum = 1 shl (BITS - 1)
            for (weight in k) {
                sum += (from[at].toInt() and 0xFF) * weight
                at += step
            }
            to[toStart + i * toStep] = (sum shr BITS).coerceIn(0, 255).toByte()
        }
    }

    private companion object {
        const val BITS = 22
    }
}

/** Composes 0xAARRGGBB pixels, not premultiplied, on white, as Python and the page do. */
fun composeOnWhite(pixels: IntArray) {
    for (i in pixels.indices) {
        val pixel = pixels[i]
        val alpha = pixel ushr 24
        if (alpha == 255) continue
        var composed = 255 shl 24
        for (shift in intArrayOf(16, 8, 0)) {
            val level = (pixel shr shift) and 255
            composed = composed or (((level * alpha + 255 * (255 - alpha) + 127) / 255) shl shift)
        }
        pixels[i] = composed
    }
}

/** Returns RGB bytes as floats in [-1, 1], the networks' inputs. */
fun toFloats(rgb: ByteArray): FloatArray =
    FloatArray(rgb.size) { (rgb[it].toInt() and 0xFF) / 127.5f - 1f }

/** Returns a network's output, clipped to [-1, 1], as RGB bytes; ties go to the even byte. */
fun toBytes(floats: FloatArray): ByteArray = ByteArray(floats.size) {
    Math.rint(((floats[it].coerceIn(-1f, 1f) + 1f) * 127.5f).toDouble()).toInt().toByte()
}

/** Returns RGB bytes as opaque 0xFFRRGGBB pixels. */
fun toArgb(rgb: ByteArray): IntArray = IntArray(rgb.size / 3) {
    val r = rgb[3 * it].toInt() and 0xFF
    val g = rgb[3 * it + 1].toInt() and 0xFF
    val b = rgb[3 * it + 2].toInt() and 0xFF
    (0xFF shl 24) or (r shl 16) or (g shl 8) or b
}

/** Returns the mean absolute difference of two images' bytes, 0 to 255. */
fun meanDifference(a: ByteArray, b: ByteArray): Double {
    require(a.size == b.size) { "${a.size} and ${b.size} bytes can't be compared" }
    return a.indices.sumOf { abs((a[it].toInt() and 0xFF) - (b[it].toInt() and 0xFF)) } / a.size.toDouble()
}
