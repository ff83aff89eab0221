import { useEffect, useState } from 'preact/hooks'
import type { List, WebhookAttempt, WebhookEventWithPayload } from '../api/resources.ts'
import { type Console, useConsole } from '../app/console.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { prettyJson } from '../ui/json.ts'
import { Loaded, useLoaded } from '../ui/loaded.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { DeliveryChip } from './chips.tsx'

/** While an attempt is near, the delivery is read again. */
const POLL_MS = 1000
const MAX_POLLS = 60

type Delivery = { readonly event: WebhookEventWithPayload; readonly attempts: readonly WebhookAttempt[] }
type Of = { readonly webhook: string; readonly id: string }

/** Shows an event as it was sent to one endpoint: its payload beside what the endpoint answered each time. */
export function EventPage({ webhook, id }: Of) {
  const { api } = useConsole()
  const delivery = useLoaded(id, (signal) => readDelivery(api, { webhook, id }, signal))
  const { reload } = delivery
  const [polls, setPolls] = useState(0)
  const open = delivery.value !== undefined && isOpen(delivery.value.event)
  useEffect(() => {
    if (!open || polls >= MAX_POLLS) return
    const timer = setTimeout(() => {
      setPolls(polls + 1)
      reload()
    }, POLL_MS)
    return () => clearTimeout(timer)
  }, [open, polls, reload])
  const again = () => {
    setPolls(0)
    reload()
  }
  return (
    <div class="page webhooks-page">
      <Loaded of={delivery}>{(value) => <Details of={value} webhook={webhook} onReplayed={again} />}</Loaded>
    </div>
  )
}

async function readDelivery(api: Console['api'], { webhook, id }: Of, signal: AbortSignal): Promise<Delivery> {
  const path = `/webhooks/${webhook}/events/${id}`
  const [event, attempts] = await Promise.all([
    api.get<WebhookEventWithPayload>(path, {}, signal),
    api.get<List<WebhookAttempt>>(`${path}/attempts`, { limit: 100 }, signal),
  ])
  return { event, attempts: attempts.data }
}

const isOpen = ({ status }: WebhookEventWithPayload) => status === 'attempting' || status === 'pending'

type Props = { readonly of: Delivery; readonly webhook: string; readonly onReplayed: () => void }

function Details({ of: { event, attempts }, webhook, onReplayed }: Props) {
  const { router, t } = useConsole()
  const back = { href: router.href(['webhooks', webhook]), label: t('webhooks.back-to-endpoint') }
  const { email_id: message, test = false } = event.payload.data
  return (
    <>
      <PageHead title={event.type} back={back} mark={<DeliveryChip status={event.status} />}>
        {message !== undefined && !test && (
          <a class="button" href={router.href(['messages', message])}>
            {t('suppressions.open-message')}
          </a>
        )}
        <Replay webhook={webhook} id={event.id} onReplayed={onReplayed} />
      </PageHead>
      {test && <p class="hint">{t('webhooks.is-test')}</p>}
      <NextAttempt event={event} />
      <div class="sent-event">
        <section>
          <div class="section-head">
            <h2>{t('webhooks.payload')}</h2>
          </div>
          <Code text={JSON.stringify(event.payload, null, 2)} label={t('webhooks.copy-payload')} />
          <p class="hint">webhook-id: {event.id}</p>
        </section>
        <section>
          <div class="section-head">
            <h2>{t('webhooks.attempts', { count: attempts.length })}</h2>
          </div>
          <ol class="attempts" aria-live="polite">
            {attempts.map((attempt) => (
              <Attempt key={attempt.id} attempt={attempt} />
            ))}
          </ol>
        </section>
      </div>
    </>
  )
}

function NextAttempt({ event: { next_attempt_at: next } }: { readonly event: WebhookEventWithPayload }) {
  const { language, t } = useConsole()
  if (next === null) return null
  return <p class="notice">{t('webhooks.next', { time: language.longTime(new Date(next)) })}</p>
}

function Attempt({
  attempt: { http_status_code: code, response, sent_at, duration_ms, replayed },
}: {
  readonly attempt: WebhookAttempt
}) {
  const { language, t } = useConsole()
  const good = code >= 200 && code < 300
  return (
    <li class="card attempt">
      <p>
        <span class={good ? 'chip ok' : 'chip bad'}>{code === 0 ? t('webhooks.no-answer') : code}</span>
        <time dateTime={sent_at} title={sent_at}>
          {language.longTime(new Date(sent_at))}
        </time>
        {replayed && <span class="chip info">{t('webhook.is-replay')}</span>}
        {typeof duration_ms === 'number' && <span class="hint">{t('webhooks.duration', { ms: duration_ms })}</span>}
      </p>
      {response === '' ? <p class="hint">{t('webhooks.empty-answer')}</p> : <pre>{prettyJson(response)}</pre>}
    </li>
  )
}

function Code({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div class="snippet">
      <pre>{text}</pre>
      <CopyButton text={text} label={label} />
    </div>
  )
}

function Replay({ webhook, id, onReplayed }: Of & { readonly onReplayed: () => void }) {
  const { api, notices, t } = useConsole()
  const replay = async () => {
    try {
      await api.post(`/webhooks/${webhook}/events/${id}/replay`)
      notices.done(t('webhooks.replayed'))
    } catch (error) {
      notices.failed(error)
    }
    onReplayed()
  }
  return (
    <button type="button" class="button primary" onClick={() => void replay()}>
      {t('webhooks.replay')}
    </button>
  )
}
