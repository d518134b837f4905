package org.tfstargan.demo.core

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class JsonTest {
    @Test
    fun `every kind of value is read`() {
        val text = """ {"a": [1, -2.5, 1e3, true, false, null], "b": {}, "": "x\"\\\u00e9\n"} """
        val expected = mapOf(
            "a" to listOf(1L, -2.5, 1000.0, true, false, null),
            "b" to mapOf<String, Any?>(),
            "" to "x\"\\é\n",
        )
        assertEquals(expected, parseJson(text))
    }

    @Test
    fun `a number too long for a Long is a Double`() {
        assertEquals(1e30, parseJson("1000000000000000000000000000000"))
    }

    @Test
    fun `text that is not JSON is refused`() {
        val texts = listOf(
            "", "{", "[1,]", "[1 2]", "{\"a\" 1}", "{a: 1}", "'a'", "\"a", "\"\\x\"", "\"\\u12g4\"",
            "nul", "01", "+1", "1.", ".5", "NaN", "[1] 2", "\"\u0001\"", "[".repeat(100_000),
        )
        for (text in texts) {
            assertFailsWith<JsonException>(text.take(20)) { parseJson(text) }
        }
    }
}
