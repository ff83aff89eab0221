import { useState } from 'preact/hooks'
import type { WebhookAttempt, WebhookDelivery } from '../api/messages.ts'
import { useConsole } from '../app/console.ts'
import { Icon } from '../ui/icon.tsx'
import { Loaded, useLoaded } from '../ui/loaded.tsx'
import { Scroll } from '../ui/scroll.tsx'
import { Time } from '../ui/time.tsx'

const LOOKS = { success: 'ok', pending: 'warn', attempting: 'info', failed: 'bad' } as const

type Props = {
  readonly event: string
  readonly deliveries: readonly WebhookDelivery[]
  readonly reload: () => void
}

/** Shows what each endpoint answered to an event. Opened, it shows attempts and payload, and the event can be sent again. */
export function WebhookDeliveries({ event, deliveries, reload }: Props) {
  return (
    <>
      {deliveries.map((delivery) => (
        <Delivery key={delivery.endpoint_id} event={event} delivery={delivery} reload={reload} />
      ))}
    </>
  )
}

type DeliveryProps = { readonly event: string; readonly delivery: WebhookDelivery; readonly reload: () => void }

function Delivery({ event, delivery, reload }: DeliveryProps) {
  const { api, t, notices } = useConsole()
  const [open, setOpen] = useState(false)
  const { endpoint_id, endpoint, status, attempts, next_attempt_at } = delivery
  const replay = async () => {
    try {
      await api.post(`/webhooks/${endpoint_id}/events/${event}/replay`)
      notices.done(t('webhook.replayed'))
      reload()
    } catch (error) {
      notices.failed(error)
    }
  }
  return (
    <details class="delivery" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <Icon name="webhooks" />
        <span class="delivery-url">{endpoint}</span>
        <span class={`chip ${LOOKS[status]}`}>{t(`webhook.${status}`)}</span>
        <span class="hint">{attempts.at(-1) && codeOf(attempts.at(-1), t('webhook.no-answer'))}</span>
        {next_attempt_at && <NextAttempt at={next_attempt_at} />}
      </summary>
      {open && (
        <div class="delivery-body">
          <ol>
            {attempts.map((attempt) => (
              <Attempt key={attempt.number} attempt={attempt} />
            ))}
          </ol>
          <Payload endpoint={endpoint_id} event={event} />
          <button type="button" class="button small" onClick={() => void replay()}>
            <Icon name="again" />
            {t('webhook.replay')}
          </button>
        </div>
      )}
    </details>
  )
}

function NextAttempt({ at }: { readonly at: string }) {
  const { t, language } = useConsole()
  return <span class="hint next-attempt">{t('timeline.next', { time: language.longTime(new Date(at)) })}</span>
}

const codeOf = (attempt: WebhookAttempt | undefined, none: string) =>
  attempt && attempt.http_status_code > 0 ? String(attempt.http_status_code) : none

function Attempt({ attempt }: { readonly attempt: WebhookAttempt }) {
  const { t } = useConsole()
  const { number, response, sent_at, duration_ms, replayed } = attempt
  return (
    <li>
      <div class="step-head">
        <strong>{t('webhook.attempt', { number, code: codeOf(attempt, t('webhook.no-answer')) ?? '' })}</strong>
        {replayed && <span class="chip info">{t('webhook.is-replay')}</span>}
        {duration_ms !== undefined && <span class="hint">{t('webhook.duration', { ms: duration_ms })}</span>}
        <Time at={sent_at} long />
      </div>
      {response && <code class="answer">{response}</code>}
    </li>
  )
}

function Payload({ endpoint, event }: { readonly endpoint: string; readonly event: string }) {
  const { api, t } = useConsole()
  const loaded = useLoaded(`payload ${endpoint} ${event}`, (signal) =>
    api.get<{ readonly payload: unknown }>(`/webhooks/${endpoint}/events/${event}`, {}, signal),
  )
  return (
    <Loaded of={loaded}>
      {({ payload }) => (
        <>
          <h4>{t('webhook.payload')}</h4>
          <Scroll>{JSON.stringify(payload, null, 2)}</Scroll>
        </>
      )}
    </Loaded>
  )
}
