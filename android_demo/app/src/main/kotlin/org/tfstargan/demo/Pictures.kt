package org.tfstargan.demo

import android.content.ContentValues
import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.ColorSpace
import android.media.ExifInterface
import android.net.Uri
import android.os.Build
import android.os.Environment
import android.provider.MediaStore
import org.tfstargan.demo.core.Pixels
import org.tfstargan.demo.core.Upright
import org.tfstargan.demo.core.square
import org.tfstargan.demo.core.toArgb
import java.io.File
import java.io.IOException
import java.io.InputStream

/** Why a picture can't be read or written, in one line. */
class PictureException(message: String) : Exception(message)

private const val MOST_PIXELS = 16_000_000L

/**
 * Returns the centred square of a picture, upright, as RGB bytes [size, size, 3].
 *
 * A picture of more than 16 million pixels is read at a half, a quarter, ... of its size.
 *
 * @param open gives the file, three times: for its size, its orientation and its pixels.
 * @throws PictureException if it is no picture, or too large for the memory.
 */
fun readSquare(size: Int, open: () -> InputStream): ByteArray {
    try {
        val options = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        open().use { BitmapFactory.decodeStream(it, null, options) }
        if (options.outWidth < 1 || options.outHeight < 1) throw PictureException("no readable picture")
        val orientation = open().use(::orientation)
        options.inJustDecodeBounds = false
        options.inSampleSize = sampleSize(options.outWidth, options.outHeight)
        options.inPreferredColorSpace = ColorSpace.get(ColorSpace.Named.SRGB)
        options.inPremultiplied = false // to be laid on white without loss
        val bitmap = open().use { BitmapFactory.decodeStream(it, null, options) }
            ?: throw PictureException("no readable picture")
        try {
            val pixels = Pixels(bitmap.width, bitmap.height) { left, top, width, height, into ->
                bitmap.getPixels(into, 0, width, left, top, width, height)
                layOnWhite(into)
            }
            return square(Upright(pixels, orientation), size)
        } finally {
            bitmap.recycle()
        }
    } catch (error: IOException) {
        throw PictureException("the picture can't be read (${error.message})")
    } catch (error: SecurityException) {
        throw PictureException("the picture may not be read (${error.message})")
    } catch (error: OutOfMemoryError) {
        throw PictureException("the picture is too large for this phone's memory")
    }
}

/** Lays what is transparent on white, as Python and the page do. */
private fun layOnWhite(pixels: IntArray) {
    for (i in pixels.indices) {
        val pixel = pixels[i]
        val alpha = pixel ushr 24
        if (alpha == 255) continue
        var laid = 255 shl 24
        for (shift in intArrayOf(16, 8, 0)) {
            val level = (pixel shr shift) and 255
            laid = laid or (((level * alpha + 255 * (255 - alpha) + 127) / 255) shl shift)
        }
        pixels[i] = laid
    }
}

private fun orientation(stream: InputStream): Int = try {
    ExifInterface(stream).getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)
} catch (_: IOException) { // a format without EXIF
    ExifInterface.ORIENTATION_NORMAL
}

private fun sampleSize(width: Int, height: Int): Int {
    var size = 1
    while ((width / size).toLong() * (height / size) > MOST_PIXELS) size *= 2
    return size
}

/** Returns RGB bytes [size, size, 3] as a picture to show. */
fun bitmapOf(rgb: ByteArray, size: Int): Bitmap =
    Bitmap.createBitmap(toArgb(rgb), size, size, Bitmap.Config.ARGB_8888)

/**
 * Puts a picture into the phone's collection, from Android 10 on.
 *
 * @throws PictureException if it can't be written; nothing is left of it then.
 */
fun saveToCollection(context: Context, picture: Bitmap, name: String) {
    check(Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) { "needs a permission before Android 10" }
    val resolver = context.contentResolver
    val values = ContentValues().apply {
        put(MediaStore.MediaColumns.DISPLAY_NAME, name)
        put(MediaStore.MediaColumns.MIME_TYPE, PNG)
        put(MediaStore.MediaColumns.RELATIVE_PATH, "${Environment.DIRECTORY_PICTURES}/tfstargan")
        put(MediaStore.MediaColumns.IS_PENDING, 1)
    }
    val uri = resolver.insert(MediaStore.Images.Media.EXTERNAL_CONTENT_URI, values)
        ?: throw PictureException("the phone's collection takes no picture")
    try {
        saveTo(context, picture, uri)
        values.clear()
        values.put(MediaStore.MediaColumns.IS_PENDING, 0)
        resolver.update(uri, values, null, null)
    } catch (error: PictureException) {
        resolver.delete(uri, null, null)
        throw error
    }
}

/** Writes a picture where the user said. */
fun saveTo(context: Context, picture: Bitmap, uri: Uri) {
    try {
        val stream = context.contentResolver.openOutputStream(uri) ?: throw IOException("no such place")
        stream.use { if (!picture.compress(Bitmap.CompressFormat.PNG, 100, it)) throw IOException("no PNG") }
    } catch (error: IOException) {
        throw PictureException("the picture can't be written (${error.message})")
    } catch (error: SecurityException) {
        throw PictureException("the picture may not be written there (${error.message})")
    }
}

/** Writes a picture into a file of the app's own. */
fun saveTo(picture: Bitmap, file: File) {
    try {
        file.parentFile?.mkdirs()
        file.outputStream().use { picture.compress(Bitmap.CompressFormat.PNG, 100, it) }
    } catch (error: IOException) {
        throw PictureException("the picture can't be written (${error.message})")
    }
}

const val PNG = "image/png"
