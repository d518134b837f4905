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

/** A reference picture to choose, and what to show of it. */
class Thumbnail(val reference: Reference, val bitmap: Bitmap)

/**
 * All that the screen shows.
 *
 * @property doing the string of what is being done; null: nothing.
 * @property problem what went wrong last.
 * @property message what went right last.
 * @property contract of the model; null until it is loaded.
 * @property strips the reference pictures that came with the model, by label.
 * @property own the user's own reference picture.
 * @property before the source; [after] is it translated.
 * @property milliseconds that the last translation took.
 * @property accelerator what the generator runs on.
 * @property about the model, and what its parts run on.
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
 * The model, the pictures and the choices, kept while the screen is turned.
 *
 * Its methods are called on the main thread, where [screen] changes too; all that takes
 * time is done on one other thread, in order.
 *
 * @param context the application's.
 */
class Session(private val context: Context) {
    private val main = Handler(Looper.getMainLooper())
    private val worker = Executors.newSingleThreadExecutor { Thread(it, "model") }
    private var queued = 0

    // On the worker alone:
    private var translator: Translator? = null
    private var maker: StyleMaker? = null
    private var source: ByteArray? = null
    private var drawn = Choices()

    /** The choices to translate by; newer ones take the place of those not begun. */
    private val wanted = AtomicReference<Choices?>()

    var screen = Screen()
        private set
    var onChange: (Screen) -> Unit = {}

    /** Where the divider between before and after is, 0 to 1. */
    var divider = 0.5f

    /** The style that is being chosen: A (0) or B (1). */
    var slot = 0

    init {
        work(R.string.doing_load) { load() }
    }

    /** Changes what is wanted, and translates anew. */
    fun choose(choices: Choices) {
        update { copy(choices = choices) }
        if (wanted.getAndSet(choices) == null) {
            work(R.string.doing_translate) { wanted.getAndSet(null)?.let(::draw) }
        }
    }

    /** Takes a picture as the source. */
    fun takeSource(uri: Uri) = work(R.string.doing_read) {
        val size = maker?.imgSize ?: return@work
        takeSource(read(uri, size), size)
    }

    /** Takes a picture as a reference for style A (0) or B (1). */
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

    /** Puts the translated picture into the phone's collection. */
    fun save(name: String) = withTranslated { saveToCollection(context, it, name) }

    /** Writes the translated picture where the user said. */
    fun saveTo(uri: Uri) = withTranslated { saveTo(context, it, uri) }

    private fun withTranslated(write: (Bitmap) -> Unit) {
        val picture = screen.after ?: return
        work(R.string.doing_save) {
            write(picture)
            show { copy(message = context.getString(R.string.saved)) }
        }
    }

    /** Writes the translated picture to be shared, then calls [ready] with its address. */
    fun share(ready: (Uri) -> Unit) {
        val picture = screen.after ?: return
        work(R.string.doing_save) {
            saveTo(picture, SharedFiles.fileOf(context, SharedFiles.TRANSLATED))
            main.post { ready(SharedFiles.uriOf(context, SharedFiles.TRANSLATED)) }
        }
    }

    /** Shows a problem that the screen itself met. */
    fun report(problem: String) = update { copy(problem = problem) }

    /** Frees the model, once what has begun is done. */
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
     * Opens the model and translates a test picture: where that gives another picture than
     * in Python, the processor is not used.
     *
     * @param notes takes what was found.
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
        context.contentResolver.openInputStream(uri) ?: throw PictureException("the picture is gone")
    }

    // To and fro

    private fun work(doing: Int, block: () -> Unit) {
        if (worker.isShutdown) return // what was asked for while the screen was closed
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
    } catch (error: PictureException) {
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
