import type { WebhookEvent } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { type Column, PagedTable } from '../ui/data-table.tsx'
import { useReloading } from '../ui/loaded.tsx'
import { MAX_PAGE, usePaged } from '../ui/paged.ts'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import { DeliveryChip } from './chips.tsx'

const STATUSES = ['success', 'pending', 'failed'] as const

/** Lists what was sent to an endpoint, newest first. The API has no filter here, so the filters choose among what is loaded. */
export function Deliveries({ webhook, everyMs }: { readonly webhook: string; readonly everyMs: number }) {
  const { router, t } = useConsole()
  const { type = '', status = '' } = router.current.value.query
  const all = usePaged<WebhookEvent>(`/webhooks/${webhook}/events`)
  // Whoever has loaded more than one request reads looks at the past.
  useReloading({ ...all, value: all.rows, busy: all.busy || (all.rows?.length ?? 0) > MAX_PAGE }, everyMs)
  const rows = all.rows?.filter((one) => (type === '' || one.type === type) && (status === '' || fits(one, status)))
  const columns: readonly Column<WebhookEvent>[] = [
    {
      head: t('webhooks.type'),
      kind: 'main',
      cell: (event) => <a href={router.href(['webhooks', webhook, event.id])}>{event.type}</a>,
    },
    { head: t('webhooks.result'), cell: (event) => <DeliveryChip status={event.status} /> },
    { head: t('webhooks.time'), cell: ({ created_at }) => <Time at={created_at} long /> },
    { head: t('webhooks.event-id'), cell: ({ id }) => <code class="hint">{id}</code> },
  ]
  const filtered = type !== '' || status !== ''
  const empty = filtered ? (
    <Empty title={t('webhooks.no-match')} />
  ) : (
    <Empty title={t('webhooks.no-deliveries')}>
      <p>{t('webhooks.no-deliveries-lead')}</p>
    </Empty>
  )
  return (
    <section class="section">
      <div class="section-head">
        <h2>{t('webhooks.deliveries')}</h2>
        <button type="button" class="button small" onClick={all.reload}>
          {t('webhooks.reload')}
        </button>
      </div>
      {(all.rows?.length ?? 0) > 0 && <Filters types={[...new Set(all.rows?.map((one) => one.type))]} />}
      {filtered && all.more && <p class="hint">{t('webhooks.among', { count: all.rows?.length ?? 0 })}</p>}
      <PagedTable label={t('webhooks.deliveries')} of={{ ...all, rows }} columns={columns} empty={empty} />
    </section>
  )
}

/** A delivery that is being attempted is still pending. */
const fits = (event: WebhookEvent, status: string) =>
  event.status === status || (status === 'pending' && event.status === 'attempting')

function Filters({ types }: { readonly types: readonly string[] }) {
  const { router, t } = useConsole()
  const { type = '', status = '' } = router.current.value.query
  return (
    <div class="filters">
      <label class="field">
        <span>{t('webhooks.type')}</span>
        <select value={type} onChange={(event) => router.set({ type: event.currentTarget.value })}>
          <option value="">{t('webhooks.any-type')}</option>
          {types.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>{t('webhooks.result')}</span>
        <select value={status} onChange={(event) => router.set({ status: event.currentTarget.value })}>
          <option value="">{t('webhooks.any-result')}</option>
          {STATUSES.map((one) => (
            <option key={one} value={one}>
              {t(`webhooks.delivery.${one}`)}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}
