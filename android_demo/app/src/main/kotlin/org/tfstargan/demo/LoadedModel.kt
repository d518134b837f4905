package org.tfstargan.demo

import android.content.Context
import android.graphics.Bitmap
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.LiteRtException
import org.tfstargan.demo.core.Choices
import org.tfstargan.demo.core.Contract
import org.tfstargan.demo.core.Reference
import org.tfstargan.demo.core.StyleMaker
import org.tfstargan.demo.core.meanDifference
import org.tfstargan.demo.core.toBytes
import org.tfstargan.demo.core.toFloats

/** A reference image and its bitmap. */
class Thumbnail(val reference: Reference, val bitmap: Bitmap)

/**
 * The model of the app, ready to translate, and the images that came with it.
 *
 * @property strips the reference images, by label.
 * @property source RGB bytes of the first image to translate.
 * @property accelerator that of the generator.
 * @property about the model, and the accelerators of its parts.
 */
class LoadedModel(
    val contract: Contract,
    val translator: Translator,
    val maker: StyleMaker,
    val strips: List<List<Thumbnail>>,
    val source: ByteArray,
    val about: String,
) {
    val accelerator get() = translator.accelerators.getValue("translate")
}

/**
 * Loads the model from the app's assets and checks it.
 *
 * @throws org.tfstargan.demo.core.ContractException if it is missing or damaged.
 * @throws ModelException if it can't run on this phone.
 */
fun loadModel(context: Context): LoadedModel {
    val contract = Contract.load { context.assets.open("$MODEL/$it") }
    val strips = contract.domains.indices.map { label -> strip(context, label, contract.imgSize) }
    val test = asset(context, "$CHECK/source.png", contract.imgSize)
    val notes = mutableListOf<String>()
    val translator = open(context, contract, test, notes)
    return LoadedModel(
        contract,
        translator,
        StyleMaker(contract, translator),
        strips,
        strips.flatten().lastOrNull()?.reference?.rgb ?: test,
        about(context, contract, translator, notes),
    )
}

/**
 * Opens the model and translates a test image. An accelerator whose result differs from
 * Python's is not used.
 *
 * @param notes receives the results, in a line each.
 */
private fun open(context: Context, contract: Contract, test: ByteArray, notes: MutableList<String>): Translator {
    val expected = asset(context, "$CHECK/expected.png", contract.imgSize)
    for (accelerators in listOf(listOf(Accelerator.GPU, Accelerator.CPU), listOf(Accelerator.CPU))) {
        val translator = Translator.open(context.assets, MODEL, contract, accelerators)
        try {
            val style = StyleMaker(contract, translator).style(Choices())
            val found = toBytes(translator.translate(toFloats(test), style))
            val difference = meanDifference(found, expected)
            val on = translator.accelerators.values.toSet().joinToString()
            notes += context.getString(R.string.difference, difference, on)
            if (difference <= LARGEST_DIFFERENCE) return translator
        } catch (error: LiteRtException) {
            notes += error.message.toString()
        }
        translator.close()
    }
    throw ModelException(notes.joinToString("; "))
}

private fun strip(context: Context, label: Int, size: Int): List<Thumbnail> {
    val folder = "$REFERENCES/$label"
    return context.assets.list(folder).orEmpty().sorted().map { name ->
        val rgb = asset(context, "$folder/$name", size)
        Thumbnail(Reference("$label/$name", rgb, label), bitmapOf(rgb, size))
    }
}

private fun about(context: Context, contract: Contract, translator: Translator, notes: List<String>): String {
    val model = context.getString(
        R.string.about,
        contract.run,
        contract.iteration,
        contract.variant,
        contract.imgSize,
    )
    val parts = translator.accelerators.map { (signature, accelerator) -> "$signature: $accelerator" }
    return (listOf(model) + parts + notes + translator.notes).joinToString("\n")
}

private fun asset(context: Context, name: String, size: Int) = readSquare(size) { context.assets.open(name) }

// The folders of assets, written by export/apps/assets.py.
private const val MODEL = "model"
private const val CHECK = "check"
private const val REFERENCES = "references"
private const val LARGEST_DIFFERENCE = 2.0 // of 255, on average
