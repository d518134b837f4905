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
import org.tfstargan.demo.core.Frame
import org.tfstargan.demo.core.LiveEvent
import org.tfstargan.demo.core.LiveState
import org.tfstargan.demo.core.Meter
import org.tfstargan.demo.core.Newest
import org.tfstargan.demo.core.Phase
import org.tfstargan.demo.core.Rate
import org.tfstargan.demo.core.Reference
import org.tfstargan.demo.core.toBytes
import org.tfstargan.demo.core.toFloats
import java.util.concurrent.Executors
import java.util.concurrent.RejectedExecutionException

/**
 * The content of the screen.
 *
 * @property doing the string of the work in progress; null: none.
 * @property problem the last failure.
 * @property message the last success.
 * @property contract of the model; null until it is loaded.
 * @property slot the style that the controls change: A (0) or B (1).
 * @property strips the reference images that came with the model, by label.
 * @property own the user's own reference image.
 * @property before the source; [after] is its translation.
 * @property milliseconds time of the last translation.
 * @property accelerator the accelerator of the generator.
 * @property about the model, and the accelerators of its parts.
 * @property rate the speed of live translation, once it is measured.
 */
data class Screen(
    val doing: Int? = null,
    val problem: String? = null,
    val message: String? = null,
    val contract: Contract? = null,
    val choices: Choices = Choices(),
    val slot: Int = 0,
    val strips: List<List<Thumbnail>> = emptyList(),
    val own: Thumbnail? = null,
    val before: Bitmap? = null,
    val after: Bitmap? = null,
    val milliseconds: Long = 0,
    val accelerator: Accelerator? = null,
    val about: String = "",
    val live: LiveState = LiveState(),
    val rate: Rate? = null,
) {
    /** Whether [other] differs at most in its images: live, they change with each frame. */
    fun isLike(other: Screen) = (after == null) == (other.after == null) &&
        this == other.copy(before = before, after = after, milliseconds = milliseconds)
}

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
    private var loaded: LoadedModel? = null
    private var source: ByteArray? = null
    private var drawn = Choices()
    private var meter = Meter()

    // What to translate next:
    private val wanted = Newest<Choices>()
    private val frames = Newest<Frame>()

    var screen = Screen()
        private set
    var onChange: (Screen) -> Unit = {}

    /** Position of the divider between before and after, 0 to 1. */
    var divider = 0.5f

    /** The style that the controls change: A (0) or B (1). */
    var slot
        get() = screen.slot
        set(value) = update { copy(slot = value) }

    /** Translation of the camera's frames, in place of a source. */
    val live = Live(context, { screen.contract?.imgSize ?: 0 }, ::offer, ::follow)

    /** The image to write to a place that the user is choosing. */
    private var kept: Bitmap? = null

    init {
        work(R.string.doing_load) { load() }
    }

    /** Changes the choices, and translates again. */
    fun choose(choices: Choices) {
        update { copy(choices = choices) }
        if (wanted.put(choices) == null) work(R.string.doing_translate) { wanted.take()?.let(::draw) }
    }

    /** Uses an image as the source. */
    fun takeSource(uri: Uri) {
        live.send(LiveEvent.Stop)
        work(R.string.doing_read) {
            val size = loaded?.contract?.imgSize ?: return@work
            takeSource(read(uri, size), size)
        }
    }

    /** Uses an image as the reference for style A (0) or B (1). */
    fun takeReference(uri: Uri, slot: Int) = work(R.string.doing_read) {
        val size = loaded?.contract?.imgSize ?: return@work
        val rgb = read(uri, size)
        val reference = Reference("own ${SystemClock.elapsedRealtime()}", rgb, null)
        val own = Thumbnail(reference, bitmapOf(rgb, size))
        main.post {
            update { copy(own = own) }
            choose(screen.choices.withStyle(slot, reference))
        }
    }

    /** Saves the translated image in the phone's gallery. */
    fun save(name: String) = write(screen.after) { saveToGallery(context, it, name) }

    /** Keeps the translated image while the user chooses a place for it. */
    fun keep() {
        kept = screen.after
    }

    /** Writes the kept image to the place that the user chose. */
    fun saveTo(uri: Uri) = write(kept ?: screen.after) { saveTo(context, it, uri) }

    private fun write(image: Bitmap?, write: (Bitmap) -> Unit) {
        if (image == null) return
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
        live.close()
        worker.execute { loaded?.translator?.close() }
        worker.shutdown()
    }

    // On the worker

    private fun load() {
        val loaded = loadModel(context)
        this.loaded = loaded
        show {
            copy(
                contract = loaded.contract,
                strips = loaded.strips,
                accelerator = loaded.accelerator,
                about = loaded.about,
            )
        }
        takeSource(loaded.source, loaded.contract.imgSize)
    }

    private fun takeSource(rgb: ByteArray, size: Int) {
        source = rgb
        val before = bitmapOf(rgb, size)
        show { copy(before = before, after = null) }
        draw(drawn)
    }

    private fun draw(choices: Choices) {
        drawn = choices
        val start = SystemClock.elapsedRealtime()
        val after = translated() ?: return
        val milliseconds = SystemClock.elapsedRealtime() - start
        show { copy(after = after, milliseconds = milliseconds) }
    }

    /** Returns the source in the style of the choices; null before both are there. */
    private fun translated(): Bitmap? {
        val loaded = loaded ?: return null
        val source = source ?: return null
        val fake = loaded.translator.translate(toFloats(source), loaded.maker.style(drawn))
        return bitmapOf(toBytes(fake), loaded.contract.imgSize)
    }

    private fun drawFrame(frame: Frame) {
        val size = loaded?.contract?.imgSize ?: return
        val start = SystemClock.elapsedRealtime()
        wanted.take()?.let { drawn = it }
        val rgb = frame.square(size)
        source = rgb
        val before = bitmapOf(rgb, size)
        val after = translated()
        val milliseconds = SystemClock.elapsedRealtime() - start
        val rate = meter.count(frame.arrived, SystemClock.elapsedRealtimeNanos())
        show { copy(before = before, after = after, milliseconds = milliseconds, rate = rate ?: this.rate) }
        main.post { live.send(LiveEvent.Translated) }
    }

    private fun read(uri: Uri, size: Int) = readSquare(size) {
        context.contentResolver.openInputStream(uri) ?: throw ImageException("the image no longer exists")
    }

    // Live

    /** Takes a frame; on the camera's thread. */
    private fun offer(frame: Frame) {
        if (frames.put(frame) != null) return // the worker will find this one instead
        try {
            worker.execute {
                val problem = problemOf { frames.take()?.let(::drawFrame) }
                if (problem != null) main.post { live.send(LiveEvent.Stop); report(problem) }
            }
        } catch (_: RejectedExecutionException) {
            // the screen is closed
        }
    }

    private fun follow(state: LiveState) {
        val before = screen.live
        if (state.phase == Phase.OPENING) worker.execute { meter = Meter() }
        update { copy(live = state) }
        if (state.phase == before.phase && state.notice == before.notice) return
        update { copy(message = null, problem = if (contract == null) problem else null, rate = null) }
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
}
