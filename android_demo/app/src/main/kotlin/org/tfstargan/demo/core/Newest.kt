package org.tfstargan.demo.core

import java.util.concurrent.atomic.AtomicReference

/**
 * A mailbox for one thing: a newer one replaces the one that waits.
 *
 * So a consumer that is slower than the producer always gets the newest, and nothing queues
 * up. Safe for several threads.
 */
class Newest<T : Any> {
    private val waiting = AtomicReference<T?>()

    /** Puts [item]; returns the one that it replaced, or null: the consumer must be called. */
    fun put(item: T): T? = waiting.getAndSet(item)

    /** Returns the newest and removes it; null if there is none. */
    fun take(): T? = waiting.getAndSet(null)
}
