package org.tfstargan.demo.core

/** The three networks of a model. A style code is a FloatArray of length style_dim. */
interface Networks {
    /** Returns the style code of a latent in a domain (mapping network). */
    fun mapLatent(latent: FloatArray, label: Int): FloatArray

    /** Returns the style code of an image of a domain (style encoder), floats in [-1, 1]. */
    fun encodeStyle(reference: FloatArray, label: Int): FloatArray

    /** Returns an image in a style (generator); both are floats, about [-1, 1]. */
    fun translate(source: FloatArray, style: FloatArray): FloatArray
}

/** The source of a style. */
sealed interface StyleChoice

/** A random style: that of a seed's latent. */
data class Random(val seed: Int) : StyleChoice

/**
 * The style of a reference image.
 *
 * @property id distinguishes it from others.
 * @property rgb its centered square, [imgSize, imgSize, 3].
 * @property label the domain of the image; null: unknown, used for any domain.
 */
class Reference(val id: String, val rgb: ByteArray, val label: Int?) : StyleChoice {
    override fun equals(other: Any?) = other is Reference && other.id == id

    override fun hashCode() = id.hashCode()
}

/**
 * The user's choices.
 *
 * @property label the target domain.
 * @property styles two styles, A and B.
 * @property share position of the style between A and B, 0 to 1.
 * @property psi position of a random style between its domain's mean and itself, 0 to 1.
 */
data class Choices(
    val label: Int = 0,
    val styles: List<StyleChoice> = listOf(Random(0), Random(1)),
    val share: Float = 0f,
    val psi: Float = 1f,
) {
    /** A copy with another style for A (0) or B (1), and the slider moved to it. */
    fun withStyle(slot: Int, style: StyleChoice) = copy(
        styles = styles.toMutableList().also { it[slot] = style },
        share = slot.toFloat(),
    )

    /** A copy with another domain. References of other domains become random styles. */
    fun withLabel(wanted: Int) = copy(
        label = wanted,
        styles = styles.mapIndexed { slot, style ->
            if (style is Reference && style.label != null && style.label != wanted) Random(slot) else style
        },
    )
}

/** Returns first + share * (second - first). */
fun between(first: FloatArray, second: FloatArray, share: Float): FloatArray =
    FloatArray(first.size) { first[it] + share * (second[it] - first[it]) }

/**
 * Computes the styles of choices. The networks' results are kept, since sliders return to
 * earlier values.
 *
 * Safe for several threads; the networks are asked by one at a time.
 */
class StyleMaker(private val contract: Contract, private val networks: Networks) {
    val imgSize get() = contract.imgSize

    private val known = object : LinkedHashMap<Pair<StyleChoice, Int>, FloatArray>(16, 0.75f, true) {
        override fun removeEldestEntry(eldest: MutableMap.MutableEntry<Pair<StyleChoice, Int>, FloatArray>) =
            size > KEPT
    }

    /**
     * Returns the style of the choices.
     *
     * @throws IllegalArgumentException if there is no domain of their label: the networks
     *   would give a style for any number.
     */
    @Synchronized
    fun style(choices: Choices): FloatArray {
        require(choices.label in contract.domains.indices) {
            "label ${choices.label}: must be 0 to ${contract.domains.lastIndex}"
        }
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
        // As in Python, psi does not change a reference's style.
        if (choice is Reference || choices.psi == 1f) return style
        return between(contract.meanStyles[choices.label], style, choices.psi)
    }

    private companion object {
        const val KEPT = 64
    }
}
