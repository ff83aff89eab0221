/** Shows what happened to a message: a lane for each recipient, and in it each step with the next hop's words and webhooks. */
import { useEffect, useState } from 'preact/hooks'
import { pathOf, type SentStatus, type Summary, type TimelineEvent } from '../api/messages.ts'
import { useConsole, useSignedIn } from '../app/console.ts'
import type { Key } from '../i18n/catalogue.ts'
import { Loaded, useLoaded } from '../ui/loaded.tsx'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import { StatusChip } from './status.tsx'
import { type Lane, lanesOf } from './timeline-lanes.ts'
import { WebhookDeliveries } from './webhook-deliveries.tsx'

type Props = { readonly of: Pick<Summary, 'direction' | 'id'> }
const FIRST_LANES = 20
const WEBHOOKS_PENDING_MS = 1000
const SOON_MS = 5000
const MAX_POLLS = 30

export function Timeline({ of }: Props) {
  const { api, t } = useConsole()
  const { messages } = useSignedIn()
  const row = messages.rows.value.find(({ id }) => id === of.id)
  // Whatever the live list says of the message may be a new event.
  const known = JSON.stringify([row?.last_event, row?.recipients, row?.next_attempt_at])
  const timeline = useLoaded(
    `events ${of.id}`,
    (signal) => api.get<{ readonly data: readonly TimelineEvent[] }>(`${pathOf(of)}/events`, {}, signal),
    known,
  )
  const { reload, value } = timeline
  usePolling(value?.data.some(isUnderway) ?? false, reload)
  return (
    <Loaded of={timeline}>
      {({ data }) =>
        data.length === 0 ? <Empty title={t('timeline.none')} /> : <Lanes lanes={lanesOf(data)} reload={reload} />
      }
    </Loaded>
  )
}

/**
 * A webhook that is tried now, or in a moment, has an answer soon, which is no change of the message. Those of an event
 * that has just come may not be listed yet.
 */
const isUnderway = ({ created_at, webhooks = [] }: TimelineEvent) =>
  (webhooks.length === 0 && Date.now() - Date.parse(created_at) < SOON_MS) ||
  webhooks.some(({ status, next_attempt_at: next }) => {
    const soon = next === null || Date.parse(next) - Date.now() < SOON_MS
    return status === 'attempting' || (status === 'pending' && soon)
  })

function usePolling(on: boolean, poll: () => void): void {
  const [polls, setPolls] = useState(0)
  useEffect(() => {
    if (!on || polls >= MAX_POLLS) return
    const timer = setTimeout(() => {
      setPolls(polls + 1)
      poll()
    }, WEBHOOKS_PENDING_MS)
    return () => clearTimeout(timer)
  }, [on, polls, poll])
}

function Lanes({ lanes, reload }: { readonly lanes: readonly Lane[]; readonly reload: () => void }) {
  const { t } = useConsole()
  const [all, setAll] = useState(false)
  const shown = all ? lanes : lanes.slice(0, FIRST_LANES)
  return (
    <div class="padded lanes">
      {shown.map(({ recipient, events }) => (
        <section class="lane" key={recipient}>
          <h3>{recipient || t('timeline.everybody')}</h3>
          <ol class="steps">
            {events.map((event, index) => (
              <Step key={`${index} ${event.type}`} event={event} reload={reload} />
            ))}
          </ol>
        </section>
      ))}
      {shown.length < lanes.length && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          {t('timeline.more', { count: lanes.length - shown.length })}
        </button>
      )}
    </div>
  )
}

type StepProps = { readonly event: TimelineEvent; readonly reload: () => void }

function Step({ event, reload }: StepProps) {
  const { t, language } = useConsole()
  const { type, created_at, attempt, host, reason, next_attempt_at, webhooks = [] } = event
  const answer = answerOf(event)
  return (
    <li class={`step ${type.replace('.', '-')}`}>
      <div class="step-head">
        <StepName type={type} />
        {attempt !== undefined && <span class="hint">{t('timeline.attempt', { number: attempt })}</span>}
        {host !== undefined && <span class="hint">{t('timeline.host', { host })}</span>}
        <Time at={created_at} long />
      </div>
      {answer && <code class="answer">{answer}</code>}
      {reason && <p class="hint">{reason}</p>}
      {next_attempt_at && (
        <p class="hint">{t('timeline.next', { time: language.longTime(new Date(next_attempt_at)) })}</p>
      )}
      {event.id !== null && <WebhookDeliveries event={event.id} deliveries={webhooks} reload={reload} />}
    </li>
  )
}

const PLAIN: { readonly [type: string]: Key } = {
  accepted: 'timeline.accepted',
  waiting: 'timeline.waiting',
  'email.received': 'status.received',
}

function StepName({ type }: { readonly type: string }) {
  const { t } = useConsole()
  const plain = PLAIN[type]
  if (plain)
    return <span class={type === 'waiting' ? 'chip warn' : 'chip info'}>{t(plain as 'timeline.accepted')}</span>
  return <StatusChip status={type.replace('email.', '') as SentStatus} />
}

/** Returns the next hop's own words. They often begin with the codes; codes are put before words that do not. */
function answerOf({ reply_code, status, response }: TimelineEvent): string {
  const codes = [reply_code, status].filter((code) => code !== undefined && !response?.includes(String(code)))
  return [...codes, response].filter((part) => part !== undefined && part !== '').join(' ')
}
