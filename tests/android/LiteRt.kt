// The signatures of LiteRT's Kotlin library that the sample app uses, to compile the app
// without the library. They are those of its sources of 21 August 2026 (commit f6745779),
// with which tests/test_android.py can compare them. They are not run or shipped.
package com.google.ai.edge.litert

import android.content.res.AssetManager

enum class Accelerator { NONE, CPU, GPU, NPU }

class LiteRtException private constructor() : Exception()

class Environment private constructor() : AutoCloseable {
    enum class Option

    override fun close(): Unit = stub()

    companion object {
        @JvmOverloads
        @JvmStatic
        fun create(options: Map<Option, String> = mapOf()): Environment = stub()
    }
}

class TensorBuffer private constructor() : AutoCloseable {
    fun writeFloat(data: FloatArray): Unit = stub()

    fun writeInt(data: IntArray): Unit = stub()

    fun readFloat(): FloatArray = stub()

    override fun close(): Unit = stub()
}

class CompiledModel private constructor() : AutoCloseable {
    class CpuOptions(
        val numThreads: Int? = null,
        val xnnPackFlags: Int? = null,
        val xnnPackWeightCachePath: String? = null,
    )

    class Options(vararg accelerators: Accelerator) {
        var cpuOptions: CpuOptions? = null

        companion object {
            @JvmStatic val CPU = Options(Accelerator.CPU)
        }
    }

    fun createInputBuffer(inputName: String, signature: String = ""): TensorBuffer = stub()

    fun createOutputBuffer(outputName: String, signature: String = ""): TensorBuffer = stub()

    fun run(
        inputs: Map<String, TensorBuffer>,
        outputs: Map<String, TensorBuffer>,
        signature: String = "",
    ): Unit = stub()

    override fun close(): Unit = stub()

    companion object {
        @JvmOverloads
        @JvmStatic
        fun create(
            assetManager: AssetManager,
            assetName: String,
            options: Options = Options.CPU,
            optionalEnv: Environment? = null,
        ): CompiledModel = stub()
    }
}

private fun stub(): Nothing = throw UnsupportedOperationException("a signature only")
