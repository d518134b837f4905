package org.tfstargan.demo.core

/** The three networks of a model; a style code is a FloatArray of its style_dim. */
interface Networks {
    /** Returns the style code of a latent in a domain (mapping network). */
    fun mapLatent(latent: FloatArray, label: Int): FloatArray

    /** Returns the style code of a picture of a domain (style encoder), floats in [-1, 1]. */
    fun encodeStyle(reference: FloatArray, label: Int): FloatArray

    /** Returns a picture in a style (generator); both are floats, about [-1, 1]. */
    fun translate(source: FloatArray, style: FloatArray): FloatArray
}

/** Where a style comes from. */
sealed interface StyleChoice

/** A random style: that of a seed's latent. */
data class Random(val seed: Int) : StyleChoice

/**
 * The style of a reference picture.
 *
 * @property id what tells it from others.
 * @property rgb its centred square, [imgSize, imgSize, 3].
 * @property label the domain that it shows; null: not known, so the wanted domain's.
 */
class Reference(val id: String, val rgb: ByteArray, val label: Int?) : StyleChoice {
    override fun equals(other: Any?) = other is Reference && other.id == id

    override fun hashCode() = id.hashCode()
}

/**
 * All that the user has chosen.
 *
 * @property label the wanted domain.
 * @property styles two styles, A and B.
 * @property share how far the style is on the way from A to B, 0 to 1.
 * @property psi how far a random style is from its domain's mean, 0 to 1.
 */
data class Choices(
    val label: Int = 0,
    val styles: List<StyleChoice> = listOf(Random(0), Random(1)),
    val share: Float = 0f,
    val psi: Float = 1f,
) {
    /** With another style for A (0) or B (1), and the slider moved to it. */
    fun withStyle(slot: Int, style: StyleChoice) = copy(
        styles = styles.toMutableList().also { it[slot] = style },
        share = slot.toFloat(),
    )

    /** With another domain; references of another give way to random styles. */
    fun withLabel(wanted: Int) = copy(
        label = wanted,
        styles = styles.mapIndexed { slot, style ->
            if (style is Reference && style.label != null && style.label != wanted) Random(slot) else style
        },
    )
}

/** Returns the style at a share of the way from one to another: 0 the first, 1 the second. */
fun between(first: FloatArray, second: FloatArray, share: Float): FloatArray =
    FloatArray(first.size) { first[it] + share * (second[it] - first[it]) }

/** Makes styles of choices, and keeps those that a network gave: a slider comes back often. */
class StyleMaker(private val contract: Contract, private val networks: Networks) {
    val imgSize get() = contract.imgSize

    private val known = object : LinkedHashMap<Pair<StyleChoice, Int>, FloatArray>(16, 0.75f, true) {
        override fun removeEldestEntry(eldest: MutableMap.MutableEntry<Pair<StyleChoice, Int>, FloatArray>) =
            size > KEPT
    }

    /** Returns the style that the choices make. */
    fun style(choices: Choices): FloatArray {
        val (a, b) = choices.styles
        return when (choices.share) {
            0f -> one(a, choices)
            1f -> one(b, choices)
            else -> between(one(a, choices), one(b, choices), choices.share)
        }
    }

    private fun one(choice: StyleChoice, choices: Choices): FloatArray {
        val style = known.getOrPut(choice to choices.label) {
            when (choice) {
                is Random -> networks.mapLatent(
                    seededLatent(choice.seed.toLong(), contract.latentDim),
                    choices.label,
                )
                is Reference -> networks.encodeStyle(toFloats(choice.rgb), choices.label)
            }
        }
        // As in Python, a reference's style stays as it is.
        if (choice is Reference || choices.psi == 1f) return style
        return between(contract.meanStyles[choices.label], style, choices.psi)
    }

    private companion object {
        const val KEPT = 64
    }
}
