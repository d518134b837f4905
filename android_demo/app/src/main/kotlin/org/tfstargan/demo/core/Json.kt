package org.tfstargan.demo.core

/** The fault of a text that is not valid JSON, and its place. */
class JsonException(message: String) : Exception(message)

/**
 * Returns a JSON text (RFC 8259) as Map, List, String, Long, Double, Boolean or null.
 *
 * A number is a Long if it has neither fraction nor exponent. Android's own reader, org.json,
 * is not available on the JVM of the tests.
 *
 * @throws JsonException if it is not valid JSON.
 */
fun parseJson(text: String): Any? = JsonReader(text).document()

private const val DEEPEST = 64

private class JsonReader(private val text: String) {
    private var at = 0
    private var depth = 0

    fun document(): Any? {
        val value = value()
        space()
        if (at < text.length) fail("expected the end")
        return value
    }

    private fun value(): Any? {
        space()
        return when (val c = peek()) {
            '{' -> nested(::members)
            '[' -> nested(::elements)
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> if (c == '-' || c in '0'..'9') number() else fail("expected a value")
        }
    }

    private fun <T> nested(read: () -> T): T {
        if (++depth > DEEPEST) fail("too deeply nested")
        at++
        return read().also { depth-- }
    }

    private fun members(): Map<String, Any?> {
        val members = LinkedHashMap<String, Any?>()
        space()
        if (taken('}')) return members
        do {
            space()
            val name = string()
            space()
            take(':')
            members[name] = value()
            space()
        } while (taken(','))
        take('}')
        return members
    }

    private fun elements(): List<Any?> {
        val elements = ArrayList<Any?>()
        space()
        if (taken(']')) return elements
        do {
            elements += value()
            space()
        } while (taken(','))
        take(']')
        return elements
    }

    private fun string(): String {
        take('"')
        val result = StringBuilder()
        while (true) {
            when (val c = next()) {
                '"' -> return result.toString()
                '\\' -> result.append(escaped())
                else -> if (c < ' ') fail("control character in a text") else result.append(c)
            }
        }
    }

    private fun escaped(): Char = when (val c = next()) {
        '"', '\\', '/' -> c
        'b' -> '\b'
        'f' -> '\u000C'
        'n' -> '\n'
        'r' -> '\r'
        't' -> '\t'
        'u' -> {
            val digits = text.substring(at, minOf(at + 4, text.length))
            if (!digits.matches(Regex("[0-9a-fA-F]{4}"))) fail("expected four digits")
            at += 4
            digits.toInt(16).toChar()
        }
        else -> fail("unknown escape")
    }

    private fun number(): Any {
        val found = NUMBER.find(text, at)?.takeIf { it.range.first == at } ?: fail("not a number")
        at = found.range.last + 1
        val whole = found.groupValues[1].isEmpty()
        return (if (whole) found.value.toLongOrNull() else null) ?: found.value.toDouble()
    }

    private fun <T> word(word: String, value: T): T {
        if (!text.startsWith(word, at)) fail("expected a value")
        at += word.length
        return value
    }

    private fun space() {
        while (at < text.length && text[at] in " \t\r\n") at++
    }

    private fun peek(): Char = if (at < text.length) text[at] else fail("the text ends too early")

    private fun next(): Char = peek().also { at++ }

    private fun taken(c: Char): Boolean = (peek() == c).also { if (it) at++ }

    private fun take(c: Char) {
        if (!taken(c)) fail("expected $c")
    }

    private fun fail(what: String): Nothing = throw JsonException("not JSON: $what at character $at")

    private companion object {
        val NUMBER = Regex("-?(?:0|[1-9][0-9]*)((?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
    }
}
