package org.tfstargan.demo

import android.content.Context
import android.graphics.Bitmap
import android.net.Uri
import android.os.Handler
import android.os.Looper
import android.os.SystemClock
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.LiteRtException
import org.tfstargan.demo.core.Choices
import org.tfstargan.demo.core.Contract
import org.tfstargan.demo.core.ContractException
import org.tfstargan.demo.core.Reference
import org.tfstargan.demo.core.StyleMaker
import org.tfstargan.demo.core.meanDifference
import org.tfstargan.demo.core.toBytes
import org.tfstargan.demo.core.toFloats
import java.util.concurrent.Executors
import java.util.concurrent.atomic.AtomicReference

/** A reference image and its bitmap. */
class Thumbnail(val reference: Reference, val bitmap: Bitmap)

/**
 * The content of the screen.
 *
 * @property doing the string of the work in progress; null: none.
 * @property problem the last failure.
 * @property message the last success.
 * @property contract of the model; null until it is loaded.
 * @property strips the reference images that came with the model, by label.
 * @property own the user's own reference image.
 * @property before the source; [after] is its translation.
 * @property milliseconds time of the last translation.
 * @property accelerator the accelerator of the generator.
 * @property about the model, and the accelerators of its parts.
 */
data class Screen(
    val doing: Int? = null,
    val problem: String? = null,
    val message: String? = null,
    val contract: Contract? = null,
    val choices: Choices = Choices(),
    val strips: List<List<Thumbnail>> = emptyList(),
    val own: Thumbnail? = null,
    val before: Bitmap? = null,
    val after: Bitmap? = null,
    val milliseconds: Long = 0,
    val accelerator: Accelerator? = null,
    val about: String = "",
)

/**
 * The model, the images and the choices. They are kept when the screen is rotated.
 *
 * Its methods are called on the main thread, where [screen] changes too. Slow work is done
 * on one other thread, in order.
 *
 * @param context the application's.
 */
class Session(private val context: Context) {
    private val main = Handler(Looper.getMainLooper())
    private val worker = Executors.newSingleThreadExecutor { Thread(it, "model") }
    private var queued = 0

    // Used on the worker only:
    private var translator: Translator? = null
    private var maker: StyleMaker? = null
    private var source: ByteArray? = null
    private var drawn = Choices()

    /** The choices to translate next. Newer ones replace those not yet started. */
    private val wanted = AtomicReference<Choices?>()

    var screen = Screen()
        private set
    var onChange: (Screen) -> Unit = {}

    /** Position of the divider between before and after, 0 to 1. */
    var divider = 0.5f

    /** The style that the controls change: A (0) or B (1). */
    var slot = 0

    init {
        work(R.string.doing_load) { load() }
    }

    /** Changes the choices, and translates again. */
    fun choose(choices: Choices) {
        update { copy(choices = choices) }
        if (wanted.getAndSet(choices) == null) {
            work(R.string.doing_translate) { wanted.getAndSet(null)?.let(::draw) }
        }
    }

    /** Uses an image as the source. */
    fun takeSource(uri: Uri) = work(R.string.doing_read) {
        val size = maker?.imgSize ?: return@work
        takeSource(read(uri, size), size)
    }

    /** Uses an image as the reference for style A (0) or B (1). */
    fun takeReference(uri: Uri, slot: Int) = work(R.string.doing_read) {
        val size = maker?.imgSize ?: return@work
        val rgb = read(uri, size)
        val reference = Reference("own ${SystemClock.elapsedRealtime()}", rgb, null)
        val own = Thumbnail(reference, bitmapOf(rgb, size))
        main.post {
            update { copy(own = own) }
            choose(screen.choices.withStyle(slot, reference))
        }
    }

    /** Saves the translated image in the phone's gallery. */
    fun save(name: String) = withTranslated { saveToGallery(context, it, name) }

    /** Writes the translated image to the place that the user chose. */
    fun saveTo(uri: Uri) = withTranslated { saveTo(context, it, uri) }

    private fun withTranslated(write: (Bitmap) -> Unit) {
        val image = screen.after ?: return
        work(R.string.doing_save) {
            write(image)
            show { copy(message = context.getString(R.string.saved)) }
        }
    }

