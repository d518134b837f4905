// The app's pure part on a computer. Its networks are computed by the process at the other
// end of standard input and output: tests/test_android.py, with LiteRT.
package org.tfstargan.demo.core

import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.File

private val input = DataInputStream(System.`in`.buffered())
private val output = DataOutputStream(System.out.buffered())

private object Remote : Networks {
    override fun mapLatent(latent: FloatArray, label: Int) = ask("map_latent", label, latent)

    override fun encodeStyle(reference: FloatArray, label: Int) = ask("encode_style", label, reference)

    override fun translate(source: FloatArray, style: FloatArray) = ask("translate", 0, source, style)

    private fun ask(name: String, label: Int, vararg tensors: FloatArray): FloatArray {
        output.writeUTF(name)
        output.writeInt(label)
        for (tensor in tensors) {
            output.writeInt(tensor.size)
            tensor.forEach(output::writeFloat)
        }
        output.flush()
        return FloatArray(input.readInt()) { input.readFloat() }
    }
}

private fun readImage(): Upright {
    val (width, height) = listOf(input.readInt(), input.readInt())
    val argb = toArgb(ByteArray(width * height * 3).also(input::readFully))
    return Upright(
        Pixels(width, height) { left, top, columns, rows, into ->
            for (y in 0 until rows) {
                val start = (top + y) * width + left
                argb.copyInto(into, y * columns, start, start + columns)
            }
        },
        1,
    )
}

/** Reads a source, a reference and a frame, and writes translations. The argument is the model's folder. */
fun main(arguments: Array<String>) {
    val contract = Contract.load { File(arguments.single(), it).inputStream() }
    val maker = StyleMaker(contract, Remote)
    val source = toFloats(square(readImage(), contract.imgSize))
    val reference = Reference("reference", square(readImage(), contract.imgSize), 1)
    val frame = toFloats(parseJson(input.readUTF()).asFrame().square(contract.imgSize))
    val random = Choices(label = 1, styles = listOf(Random(3), reference))
    val wanted = listOf(random, random.copy(psi = 0.5f), random.copy(share = 1f), random.copy(share = 0.25f))
    for ((image, choices) in wanted.map { source to it } + (frame to random)) {
        val translated = toBytes(Remote.translate(image, maker.style(choices)))
        output.writeUTF("translated")
        output.writeInt(translated.size)
        output.write(translated)
        output.flush()
    }
}
