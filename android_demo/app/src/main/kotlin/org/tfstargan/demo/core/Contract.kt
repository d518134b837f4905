package org.tfstargan.demo.core

import java.io.IOException
import java.io.InputStream
import java.security.MessageDigest

/** The reason why the app can't use its model, in one line. */
class ContractException(message: String) : Exception(message)

/** A file of the model: its length and the SHA-256 of its bytes, in hexadecimal. */
class ModelFile(val bytes: Long, val sha256: String)

/**
 * The checked content of `stargan.json`, the description of an exported model.
 *
 * @property variant how the model is quantized; "float32" is not.
 * @property run name of the run that trained it.
 * @property iteration iterations of training.
 * @property imgSize height and width of the images in pixels.
 * @property domains their names; the index is the label.
 * @property meanStyles of each domain, for psi.
 * @property fileOf the file of each of [SIGNATURES].
 * @property files all files of the model by name.
 */
class Contract private constructor(
    val variant: String,
    val run: String,
    val iteration: Long,
    val imgSize: Int,
    val styleDim: Int,
    val latentDim: Int,
    val domains: List<String>,
    val meanStyles: List<FloatArray>,
    val fileOf: Map<String, String>,
    val files: Map<String, ModelFile>,
) {
    companion object {
        const val NAME = "stargan.json"
        private const val FORMAT = "tfstargan"
        private const val VERSION = 2L
        val SIGNATURES = listOf("map_latent", "encode_style", "translate")

        /**
         * Reads `stargan.json`, and checks size and hash of every file that it names.
         *
         * @param open opens a file of the model's folder by name; it throws an IOException if
         *   the file is missing or can't be read.
         * @throws ContractException if anything is missing, damaged, or not supported by this
         *   app.
         */
        fun load(open: (String) -> InputStream): Contract {
            val text = read(NAME) { open(NAME).use { it.readBytes() } }.toString(Charsets.UTF_8)
            val contract = parse(text)
            for ((name, file) in contract.files) {
                read(name) { open(name).use { check(name, it, file) } }
            }
            return contract
        }

        /** Returns the content of a `stargan.json`. The files that it names are not checked. */
        fun parse(text: String): Contract {
            val root = try {
                Node(NAME, parseJson(text) as? Map<*, *> ?: refuse("$NAME: not a JSON object"))
            } catch (error: JsonException) {
                refuse("$NAME: ${error.message}")
            }
            root.expect("format", FORMAT)
            root.expect("format_version", VERSION)
            root.expect("batch", 1L)
            val imgSize = root.size("img_size")
            val styleDim = root.size("style_dim")
            val latentDim = root.size("latent_dim")
            val domains = root.names("domains")
            val means = root.node("mean_styles")
            val files = root.node("files")
            val signatures = root.node("signatures")
            val expected = tensors(imgSize, styleDim, latentDim)
            val run = root.node("run")
            return Contract(
                root.text("variant"),
                run.text("name"),
                run.number("iteration"),
                imgSize,
                styleDim,
                latentDim,
                domains,
                domains.map { means.floats(it, styleDim) },
                SIGNATURES.associateWith { name ->
                    val signature = signatures.node(name)
                    expected.getValue(name).check(signature)
                    signature.text("file").also {
                        if (it !in files.value) refuse("${signature.path}.file: $it is not in files")
                    }
                },
                files.value.keys.associate { it as String to file(files, it) },
            )
        }

        private fun file(files: Node, name: String): ModelFile {
            val node = files.node(name)
            if (!name.matches(Regex("[\\w.-]+"))) refuse("${node.path}: not a plain file name")
            val sha256 = node.text("sha256")
            if (!sha256.matches(Regex("[0-9a-f]{64}"))) refuse("${node.path}.sha256: not a SHA-256")
            return ModelFile(node.number("bytes"), sha256)
        }

        private fun check(name: String, stream: InputStream, file: ModelFile) {
            val digest = MessageDigest.getInstance("SHA-256")
            val buffer = ByteArray(1 shl 16)
            var length = 0L
            while (true) {
                val count = stream.read(buffer)
                if (count < 0) break
                digest.update(buffer, 0, count)
                length += count
            }
            val sha256 = digest.digest().joinToString("") { "%02x".format(it) }
            if (length != file.bytes) {
                refuse("$name: $length bytes, expected ${file.bytes}")
            }
            if (sha256 != file.sha256) refuse("$name: not the file that $NAME describes")
        }

        private fun <T> read(name: String, block: () -> T): T = try {
            block()
        } catch (error: IOException) {
            refuse("$name: not in this app, or can't be read (${error.message})")
        }
    }
}

