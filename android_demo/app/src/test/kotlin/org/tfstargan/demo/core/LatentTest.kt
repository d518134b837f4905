package org.tfstargan.demo.core

import kotlin.test.Test
import kotlin.test.assertEquals

class LatentTest {
    @Test
    fun `a seed gives the same numbers and latent as in Python`() {
        for (case in vectors("latents.json")["cases"].asObjects()) {
            val seed = case["seed"] as Long
            val bits = SplitMix64(seed)
            for (expected in case["bits"].asList()) assertEquals(expected, bits.next().toULong().toString())
            val latent = case["latent"].asFloats()
            val found = seededLatent(seed, latent.size)
            for (i in latent.indices) assertEquals(latent[i], found[i], 1e-6f, "seed $seed, number $i")
        }
    }
}
