package org.tfstargan.demo.core

import java.io.FileNotFoundException
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class ContractTest {
    private val folders = vectors("contract.json")

    private fun load(folder: Map<String, Any?>): Contract {
        val files = folder["files"].asObject().mapValues { it.value.asBytes() } +
            (Contract.NAME to (folder["text"] as String).toByteArray())
        return Contract.load { files[it]?.inputStream() ?: throw FileNotFoundException(it) }
    }

    @Test
    fun `descriptions written by Python are accepted`() {
        for (folder in folders["valid"].asObjects()) load(folder)
    }

    @Test
    fun `its properties are those of the description`() {
        val (whole, split) = folders["valid"].asObjects().map(::load)
        assertEquals(listOf("bear", "cat", "rabbit"), whole.domains)
        assertEquals(listOf(32, 6, 16), listOf(whole.imgSize, whole.styleDim, whole.latentDim))
        assertEquals(listOf("float32", "demo", 4000L), listOf(whole.variant, whole.run, whole.iteration))
        assertEquals(setOf("stargan.tflite"), whole.fileOf.values.toSet())
        assertEquals("translate.tflite", split.fileOf["translate"])
        val mean = vectors("styles.json")["mean"].asFloats()
        assertEquals(mean, whole.meanStyles[0].toList())
    }

    @Test
    fun `broken descriptions are refused with a message that names the place`() {
        for (folder in folders["broken"].asObjects() + folders["unfit"].asObjects()) {
            val error = assertFailsWith<ContractException>("${folder["case"]}") { load(folder) }
            assertContains(error.message!!, folder["names"] as String, message = "${folder["case"]}")
            assertEquals(1, error.message!!.lines().size)
        }
    }

    @Test
    fun `any file is accepted or refused with a message`() {
        val text = folders["valid"].asObjects()[0]["text"] as String
        val random = kotlin.random.Random(1)
        var refused = 0
        repeat(3000) {
            val broken = StringBuilder(text)
            repeat(random.nextInt(1, 4)) {
                val start = random.nextInt(broken.length)
                val end = minOf(broken.length, start + random.nextInt(1, 20))
                val other = random.nextInt(broken.length)
                val part = broken.substring(other, minOf(broken.length, other + random.nextInt(1, 20)))
                broken.replace(start, end, part)
            }
            try {
                Contract.parse(broken.toString())
            } catch (error: ContractException) {
                refused++
            }
        }
        assertTrue(refused in 2000..2999, "$refused")
    }

    @Test
    fun `a missing model is named`() {
        val error = assertFailsWith<ContractException> { Contract.load { throw FileNotFoundException(it) } }
        assertContains(error.message!!, "stargan.json: not in this app")
    }
}
