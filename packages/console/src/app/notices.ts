/** What the page tells in passing: toasts that are seen, and sentences that screen readers say. */
import { type ReadonlySignal, signal } from '@preact/signals'
import * as toast from '@zag-js/toast'

export type Notices = {
  readonly store: toast.Store
  /** The last sentence for screen readers. */
  readonly spoken: ReadonlySignal<string>
  say(text: string): void
  done(text: string): void
  failed(error: unknown): void
}

const SHOWN_MS = 5000

export function createNotices(): Notices {
  const store = toast.createStore({ placement: 'bottom-end', max: 4, overlap: false, duration: SHOWN_MS })
  const spoken = signal('')
  return {
    store,
    spoken,
    say: (text) => {
      spoken.value = text
    },
    done: (text) => void store.create({ title: text, type: 'success' }),
    failed: (error) =>
      void store.create({ title: error instanceof Error ? error.message : String(error), type: 'error' }),
  }
}
