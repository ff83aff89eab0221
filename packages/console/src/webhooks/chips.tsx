import type { Webhook, WebhookEvent } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'

export function EnabledChip({ status }: Pick<Webhook, 'status'>) {
  const { t } = useConsole()
  return <span class={status === 'enabled' ? 'chip ok' : 'chip bad'}>{t(`webhooks.${status}`)}</span>
}

const LOOKS = { success: 'ok', pending: 'warn', attempting: 'info', failed: 'bad' } as const

export function DeliveryChip({ status }: Pick<WebhookEvent, 'status'>) {
  const { t } = useConsole()
  return <span class={`chip ${LOOKS[status]}`}>{t(`webhooks.delivery.${status}`)}</span>
}
