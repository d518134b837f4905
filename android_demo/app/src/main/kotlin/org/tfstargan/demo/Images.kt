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
import org.tfstargan.demo.core.composeOnWhite
import org.tfstargan.demo.core.square
import org.tfstargan.demo.core.toArgb
import java.io.File
import java.io.IOException
import java.io.InputStream

/** The reason why an image can't be read or written, in one line. */
class ImageException(message: String) : Exception(message)

private const val MOST_PIXELS = 16_000_000L

/**
 * Returns the largest centered square of an image, as RGB bytes [size, size, 3].
 *
 * As in Python: upright by EXIF, converted to sRGB from an embedded color profile, and
 * transparent pixels are composed on white. An image of more than 16 million pixels is
 * read at a half, a quarter, ... of its size.
 *
 * @param open opens the file. It is called three times: for the size, the orientation and
 *   the pixels.
 * @throws ImageException if it is not an image, or too large for the memory.
 */
fun readSquare(size: Int, open: () -> InputStream): ByteArray {
    try {
        val options = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        open().use { BitmapFactory.decodeStream(it, null, options) }
        if (options.outWidth < 1 || options.outHeight < 1) throw ImageException("not a readable image")
        val orientation = open().use(::orientation)
        options.inJustDecodeBounds = false
        options.inSampleSize = sampleSize(options.outWidth, options.outHeight)
        options.inPreferredColorSpace = ColorSpace.get(ColorSpace.Named.SRGB)
        options.inPremultiplied = false // to compose on white without loss
        val bitmap = open().use { BitmapFactory.decodeStream(it, null, options) }
            ?: throw ImageException("not a readable image")
        try {
            val pixels = Pixels(bitmap.width, bitmap.height) { left, top, width, height, into ->
                bitmap.getPixels(into, 0, width, left, top, width, height)
                composeOnWhite(into)
            }
            return square(Upright(pixels, orientation), size)
        } finally {
            bitmap.recycle()
        }
    } catch (error: IOException) {
        throw ImageException("the image can't be read (${error.message})")
    } catch (error: SecurityException) {
        throw ImageException("no permission to read the image (${error.message})")
    } catch (error: OutOfMemoryError) {
        throw ImageException("the image is too large for this phone's memory")
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

/** Returns RGB bytes [size, size, 3] as a bitmap to show. */
fun bitmapOf(rgb: ByteArray, size: Int): Bitmap =
    Bitmap.createBitmap(toArgb(rgb), size, size, Bitmap.Config.ARGB_8888)

/**
 * Saves an image in the phone's gallery; for Android 10 and newer.
 *
 * @throws ImageException if it can't be written. No part of it remains then.
 */
fun saveToGallery(context: Context, image: Bitmap, name: String) {
    check(Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) { "needs a permission before Android 10" }
    val resolver = context.contentResolver
    val values = ContentValues().apply {
        put(MediaStore.MediaColumns.DISPLAY_NAME, name)
        put(MediaStore.MediaColumns.MIME_TYPE, PNG)
        put(MediaStore.MediaColumns.RELATIVE_PATH, "${Environment.DIRECTORY_PICTURES}/tfstargan")
        put(MediaStore.MediaColumns.IS_PENDING, 1)
    }
    val uri = resolver.insert(MediaStore.Images.Media.EXTERNAL_CONTENT_URI, values)
        ?: throw ImageException("the phone's gallery can't be written")
    try {
        saveTo(context, image, uri)
        values.clear()
        values.put(MediaStore.MediaColumns.IS_PENDING, 0)
        resolver.update(uri, values, null, null)
    } catch (error: ImageException) {
        resolver.delete(uri, null, null)
        throw error
    }
}

/** Writes an image to the place that the user chose. */
fun saveTo(context: Context, image: Bitmap, uri: Uri) {
    try {
        val stream = context.contentResolver.openOutputStream(uri) ?: throw IOException("it can't be opened")
        stream.use { if (!image.compress(Bitmap.CompressFormat.PNG, 100, it)) throw IOException("PNG encoding failed") }
    } catch (error: IOException) {
        throw ImageException("the image can't be written (${error.message})")
    } catch (error: SecurityException) {
        throw ImageException("no permission to write there (${error.message})")
    }
}

/** Writes an image to a file of the app. */
fun saveTo(image: Bitmap, file: File) {
    try {
        file.parentFile?.mkdirs()
        file.outputStream().use {
            if (!image.compress(Bitmap.CompressFormat.PNG, 100, it)) throw IOException("PNG encoding failed")
        }
    } catch (error: IOException) {
        throw ImageException("the image can't be written (${error.message})")
    }
}

const val PNG = "image/png"
