import { useState } from 'preact/hooks'
import type { WebhookWithSecret } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { FormDialog } from '../ui/form-dialog.tsx'
import { Loaded, useLoaded, useReloading } from '../ui/loaded.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { EnabledChip } from './chips.tsx'
import { Deliveries } from './deliveries.tsx'
import { SendTest } from './send-test.tsx'
import { SigningSecret } from './signing-secret.tsx'
import { WebhookForm } from './webhook-form.tsx'

/** The page looks this often whether something was sent. */
const POLL_MS = 2500

/** Shows an endpoint: how it is set up, how it fares, and what was sent to it. */
export function EndpointPage({ id }: { readonly id: string }) {
  const { api } = useConsole()
  const path = `/webhooks/${id}`
  const webhook = useLoaded(path, (signal) => api.get<WebhookWithSecret>(path, {}, signal))
  useReloading(webhook, POLL_MS)
  return (
    <div class="page webhooks-page">
      <Loaded of={webhook}>{(value) => <Details webhook={value} reload={webhook.reload} />}</Loaded>
    </div>
  )
}

type Props = { readonly webhook: WebhookWithSecret; readonly reload: () => void }

function Details({ webhook, reload }: Props) {
  const { router, t } = useConsole()
  const [deliveriesTurn, setDeliveriesTurn] = useState(0)
  const back = { href: router.href(['webhooks']), label: t('webhooks.back') }
  return (
    <>
      <PageHead title={webhook.endpoint} back={back} mark={<EnabledChip status={webhook.status} />}>
        <SendTest webhook={webhook} onSent={() => setDeliveriesTurn((before) => before + 1)} />
        <Actions webhook={webhook} reload={reload} />
      </PageHead>
      <Trouble webhook={webhook} />
      <dl class="card facts">
        <dt>{t('webhooks.events')}</dt>
        <dd class="event-types">
          {(webhook.events ?? []).map((type) => (
            <code key={type}>{type}</code>
          ))}
        </dd>
        <dt>{t('webhooks.secret')}</dt>
        <dd>
          <SigningSecret webhook={webhook} reload={reload} />
        </dd>
      </dl>
      <Deliveries key={deliveriesTurn} webhook={webhook.id} everyMs={POLL_MS} />
    </>
  )
}

/** Says why an endpoint gets nothing, or soon might not. */
function Trouble({ webhook: { status, failing_since, paused_until } }: Pick<Props, 'webhook'>) {
  const { language, t } = useConsole()
  const timeOf = (at: string) => language.longTime(new Date(at))
  const paused = paused_until && new Date(paused_until) > new Date()
  if (status === 'disabled') {
    return (
      <p class="notice">
        {failing_since ? t('webhooks.gave-up', { time: timeOf(failing_since) }) : t('webhooks.is-disabled')}
      </p>
    )
  }
  if (paused) return <p class="notice">{t('webhooks.paused', { time: timeOf(paused_until) })}</p>
  if (failing_since) return <p class="notice">{t('webhooks.failing', { time: timeOf(failing_since) })}</p>
  return null
}

function Actions({ webhook, reload }: Props) {
  const { api, notices, t } = useConsole()
  const [asked, setAsked] = useState<'edit' | 'delete'>()
  const close = () => setAsked(undefined)
  const change = (body: unknown) => api.patch(`/webhooks/${webhook.id}`, body).then(reload)
  const enabled = webhook.status === 'enabled'
  const toggle = () => change({ status: enabled ? 'disabled' : 'enabled' }).catch(notices.failed)
  return (
    <>
      <button type="button" class="button" onClick={() => void toggle()}>
        {t(enabled ? 'webhooks.disable' : 'webhooks.enable')}
      </button>
      <button type="button" class="button" onClick={() => setAsked('edit')}>
        {t('webhooks.edit')}
      </button>
      <button type="button" class="button danger" onClick={() => setAsked('delete')}>
        {t('list.delete')}
      </button>
      {asked === 'edit' && (
        <WebhookForm
          title={t('webhooks.edit')}
          of={webhook}
          act={(wanted) => change(wanted).then(close)}
          onClose={close}
        />
      )}
      {asked === 'delete' && <DeleteWebhook webhook={webhook} onClose={close} />}
    </>
  )
}

function DeleteWebhook({ webhook, onClose }: Pick<Props, 'webhook'> & { readonly onClose: () => void }) {
  const { api, notices, router, t } = useConsole()
  const remove = async () => {
    await api.delete(`/webhooks/${webhook.id}`)
    onClose()
    notices.done(t('webhooks.deleted'))
    router.go(['webhooks'])
  }
  return (
    <FormDialog title={t('webhooks.delete')} submit={t('list.delete')} danger act={remove} onClose={onClose}>
      <p>{t('webhooks.delete-ask', { endpoint: webhook.endpoint })}</p>
    </FormDialog>
  )
}
