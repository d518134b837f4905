package org.tfstargan.demo.core

import java.util.concurrent.Executors
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotEquals

class StylesTest {
    private val contract = Contract.parse(vectors("contract.json")["valid"].asObjects()[0]["text"] as String)

    /** Networks that record their calls. */
    private class Asked : Networks {
        val calls = mutableListOf<String>()

        override fun mapLatent(latent: FloatArray, label: Int): FloatArray {
            calls += "latent $label"
            return FloatArray(6) { latent[it] + label }
        }

        override fun encodeStyle(reference: FloatArray, label: Int): FloatArray {
            calls += "reference $label"
            return FloatArray(6) { reference[it] + label }
        }

        override fun translate(source: FloatArray, style: FloatArray) = source
    }

    @Test
    fun `psi and interpolation are those of Python`() {
        val case = vectors("styles.json")
        fun floats(name: String) = case[name].asFloats().toFloatArray()
        for (row in case["psi"].asObjects()) {
            val found = between(floats("mean"), floats("style"), row["psi"].asFloat())
            assertEquals(row["style"].asFloats(), found.toList())
        }
        for (row in case["interpolate"].asObjects()) {
            val found = between(floats("style"), floats("other"), row["share"].asFloat())
            assertEquals(row["style"].asFloats(), found.toList())
        }
    }

    @Test
    fun `the slider goes from style A to style B`() {
        val maker = StyleMaker(contract, Asked())
        fun style(share: Float) = maker.style(Choices(label = 1, share = share)).toList()
        val (a, b) = listOf(0L, 1L).map { seed -> seededLatent(seed, 16).take(6).map { it + 1 } }
        assertEquals(a, style(0f))
        assertEquals(b, style(1f))
        assertEquals(a.zip(b) { x, y -> x + 0.25f * (y - x) }, style(0.25f))
    }

    @Test
    fun `psi moves a random style to its domain's mean, and no reference's style`() {
        val maker = StyleMaker(contract, Asked())
        val random = Choices(label = 2, psi = 0f)
        assertEquals(contract.meanStyles[2].toList(), maker.style(random).toList())
        val reference = Reference("mine", ByteArray(6), null)
        val style = maker.style(random.withStyle(0, reference)).toList()
        assertEquals(List(6) { -1f + 2 }, style)
    }

    @Test
    fun `a style is computed once`() {
        val networks = Asked()
        val maker = StyleMaker(contract, networks)
        for (share in listOf(0.25f, 0.5f, 0.75f)) maker.style(Choices(share = share))
        assertEquals(listOf("latent 0", "latent 0"), networks.calls)
        maker.style(Choices(label = 1))
        assertEquals(3, networks.calls.size)
    }

    @Test
    fun `a label without a domain is refused`() {
        val maker = StyleMaker(contract, Asked())
        for (label in listOf(-1, 3)) {
            val error = assertFailsWith<IllegalArgumentException> { maker.style(Choices(label = label)) }
            assertEquals("label $label: must be 0 to 2", error.message)
        }
    }

    @Test
    fun `threads get the styles of their own choices`() {
        val maker = StyleMaker(contract, Asked())
        fun ask(seed: Int) = maker.style(Choices(label = seed % 3, styles = listOf(Random(seed), Random(0)))).toList()
        fun expected(seed: Int) = seededLatent(seed.toLong(), 16).take(6).map { it + seed % 3 }
        val threads = Executors.newFixedThreadPool(8)
        val found = (0 until 4000).map { i -> threads.submit<List<Float>> { ask(i % 100) } }
        for ((i, style) in found.withIndex()) assertEquals(expected(i % 100), style.get())
        threads.shutdown()
    }

    @Test
    fun `the slider moves to a chosen style`() {
        val choices = Choices(share = 0.3f)
        assertEquals(0f, choices.withStyle(0, Random(7)).share)
        assertEquals(1f, choices.withStyle(1, Random(7)).share)
        assertEquals(listOf(Random(0), Random(7)), choices.withStyle(1, Random(7)).styles)
    }

    @Test
    fun `a reference of another domain is replaced, the user's photo is not`() {
        val mine = Reference("mine", ByteArray(6), null)
        val choices = Choices(styles = listOf(Reference("cat", ByteArray(6), 1), mine))
        assertEquals(listOf(Random(0), mine), choices.withLabel(2).styles)
        assertEquals(choices.styles, choices.withLabel(1).styles)
        assertNotEquals(mine, Reference("another", ByteArray(6), null))
    }
}
