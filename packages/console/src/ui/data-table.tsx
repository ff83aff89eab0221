/** Shows rows of one kind as a table, which is a list of cards on a narrow screen. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { useConsole } from '../app/console.ts'
import type { Paged } from './paged.ts'
import { Failed, Loading } from './states.tsx'
import './data-table.css'

export type Column<T> = {
  readonly head: string
  readonly cell: (row: T) => ComponentChildren
  /** `main` heads the card on a narrow screen; `actions` has buttons, and its head is for screen readers alone. */
  readonly kind?: 'main' | 'actions'
}
type Props<T> = {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string
}

/** If the focus was on what is gone, a deleted row or the button that loaded the last page, a row beside it gets it. */
export function DataTable<T>({ label, columns, rows, keyOf }: Props<T>) {
  const body = useRef<HTMLTableSectionElement>(null)
  useFocusOnNeighbour(body, rows.map(keyOf))
  return (
    <table class="table data-table card" aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ head, kind }) => (
            <th key={head} scope="col">
              {kind === 'actions' ? <span class="spoken">{head}</span> : head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(({ head, cell, kind }) => (
              <td key={head} class={kind} data-label={kind ? undefined : head}>
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function useFocusOnNeighbour(body: { readonly current: HTMLElement | null }, keys: readonly string[]): void {
  const before = useRef(keys)
  useLayoutEffect(() => () => queueMicrotask(focusHeading), [])
  useLayoutEffect(() => {
    const { length, 0: first } = before.current
    const removed = before.current.findIndex((key) => !keys.includes(key))
    before.current = keys
    // What came by itself, above the rest, takes no focus.
    if (first !== undefined && keys.indexOf(first) > 0) return
    const changed = removed < 0 && keys.length > length ? length : removed
    if (changed < 0 || document.activeElement !== document.body) return
    const rows = [...(body.current?.children ?? [])]
    const neighbour = rows[Math.min(changed, rows.length - 1)]
    neighbour?.querySelector<HTMLElement>('a, button')?.focus()
  })
}

/** Gives the heading the focus once the table is gone, as after its last row was deleted. */
function focusHeading(): void {
  if (document.activeElement === document.body) document.querySelector<HTMLElement>('#content h1')?.focus()
}

type PagedProps<T extends { readonly id: string }> = Omit<Props<T>, 'rows' | 'keyOf'> & {
  readonly of: Paged<T>
  /** Shown instead if there is no row. */
  readonly empty: ComponentChildren
}

export function PagedTable<T extends { readonly id: string }>({ of, empty, ...table }: PagedProps<T>) {
  const { t } = useConsole()
  const { rows, more, busy, error } = of
  if (rows === undefined) return error === undefined ? <Loading /> : <Failed error={error} retry={of.reload} />
  return (
    <>
      {rows.length === 0 ? empty : <DataTable {...table} rows={rows} keyOf={({ id }) => id} />}
      {error !== undefined && <Failed error={error} retry={of.reload} />}
      {more && (
        <button type="button" class="button load-more" aria-disabled={busy} onClick={() => !busy && of.loadMore()}>
          {t('shell.more')}
        </button>
      )}
    </>
  )
}
