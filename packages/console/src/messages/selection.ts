/** Remembers which rows of the list the reader has selected. */
import { computed, type ReadonlySignal, signal } from '@preact/signals'
import type { Summary } from '../api/messages.ts'

export class Selection {
  readonly #rows: ReadonlySignal<readonly Summary[]>
  readonly #ids = signal<ReadonlySet<string>>(new Set())
  #anchor: string | undefined

  constructor(rows: ReadonlySignal<readonly Summary[]>) {
    this.#rows = rows
  }

  /** The selected messages that are in the list, in its order. */
  readonly messages = computed((): readonly Summary[] => {
    const ids = this.#ids.value
    return ids.size === 0 ? [] : this.#rows.value.filter(({ id }) => ids.has(id))
  })

  has(id: string): boolean {
    return this.#ids.value.has(id)
  }

  toggle(id: string): void {
    this.#ids.value = this.#ids.value.symmetricDifference(new Set([id]))
    this.#anchor = id
  }

  /** Selects the rows from the one that was selected last, or from `start`, to this one. */
  extendTo(id: string, start: string | undefined): void {
    const rows = this.#rows.value
    const placeOf = (wanted: string | undefined) => rows.findIndex((row) => row.id === wanted)
    const to = placeOf(id)
    const from = [placeOf(this.#anchor), placeOf(start), to].find((at) => at >= 0) ?? to
    const range = rows.slice(Math.min(from, to), Math.max(from, to) + 1)
    this.#ids.value = this.#ids.value.union(new Set(range.map((row) => row.id)))
    this.#anchor = rows[from]?.id
  }

  /** Selects every row that is loaded. */
  all(): void {
    this.#ids.value = new Set(this.#rows.value.map(({ id }) => id))
  }

  clear(): void {
    this.#anchor = undefined
    if (this.#ids.value.size > 0) this.#ids.value = new Set()
  }
}
