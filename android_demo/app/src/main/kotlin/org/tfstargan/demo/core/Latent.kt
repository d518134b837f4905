package org.tfstargan.demo.core

import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.ln
import kotlin.math.sin
import kotlin.math.sqrt

/** 64-bit numbers without end, a function of the seed (Steele, Lea and Flood, 2014). */
class SplitMix64(private var state: Long) {
    fun next(): Long {
        state += 0x9E3779B97F4A7C15uL.toLong()
        var z = state
        z = (z xor (z ushr 30)) * 0xBF58476D1CE4E5B9uL.toLong()
        z = (z xor (z ushr 27)) * 0x94D049BB133111EBuL.toLong()
        return z xor (z ushr 31)
    }
}

/**
 * Returns the latent of a seed: [latentDim] numbers from N(0, 1) by the Box-Muller
 * transform, the same as `tfstargan.exported.latents.seeded_latent` in Python.
 */
fun seededLatent(seed: Long, latentDim: Int): FloatArray {
    val bits = SplitMix64(seed)
    val unit = 1.0 / (1L shl 53)
    val latent = FloatArray(latentDim)
    for (i in latent.indices step 2) {
        val radius = sqrt(-2 * ln(((bits.next() ushr 11) + 1) * unit))
        val angle = 2 * PI * ((bits.next() ushr 11) * unit)
        latent[i] = (radius * cos(angle)).toFloat()
        if (i + 1 < latentDim) latent[i + 1] = (radius * sin(angle)).toFloat()
    }
    return latent
}
