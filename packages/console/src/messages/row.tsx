import type { Summary } from '../api/messages.ts'
import { useConsole, useSignedIn } from '../app/console.ts'
import { Icon } from '../ui/icon.tsx'
import { Time } from '../ui/time.tsx'
import { domainOf, nameOf } from './address.ts'
import { DirectionMark, StatusChip } from './status.tsx'

type Props = {
  readonly message: Summary
  readonly chosen: boolean
  readonly index: number
  readonly press: (event: MouseEvent) => void
  /** Selects the row, or takes it out of the selection. */
  readonly select: (event: MouseEvent) => void
}

/** Shows a message in the list: whom it is for, its subject and first words, and its status. */
export function Row({ message, chosen, index, press, select }: Props) {
  const { t } = useConsole()
  const { messages } = useSignedIn()
  const { hasMore, rows, selection } = messages
  const unread = messages.unread.value.has(message.id)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the list, which has the focus
    // biome-ignore lint/a11y/useFocusableInteractive: the list names its active row
    <div
      id={`row-${message.id}`}
      class={`row ${chosen ? 'chosen' : ''} ${unread ? 'unread' : ''}`}
      role="option"
      aria-selected={selection.has(message.id)}
      aria-current={chosen ? 'true' : undefined}
      aria-posinset={index + 1}
      aria-setsize={hasMore.value ? -1 : rows.value.length}
      onClick={press}
    >
      <SelectMark message={message} select={select} />
      <span class="row-who" title={`${message.from} → ${message.to.join(', ')}`}>
        {whoOf(message) || t('messages.no-recipient')}
      </span>
      <Time at={message.created_at} />
      <Subject message={message} unread={unread} />
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

/** Shows which way the message went, and whether it is selected. A press selects it. */
function SelectMark({ message, select }: Pick<Props, 'message' | 'select'>) {
  const { t } = useConsole()
  const { selection } = useSignedIn().messages
  const press = (event: MouseEvent) => {
    event.stopPropagation()
    select(event)
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the key is that of the list, which has the focus
    // biome-ignore lint/a11y/noStaticElementInteractions: a row of a list box holds no button; the row itself is selected
    <span class="select-mark" title={t('select.toggle')} onClick={press}>
      {selection.has(message.id) ? <Icon name="check" /> : <DirectionMark message={message} />}
    </span>
  )
}

/** Shows the subject and what fits of the first words; before them the sender's domain, if senders have several. */
function Subject({ message, unread }: Pick<Props, 'message'> & { readonly unread: boolean }) {
  const { t } = useConsole()
  const { severalSenders } = useSignedIn().messages
  const { direction, from, subject, preview } = message
  return (
    <span class="row-subject">
      {unread && <span class="new">{t('messages.unread')}</span>}
      {direction === 'sent' && severalSenders.value && <span class="row-sender">{domainOf(from)}</span>}
      <span class="row-title">{subject || t('messages.no-subject')}</span>
      {preview && <span class="row-preview">{preview}</span>}
    </span>
  )
}

/** Names the recipients; for a received message also who wrote it. */
function whoOf({ direction, from, to, recipients, recipients_count }: Summary): string {
  const all = to.length > 0 ? to : recipients.map(({ address }) => address)
  const shown = all.slice(0, 2).map(nameOf).join(', ')
  const more = Math.max(all.length, recipients_count ?? 0) - 2
  const whom = more > 0 ? `${shown} +${more}` : shown
  return direction === 'received' ? `${nameOf(from)} → ${whom}` : whom
}
