import type { SentStatus, Summary } from '../api/messages.ts'
import { useConsole } from '../app/console.ts'
import { Icon } from '../ui/icon.tsx'

const LOOKS: { readonly [S in SentStatus]: 'ok' | 'warn' | 'bad' | 'info' | '' } = {
  queued: 'info',
  sent: 'info',
  delivery_delayed: 'warn',
  delivered: 'ok',
  opened: 'ok',
  clicked: 'ok',
  failed: 'bad',
  bounced: 'bad',
  suppressed: 'bad',
  complained: 'bad',
}

export function StatusChip({ status }: { readonly status: SentStatus }) {
  const { t } = useConsole()
  return <span class={`chip ${LOOKS[status] ?? ''}`}>{t(`status.${status}`)}</span>
}

/** Shows which way the message went. */
export function DirectionMark({ message }: { readonly message: Pick<Summary, 'direction' | 'captured'> }) {
  const { t } = useConsole()
  const way = message.captured ? 'captured' : message.direction
  const icon = { sent: 'out', received: 'in', captured: 'captured' } as const
  return (
    <span class={`direction ${way}`} title={t(`messages.direction.${way}`)}>
      <Icon name={icon[way]} />
      <span class="spoken">{t(`messages.direction.${way}`)}</span>
    </span>
  )
}