private const val FLOAT = "float32"
private const val INT = "int32"

private class Tensor(val dtype: String, vararg val shape: Int)

private class Signature(val inputs: Map<String, Tensor>, val outputs: Map<String, Tensor>) {
    fun check(found: Node) {
        check(found.node("inputs"), inputs)
        check(found.node("outputs"), outputs)
    }

    private fun check(found: Node, expected: Map<String, Tensor>) {
        if (found.value.keys != expected.keys) {
            refuse("${found.path}: ${found.value.keys}, expected ${expected.keys}")
        }
        for ((name, tensor) in expected) {
            val node = found.node(name)
            node.expect("dtype", tensor.dtype)
            node.expect("shape", tensor.shape.map { it.toLong() })
        }
    }
}

/** The tensors of each signature, as this app uses them. */
private fun tensors(imgSize: Int, styleDim: Int, latentDim: Int): Map<String, Signature> {
    val image = Tensor(FLOAT, 1, imgSize, imgSize, 3)
    val style = Tensor(FLOAT, 1, styleDim)
    val latent = Tensor(FLOAT, 1, latentDim)
    val label = Tensor(INT, 1)
    return mapOf(
        "map_latent" to Signature(mapOf("z" to latent, "y" to label), mapOf("s" to style)),
        "encode_style" to Signature(mapOf("x_ref" to image, "y" to label), mapOf("s" to style)),
        "translate" to Signature(mapOf("x_src" to image, "s" to style), mapOf("x_fake" to image)),
    )
}

/** A JSON object, and the path to it for messages. */
private class Node(val path: String, val value: Map<*, *>) {
    fun node(key: String): Node =
        Node("$path.$key", value[key] as? Map<*, *> ?: refuse("$path.$key: must be an object"))

    fun text(key: String): String = value[key] as? String ?: refuse("$path.$key: must be a text")

    fun number(key: String): Long =
        value[key] as? Long ?: refuse("$path.$key: ${value[key]}, must be a whole number")

    fun size(key: String): Int = number(key).let {
        if (it !in 1..MAX_SIZE) refuse("$path.$key: $it, must be 1 to $MAX_SIZE")
        it.toInt()
    }

    fun names(key: String): List<String> {
        val list = value[key] as? List<*> ?: refuse("$path.$key: must be a list")
        val names = list.map { it as? String ?: refuse("$path.$key: $it, must be a name") }
        if (names.isEmpty() || names.toSet().size < names.size) {
            refuse("$path.$key: $names, must be different names")
        }
        return names
    }

    fun floats(key: String, count: Int): FloatArray {
        val floats = (value[key] as? List<*>)?.map { (it as? Number)?.toFloat() ?: Float.NaN }
        if (floats?.size != count || !floats.all { it.isFinite() }) {
            refuse("$path.$key: must be $count finite numbers")
        }
        return floats.toFloatArray()
    }

    fun expect(key: String, expected: Any) {
        if (value[key] != expected) {
            refuse("$path.$key: ${value[key]}, must be $expected")
        }
    }

    private companion object {
        const val MAX_SIZE = 4096
    }
}

private fun refuse(message: String): Nothing = throw ContractException(message)
