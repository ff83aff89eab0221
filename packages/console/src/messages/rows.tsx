/** The list itself: one element takes the focus and names the chosen row, so that a screen reader follows the arrow keys. */
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { Summary } from '../api/messages.ts'
import { useConsole, useSignedIn } from '../app/console.ts'
import { useShortcuts } from '../app/use-shortcuts.ts'
import { Icon } from '../ui/icon.tsx'
import { Time } from '../ui/time.tsx'
import { ROW_HEIGHT, scrollToRow, useSpan, VirtualRows } from '../ui/virtual-rows.tsx'
import { nameOf } from './address.ts'
import { DirectionMark, StatusChip } from './status.tsx'

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
  const { choose, onKeyDown } = useChoice(scroller, rows, chosen)
  const active = chosen >= span.start && chosen < span.end ? { 'aria-activedescendant': `row-${openId}` } : {}
  return (
    <div
      ref={scroller}
      class="rows"
      role="listbox"
      tabIndex={0}
      aria-label={t('messages.list')}
      onKeyDown={onKeyDown}
      {...active}
    >
      <VirtualRows span={span} count={rows.length} keyAt={(index) => rows[index]?.id ?? String(index)}>
        {(index) => {
          const row = rows[index]
          return row && <Row message={row} chosen={index === chosen} index={index} open={() => choose(index, false)} />
        }}
      </VirtualRows>
    </div>
  )
}

/** Opens rows by press and by key. Keys replace the entry of the history, so that Back leaves the list. */
function useChoice(scroller: RefObject<HTMLElement | null>, rows: readonly Summary[], chosen: number) {
  const { router } = useConsole()
  const choose = (index: number, replace: boolean) => {
    const row = rows[index]
    if (!row || !scroller.current) return
    router.go(['messages', row.direction, row.id], router.current.value.query, { replace })
    scrollToRow(scroller.current, index)
  }
  const step = (by: number) => choose(chosen < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, chosen + by)), chosen >= 0)
  const back = () => {
    router.go(['messages'], router.current.value.query)
    scroller.current?.focus()
  }
  useShortcuts({
    j: () => step(1),
    k: () => step(-1),
    u: back,
    Escape: back,
    o: () => choose(Math.max(0, chosen), true),
  })
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: { readonly [key: string]: number } = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }
    const by = { ...steps, Home: -rows.length, End: rows.length }[event.key]
    if (by === undefined && event.key !== 'Enter') return
    event.preventDefault()
    if (by !== undefined) step(by)
    else document.querySelector<HTMLElement>('.message-pane [role=tab][data-selected]')?.focus()
  }
  return { choose, onKeyDown }
}

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

type RowProps = {
  readonly message: Summary
  readonly chosen: boolean
  readonly index: number
  readonly open: () => void
}

function Row({ message, chosen, index, open }: RowProps) {
  const { t } = useConsole()
  const { messages } = useSignedIn()
  const unread = messages.unread.value.has(message.id)
  const { hasMore, rows } = messages
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the list, which has the focus
    // biome-ignore lint/a11y/useFocusableInteractive: the list names its active row
    <div
      id={`row-${message.id}`}
      class={unread ? 'row unread' : 'row'}
      role="option"
      aria-selected={chosen}
      aria-posinset={index + 1}
      aria-setsize={hasMore.value ? -1 : rows.value.length}
      onClick={open}
    >
      <DirectionMark message={message} />
      <span class="row-who">{whoOf(message) || t('messages.no-recipient')}</span>
      <Time at={message.created_at} />
      <span class="row-subject">
        {unread && <span class="new">{t('messages.unread')}</span>}
        {message.subject || t('messages.no-subject')}
      </span>
      <span class="row-marks">
        {message.attachments > 0 && (
          <span title={t('messages.attachments', { count: message.attachments })}>
            <Icon name="clip" />
          </span>
        )}
        {message.last_event && <StatusChip status={message.last_event} />}
      </span>
    </div>
  )
}

/** The recipients first; for a received message also who wrote it. */
function whoOf({ direction, from, to, recipients, recipients_count }: Summary): string {
  const all = to.length > 0 ? to : recipients.map(({ address }) => address)
  const shown = all.slice(0, 2).map(nameOf).join(', ')
  const more = Math.max(all.length, recipients_count ?? 0) - 2
  const whom = more > 0 ? `${shown} +${more}` : shown
  return direction === 'received' ? `${nameOf(from)} → ${whom}` : whom
}
