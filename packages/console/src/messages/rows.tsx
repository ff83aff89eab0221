/** Shows the list itself: one element has the focus and names the chosen row, so that a screen reader follows the arrows. */
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { Summary } from '../api/messages.ts'
import { useConsole, useSignedIn } from '../app/console.ts'
import { useShortcuts } from '../app/use-shortcuts.ts'
import { ROW_HEIGHT, scrollToRow, useSpan, VirtualRows } from '../ui/virtual-rows.tsx'
import { Row } from './row.tsx'

type Props = { readonly openId: string | undefined }

export function Rows({ openId }: Props) {
  const { t } = useConsole()
  const { messages } = useSignedIn()
  const scroller = useRef<HTMLDivElement>(null)
  const rows = messages.rows.value
  const chosen = openId === undefined ? -1 : rows.findIndex(({ id }) => id === openId)
  const span = useSpan(scroller, rows.length)
  useStayingInPlace(scroller, rows)
  useEffect(() => {
    if (span.end >= rows.length && span.end > 0) void messages.more()
  }, [messages, span.end, rows.length])
  const { onKeyDown, press, select } = useChoice(scroller, rows, chosen)
  const active = chosen >= span.start && chosen < span.end ? { 'aria-activedescendant': `row-${openId}` } : {}
  return (
    <div
      ref={scroller}
      class="rows"
      role="listbox"
      aria-multiselectable="true"
      tabIndex={0}
      aria-label={t('messages.list')}
      onKeyDown={onKeyDown}
      {...active}
    >
      <VirtualRows span={span} count={rows.length} keyAt={(index) => rows[index]?.id ?? String(index)}>
        {(index) => {
          const row = rows[index]
          if (!row) return null
          const acts = { press: press(index), select: select(row) }
          return <Row message={row} chosen={index === chosen} index={index} {...acts} />
        }}
      </VirtualRows>
    </div>
  )
}

/**
 * Opens and selects rows by press and by key. Keys that open replace the entry of the history, so that Back leaves the list.
 */
function useChoice(scroller: RefObject<HTMLElement | null>, rows: readonly Summary[], chosen: number) {
  const { router } = useConsole()
  const { selection } = useSignedIn().messages
  const choose = (index: number, replace: boolean) => {
    const row = rows[index]
    if (!row || !scroller.current) return
    router.go(['messages', row.direction, row.id], router.current.value.query, { replace })
    scrollToRow(scroller.current, index)
  }
  const placeAfter = (by: number) => (chosen < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, chosen + by)))
  const step = (by: number) => choose(placeAfter(by), chosen >= 0)
  const back = () => {
    router.go(['messages'], router.current.value.query)
    scroller.current?.focus()
  }
  const select = (row: Summary) => (event: MouseEvent) =>
    event.shiftKey ? selection.extendTo(row.id, rows[chosen]?.id) : selection.toggle(row.id)
  const press = (index: number) => (event: MouseEvent) => {
    const row = rows[index]
    if (row && (event.shiftKey || event.ctrlKey || event.metaKey)) select(row)(event)
    else choose(index, false)
  }
  const toggle = () => {
    const row = rows[Math.max(0, chosen)]
    if (chosen < 0) choose(0, false)
    if (row) selection.toggle(row.id)
  }
  const extend = (by: number) => {
    const next = rows[placeAfter(by)]
    if (next) selection.extendTo(next.id, rows[chosen]?.id)
    step(by)
  }
  useShortcuts({
    j: () => step(1),
    k: () => step(-1),
    u: back,
    Escape: () => (selection.messages.value.length > 0 ? selection.clear() : back()),
    o: () => choose(Math.max(0, chosen), true),
    x: toggle,
  })
  return { press, select, onKeyDown: keysOf(rows.length, { step, extend, toggle, all: () => selection.all() }) }
}

type ListActs = {
  readonly step: (by: number) => void
  readonly extend: (by: number) => void
  readonly toggle: () => void
  readonly all: () => void
}

/** Handles the keys of a list box in which several rows can be selected. */
function keysOf(count: number, { step, extend, toggle, all }: ListActs) {
  const steps: { readonly [key: string]: number } = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }
  const acts: { readonly [key: string]: () => void } = { Enter: focusMessage, ' ': toggle }
  return (event: KeyboardEvent) => {
    const { key, shiftKey, ctrlKey, metaKey } = event
    const by = { ...steps, Home: -count, End: count }[key]
    const act = by === undefined ? acts[key] : () => (shiftKey ? extend(by) : step(by))
    const chosen = key === 'a' && (ctrlKey || metaKey) ? all : act
    if (chosen === undefined) return
    event.preventDefault()
    chosen()
  }
}

const focusMessage = () => document.querySelector<HTMLElement>('.message-pane [role=tab][data-selected]')?.focus()

/** Keeps the rows that are being read where they are when new ones come in above them. */
function useStayingInPlace(scroller: RefObject<HTMLElement | null>, rows: readonly Summary[]): void {
  const first = useRef<string | undefined>(undefined)
  useLayoutEffect(() => {
    const above = rows.findIndex(({ id }) => id === first.current)
    const element = scroller.current
    if (above > 0 && element && element.scrollTop > 0) element.scrollTop += above * ROW_HEIGHT
    first.current = rows[0]?.id
  }, [scroller, rows])
}