    /** Writes the translated image to share, then calls [ready] with its address. */
    fun share(ready: (Uri) -> Unit) {
        val image = screen.after ?: return
        work(R.string.doing_save) {
            saveTo(image, SharedFiles.fileOf(context, SharedFiles.TRANSLATED))
            main.post { ready(SharedFiles.uriOf(context, SharedFiles.TRANSLATED)) }
        }
    }

    /** Shows a problem of the screen's own. */
    fun report(problem: String) = update { copy(problem = problem) }

    /** Frees the model after the work in progress. */
    fun close() {
        onChange = {}
        worker.execute { translator?.close() }
        worker.shutdown()
    }

    // On the worker

    private fun load() {
        val contract = Contract.load { context.assets.open("$MODEL/$it") }
        val size = contract.imgSize
        val strips = contract.domains.indices.map { label -> strip(label, size) }
        val test = asset("$CHECK/source.png", size)
        val notes = mutableListOf<String>()
        val translator = open(contract, test, notes)
        this.translator = translator
        maker = StyleMaker(contract, translator)
        val accelerator = translator.accelerators.getValue("translate")
        val about = about(contract, translator, notes)
        show { copy(contract = contract, strips = strips, accelerator = accelerator, about = about) }
        takeSource(strips.flatten().lastOrNull()?.reference?.rgb ?: test, size)
    }

    /**
     * Opens the model and translates a test image. An accelerator whose result differs from
     * Python's is not used.
     *
     * @param notes receives the results, in a line each.
     */
    private fun open(contract: Contract, test: ByteArray, notes: MutableList<String>): Translator {
        val expected = asset("$CHECK/expected.png", contract.imgSize)
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

    private fun strip(label: Int, size: Int): List<Thumbnail> {
        val folder = "$REFERENCES/$label"
        return context.assets.list(folder).orEmpty().sorted().map { name ->
            val rgb = asset("$folder/$name", size)
            Thumbnail(Reference("$label/$name", rgb, label), bitmapOf(rgb, size))
        }
    }

    private fun about(contract: Contract, translator: Translator, notes: List<String>): String {
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

    private fun takeSource(rgb: ByteArray, size: Int) {
        source = rgb
        val before = bitmapOf(rgb, size)
        show { copy(before = before, after = null) }
        draw(drawn)
    }

    private fun draw(choices: Choices) {
        drawn = choices
        val translator = translator ?: return
        val maker = maker ?: return
        val source = source ?: return
        val style = maker.style(choices)
        val start = SystemClock.elapsedRealtime()
        val fake = translator.translate(toFloats(source), style)
        val milliseconds = SystemClock.elapsedRealtime() - start
        val after = bitmapOf(toBytes(fake), maker.imgSize)
        show { copy(after = after, milliseconds = milliseconds) }
    }

    private fun asset(name: String, size: Int) = readSquare(size) { context.assets.open(name) }

    private fun read(uri: Uri, size: Int) = readSquare(size) {
        context.contentResolver.openInputStream(uri) ?: throw ImageException("the image no longer exists")
    }

    // Between the threads

    private fun work(doing: Int, block: () -> Unit) {
        if (worker.isShutdown) return // the screen is closed
        queued++
        update { copy(doing = doing, message = null, problem = if (contract == null) problem else null) }
        worker.execute {
            val problem = problemOf(block)
            main.post {
                queued--
                update {
                    copy(doing = if (queued == 0) null else this.doing, problem = problem ?: this.problem)
                }
            }
        }
    }

    private fun problemOf(block: () -> Unit): String? = try {
        block()
        null
    } catch (error: ContractException) {
        context.getString(R.string.no_model, error.message)
    } catch (error: ModelException) {
        context.getString(R.string.no_run, error.message)
    } catch (error: LiteRtException) {
        context.getString(R.string.no_run, error.message)
    } catch (error: ImageException) {
        error.message
    } catch (error: OutOfMemoryError) {
        context.getString(R.string.no_memory)
    }

    private fun show(change: Screen.() -> Screen) {
        main.post { update(change) }
    }

    private fun update(change: Screen.() -> Screen) {
        screen = screen.change()
        onChange(screen)
    }

    private companion object {
        // The folders of assets, written by export/apps/assets.py.
        const val MODEL = "model"
        const val CHECK = "check"
        const val REFERENCES = "references"
        const val LARGEST_DIFFERENCE = 2.0 // of 255, on average
    }
}
