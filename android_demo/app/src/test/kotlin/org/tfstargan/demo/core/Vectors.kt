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

fun Any?.asRawFloats(): List<Float> {
    val buffer = ByteBuffer.wrap(asBytes()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    return List(buffer.remaining()) { buffer[it] }
}
