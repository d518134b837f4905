package org.tfstargan.demo

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException

/**
 * Gives other apps access to two files: the one that the camera writes, and the one to
 * share.
 *
 * Like the FileProvider of androidx, for these two names only. An app can open a file only
 * by an address that this app gave it together with a permission.
 */
class SharedFiles : ContentProvider() {
    override fun onCreate() = true

    override fun getType(uri: Uri) = when (uri.lastPathSegment) {
        CAMERA -> "image/jpeg"
        else -> PNG
    }

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        val file = file(uri) ?: throw FileNotFoundException("$uri: not a shared file")
        file.parentFile?.mkdirs()
        return ParcelFileDescriptor.open(file, ParcelFileDescriptor.parseMode(mode))
    }

    /** Returns name and size, the columns that apps ask for. */
    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        selectionArgs: Array<String>?,
        sortOrder: String?,
    ): Cursor {
        val columns = projection ?: arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        val cursor = MatrixCursor(columns)
        val file = file(uri) ?: return cursor
        cursor.addRow(
            columns.map<String, Any?> {
                when (it) {
                    OpenableColumns.DISPLAY_NAME -> file.name
                    OpenableColumns.SIZE -> file.length()
                    else -> null
                }
            }.toTypedArray(),
        )
        return cursor
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, selectionArgs: Array<String>?) = 0

    override fun delete(uri: Uri, selection: String?, selectionArgs: Array<String>?) = 0

    private fun file(uri: Uri): File? =
        context?.let { context -> uri.lastPathSegment?.takeIf { it in NAMES }?.let { fileOf(context, it) } }

    companion object {
        const val CAMERA = "camera.jpg"
        const val TRANSLATED = "translated.png"
        private val NAMES = setOf(CAMERA, TRANSLATED)

        /** Returns the file of a name. */
        fun fileOf(context: Context, name: String) = File(File(context.cacheDir, "shared"), name)

        /** Returns the address of a file, for other apps. */
        fun uriOf(context: Context, name: String): Uri =
            Uri.Builder().scheme("content").authority("${context.packageName}.files").appendPath(name).build()
    }
}
