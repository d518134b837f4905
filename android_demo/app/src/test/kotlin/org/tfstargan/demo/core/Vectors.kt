package org.tfstargan.demo.core

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64

/** Returns a file of tests/vectors, the folder that the property `vectors` names. */
fun vectors(name: String): Map<String, Any?> {
    val folder = checkNotNull(System.getProperty("vectors")) { "-Dvectors: the folder tests/vectors" }
    return parseJson(File(folder, name).readText()).asObject()
}

@Suppress("UNCHECKED_CAST")
fun Any?.asObject() = this as Map<String, Any?>

fun Any?.asList() = this as List<*>

fun Any?.asObjects() = asList().map { it.asObject() }

fun Any?.asInt() = (this as Long).toInt()

fun Any?.asFloat() = (this as Number).toFloat()

fun Any?.asFloats() = asList().map { it.asFloat() }

fun Any?.asBytes(): ByteArray = Base64.getDecoder().decode(this as String)

/** Returns the frame of a case of camera.json. */
fun Any?.asFrame(): Frame {
    val case = asObject()
    val (y, u, v) = case["planes"].asObjects().map {
        Plane(it["bytes"].asBytes(), it["row_stride"].asInt(), it["pixel_stride"].asInt())
    }
    val orientation = orientationOf(case["sensor"].asInt(), case["display"].asInt(), case["front"] as Boolean)
    return Frame(case["width"].asInt(), case["height"].asInt(), y, u, v, orientation, 0)
}

fun Any?.asRawFloats(): List<Float> {
    val buffer = ByteBuffer.wrap(asBytes()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    return List(buffer.remaining()) { buffer[it] }
}
