package org.tfstargan.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.Intent
import android.graphics.drawable.BitmapDrawable
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.provider.MediaStore
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.ImageButton
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.RadioButton
import android.widget.RadioGroup
import android.widget.SeekBar
import android.widget.TextView
import org.tfstargan.demo.core.LiveEvent
import org.tfstargan.demo.core.Random
import org.tfstargan.demo.core.Reference
import kotlin.math.roundToInt

/** The only screen. It shows a [Session], which is kept when the phone is rotated. */
class MainActivity : Activity() {
    private lateinit var session: Session
    private lateinit var compare: CompareView
    private lateinit var domains: RadioGroup
    private lateinit var slots: RadioGroup
    private lateinit var strip: LinearLayout
    private lateinit var seed: SeekBar
    private lateinit var psi: SeekBar
    private lateinit var share: SeekBar
    private lateinit var live: LiveControls
    private var shown: Screen? = null
    private var shownStrip: List<Thumbnail>? = null

    private val slot get() = session.slot
    private val choices get() = session.screen.choices

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.main)
        session = lastNonConfigurationInstance as? Session ?: Session(applicationContext)
        compare = findViewById(R.id.compare)
        domains = findViewById(R.id.domains)
        slots = findViewById(R.id.slots)
        strip = findViewById(R.id.strip)
        seed = findViewById(R.id.seed)
        psi = findViewById(R.id.psi)
        share = findViewById(R.id.share_of_styles)
        live = LiveControls(this, session)
        connect()
        session.onChange = ::show
        show(session.screen)
    }

    override fun onRetainNonConfigurationInstance(): Any = session

    override fun onStart() {
        super.onStart()
        session.live.send(LiveEvent.Shown)
    }

    override fun onStop() {
        super.onStop()
        if (!isChangingConfigurations) session.live.send(LiveEvent.Hidden)
    }

    override fun onDestroy() {
        super.onDestroy()
        session.onChange = {}
        if (!isChangingConfigurations) session.close()
    }

    private fun connect() {
        compare.divider = session.divider
        compare.onMoved = { session.divider = it }
        click(R.id.photo) { pick(PICK_SOURCE) }
        click(R.id.camera) { takePhoto() }
        click(R.id.save) { save() }
        click(R.id.share) { session.share(::share) }
        click(R.id.own_reference) { pick(PICK_REFERENCE + slot) }
        click(R.id.slot_a) { session.slot = 0; session.choose(choices.copy(share = 0f)) }
        click(R.id.slot_b) { session.slot = 1; session.choose(choices.copy(share = 1f)) }
        slide(seed) { session.choose(choices.withStyle(slot, Random(it))) }
        slide(psi) { session.choose(choices.copy(psi = it / 100f)) }
        slide(share) { session.choose(choices.copy(share = it / 100f)) }
    }

    private fun click(id: Int, action: () -> Unit) = findViewById<Button>(id).setOnClickListener { action() }

    private fun slide(bar: SeekBar, action: (Int) -> Unit) {
        bar.setOnSeekBarChangeListener(object : SeekBar.OnSeekBarChangeListener {
            override fun onProgressChanged(bar: SeekBar, progress: Int, fromUser: Boolean) {
                if (fromUser) action(progress)
            }

            override fun onStartTrackingTouch(bar: SeekBar) = Unit

            override fun onStopTrackingTouch(bar: SeekBar) = Unit
        })
    }

    // Showing

    private fun show(screen: Screen) {
        compare.show(screen.before, screen.after)
        if (shown?.isLike(screen) == true) return
        shown = screen
        compare.keepScreenOn = screen.live.usesCamera
        showStatus(screen)
        live.show(screen)
        showDomains(screen)
        showStrip(screen)
        val choices = screen.choices
        slots.check(if (slot == 0) R.id.slot_a else R.id.slot_b)
        seed.progress = (choices.styles[slot] as? Random)?.seed ?: seed.progress
        psi.progress = (choices.psi * 100).roundToInt()
        share.progress = (choices.share * 100).roundToInt()
        text(R.id.seed_label).text = when (val style = choices.styles[slot]) {
            is Random -> getString(R.string.seed, style.seed)
            is Reference -> getString(R.string.seed_unused)
        }
        text(R.id.psi_label).text = getString(R.string.psi, psi.progress)
        text(R.id.about).text = screen.about
        val ready = screen.contract != null
        for (id in CONTROLS) findViewById<View>(id).isEnabled = ready
        for (id in listOf(R.id.save, R.id.share)) findViewById<View>(id).isEnabled = screen.after != null
    }

    private fun showStatus(screen: Screen) {
        val status = text(R.id.status)
        status.text = when {
            screen.problem != null -> screen.problem
            screen.message != null -> screen.message
            screen.contract == null -> getString(screen.doing ?: R.string.doing_load)
            liveStatus(this, screen) != null -> liveStatus(this, screen)
            screen.after == null -> getString(screen.doing ?: R.string.doing_translate)
            else -> getString(R.string.done, screen.accelerator.toString(), screen.milliseconds)
        }
        status.setTextColor(getColor(if (screen.problem != null) R.color.problem else R.color.text))
        findViewById<ProgressBar>(R.id.progress).visibility =
            if (screen.doing != null) View.VISIBLE else View.INVISIBLE
    }

    private fun showDomains(screen: Screen) {
        val names = screen.contract?.domains.orEmpty()
        if (domains.childCount == 0) {
            names.forEachIndexed { label, name -> domains.addView(domainButton(name, label)) }
        }
        (domains.getChildAt(screen.choices.label) as? RadioButton)?.isChecked = true
    }

    private fun domainButton(name: String, label: Int) = RadioButton(this).apply {
        id = View.generateViewId()
        text = name
        isSaveEnabled = false // the session keeps the choice
        setOnClickListener { session.choose(choices.withLabel(label)) }
    }

    private fun showStrip(screen: Screen) {
        val thumbnails = listOfNotNull(screen.own) + screen.strips.getOrElse(screen.choices.label) { emptyList() }
        if (thumbnails != shownStrip) {
            shownStrip = thumbnails
            strip.removeAllViews()
            thumbnails.forEachIndexed { i, thumbnail -> strip.addView(thumbnailButton(thumbnail, i), thumbnailSize()) }
        }
        thumbnails.forEachIndexed { i, thumbnail ->
            strip.getChildAt(i).isSelected = thumbnail.reference == screen.choices.styles[slot]
        }
    }

    private fun thumbnailButton(thumbnail: Thumbnail, index: Int) = ImageButton(this).apply {
        setImageDrawable(BitmapDrawable(resources, thumbnail.bitmap))
        setBackgroundResource(R.drawable.thumbnail)
        scaleType = ImageView.ScaleType.FIT_CENTER
        contentDescription = getString(R.string.reference, index + 1)
        setOnClickListener { session.choose(choices.withStyle(slot, thumbnail.reference)) }
    }

    private fun thumbnailSize(): ViewGroup.LayoutParams {
        val side = resources.getDimensionPixelSize(R.dimen.thumbnail)
        return LinearLayout.LayoutParams(side, side)
    }

    private fun text(id: Int): TextView = findViewById(id)

    // To other apps and back

    private fun pick(request: Int) {
        val photoPicker = Intent(PICK_IMAGES)
        val documents = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE)
        val first = if (Build.VERSION.SDK_INT >= PICK_IMAGES_SINCE) photoPicker else documents
        start(first.setType("image/*"), request, R.string.no_picker)
    }

    private fun takePhoto() {
        // The camera app, too, needs this app's permission, since the manifest declares it.
        if (!mayUseCamera(this)) return askForCamera(this, TAKE_PHOTO)
        val uri = SharedFiles.uriOf(this, SharedFiles.CAMERA)
        val intent = Intent(MediaStore.ACTION_IMAGE_CAPTURE).putExtra(MediaStore.EXTRA_OUTPUT, uri)
        intent.clipData = ClipData.newRawUri(null, uri)
        intent.addFlags(Intent.FLAG_GRANT_WRITE_URI_PERMISSION or Intent.FLAG_GRANT_READ_URI_PERMISSION)
        start(intent, TAKE_PHOTO, R.string.no_camera)
    }

    private fun save() {
        val domain = session.screen.contract?.domains?.get(choices.label) ?: return
        val plain = domain.take(60).map { if (it.isLetterOrDigit()) it else '-' }.joinToString("")
        val name = "$plain-${System.currentTimeMillis()}.png"
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) {
            session.save(name)
            return
        }
        session.keep()
        val intent = Intent(Intent.ACTION_CREATE_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE)
        start(intent.setType(PNG).putExtra(Intent.EXTRA_TITLE, name), SAVE, R.string.no_picker)
    }

    private fun share(uri: Uri) {
        val intent = Intent(Intent.ACTION_SEND).setType(PNG).putExtra(Intent.EXTRA_STREAM, uri)
        intent.clipData = ClipData.newRawUri(null, uri) // without it the chooser can't show a preview
        intent.addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
        startActivity(Intent.createChooser(intent, getString(R.string.share)))
    }

    private fun start(intent: Intent, request: Int, problem: Int) {
        try {
            startActivityForResult(intent, request)
        } catch (_: ActivityNotFoundException) {
            session.report(getString(problem))
        }
    }

    override fun onActivityResult(requestCode: Int, resultCode: Int, data: Intent?) {
        if (resultCode != RESULT_OK) return
        val uri = if (requestCode == TAKE_PHOTO) SharedFiles.uriOf(this, SharedFiles.CAMERA) else data?.data
        when (requestCode) {
            PICK_SOURCE, TAKE_PHOTO -> session.takeSource(uri ?: return)
            PICK_REFERENCE, PICK_REFERENCE + 1 -> session.takeReference(uri ?: return, requestCode - PICK_REFERENCE)
            SAVE -> session.saveTo(uri ?: return)
        }
    }

    override fun onRequestPermissionsResult(requestCode: Int, permissions: Array<String>, grantResults: IntArray) {
        when {
            requestCode == LiveControls.REQUEST -> live.answered()
            mayUseCamera(this) -> takePhoto()
            else -> session.report(getString(R.string.camera_refused))
        }
    }

    private companion object {
        const val PICK_SOURCE = 1
        const val TAKE_PHOTO = 2
        const val SAVE = 3
        const val PICK_REFERENCE = 4 // for style A; 5 for style B; 6 is LiveControls.REQUEST

        // MediaStore.ACTION_PICK_IMAGES of Android 13, by its value, to compile with older SDKs.
        const val PICK_IMAGES = "android.provider.action.PICK_IMAGES"
        const val PICK_IMAGES_SINCE = 33

        val CONTROLS = listOf(
            R.id.photo, R.id.camera, R.id.live, R.id.slot_a, R.id.slot_b, R.id.seed, R.id.psi,
            R.id.own_reference, R.id.share_of_styles,
        )
    }
}
