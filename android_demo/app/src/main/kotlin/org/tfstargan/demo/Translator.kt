package org.tfstargan.demo

import android.content.res.AssetManager
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import org.tfstargan.demo.core.Contract
import org.tfstargan.demo.core.Networks

/** The reason why a model can't run on this phone, in one line. */
class ModelException(message: String) : Exception(message)

/**
 * The networks of a model in LiteRT, with buffers that are made once.
 *
 * Safe for several threads: calls, also of [close], run one after the other, since they
 * share the buffers.
 *
 * @property accelerators the accelerator of each signature.
 * @property notes for each accelerator that failed, the file and the reason.
 */
class Translator private constructor(
    private val environment: Environment,
    private val files: List<LoadedFile>,
) : Networks, AutoCloseable {
    private val endpoints = files.flatMap { it.endpoints.entries }.associate { it.key to it.value }
    val accelerators: Map<String, Accelerator> =
        files.flatMap { file -> file.endpoints.keys.map { it to file.accelerator } }.toMap()
    val notes: List<String> = files.flatMap { it.notes }

    @Synchronized
    override fun mapLatent(latent: FloatArray, label: Int): FloatArray =
        endpoints.getValue("map_latent").run(mapOf("z" to latent), label)

    @Synchronized
    override fun encodeStyle(reference: FloatArray, label: Int): FloatArray =
        endpoints.getValue("encode_style").run(mapOf("x_ref" to reference), label)

    @Synchronized
    override fun translate(source: FloatArray, style: FloatArray): FloatArray =
        endpoints.getValue("translate").run(mapOf("x_src" to source, "s" to style))

    @Synchronized
    override fun close() {
        files.forEach { it.close() }
        environment.close()
    }

    companion object {
        /**
         * Compiles each file of a model for the first of the [accelerators] that can run all
         * of it. No file is split between accelerators.
         *
         * @param assets holds the files in [folder].
         * @throws ModelException if none of the accelerators can run a file.
         */
        fun open(
            assets: AssetManager,
            folder: String,
            contract: Contract,
            accelerators: List<Accelerator>,
        ): Translator {
            val environment = try {
                Environment.create()
            } catch (error: LinkageError) {
                throw ModelException("LiteRT does not support its processor (${error.message})")
            }
            val loader = Loader(assets, folder, environment, accelerators)
            val files = mutableListOf<LoadedFile>()
            try {
                for (file in contract.files.keys) {
                    val signatures = Contract.SIGNATURES.filter { contract.fileOf[it] == file }
                    files += loader.load(file) { model ->
                        signatures.associateWith { Endpoint.make(model, it, contract) }
                    }
                }
                return Translator(environment, files)
            } catch (error: ModelException) {
                files.forEach { it.close() }
                environment.close()
                throw error
            }
        }
    }
}

/** A compiled file of the model; [endpoints] are its signatures by name. */
private class LoadedFile(
    private val model: CompiledModel,
    val accelerator: Accelerator,
    val endpoints: Map<String, Endpoint>,
    val notes: List<String>,
) : AutoCloseable {
    override fun close() {
        endpoints.values.forEach { it.close() }
        model.close()
    }
}

/** Compiles files of assets for the first accelerator that can run all of a file. */
private class Loader(
    private val assets: AssetManager,
    private val folder: String,
    private val environment: Environment,
    private val accelerators: List<Accelerator>,
) {
    /** Returns a compiled file with its endpoints, which [make] makes and runs once. */
    fun load(file: String, make: (CompiledModel) -> Map<String, Endpoint>): LoadedFile {
        val notes = mutableListOf<String>()
        for (accelerator in accelerators) {
            try {
                val model = compile(file, accelerator)
                try {
                    return LoadedFile(model, accelerator, make(model), notes)
                } catch (error: Exception) {
                    model.close()
                    throw error
                }
            } catch (error: LiteRtException) {
                notes += "$file, $accelerator: ${error.message}"
            } catch (error: ModelException) {
                notes += "$file, $accelerator: ${error.message}"
            }
        }
        throw ModelException(notes.joinToString("; "))
    }

    private fun compile(file: String, accelerator: Accelerator): CompiledModel {
        val options = CompiledModel.Options(accelerator)
        if (accelerator == Accelerator.CPU) options.cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
        return CompiledModel.create(assets, "$folder/$file", options, environment)
    }

    private companion object {
        // More threads would wait for the slow cores that most phones have.
        val threads = minOf(4, Runtime.getRuntime().availableProcessors())
    }
}

/** A signature and its buffers. */
private class Endpoint private constructor(
    private val model: CompiledModel,
    private val signature: String,
    private val inputs: Map<String, TensorBuffer>,
    private val outputs: Map<String, TensorBuffer>,
) : AutoCloseable {
    /** Returns the output; [label] is the input `y`, if the signature has one. */
    fun run(floats: Map<String, FloatArray>, label: Int? = null): FloatArray {
        for ((name, values) in floats) inputs.getValue(name).writeFloat(values)
        if (label != null) inputs.getValue("y").writeInt(intArrayOf(label))
        model.run(inputs, outputs, signature)
        return outputs.values.single().readFloat() // waits for the result
    }

    override fun close() = (inputs.values + outputs.values).forEach { it.close() }

    companion object {
        /**
         * Makes the buffers and runs once on zeros: the first run is slow, and a model with
         * non-finite output is refused at once.
         */
        fun make(model: CompiledModel, signature: String, contract: Contract): Endpoint {
            val pixels = contract.imgSize * contract.imgSize * 3
            val sizes = when (signature) {
                "map_latent" -> mapOf("z" to contract.latentDim)
                "encode_style" -> mapOf("x_ref" to pixels)
                else -> mapOf("x_src" to pixels, "s" to contract.styleDim)
            }
            val translates = signature == "translate"
            val output = if (translates) "x_fake" else "s"
            val names = if (translates) sizes.keys else sizes.keys + "y"
            val made = mutableListOf<TensorBuffer>()
            try {
                val endpoint = Endpoint(
                    model,
                    signature,
                    names.associateWith { name -> model.createInputBuffer(name, signature).also { made += it } },
                    mapOf(output to model.createOutputBuffer(output, signature).also { made += it }),
                )
                val zeros = sizes.mapValues { FloatArray(it.value) }
                val found = endpoint.run(zeros, if (translates) null else 0)
                val expected = if (translates) pixels else contract.styleDim
                if (found.size != expected) {
                    throw ModelException("$signature returns ${found.size} numbers instead of $expected")
                }
                if (!found.all { it.isFinite() }) throw ModelException("$signature returns numbers that are not finite")
                return endpoint
            } catch (error: Exception) {
                made.forEach { it.close() }
                throw error
            }
        }
    }
}
