package org.tfstargan.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.Rect
import android.os.Bundle
import android.util.AttributeSet
import android.view.KeyEvent
import android.view.MotionEvent
import android.view.View
import android.view.accessibility.AccessibilityNodeInfo
import android.widget.SeekBar
import kotlin.math.min
import kotlin.math.roundToInt

/** Two images in one square: before at the left of a divider, after at the right. */
class CompareView @JvmOverloads constructor(context: Context, attributes: AttributeSet? = null) :
    View(context, attributes) {
    private val smooth = Paint(Paint.FILTER_BITMAP_FLAG)
    private val line = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = context.getColor(R.color.divider)
        strokeWidth = context.resources.getDimension(R.dimen.divider)
    }
    private val knob = context.resources.getDimension(R.dimen.knob)
    private val square = Rect()
    private var before: Bitmap? = null
    private var after: Bitmap? = null

    /** Position of the divider: 0 shows only after, 1 only before. */
    var divider = 0.5f
        set(value) {
            field = value.coerceIn(0f, 1f)
            contentDescription = context.getString(R.string.compare, (field * 100).roundToInt())
            invalidate()
        }

    /** Called with the position when the user moves the divider. */
    var onMoved: (Float) -> Unit = {}

    init {
        isFocusable = true
        isClickable = true
    }

    fun show(before: Bitmap?, after: Bitmap?) {
        this.before = before
        this.after = after
        invalidate()
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val width = MeasureSpec.getSize(widthMeasureSpec)
        val height = MeasureSpec.getSize(heightMeasureSpec)
        val bounded = MeasureSpec.getMode(heightMeasureSpec) != MeasureSpec.UNSPECIFIED
        val side = if (bounded) min(width, height) else width
        setMeasuredDimension(side, side)
    }

    override fun onDraw(canvas: Canvas) {
        val before = before ?: return
        square.set(0, 0, width, height)
        canvas.drawBitmap(after ?: before, null, square, smooth)
        val x = divider * width
        canvas.save()
        canvas.clipRect(0f, 0f, x, height.toFloat())
        canvas.drawBitmap(before, null, square, smooth)
        canvas.restore()
        canvas.drawLine(x, 0f, x, height.toFloat(), line)
        canvas.drawCircle(x, height / 2f, if (isFocused) knob * 1.4f else knob, line)
    }

    override fun onTouchEvent(event: MotionEvent): Boolean {
        when (event.actionMasked) {
            MotionEvent.ACTION_DOWN -> parent.requestDisallowInterceptTouchEvent(true)
            MotionEvent.ACTION_MOVE -> Unit
            MotionEvent.ACTION_UP -> performClick()
            else -> return super.onTouchEvent(event)
        }
        move(event.x / width)
        return true
    }

    override fun performClick(): Boolean {
        super.performClick()
        return true
    }

    override fun onKeyDown(keyCode: Int, event: KeyEvent): Boolean {
        when (keyCode) {
            KeyEvent.KEYCODE_DPAD_LEFT -> move(divider - STEP)
            KeyEvent.KEYCODE_DPAD_RIGHT -> move(divider + STEP)
            else -> return super.onKeyDown(keyCode, event)
        }
        return true
    }

    /** Screen readers present it as a slider. */
    override fun onInitializeAccessibilityNodeInfo(info: AccessibilityNodeInfo) {
        super.onInitializeAccessibilityNodeInfo(info)
        info.className = SeekBar::class.java.name
        info.addAction(AccessibilityNodeInfo.AccessibilityAction.ACTION_SCROLL_FORWARD)
        info.addAction(AccessibilityNodeInfo.AccessibilityAction.ACTION_SCROLL_BACKWARD)
    }

    override fun performAccessibilityAction(action: Int, arguments: Bundle?): Boolean {
        when (action) {
            AccessibilityNodeInfo.ACTION_SCROLL_FORWARD -> move(divider + STEP)
            AccessibilityNodeInfo.ACTION_SCROLL_BACKWARD -> move(divider - STEP)
            else -> return super.performAccessibilityAction(action, arguments)
        }
        return true
    }

    private fun move(to: Float) {
        divider = to
        onMoved(divider)
    }

    private companion object {
        const val STEP = 0.05f
    }
}
