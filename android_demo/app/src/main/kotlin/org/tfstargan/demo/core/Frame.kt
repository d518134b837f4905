package org.tfstargan.demo.core

import kotlin.math.abs
import kotlin.math.min

/**
 * One of the three planes of a camera's image. Value (x, y) is at y * rowStride + x * pixelStride.
 *
 * @property bytes may end with the last value: the last row need not be as long as the stride.
 */
class Plane(val bytes: ByteArray, val rowStride: Int, val pixelStride: Int) {
    operator fun get(x: Int, y: Int): Int = bytes[y * rowStride + x * pixelStride].toInt() and 0xFF

    /** Whether it contains [width] x [height] values. */
    fun holds(width: Int, height: Int): Boolean {
        val row = (width - 1L) * pixelStride + 1
        return pixelStride > 0 && rowStride >= row && (height - 1L) * rowStride + row <= bytes.size
    }
}

/**
 * An image of a camera in Android's format YUV_420_888, with the colors of JPEG: BT.601 in
 * full range. [u] and [v] have one value for two by two pixels.
 *
 * @property orientation turns it upright, as an EXIF orientation; see [orientationOf].
 * @property arrived when the app received it, in nanoseconds.
 * @throws IllegalArgumentException if a plane is too short.
 */
class Frame(
    val width: Int,
    val height: Int,
    private val y: Plane,
    private val u: Plane,
    private val v: Plane,
    private val orientation: Int,
    val arrived: Long,
) {
    init {
        val (columns, rows) = (width + 1) / 2 to (height + 1) / 2
        require(width > 0 && height > 0 && y.holds(width, height) && u.holds(columns, rows) && v.holds(columns, rows)) {
            "the camera's image of $width x $height pixels is incomplete"
        }
    }

    /** Returns its largest centered square, upright and resized, as RGB bytes [size, size, 3]. */
    fun square(size: Int): ByteArray = square(Upright(Pixels(width, height, ::read), orientation), size)

    private fun read(left: Int, top: Int, width: Int, height: Int, into: IntArray) {
        var at = 0
        for (row in top until top + height) {
            for (column in left until left + width) into[at++] = argb(column, row)
        }
    }

    private fun argb(column: Int, row: Int): Int {
        val luma = y[column, row]
        val blue = u[column / 2, row / 2] - 128
        val red = v[column / 2, row / 2] - 128
        val r = luma + ((RED_OF_V * red + HALF) shr BITS)
        val g = luma + ((GREEN_OF_U * blue + GREEN_OF_V * red + HALF) shr BITS)
        val b = luma + ((BLUE_OF_U * blue + HALF) shr BITS)
        return (0xFF shl 24) or (r.coerceIn(0, 255) shl 16) or (g.coerceIn(0, 255) shl 8) or b.coerceIn(0, 255)
    }

    // BT.601 times 2^16: 1.402, -0.344136, -0.714136 and 1.772.
    private companion object {
        const val BITS = 16
        const val HALF = 1 shl (BITS - 1)
        const val RED_OF_V = 91881
        const val GREEN_OF_U = -22553
        const val GREEN_OF_V = -46802
        const val BLUE_OF_U = 116130
    }
}

/**
 * Returns the EXIF orientation of a camera's images.
 *
 * Those of a front camera are mirrored, as in a mirror.
 *
 * @param sensor clockwise degrees that turn them upright on the phone held naturally.
 * @param display degrees that the screen is rotated from that: 0, 90, 180 or 270.
 */
fun orientationOf(sensor: Int, display: Int, front: Boolean): Int {
    val clockwise = Math.floorMod(if (front) sensor + display else sensor - display, 360)
    return when (clockwise) {
        0 -> if (front) 2 else 1
        90 -> if (front) 5 else 6
        180 -> if (front) 4 else 3
        270 -> if (front) 7 else 8
        else -> throw IllegalArgumentException("the camera is rotated by $clockwise degrees")
    }
}

/**
 * Returns the smallest of a camera's sizes (width, height) whose short side has [wanted]
 * pixels, or the largest if none has. Pixels beyond that only cost time.
 *
 * Of two with the same number of pixels, the one closest to a square is returned.
 */
fun bestSize(sizes: List<Pair<Int, Int>>, wanted: Int): Pair<Int, Int>? {
    val order = compareBy<Pair<Int, Int>>({ (width, height) -> width * height }, { (w, h) -> abs(w - h) })
    return sizes.filter { (width, height) -> min(width, height) >= wanted }.minWithOrNull(order)
        ?: sizes.maxWithOrNull(order)
}
