/** Tells in passing what has happened: by toasts that are seen, and by sentences that screen readers say. */
import { type ReadonlySignal, signal } from '@preact/signals'
import * as toast from '@zag-js/toast'

export type Notices = {
  readonly store: toast.Store
  /** The last sentence for screen readers. */
  readonly spoken: ReadonlySignal<string>
  say(text: string): void
  done(text: string, undo?: Undo): void
  failed(error: unknown): void
}

/** The button of a toast that takes the deed back. */
export type Undo = { readonly label: string; readonly onClick: () => void }

/** A toast is shown for this long, and something can be taken back for as long. */
export const SHOWN_MS = 5000

export function createNotices(): Notices {
  const store = toast.createStore({ placement: 'bottom-end', max: 4, overlap: false, duration: SHOWN_MS })
  const spoken = signal('')
  return {
    store,
    spoken,
    say: (text) => {
      spoken.value = text
    },
    done: (text, undo) => void store.create({ title: text, type: 'success', ...(undo && { action: undo }) }),
    failed: (error) =>
      void store.create({ title: error instanceof Error ? error.message : String(error), type: 'error' }),
  }
}
