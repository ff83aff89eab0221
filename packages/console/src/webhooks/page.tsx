import { useState } from 'preact/hooks'
import type { Webhook } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { type Column, PagedTable } from '../ui/data-table.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { usePaged } from '../ui/paged.ts'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import { EnabledChip } from './chips.tsx'
import { EndpointPage } from './endpoint.tsx'
import { EventPage } from './event.tsx'
import { WebhookForm } from './webhook-form.tsx'
import './webhooks.css'

export default function WebhooksPage() {
  const { router } = useConsole()
  const [, id, event] = router.current.value.path
  if (id === undefined) return <Webhooks />
  if (event === undefined) return <EndpointPage key={id} id={id} />
  return <EventPage key={event} webhook={id} id={event} />
}

function Webhooks() {
  const { api, router, t } = useConsole()
  const [adding, setAdding] = useState(false)
  const webhooks = usePaged<Webhook>('/webhooks')
  const columns: readonly Column<Webhook>[] = [
    {
      head: t('webhooks.endpoint'),
      kind: 'main',
      cell: ({ id, endpoint }) => <a href={router.href(['webhooks', id])}>{endpoint}</a>,
    },
    { head: t('webhooks.state'), cell: ({ status }) => <EnabledChip status={status} /> },
    { head: t('webhooks.events'), cell: ({ events }) => <EventTypes events={events ?? []} /> },
    { head: t('list.created'), cell: ({ created_at }) => <Time at={created_at} /> },
  ]
  const add = async (wanted: { readonly endpoint: string; readonly events: readonly string[] }) => {
    const { id } = await api.post<Webhook>('/webhooks', wanted)
    router.go(['webhooks', id])
  }
  const empty = (
    <Empty title={t('webhooks.none')}>
      <p>{t('webhooks.none-lead')}</p>
    </Empty>
  )
  return (
    <div class="page webhooks-page">
      <PageHead title={t('webhooks.title')}>
        <button type="button" class="button primary" onClick={() => setAdding(true)}>
          {t('webhooks.add')}
        </button>
      </PageHead>
      <PagedTable label={t('webhooks.title')} of={webhooks} columns={columns} empty={empty} />
      {adding && <WebhookForm title={t('webhooks.add')} act={add} onClose={() => setAdding(false)} />}
    </div>
  )
}

const SHOWN_TYPES = 3

function EventTypes({ events }: { readonly events: readonly string[] }) {
  const { t } = useConsole()
  const more = events.length - SHOWN_TYPES
  return (
    <span class="event-types" title={events.join(', ')}>
      {events.slice(0, SHOWN_TYPES).map((type) => (
        <code key={type}>{type}</code>
      ))}
      {more > 0 && <span class="hint">{t('webhooks.more-types', { count: more })}</span>}
    </span>
  )
}
